//! The commented configuration file, generated from the schema.

use std::fmt::Write as _;

use confique::Config as _;
use confique::meta::{FieldKind, LeafKind, Meta};

use super::keys;
use super::schema::Settings;

const HEAD: &str = "\
# Configuration of Stoa. Every key is shown with its default; remove the # to change it.
# Precedence: --set key=value, then the environment variable named beside the key, then this file, then the default.
# Durations are whole seconds or text: \"30s\", \"5m\", \"24h\", \"7d\". An unknown key is an error.
# After a change: `stoa config check`, then restart; apps and server.log are reloaded on SIGHUP.
";

const APPS_HEAD: &str = "
# ---- The tenants: one table each. `stoa app add` and `stoa app rotate` edit them, comments stay. ----
";

const APP_EXAMPLE: &str = "\
#[[apps]]
# Number of the app, 1 to 2^53-1.
#app_id = 1000
# A name for people.
#name = \"main\"
# Public half of the pair; the issuer of media tokens.
#appkey = \"\"
# Secret half, at least 32 characters. Anybody who has it can mint tokens.
#appsecret = \"\"
# False refuses every token of the app.
#enabled = true
# Older secrets that still verify while a rotation is under way.
#previous_appsecrets = []
# Who may run Talk's mutating commands.
#admin_identifiers = [\"admin\"]
";

/// An app to write into a new file.
#[derive(Debug, Clone)]
pub struct FirstApp {
    /// Public half.
    pub key: String,
    /// Secret half.
    pub secret: String,
}

/// The file: all keys commented out; with `app`, one live `[[apps]]` table.
#[must_use]
pub fn render(app: Option<&FirstApp>) -> String {
    let mut out = HEAD.to_owned();
    section(&Settings::META, "", &mut out);
    out.push_str(APPS_HEAD);
    match app {
        None => out.push_str(APP_EXAMPLE),
        Some(app) => {
            let live = [
                ("#[[apps]]".to_owned(), "[[apps]]".to_owned()),
                ("#app_id =".to_owned(), "app_id =".to_owned()),
                ("#name =".to_owned(), "name =".to_owned()),
                ("#appkey = \"\"".to_owned(), format!("appkey = {:?}", app.key)),
                ("#appsecret = \"\"".to_owned(), format!("appsecret = {:?}", app.secret)),
            ];
            out.push_str(&live.iter().fold(APP_EXAMPLE.to_owned(), |t, (from, to)| t.replacen(from, to, 1)));
        }
    }
    out
}

fn section(meta: &Meta, prefix: &str, out: &mut String) {
    let join = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
    for f in meta.fields {
        let FieldKind::Leaf { kind, .. } = f.kind else { continue };
        // [[apps]] is written by hand, last: an array of tables ends the sections before it.
        if prefix.is_empty() && f.name == "apps" {
            continue;
        }
        let key = keys::Key { path: join(f.name) };
        let default = match kind {
            LeafKind::Required { default: Some(e) } => keys::text(&e),
            _ => String::new(),
        };
        for line in f.doc {
            let _ = writeln!(out, "#{line}");
        }
        let _ = writeln!(out, "# {}", key.env());
        let _ = writeln!(out, "#{} = {default}", f.name);
    }
    for f in meta.fields {
        let FieldKind::Nested { meta } = f.kind else { continue };
        let path = join(f.name);
        out.push('\n');
        for line in f.doc {
            let _ = writeln!(out, "# ----{line} ----");
        }
        let _ = writeln!(out, "[{path}]");
        section(meta, &path, out);
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::Sources;
    use super::*;

    fn load(text: &str) -> super::super::schema::Settings {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.toml");
        std::fs::write(&path, text).unwrap();
        Sources { file: Some(path), ..Sources::default() }.load().unwrap().settings
    }

    #[test]
    fn the_committed_template_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/stoa.toml");
        let committed = std::fs::read_to_string(path).unwrap();
        assert!(
            committed == render(None),
            "docs/stoa.toml is stale: run `cargo run -- config template > docs/stoa.toml`"
        );
    }

    #[test]
    fn every_key_of_the_template_can_be_switched_on_and_means_its_default() {
        let live: String = render(None)
            .lines()
            .map(|l| match l.strip_prefix('#') {
                Some(rest)
                    if rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '[') && !rest.starts_with("# ") =>
                {
                    format!("{rest}\n")
                }
                _ => format!("{l}\n"),
            })
            .collect();
        let from_template = format!("{:?}", load(&live).voice);
        assert_eq!(from_template, format!("{:?}", Sources::default().load().unwrap().settings.voice));
        assert_eq!(load(&live).apps.len(), 1);
    }

    #[test]
    fn the_first_file_holds_its_app() {
        let s = load(&render(Some(&FirstApp { key: "k1".into(), secret: "s1".into() })));
        assert_eq!((s.apps[0].app_id, s.apps[0].appkey.as_str(), s.apps[0].appsecret.expose()), (1000, "k1", "s1"));
    }
}
