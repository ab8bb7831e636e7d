//! What a configuration must satisfy besides its types, and what deserves a warning.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use stoa_core::app::{App, Apps};
use stoa_core::class::Creators;
use stoa_core::id::{AppId, UserId};

use super::schema::{AppCfg, Settings};
use super::types::{AliyunRole, AuthMode, Provider, Tls};
use super::{DEV_KEY, DEV_SECRET};
use crate::clouds;

/// Shortest secret of an app, in bytes. HS256 keys below the hash size are guessable; LiveKit refuses them too.
const MIN_SECRET: usize = 32;
/// Largest app number: what a JavaScript client can hold exactly.
const MAX_APP_ID: u64 = (1 << 53) - 1;

/// Most users on stage besides the teacher that `class.stage_max` may allow: what one page of the meeting list shows to
/// every student (classroom.md 5.6).
const MAX_STAGE: u8 = 32;

/// Result of the checks.
#[derive(Debug, Default)]
pub struct Findings {
    /// Stop the start.
    pub errors: Vec<String>,
    /// Are logged at the start.
    pub warnings: Vec<String>,
}

impl Findings {
    fn error(&mut self, s: impl Into<String>) {
        self.errors.push(s.into());
    }
    fn warn(&mut self, s: impl Into<String>) {
        self.warnings.push(s.into());
    }
}

/// The address to bind. `:7880` stands for every address.
///
/// # Errors
/// When the text is neither `:port`, `address:port` nor `localhost:port`.
pub fn listen_addr(listen: &str) -> Result<SocketAddr, String> {
    let text = listen.trim();
    if let Some(port) = text.strip_prefix(':').and_then(|p| p.parse().ok()) {
        return Ok(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port));
    }
    text.replacen("localhost:", "127.0.0.1:", 1)
        .parse()
        .map_err(|_| format!("http.listen = {listen:?}: write \":7880\", \"127.0.0.1:7880\" or \"[::1]:7880\""))
}

/// Looks at everything.
#[must_use]
pub fn check(s: &Settings) -> Findings {
    let mut f = Findings::default();
    let loopback = match listen_addr(&s.http.listen) {
        Ok(a) => a.ip().is_loopback(),
        Err(e) => {
            f.error(e);
            false
        }
    };
    if let Err(e) = s.server.time_zone.parse::<stoa_api::Zone>() {
        f.error(format!("server.time_zone: {e}"));
    }
    if let Err(e) = stoa_api::Cors::from_origins(&s.http.cors.origins.0) {
        f.error(format!("http.cors.origins: {e}"));
    }
    transport(s, loopback, &mut f);
    apps(&s.apps, loopback, &mut f);
    logins(s, loopback, &mut f);
    engines(s, &mut f);
    talk(s, &mut f);
    classes(s, &mut f);
    f
}

/// The ranges of classroom.md 8.2.
fn classes(s: &Settings, f: &mut Findings) {
    let c = &s.class;
    if c.upload_max.0 == 0 || c.upload_total.0 < c.upload_max.0 {
        f.error("class.upload_max: must be 1 to class.upload_total");
    }
    if c.stage_max > MAX_STAGE {
        f.error(format!("class.stage_max: must be at most {MAX_STAGE}"));
    }
    if !["enforce", "open"].contains(&c.stage_policy.as_str()) {
        f.error("class.stage_policy: must be \"enforce\" or \"open\"");
    }
    if let Err(e) = creators(c) {
        f.error(e);
    }
    if s.embedded.url_ttl.0.is_zero() {
        f.error("embedded.url_ttl: must be at least 1");
    }
}

/// Who may create classes.
///
/// # Errors
/// A name that is no user id.
pub fn creators(c: &super::schema::Class) -> Result<Creators, String> {
    match c.creators.0.as_slice() {
        [one] if one == "any" => Ok(Creators::Any),
        [one] if one == "admin" => Ok(Creators::Admin),
        names => {
            let users = names.iter().map(|n| UserId::new(n.as_str()));
            users.collect::<Result<_, _>>().map(Creators::Only).map_err(|e| format!("class.creators: {}", e.public()))
        }
    }
}

/// The ranges of talk.md 8.2 and 4.1.
fn talk(s: &Settings, f: &mut Findings) {
    let t = &s.talk;
    if !(1..=10).contains(&t.stats_window_secs) {
        f.error("talk.stats_window_secs: must be 1 to 10");
    }
    if t.linger_secs.0.as_secs() > 86_400 {
        f.error("talk.linger_secs: must be 0 to 86400");
    }
    if !(60..=604_800).contains(&t.token_ttl_secs.0.as_secs()) {
        f.error("talk.token_ttl_secs: must be 60 to 604800");
    }
    if t.call_heartbeat_secs.0.is_zero() {
        f.error("talk.call_heartbeat_secs: must be at least 1");
    }
    if !["any", "sdk"].contains(&t.channel_charset.as_str()) {
        f.error("talk.channel_charset: must be \"any\" or \"sdk\"");
    }
}

fn transport(s: &Settings, loopback: bool, f: &mut Findings) {
    if !s.http.domain.is_empty() {
        f.error(
            "http.domain: this build does not obtain certificates. Put a TLS proxy in front, \
             empty http.domain and set http.tls = \"proxy\"",
        );
    } else if !loopback && s.http.tls == Tls::Auto {
        f.error(format!(
            "http.listen = {:?} is reachable from other machines, without TLS. Set http.tls = \"proxy\" when a proxy in \
             front ends TLS, or http.tls = \"off\" for plain HTTP on purpose",
            s.http.listen
        ));
    }
    let url = &s.http.public_url;
    if !url.is_empty() && !["http://", "https://"].iter().any(|p| url.len() > p.len() && url.starts_with(p)) {
        f.error(format!("http.public_url = {url:?}: must start with https:// or http://"));
    }
    if s.http.body_limit.0 < 64 << 10 {
        f.error("http.body_limit: must be at least 64KiB");
    }
}

fn apps(apps: &[AppCfg], loopback: bool, f: &mut Findings) {
    if apps.is_empty() {
        f.error("no [[apps]]: add one with `stoa app add`");
    } else if !apps.iter().any(|a| a.enabled) {
        f.error("every app is disabled");
    }
    let mut ids = BTreeSet::new();
    let mut keys = BTreeSet::new();
    for a in apps {
        let who = format!("[[apps]] app_id = {}", a.app_id);
        if a.app_id == 0 || a.app_id > MAX_APP_ID {
            f.error(format!("{who}: must be 1 to 2^53-1"));
        }
        if !ids.insert(a.app_id) {
            f.error(format!("{who}: another app has this number"));
        }
        if a.appkey.is_empty() || !a.appkey.bytes().all(|b| b.is_ascii_graphic()) {
            f.error(format!("{who}: appkey must be printable ASCII without blanks"));
        }
        if !keys.insert(&a.appkey) {
            f.error(format!("{who}: another app has this appkey"));
        }
        let secrets = || std::iter::once(&a.appsecret).chain(&a.previous_appsecrets.0);
        if secrets().any(|s| s.expose().len() < MIN_SECRET) {
            f.error(format!(
                "{who}: a secret has less than {MIN_SECRET} characters; `stoa app rotate {}` makes one",
                a.app_id
            ));
        }
        if !loopback && (a.appkey == DEV_KEY || secrets().any(|s| s.expose() == DEV_SECRET)) {
            f.error(format!(
                "{who}: the key and secret of `stoa dev` are known to everybody and work on loopback only. \
                 Listen on 127.0.0.1, or make an own pair with `stoa app add`"
            ));
        }
    }
}

fn logins(s: &Settings, loopback: bool, f: &mut Findings) {
    if s.auth.mode == AuthMode::Demo && !loopback {
        f.warn("auth.mode = \"demo\": anybody who reaches this server can log in under any name");
    }
    if s.auth.mode == AuthMode::Hook {
        if !s.auth.hook.url.starts_with("https://") && !s.auth.hook.url.starts_with("http://") {
            f.error("auth.mode = \"hook\" needs auth.hook.url");
        } else if s.auth.hook.secret.expose().is_empty() {
            f.error("auth.mode = \"hook\" needs auth.hook.secret, so that your service knows who asks");
        }
    }
    if !s.auth.bind_subject {
        f.warn("auth.bind_subject = false: user ids in requests are believed. For migration tests only");
    }
    for name in &s.auth.admins.0 {
        if let Err(e) = UserId::for_dialect("auth.admins", name.clone()) {
            f.error(format!("{}: {name:?}", e.public()));
        }
    }
    for (what, keys) in [("auth.jwt_keys", &s.auth.jwt_keys), ("hub.jwt_keys", &s.hub.jwt_keys)] {
        if keys.0.iter().any(|k| k.expose().starts_with("lenient:")) {
            f.warn(format!("{what}: a \"lenient:\" key may be short. Replace it once the old tokens have expired"));
        }
    }
    for (what, keys) in [("auth.jwt_keys", &s.auth.jwt_keys), ("hub.jwt_keys", &s.hub.jwt_keys)] {
        for e in keys.0.iter().filter_map(|k| stoa_api::login_token::decode_key(k.expose()).err()) {
            f.error(format!("{what}: {e}"));
        }
    }
    if s.auth.token_ttl.0.as_secs() == 0 {
        f.error("auth.token_ttl: must be at least one second");
    }
}

fn engines(s: &Settings, f: &mut Findings) {
    if !(5..=60).contains(&s.hub.ping.0.as_secs()) {
        f.error("hub.ping: must be 5 s to 60 s");
    }
    if !s.media.public_ip.is_empty() && s.media.public_ip.parse::<IpAddr>().is_err() {
        f.error(format!("media.public_ip = {:?}: must be an IP address", s.media.public_ip));
    }
    if !(1..=64).contains(&s.media.shards) {
        f.error("media.shards: must be 1 to 64");
    } else if s.media.shards > 1 {
        f.warn("media.shards: this build runs one shard, whatever is set");
    }
    for url in &s.media.webhooks.0 {
        if !url.starts_with("https://") && !url.starts_with("http://") {
            f.error(format!("media.webhooks: {url:?} must start with https:// or http://"));
        }
    }
    let store = s.store.url.expose();
    if !["", "postgres://", "postgresql://"]
        .iter()
        .any(|p| if p.is_empty() { store.is_empty() } else { store.starts_with(p) })
    {
        f.error("store.url: empty for SQLite, or postgres://user:password@host/database");
    }
    for (key, app) in [("voice.app", s.voice.app), ("class.app", s.class.app)] {
        if app != 0 && !s.apps.iter().any(|a| a.app_id == app) {
            f.error(format!("{key} = {app}: there is no such app"));
        }
    }
    for (part, missing) in clouds::missing(s) {
        f.error(format!("{part} needs {}", missing.join(", ")));
    }
    if let Err(e) = clouds::addresses(s) {
        f.error(e);
    }
    if s.voice.provider.im == Provider::Aliyun && s.voice.aliyun_role == AliyunRole::AsRequested {
        f.warn("voice.aliyun_role = \"as_requested\": everybody who asks gets management rights at the vendor");
    }
    if s.voice.rtc_token_ttl.0.as_secs() == 0 || s.voice.im_token_ttl.0.as_secs() < 86_400 {
        f.error("voice.rtc_token_ttl must not be 0, voice.im_token_ttl not below 24h");
    }
}

/// The registry of tenants.
#[must_use]
pub fn registry(apps: &[AppCfg]) -> Apps {
    Apps::new(apps.iter().map(|a| App {
        id: AppId(a.app_id),
        name: a.name.clone(),
        key: a.appkey.clone(),
        secret: a.appsecret.0.clone(),
        previous_secrets: a.previous_appsecrets.0.iter().map(|s| s.0.clone()).collect(),
        enabled: a.enabled,
        admin_identifiers: a.admin_identifiers.0.clone(),
    }))
}

/// The tenant of the voice-room dialect.
#[must_use]
pub fn voice_app(s: &Settings) -> Option<AppId> {
    tenant(s, s.voice.app)
}

/// The tenant of the classroom dialect.
#[must_use]
pub fn class_app(s: &Settings) -> Option<AppId> {
    tenant(s, s.class.app)
}

/// The app of this number; 0 = the first enabled one.
fn tenant(s: &Settings, number: u64) -> Option<AppId> {
    match number {
        0 => s.apps.iter().find(|a| a.enabled).map(|a| AppId(a.app_id)),
        n => Some(AppId(n)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DEV_DEFAULTS, Sources};
    use super::*;

    fn findings(sets: &[&str], defaults: &str) -> Findings {
        let s = Sources {
            sets: sets.iter().map(|s| (*s).to_owned()).collect(),
            command_defaults: defaults.to_owned(),
            ..Sources::default()
        };
        let l = s.load().unwrap();
        check(&l.settings)
    }

    #[test]
    fn dev_is_clean_on_loopback_and_refused_off_it() {
        let f = findings(&[], DEV_DEFAULTS);
        assert!(f.errors.is_empty() && f.warnings.is_empty(), "{f:?}");
        let f = findings(&["http.listen=:7880", "http.tls=off"], DEV_DEFAULTS);
        assert!(f.errors.len() == 1 && f.errors[0].contains("known to everybody"), "{f:?}");
        assert!(f.warnings[0].contains("demo"));
    }

    #[test]
    fn plain_http_off_loopback_has_to_be_asked_for() {
        const APP: &str = "[[apps]]\napp_id = 1\nappkey = \"k\"\nappsecret = \"0123456789abcdef0123456789abcdef\"";
        assert!(findings(&[], APP).errors[0].contains("http.tls"));
        assert!(findings(&["http.tls=proxy"], APP).errors.is_empty());
        assert!(findings(&["http.listen=[::1]:1"], APP).errors.is_empty());
        assert!(findings(&["http.domain=a.example", "http.tls=off"], APP).errors[0].contains("certificates"));
    }

    #[test]
    fn apps_must_differ_and_have_real_secrets() {
        let f = findings(
            &[
                r#"apps=[{app_id=1,appkey="k",appsecret="short"},{app_id=1,appkey="k",appsecret="0123456789abcdef0123456789abcdef"}]"#,
            ],
            DEV_DEFAULTS,
        );
        let all = f.errors.join("\n");
        assert!(all.contains("less than 32") && all.contains("this number") && all.contains("this appkey"), "{all}");
    }

    #[test]
    fn ranges_hold_and_vendor_keys_are_demanded() {
        let f = findings(&["hub.ping=4s"], DEV_DEFAULTS);
        assert!(f.errors.len() == 1 && f.errors[0].contains("hub.ping"), "{f:?}");
        let f = findings(&["class.stage_max=33", "class.stage_policy=all", "class.app=7"], DEV_DEFAULTS);
        assert_eq!(f.errors.len(), 3, "{f:?}");
        let f = findings(&["class.provider.board=netease", "class.creators=admin"], DEV_DEFAULTS);
        assert!(f.errors.len() == 1 && f.errors[0].contains("class.provider.board"), "{f:?}");
        let f = findings(&["talk.linger_secs=5"], DEV_DEFAULTS);
        assert!(f.warnings.is_empty() && f.errors.is_empty(), "{f:?}");
        let f = findings(&["talk.stats_window_secs=11", "talk.channel_charset=ascii"], DEV_DEFAULTS);
        assert_eq!(f.errors.len(), 2, "{f:?}");
        let f = findings(&["voice.provider.im=aliyun"], DEV_DEFAULTS);
        assert!(f.errors[0].contains("aliyun.im.app_sign"));
    }
}
