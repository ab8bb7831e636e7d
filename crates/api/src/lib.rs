//! What the REST dialects share: the door (token, rate, size, JSON), typed reading of requests,
//! headers and CORS, printed times, OpenAPI and its page. Nothing here knows a dialect.

pub mod answer;
pub mod call;
pub mod cors;
pub mod docs;
pub mod entries;
pub mod envelope;
pub mod fields;
pub mod hub_token;
pub mod json;
pub mod jwt;
pub mod login_token;
pub mod origin;
pub mod rate;
pub mod refusal;
pub mod shell;
pub mod state;
#[cfg(test)]
mod testing;
mod through;
pub mod zone;

pub use call::{Call, OpenCall};
pub use cors::Cors;
pub use fields::{Fields, Together};
pub use login_token::LoginKeys;
pub use origin::{Origin, Secure};
pub use rate::{KeyedRate, Rate};
pub use refusal::Refusal;
pub use shell::{fallback, normalized, shell, shell_of_own_pages, within};
pub use state::{ApiConfig, ApiState, ClientAddr, Place, turned_away};
pub use through::through;
pub use zone::Zone;
