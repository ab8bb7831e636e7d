//! Reads the configuration: command line, then environment, then file, then defaults.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use confique::{Config as _, Layer as _};
use serde::Deserialize as _;

use super::keys;
use super::schema::Settings;

type SettingsLayer = <Settings as confique::Config>::Layer;

/// Where values come from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file, if one was named or found.
    pub file: Option<PathBuf>,
    /// `--set key=value`, in the order given; later ones win.
    pub sets: Vec<String>,
    /// Environment of the process.
    pub env: Vec<(String, String)>,
    /// Defaults of the command (`stoa dev`), as TOML; weaker than the file.
    pub command_defaults: String,
}

/// The settings, and what should be said about how they were found.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Things that look wrong but do not stop the start.
    pub warnings: Vec<String>,
}

impl Sources {
    /// Reads everything.
    ///
    /// # Errors
    /// Names the file and line, the variable or the `--set` that is wrong, and what was probably meant.
    pub fn load(&self) -> anyhow::Result<Loaded> {
        let mut warnings = Vec::new();
        let mut layer = SettingsLayer::empty();
        for set in self.sets.iter().rev() {
            let (key, value) = set.split_once('=').ok_or_else(|| anyhow!("--set {set}: write --set key=value"))?;
            let key = key.trim();
            layer = layer.with_fallback(one(key, value.trim()).with_context(|| format!("--set {key}"))?);
        }
        layer = layer.with_fallback(self.env_layer(&mut warnings)?);
        if let Some(file) = &self.file {
            layer = layer.with_fallback(file_layer(file)?);
        }
        if !self.command_defaults.is_empty() {
            layer = layer.with_fallback(toml::from_str(&self.command_defaults).context("built-in defaults")?);
        }
        let settings = Settings::from_layer(layer.with_fallback(SettingsLayer::default_values()))?;
        Ok(Loaded { settings, warnings })
    }

    fn env_layer(&self, warnings: &mut Vec<String>) -> anyhow::Result<SettingsLayer> {
        let keys = keys::all();
        let names: Vec<(String, &str)> = keys.iter().map(|k| (k.env(), k.path.as_str())).collect();
        let mut layer = SettingsLayer::empty();
        for (name, value) in self.env.iter().filter(|(n, _)| n.starts_with("STOA_")) {
            match names.iter().find(|(n, _)| n == name) {
                Some((_, path)) => {
                    let next = one(path, value).with_context(|| format!("environment variable {name}"))?;
                    layer = next.with_fallback(layer);
                }
                // Other programs may own such a name, so a stranger is no reason to stop.
                None => warnings.push(match keys::nearest(name, names.iter().map(|(n, _)| n.as_str())) {
                    Some(n) => format!("environment variable {name} is no key: did you mean {n}?"),
                    None => format!("environment variable {name} is no key and has no effect"),
                }),
            }
        }
        Ok(layer)
    }
}

/// One key with a value in text form. What reads as TOML is taken as TOML, anything else as text; a
/// value of the wrong TOML type is tried as text too (a secret made of digits, say).
fn one(path: &str, value: &str) -> anyhow::Result<SettingsLayer> {
    let nest = |v: toml::Value| {
        path.rsplit('.').fold(v, |inner, name| {
            let mut t = toml::Table::new();
            t.insert(name.to_owned(), inner);
            toml::Value::Table(t)
        })
    };
    let as_text = nest(toml::Value::String(value.to_owned()));
    let unknown = as_text.as_table().map(keys::unknown).unwrap_or_default();
    // `apps = [...]` is text here, and a list once it is read as TOML.
    if path != "apps" && !unknown.is_empty() {
        bail!("{}", unknown.join("\n"));
    }
    let as_toml = format!("v = {value}").parse::<toml::Table>().ok().and_then(|mut t| t.remove("v"));
    let first = as_toml.map_or_else(|| as_text.clone(), nest);
    SettingsLayer::deserialize(first)
        .or_else(|e| SettingsLayer::deserialize(as_text).map_err(|_| e))
        .map_err(|e| anyhow!("{}", e.to_string().trim_end()))
}

fn file_layer(path: &Path) -> anyhow::Result<SettingsLayer> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let table: toml::Table = text.parse().with_context(|| format!("{} is not TOML", path.display()))?;
    let unknown = keys::unknown(&table);
    if !unknown.is_empty() {
        bail!("{}: {}", path.display(), unknown.join("\n"));
    }
    toml::from_str(&text).map_err(|e| anyhow!("{}: {}", path.display(), e.to_string().trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stoa.toml");
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn defaults_are_those_of_the_design() {
        let s = Sources::default().load().unwrap().settings;
        assert_eq!(s.http.listen, ":7880");
        assert_eq!(s.http.body_limit.0, 2 << 20);
        assert_eq!(s.auth.token_ttl.0, Duration::from_secs(7 * 86_400));
        assert_eq!((s.limits.user.per_sec, s.limits.user.burst), (100, 400));
        assert_eq!(s.voice.seat_grace.0, Duration::from_secs(30));
        assert_eq!(s.media.udp_port, 7882);
        assert!(s.auth.bind_subject && s.apps.is_empty());
    }

    #[test]
    fn set_beats_environment_beats_file_beats_default() {
        let (_dir, path) =
            file("[voice]\nseat_grace = 11\nim_app_id = \"file\"\n[media]\nudp_port = 1\nmax_tracks = 3\n");
        let s = Sources {
            file: Some(path),
            env: env(&[("STOA_VOICE_SEAT_GRACE", "12s"), ("STOA_MEDIA_UDP_PORT", "2")]),
            sets: vec!["voice.seat_grace=13s".into(), "voice.seat_grace=14s".into()],
            command_defaults: "[media]\nmax_tracks = 5\nmax_participants = 6".into(),
        };
        let s = s.load().unwrap().settings;
        assert_eq!(s.voice.seat_grace.0.as_secs(), 14);
        assert_eq!(s.media.udp_port, 2);
        assert_eq!(s.voice.im_app_id, "file");
        assert_eq!(s.media.max_tracks, 3);
        assert_eq!(s.media.max_participants, 6);
        assert_eq!(s.media.shards, 1);
    }

    #[test]
    fn values_may_be_toml_or_plain_text() {
        let s = Sources {
            sets: vec![
                "auth.admins=ann, bob".into(),
                "limits.user={per_sec=0,burst=0}".into(),
                "voice.im_app_id=777".into(),
                "server.time_zone=+02:00".into(),
                "http.listen=:0".into(),
                "apps=[{app_id=7,appkey=\"k\",appsecret=\"s\"}]".into(),
            ],
            ..Sources::default()
        };
        let s = s.load().unwrap().settings;
        assert_eq!(s.auth.admins.0, ["ann", "bob"]);
        assert_eq!(s.limits.user.per_sec, 0);
        assert_eq!(s.voice.im_app_id, "777");
        assert_eq!(s.server.time_zone, "+02:00");
        assert_eq!(s.http.listen, ":0");
        assert_eq!(s.apps[0].app_id, 7);
        assert!(s.apps[0].enabled);
    }

    #[test]
    fn a_wrong_value_names_where_it_stands() {
        let (_dir, path) = file("[voice]\nseat_grace = \"soon\"\n");
        let e = format!("{:#}", Sources { file: Some(path), ..Sources::default() }.load().unwrap_err());
        assert!(e.contains("line 2") && e.contains("soon"), "{e}");
        let s = Sources { sets: vec!["http.lisen=:1".into()], ..Sources::default() };
        let e = format!("{:#}", s.load().unwrap_err());
        assert!(e.contains("did you mean `http.listen`?"), "{e}");
        let s = Sources { env: env(&[("STOA_AUTH_MODE", "open")]), ..Sources::default() };
        let e = format!("{:#}", s.load().unwrap_err());
        assert!(e.contains("STOA_AUTH_MODE") && e.contains("accounts"), "{e}");
        let s = Sources { env: env(&[("STOA_HTP_LISTEN", ":1")]), ..Sources::default() };
        assert!(s.load().unwrap().warnings[0].contains("STOA_HTTP_LISTEN"));
    }

    #[test]
    fn a_value_of_a_rate_or_app_is_checked_for_unknown_names_too() {
        let s = Sources { sets: vec!["limits.user={per_sec=1,brst=2}".into()], ..Sources::default() };
        assert!(format!("{:#}", s.load().unwrap_err()).contains("brst"));
    }
}
