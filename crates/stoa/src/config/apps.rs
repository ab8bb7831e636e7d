//! Edits the `[[apps]]` tables of a configuration file and leaves everything else as it stands.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, value};

use crate::entropy;
use crate::files;

/// Older secrets kept by a rotation. More would keep leaked secrets alive for ever.
const KEEP_PREVIOUS: usize = 2;

/// A pair that was just made.
#[derive(Debug)]
pub struct NewPair {
    /// Number of the app.
    pub app_id: u64,
    /// Public half.
    pub key: String,
    /// Secret half.
    pub secret: String,
}

fn open(path: &Path) -> anyhow::Result<DocumentMut> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    text.parse().with_context(|| format!("{} is not TOML", path.display()))
}

fn tables(doc: &mut DocumentMut) -> anyhow::Result<&mut ArrayOfTables> {
    doc.entry("apps")
        .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()))
        .as_array_of_tables_mut()
        .ok_or_else(|| anyhow!("`apps` must be written as [[apps]] tables to be edited"))
}

fn id_of(t: &Table) -> Option<u64> {
    t.get("app_id").and_then(Item::as_integer).and_then(|n| u64::try_from(n).ok())
}

/// Adds an app with a fresh pair. Without a number the next free one from 1000 is taken.
///
/// # Errors
/// When the file cannot be read, written or understood, or the number is taken.
pub fn add(path: &Path, name: &str, app_id: Option<u64>) -> anyhow::Result<NewPair> {
    let mut doc = open(path)?;
    let apps = tables(&mut doc)?;
    let taken: Vec<u64> = apps.iter().filter_map(id_of).collect();
    let app_id = match app_id {
        Some(n) if taken.contains(&n) => bail!("app {n} exists already; `stoa app rotate {n}` makes a new secret"),
        Some(n) => n,
        None => (1000..).find(|n| !taken.contains(n)).unwrap_or(1000),
    };
    let pair = NewPair { app_id, key: entropy::name_text("sk"), secret: entropy::secret_text() };
    let mut t = Table::new();
    t.insert("app_id", value(i64::try_from(app_id).context("app number too large")?));
    t.insert("name", value(name));
    t.insert("appkey", value(&pair.key));
    t.insert("appsecret", value(&pair.secret));
    apps.push(t);
    files::write_private(path, &doc.to_string())?;
    Ok(pair)
}

/// Gives an app a fresh secret; the old one keeps verifying until it is removed from `previous_appsecrets`.
///
/// # Errors
/// When the file cannot be read, written or understood, or has no such app.
pub fn rotate(path: &Path, app_id: u64) -> anyhow::Result<NewPair> {
    let mut doc = open(path)?;
    let t = tables(&mut doc)?
        .iter_mut()
        .find(|t| id_of(t) == Some(app_id))
        .ok_or_else(|| anyhow!("{} has no app {app_id}", path.display()))?;
    let text = |t: &Table, k: &str| t.get(k).and_then(Item::as_str).map(str::to_owned);
    let key = text(t, "appkey").ok_or_else(|| anyhow!("app {app_id} has no appkey"))?;
    let old = text(t, "appsecret").ok_or_else(|| anyhow!("app {app_id} has no appsecret"))?;
    let older = t.get("previous_appsecrets").and_then(Item::as_array).cloned().unwrap_or_default();
    let mut previous = Array::new();
    previous.push(old);
    older.iter().filter_map(|v| v.as_str()).take(KEEP_PREVIOUS - 1).for_each(|s| previous.push(s));
    let secret = entropy::secret_text();
    set_keeping_comments(t, "appsecret", value(&secret));
    set_keeping_comments(t, "previous_appsecrets", value(previous));
    files::write_private(path, &doc.to_string())?;
    Ok(NewPair { app_id, key, secret })
}

fn set_keeping_comments(t: &mut Table, key: &str, mut new: Item) {
    if let (Some(old), Some(new)) = (t.get(key).and_then(Item::as_value), new.as_value_mut()) {
        *new.decor_mut() = old.decor().clone();
    }
    match t.get_mut(key) {
        Some(slot) => *slot = new,
        None => {
            t.insert(key, new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::template::{FirstApp, render};
    use super::super::{Settings, Sources};
    use super::*;

    fn load(path: &Path) -> Settings {
        Sources { file: Some(path.to_owned()), ..Sources::default() }.load().unwrap().settings
    }

    #[test]
    fn rotation_keeps_the_old_secret_and_every_comment() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stoa.toml");
        let before = render(Some(&FirstApp { key: "k".into(), secret: "old-secret".into() }));
        std::fs::write(&path, before.replace("\"old-secret\"", "\"old-secret\" # mine")).unwrap();
        let first = rotate(&path, 1000).unwrap();
        assert_eq!(first.key, "k");
        rotate(&path, 1000).unwrap();
        let third = rotate(&path, 1000).unwrap();
        let app = &load(&path).apps[0];
        assert_eq!(app.appsecret.expose(), third.secret);
        assert_eq!(app.previous_appsecrets.0.len(), KEEP_PREVIOUS);
        let after = std::fs::read_to_string(&path).unwrap();
        let comments = |t: &str| t.lines().filter(|l| l.starts_with('#')).count();
        assert_eq!(comments(&after), comments(&before));
        assert!(after.contains("# mine"));
        assert!(rotate(&path, 7).unwrap_err().to_string().contains("no app 7"));
    }

    #[test]
    fn an_added_app_gets_the_next_number_and_an_own_pair() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stoa.toml");
        std::fs::write(&path, render(None)).unwrap();
        let a = add(&path, "one", None).unwrap();
        let b = add(&path, "two", None).unwrap();
        assert_eq!((a.app_id, b.app_id), (1000, 1001));
        assert!(a.secret != b.secret && a.key != b.key);
        assert!(add(&path, "x", Some(1000)).is_err());
        let s = load(&path);
        assert_eq!(s.apps[1].name, "two");
        assert!(super::super::checks::check(&s).errors.iter().all(|e| e.contains("http.tls")));
    }
}
