//! Every configuration key: name, type, default and the text that the template shows for it.
//!
//! The doc comments here are the operator's manual: `stoa config template` prints them.

use std::path::PathBuf;

use confique::Config;
use serde::Deserialize;

use super::types::{AliyunRole, AuthMode, ClassBoard, ClassIm, List, Provider, Rate, Secret, Secrets, Size, Span, Tls};

/// The whole file.
#[derive(Debug, Config)]
pub struct Settings {
    /// The process itself.
    #[config(nested)]
    pub server: Server,
    /// The system of record.
    #[config(nested)]
    pub store: StoreCfg,
    /// The one TCP port: REST, pages, signalling.
    #[config(nested)]
    pub http: Http,
    /// Who may log in.
    #[config(nested)]
    pub auth: Auth,
    /// Rate limits: `per_sec` refills a bucket of `burst`; `per_sec = 0` switches a limit off.
    #[config(nested)]
    pub limits: Limits,
    /// The embedded media engine.
    #[config(nested)]
    pub media: Media,
    /// The message hub.
    #[config(nested)]
    pub hub: Hub,
    /// The voice-room dialect.
    #[config(nested)]
    pub voice: Voice,
    /// The classroom dialect.
    #[config(nested)]
    pub class: Class,
    /// The embedded substitutes for a vendor's push, play and whiteboard.
    #[config(nested)]
    pub embedded: Embedded,
    /// The Talk dialect.
    #[config(nested)]
    pub talk: Talk,
    /// Credentials at Aliyun, for providers that are "aliyun".
    #[config(nested)]
    pub aliyun: Aliyun,
    /// Credentials at RongCloud, for `class.provider.im = "rongcloud"`.
    #[config(nested)]
    pub rongcloud: RongCloud,
    /// Credentials at NetEase, for `class.provider.board = "netease"`.
    #[config(nested)]
    pub netease: NetEase,
    /// The tenants. One (key, secret) pair signs media tokens and Talk checksums of an app.
    #[config(default = [])]
    pub apps: Vec<AppCfg>,
}

/// One `[[apps]]` table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppCfg {
    /// Number of the app, 1 to 2^53-1.
    pub app_id: u64,
    /// A name for people.
    #[serde(default)]
    pub name: String,
    /// Public half of the pair.
    pub appkey: String,
    /// Secret half.
    pub appsecret: Secret,
    /// False refuses every token of the app.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Older secrets that still verify while a rotation is under way.
    #[serde(default)]
    pub previous_appsecrets: Secrets,
    /// Who may run Talk's mutating commands.
    #[serde(default = "default_admins")]
    pub admin_identifiers: List,
}

/// The keys of an `[[apps]]` table, for suggestions.
pub const APP_KEYS: [&str; 7] =
    ["app_id", "name", "appkey", "appsecret", "enabled", "previous_appsecrets", "admin_identifiers"];

fn yes() -> bool {
    true
}

fn default_admins() -> List {
    List(vec!["admin".to_owned()])
}

/// `[server]`
#[derive(Debug, Config)]
pub struct Server {
    /// Folder of everything that is kept: database, backups before upgrades, the admin socket. A local disk.
    #[config(default = "./data")]
    pub data_dir: PathBuf,
    /// Zone of printed times: a fixed offset like "+08:00" or an IANA name like "Europe/Berlin".
    #[config(default = "+08:00")]
    pub time_zone: String,
    /// Log filter: a level (error, warn, info, debug, trace) or directives like "info,stoa_sfu=debug". Reloaded on SIGHUP.
    #[config(default = "info")]
    pub log: String,
}

/// `[store]`
#[derive(Debug, Config)]
pub struct StoreCfg {
    /// Empty = SQLite in the data folder. "postgres://user:password@host/database" selects PostgreSQL.
    #[config(default = "")]
    pub url: Secret,
}

/// `[http]`
#[derive(Debug, Config)]
pub struct Http {
    /// Address and port; ":7880" = every address. `stoa dev` listens on 127.0.0.1:7880.
    #[config(default = ":7880")]
    pub listen: String,
    /// Domain of an own certificate. Not in this build: put a TLS proxy in front and set tls = "proxy".
    #[config(default = "")]
    pub domain: String,
    /// "proxy" = a proxy in front ends TLS, "off" = plain HTTP on purpose. "auto" is enough on loopback only.
    #[config(default = "auto")]
    pub tls: Tls,
    /// Base of all addresses handed out, like "https://voice.example.org". Empty = from each request.
    #[config(default = "")]
    pub public_url: String,
    /// Largest request body, bytes or text like "2MiB". Routes without a token: 64 KiB, fixed.
    #[config(default = "2MiB")]
    pub body_limit: Size,
    /// Answers to pages of other origins.
    #[config(nested)]
    pub cors: Cors,
}

/// `[http.cors]`
#[derive(Debug, Config)]
pub struct Cors {
    /// Allowed origins; "*" = all. No cookies are used, so this guards little.
    #[config(default = ["*"])]
    pub origins: List,
}

/// `[auth]`
#[derive(Debug, Config)]
pub struct Auth {
    /// "accounts" = made with `stoa user add`; "demo" = password equals user name; "hook" = your service decides. `stoa dev` uses "demo".
    #[config(default = "accounts")]
    pub mode: AuthMode,
    /// Failed logins per address and user name within the window; then 429.
    #[config(default = 10)]
    pub login_failures: u32,
    /// Failed logins per address within the window; then 429. Raise it when many users share one address.
    #[config(default = 100)]
    pub login_failures_address: u32,
    /// Window of the two limits above.
    #[config(default = "5m")]
    pub login_window: Span,
    /// Login token keys, base64 of at least 32 bytes: the first signs, all verify. Prefix "lenient:" takes a short key of a Java server. Empty = made at first start, kept in the store.
    #[config(default = [])]
    pub jwt_keys: Secrets,
    /// Life of a login token.
    #[config(default = "7d")]
    pub token_ttl: Span,
    /// User ids with administrator rights, besides accounts with the flag.
    #[config(default = [])]
    pub admins: List,
    /// False = user ids in request bodies are believed. Migration tests only.
    #[config(default = true)]
    pub bind_subject: bool,
    /// The operator's own login service, for mode = "hook".
    #[config(nested)]
    pub hook: Hook,
}

/// `[auth.hook]`
#[derive(Debug, Config)]
pub struct Hook {
    /// Asked with POST {"username","password"}; answers {"allow":true} or {"allow":false}. Redirects are not followed.
    #[config(default = "")]
    pub url: String,
    /// Sent as `Authorization: Bearer …`.
    #[config(default = "")]
    pub secret: Secret,
    /// Longest wait for the answer.
    #[config(default = "3s")]
    pub timeout: Span,
}

/// `[limits]`
#[derive(Debug, Config)]
pub struct Limits {
    /// REST calls per user.
    #[config(default = { "per_sec": 100, "burst": 400 })]
    pub user: Rate,
    /// Talk commands per app.
    #[config(default = { "per_sec": 2000, "burst": 4000 })]
    pub talk_app: Rate,
    /// Talk pushes per channel.
    #[config(default = { "per_sec": 200, "burst": 400 })]
    pub talk_push: Rate,
    /// Hub signals per sender and group.
    #[config(default = { "per_sec": 20, "burst": 40 })]
    pub hub_signals: Rate,
    /// Hub comments per sender and group.
    #[config(default = { "per_sec": 10, "burst": 20 })]
    pub hub_comments: Rate,
    /// Hub reads per connection.
    #[config(default = { "per_sec": 5, "burst": 20 })]
    pub hub_reads: Rate,
    /// All hub commands per connection.
    #[config(default = { "per_sec": 50, "burst": 150 })]
    pub hub_commands: Rate,
    /// Hub connects per address.
    #[config(default = { "per_sec": 20, "burst": 200 })]
    pub hub_connects: Rate,
    /// Hub connects per user.
    #[config(default = { "per_sec": 1, "burst": 10 })]
    pub hub_connects_user: Rate,
    /// Media signalling requests per connection.
    #[config(default = { "per_sec": 50, "burst": 200 })]
    pub media_signals: Rate,
    /// Media joins per address.
    #[config(default = { "per_sec": 20, "burst": 200 })]
    pub media_joins: Rate,
}

/// `[media]`
#[derive(Debug, Config)]
pub struct Media {
    /// First UDP port; one per shard, upwards. 0 = a free one.
    #[config(default = 7882)]
    pub udp_port: u16,
    /// Media worker threads, each with its own UDP port.
    #[config(default = 1)]
    pub shards: u16,
    /// Address that clients send media to. Empty = found out: this machine's primary address. Set it behind NAT.
    #[config(default = "")]
    pub public_ip: String,
    /// How long a participant is kept after a lost connection.
    #[config(default = "15s")]
    pub resume_window: Span,
    /// Participants per channel; 0 = no limit.
    #[config(default = 0)]
    pub max_participants: u32,
    /// Published tracks per participant.
    #[config(default = 8)]
    pub max_tracks: u32,
    /// Addresses that get signed webhooks of media events (LiveKit's format).
    #[config(default = [])]
    pub webhooks: List,
}

/// `[hub]`
#[derive(Debug, Config)]
pub struct Hub {
    /// Keys of hub connection tokens, base64 of at least 32 bytes: the first signs, all verify. Empty = made at first start, kept in the store.
    #[config(default = [])]
    pub jwt_keys: Secrets,
    /// Last sign of life of a lost connection until a member counts as left.
    #[config(default = "10s")]
    pub member_grace: Span,
    /// From a kick until the exit event and the unsubscribe.
    #[config(default = "3s")]
    pub kick_linger: Span,
    /// Connections per app, user and dialect.
    #[config(default = 8)]
    pub connections_per_user: u32,
    /// Between two pings to a client, 5 s to 60 s. A dead link counts as lost after one of these and 8 s; a shorter time costs phones power.
    #[config(default = "25s")]
    pub ping: Span,
}

/// `[voice]`
#[derive(Debug, Config)]
pub struct Voice {
    /// Number of the app this dialect serves; 0 = the first enabled one.
    #[config(default = 0)]
    pub app: u64,
    /// Role in "aliyun" message tokens: "as_requested" echoes the request, "strict" gives "admin" to administrators only.
    #[config(default = "as_requested")]
    pub aliyun_role: AliyunRole,
    /// `app_id` shown to clients.
    #[config(default = "voice")]
    pub im_app_id: String,
    /// How long a seat outlives its absent holder. Longer survives worse networks, shorter frees ghost seats sooner.
    #[config(default = "30s")]
    pub seat_grace: Span,
    /// The same after a restart of the server, when everybody has to come back.
    #[config(default = "60s")]
    pub seat_restart_grace: Span,
    /// Dismissal: wait for the owner's own message at most so long.
    #[config(default = "1s")]
    pub dismiss_announce: Span,
    /// Dismissal: from the announcement until media ends.
    #[config(default = "2s")]
    pub dismiss_media: Span,
    /// Dismissal: until the message group is gone.
    #[config(default = "10s")]
    pub dismiss_linger: Span,
    /// Ban of an owner's kick; 0 = may come back at once.
    #[config(default = "0s")]
    pub kick_ban: Span,
    /// Life of a media token.
    #[config(default = "24h")]
    pub rtc_token_ttl: Span,
    /// Life of a hub token; the Android app does not renew, so not below 24 h.
    #[config(default = "48h")]
    pub im_token_ttl: Span,
    /// A newer hub connection of a user replaces the older one.
    #[config(default = true)]
    pub single_login: bool,
    /// Live rooms per owner; 0 = no limit.
    #[config(default = 0)]
    pub max_live_rooms_per_owner: u32,
    /// Who issues the tokens of this dialect.
    #[config(nested)]
    pub provider: VoiceProvider,
}

/// `[voice.provider]`
#[derive(Debug, Config)]
pub struct VoiceProvider {
    /// Media tokens: "embedded" or "aliyun".
    #[config(default = "embedded")]
    pub media: Provider,
    /// Message tokens: "embedded" or "aliyun".
    #[config(default = "embedded")]
    pub im: Provider,
}

/// `[class]`
#[derive(Debug, Config)]
pub struct Class {
    /// Number of the app this dialect serves; 0 = the first enabled one.
    #[config(default = 0)]
    pub app: u64,
    /// `app_id` shown to clients, prefix of stream names.
    #[config(default = "stoa")]
    pub im_app_id: String,
    /// Who may create classes: "any", "admin" or a list of user ids.
    #[config(default = ["any"])]
    pub creators: List,
    /// Ban of a kick that names no length.
    #[config(default = "365d")]
    pub kick_ban: Span,
    /// Reload race: a member who leaves and comes back within it never left.
    #[config(default = "10s")]
    pub leave_grace: Span,
    /// Return after a restart of the server.
    #[config(default = "60s")]
    pub restart_grace: Span,
    /// Who may publish: "enforce" = the stage only.
    #[config(default = "enforce")]
    pub stage_policy: String,
    /// Users on stage besides the teacher, at most 32.
    #[config(default = 9)]
    pub stage_max: u8,
    /// Largest file of courseware, bytes or text like "32MiB".
    #[config(default = "32MiB")]
    pub upload_max: Size,
    /// All files of one class together.
    #[config(default = "512MiB")]
    pub upload_total: Size,
    /// Who issues the tokens of this dialect.
    #[config(nested)]
    pub provider: ClassProvider,
}

/// `[class.provider]`
#[derive(Debug, Config)]
pub struct ClassProvider {
    /// Messages: "embedded", "aliyun" (older and newer service) or "rongcloud".
    #[config(default = "embedded")]
    pub im: ClassIm,
    /// Media, its CDN and recordings: "embedded" or "aliyun".
    #[config(default = "embedded")]
    pub media: Provider,
    /// Whiteboards: "embedded" or "netease".
    #[config(default = "embedded")]
    pub board: ClassBoard,
}

/// `[embedded]`
#[derive(Debug, Config)]
pub struct Embedded {
    /// Signs push and play URLs. Empty = made at first start.
    #[config(default = "")]
    pub url_key: Secret,
    /// Life of a push or play URL.
    #[config(default = "24h")]
    pub url_ttl: Span,
    /// The own whiteboard.
    #[config(nested)]
    pub board: Board,
}

/// `[embedded.board]`
#[derive(Debug, Config)]
pub struct Board {
    /// Empty = made at first start.
    #[config(default = "")]
    pub app_key: Secret,
    /// Empty = made at first start.
    #[config(default = "")]
    pub app_secret: Secret,
}

/// `[talk]`
#[derive(Debug, Config)]
pub struct Talk {
    /// Life of an empty adhoc channel, seconds.
    #[config(default = 60)]
    pub linger_secs: Span,
    /// A call is one record across a gap of so many seconds.
    #[config(default = 60)]
    pub call_grace_secs: Span,
    /// How often running calls are noted, seconds.
    #[config(default = 10)]
    pub call_heartbeat_secs: Span,
    /// Days that call records are kept.
    #[config(default = 400)]
    pub call_retention_days: u32,
    /// Days that the log of administration commands is kept; 0 = for ever.
    #[config(default = 400)]
    pub audit_retention_days: u32,
    /// Show running calls in call records.
    #[config(default = false)]
    pub include_open_calls: bool,
    /// Complete seconds averaged in statistics, 1 to 10.
    #[config(default = 3)]
    pub stats_window_secs: u8,
    /// Age of a checksum, seconds.
    #[config(default = 300)]
    pub clock_skew_secs: Span,
    /// Default life of created tokens, seconds.
    #[config(default = 600)]
    pub token_ttl_secs: Span,
    /// Characters of channel ids: "any" or "sdk".
    #[config(default = "any")]
    pub channel_charset: String,
    /// Data rights of identity 3.
    #[config(default = true)]
    pub listener_can_send_data: bool,
    /// Accept JSON with the slips of the published samples.
    #[config(default = false)]
    pub lenient_json: bool,
    /// One answer for every failed authentication.
    #[config(default = false)]
    pub uniform_auth_errors: bool,
    /// Spell the echo of a request id right, too.
    #[config(default = false)]
    pub emit_response_id: bool,
}

/// `[aliyun]`
#[derive(Debug, Config)]
pub struct Aliyun {
    /// Access key of the vendor's interface. Without it rooms get no groups and nobody is counted.
    #[config(default = "")]
    pub access_key_id: String,
    /// Its secret half; never leaves the server.
    #[config(default = "")]
    pub access_key_secret: Secret,
    /// Address of the interface for messages and media.
    #[config(default = "https://live.aliyuncs.com")]
    pub host: String,
    /// Address of the interface for recordings, which is a region's.
    #[config(default = "https://vod.cn-shanghai.aliyuncs.com")]
    pub vod_host: String,
    /// Messages, newer service.
    #[config(nested)]
    pub im: AliyunIm,
    /// Messages, older service.
    #[config(nested)]
    pub old_im: AliyunOldIm,
    /// Media.
    #[config(nested)]
    pub rtc: AliyunRtc,
    /// Media over its CDN.
    #[config(nested)]
    pub live: AliyunLive,
    /// What its live service calls here.
    #[config(nested)]
    pub callback: AliyunCallback,
}

/// `[aliyun.old_im]`
#[derive(Debug, Config)]
pub struct AliyunOldIm {
    /// From the vendor's console.
    #[config(default = "")]
    pub app_id: String,
}

/// `[aliyun.live]`
#[derive(Debug, Config)]
pub struct AliyunLive {
    /// Domain that streams are pushed to; signed by callbacks.
    #[config(default = "")]
    pub push_domain: String,
    /// Domain that streams are played from.
    #[config(default = "")]
    pub pull_domain: String,
    /// Signs addresses of play; never leaves the server.
    #[config(default = "")]
    pub pull_auth_key: Secret,
    /// Name in the path of every stream.
    #[config(default = "live")]
    pub app_name: String,
    /// Life of an address of play.
    #[config(default = "7d")]
    pub auth_expires: Span,
}

/// `[aliyun.callback]`
#[derive(Debug, Config)]
pub struct AliyunCallback {
    /// Signs calls of the live service; empty = none is believed.
    #[config(default = "")]
    pub auth_key: Secret,
}

/// `[rongcloud]`
#[derive(Debug, Config)]
pub struct RongCloud {
    /// From the vendor's console.
    #[config(default = "")]
    pub app_key: String,
    /// From the vendor's console; never leaves the server.
    #[config(default = "")]
    pub app_secret: Secret,
    /// Address of the interface.
    #[config(default = "https://api.rong-api.com")]
    pub host: String,
}

/// `[netease]`
#[derive(Debug, Config)]
pub struct NetEase {
    /// From the vendor's console; shown to clients.
    #[config(default = "")]
    pub app_key: String,
    /// From the vendor's console; never leaves the server.
    #[config(default = "")]
    pub app_secret: Secret,
    /// Where whiteboards are made.
    #[config(default = "")]
    pub create_url: String,
    /// Where they are deleted; the number of the board is put behind it.
    #[config(default = "")]
    pub delete_url: String,
}

/// `[aliyun.im]`
#[derive(Debug, Config)]
pub struct AliyunIm {
    /// From the vendor's console.
    #[config(default = "")]
    pub app_id: String,
    /// From the vendor's console; never leaves the server.
    #[config(default = "")]
    pub app_key: Secret,
    /// From the vendor's console.
    #[config(default = "")]
    pub app_sign: String,
}

/// `[aliyun.rtc]`
#[derive(Debug, Config)]
pub struct AliyunRtc {
    /// From the vendor's console.
    #[config(default = "")]
    pub app_id: String,
    /// From the vendor's console; never leaves the server.
    #[config(default = "")]
    pub app_key: Secret,
}
