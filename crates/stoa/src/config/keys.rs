//! The list of all keys, from the schema: names, texts, defaults, environment names; and which key
//! somebody probably meant.

use confique::Config as _;
use confique::meta::{Expr, FieldKind, Meta};

use super::schema::{APP_KEYS, Settings};

/// One key.
#[derive(Debug, Clone)]
pub struct Key {
    /// Dotted path, `http.listen`.
    pub path: String,
}

impl Key {
    /// Name of the environment variable: `STOA_HTTP_LISTEN`.
    #[must_use]
    pub fn env(&self) -> String {
        format!("STOA_{}", self.path.to_ascii_uppercase().replace('.', "_"))
    }
}

/// All keys but those inside `[[apps]]`, in the order of the schema.
#[must_use]
pub fn all() -> Vec<Key> {
    let mut out = Vec::new();
    collect(&Settings::META, "", &mut out);
    out
}

fn collect(meta: &Meta, prefix: &str, out: &mut Vec<Key>) {
    for f in meta.fields {
        let path = if prefix.is_empty() { f.name.to_owned() } else { format!("{prefix}.{}", f.name) };
        match f.kind {
            FieldKind::Nested { meta } => collect(meta, &path, out),
            FieldKind::Leaf { .. } => out.push(Key { path }),
        }
    }
}

/// A default in TOML spelling.
#[must_use]
pub fn text(e: &Expr) -> String {
    match e {
        Expr::Str(s) => toml::Value::String((*s).to_owned()).to_string(),
        Expr::Bool(b) => b.to_string(),
        Expr::Integer(i) => i.to_string(),
        Expr::Float(f) => f.to_string(),
        Expr::Array(a) => format!("[{}]", a.iter().map(text).collect::<Vec<_>>().join(", ")),
        Expr::Map(m) => {
            let entry = |e: &confique::meta::MapEntry| match e.key {
                confique::meta::MapKey::Str(k) => format!("{k} = {}", text(&e.value)),
                other => format!("{} = {}", text(&other.into()), text(&e.value)),
            };
            format!("{{ {} }}", m.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        _ => String::new(),
    }
}

/// The keys of a file that do not exist, each with a hint.
#[must_use]
pub fn unknown(table: &toml::Table) -> Vec<String> {
    let keys: Vec<String> = all().into_iter().map(|k| k.path).collect();
    let mut out = Vec::new();
    walk(table, "", &keys, &mut out);
    out
}

fn walk(table: &toml::Table, prefix: &str, keys: &[String], out: &mut Vec<String>) {
    for (name, value) in table {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let section = format!("{path}.");
        if path == "apps" {
            unknown_in_apps(value, out);
        } else if keys.contains(&path) {
            // A leaf; its own type checks what is inside.
        } else if keys.iter().any(|k| k.starts_with(&section)) {
            match value {
                toml::Value::Table(t) => walk(t, &path, keys, out),
                _ => out.push(format!("`{path}` is a section: write [{path}]")),
            }
        } else {
            match value {
                // Name the first key inside a misspelt section: that finds the section as well.
                toml::Value::Table(t) if !t.is_empty() && !prefix_is_known(&path, keys) => {
                    for inner in t.keys() {
                        let full = format!("{path}.{inner}");
                        out.push(complain(&full, keys));
                    }
                }
                _ => out.push(complain(&path, keys)),
            }
        }
    }
}

fn prefix_is_known(path: &str, keys: &[String]) -> bool {
    let section = format!("{path}.");
    keys.iter().any(|k| k.starts_with(&section))
}

fn unknown_in_apps(value: &toml::Value, out: &mut Vec<String>) {
    let Some(apps) = value.as_array() else {
        out.push("`apps` is a list of tables: write [[apps]]".to_owned());
        return;
    };
    let keys: Vec<String> = APP_KEYS.iter().map(|k| format!("apps.{k}")).collect();
    for app in apps.iter().filter_map(toml::Value::as_table) {
        for name in app.keys().filter(|n| !APP_KEYS.contains(&n.as_str())) {
            out.push(complain(&format!("apps.{name}"), &keys));
        }
    }
}

fn complain(path: &str, keys: &[String]) -> String {
    match nearest(path, keys.iter().map(String::as_str)) {
        Some(k) => format!("unknown key `{path}`: did you mean `{k}`?"),
        None => format!("unknown key `{path}`: `stoa config template` lists all keys"),
    }
}

/// The candidate that `word` probably means, if any is near enough.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let last = |s: &str| s.rsplit('.').next().unwrap_or(s).to_owned();
    candidates
        .map(|c| {
            // The right name in the wrong section is nearer than its spelling shows.
            let same_name = word.contains('.') && (last(c) == last(word) || word.starts_with(c) || c.starts_with(word));
            (strsim::damerau_levenshtein(word, c).min(if same_name { 2 } else { usize::MAX }), c)
        })
        .filter(|(d, c)| *d <= 2.max(c.len() / 3))
        .min_by_key(|(d, _)| *d)
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_names_the_nearest_one() {
        for (text, want) in [
            ("[http]\nlisten_addr = 1", "`http.listen_addr`: did you mean `http.listen`?"),
            ("[htp]\nlisten = 1", "`htp.listen`: did you mean `http.listen`?"),
            ("[voice]\nseat_grase = 1", "`voice.seat_grase`: did you mean `voice.seat_grace`?"),
            ("[http]\ndata_dir = 'x'", "`http.data_dir`: did you mean `server.data_dir`?"),
            ("[[apps]]\napp_secret = 'x'", "`apps.app_secret`: did you mean `apps.appsecret`?"),
            ("zzzzzzzz = 1", "`zzzzzzzz`: `stoa config template` lists all keys"),
            ("http = 1", "`http` is a section: write [http]"),
        ] {
            let found = unknown(&text.parse().unwrap()).join("\n");
            assert!(found.contains(want), "{text}: {found}");
        }
    }

    #[test]
    fn environment_names_are_distinct() {
        let mut names: Vec<String> = all().iter().map(Key::env).collect();
        let n = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), n, "two keys share an environment name");
    }
}
