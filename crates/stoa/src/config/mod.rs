//! Configuration: the keys, where values come from, what is refused.

pub mod apps;
pub mod checks;
pub mod keys;
pub mod load;
pub mod schema;
pub mod template;
pub mod types;

pub use load::{Loaded, Sources};
pub use schema::{AppCfg, Settings};

/// The pair of `stoa dev`. Known to everybody, hence refused off loopback.
pub const DEV_KEY: &str = "devkey";
/// See [`DEV_KEY`].
pub const DEV_SECRET: &str = "devsecret-devsecret-devsecret-00";

/// Defaults of `stoa dev`, weaker than a file.
pub const DEV_DEFAULTS: &str = "\
[http]
listen = \"127.0.0.1:7880\"
[auth]
mode = \"demo\"
[[apps]]
app_id = 1000
name = \"dev\"
appkey = \"devkey\"
appsecret = \"devsecret-devsecret-devsecret-00\"
";
