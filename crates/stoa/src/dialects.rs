//! What the dialects are told of the configuration.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::anyhow;
use stoa_api::hub_token::HubMint;
use stoa_api::jwt::Key;
use stoa_api::login_token;
use stoa_api_class::{
    BoardKeys, BoardProvider, ClassApiConfig, FileLinks, ImProvider as ClassIm, LinkKey, MediaProvider as ClassMedia,
};
use stoa_api_hub::HubApiConfig;
use stoa_api_talk::{ChannelCharset, TalkApiConfig};
use stoa_api_voice::{AliyunIm, AliyunRole as VoiceRole, AliyunRtc, ImProvider, MediaProvider, VoiceApiConfig};
use stoa_core::class::{ClassConfig, FileLimits};
use stoa_core::group::Names;
use stoa_core::id::{AppId, UserId};
use stoa_core::ports::{Entropy as _, Store};

use crate::clouds::Clouds;
use crate::config::types::{AliyunRole, ClassBoard, ClassIm as WhoseIm, Provider, Rate, Secret, Secrets};
use crate::config::{Settings, checks};
use crate::entropy::OsEntropy;
use crate::stores;

/// The keys of a token kind: configured ones, else the one the store keeps since the first start.
pub async fn keys(name: &str, configured: &Secrets, store: &Arc<dyn Store>) -> anyhow::Result<Vec<Vec<u8>>> {
    if configured.0.is_empty() {
        return Ok(vec![made(name, store).await?]);
    }
    let decode =
        |k: &crate::config::types::Secret| login_token::decode_key(k.expose()).map_err(|e| anyhow!("{name}: {e}"));
    configured.0.iter().map(decode).collect()
}

pub fn talk_config(s: &Settings) -> anyhow::Result<TalkApiConfig> {
    let rate = |r: Rate| stoa_api::Rate { per_sec: r.per_sec, burst: r.burst };
    Ok(TalkApiConfig {
        clock_skew_secs: s.talk.clock_skew_secs.0.as_secs(),
        app_rate: rate(s.limits.talk_app),
        push_rate: rate(s.limits.talk_push),
        lenient_json: s.talk.lenient_json,
        uniform_auth_errors: s.talk.uniform_auth_errors,
        emit_response_id: s.talk.emit_response_id,
        channel_charset: ChannelCharset::parse(&s.talk.channel_charset)
            .ok_or_else(|| anyhow!("talk.channel_charset"))?,
        time_zone: zone(s)?,
        public_url: public_url(s),
    })
}

pub fn zone(s: &Settings) -> anyhow::Result<stoa_api::Zone> {
    s.server.time_zone.parse().map_err(|e| anyhow!("server.time_zone: {e}"))
}

/// The base of all addresses handed out, if one is set.
pub fn public_url(s: &Settings) -> Option<String> {
    let url = s.http.public_url.trim_end_matches('/');
    (!url.is_empty()).then(|| url.to_owned())
}

pub fn voice_config(s: &Settings, mint: &HubMint) -> VoiceApiConfig {
    let media = match s.voice.provider.media {
        Provider::Embedded => MediaProvider::Embedded,
        Provider::Aliyun => MediaProvider::Aliyun(AliyunRtc {
            app_id: s.aliyun.rtc.app_id.clone(),
            app_key: s.aliyun.rtc.app_key.0.clone(),
        }),
    };
    let im = match s.voice.provider.im {
        Provider::Embedded => ImProvider::Embedded(mint.clone()),
        Provider::Aliyun => ImProvider::Aliyun(AliyunIm {
            app_id: s.aliyun.im.app_id.clone(),
            app_sign: s.aliyun.im.app_sign.clone(),
            app_key: s.aliyun.im.app_key.0.clone(),
            role: match s.voice.aliyun_role {
                AliyunRole::AsRequested => VoiceRole::AsRequested,
                AliyunRole::Strict => VoiceRole::Strict,
            },
        }),
    };
    VoiceApiConfig {
        public_url: public_url(s),
        media,
        im,
        im_app_id: s.voice.im_app_id.clone(),
        im_token_ttl: s.voice.im_token_ttl.0,
    }
}

/// What makes connection tokens of the hub.
///
/// # Errors
/// A key that is no key; no enabled app; store faults.
pub async fn hub_mint(s: &Settings, store: &Arc<dyn Store>) -> anyhow::Result<HubMint> {
    let keys = keys("hub.jwt_keys", &s.hub.jwt_keys, store).await?;
    Ok(HubMint::new(keys.first().ok_or_else(|| anyhow!("hub.jwt_keys: no key"))?, names(s)?))
}

/// What the hub's token endpoint is told.
///
/// # Errors
/// No enabled app.
pub fn hub_config(s: &Settings) -> anyhow::Result<HubApiConfig> {
    let app = |app: Option<AppId>| app.ok_or_else(|| anyhow!("no enabled app"));
    Ok(HubApiConfig {
        public_url: public_url(s),
        voice_app: app(checks::voice_app(s))?,
        class_app: app(checks::class_app(s))?,
        user_rate: stoa_api::Rate { per_sec: s.limits.user.per_sec, burst: s.limits.user.burst },
    })
}

/// How users and groups are named in the hub: those of the first app have no prefix.
///
/// # Errors
/// No enabled app.
pub fn names(s: &Settings) -> anyhow::Result<Names> {
    let app = s.apps.iter().find(|a| a.enabled).ok_or_else(|| anyhow!("no enabled app"))?;
    Ok(Names { default_app: AppId(app.app_id) })
}

/// What the use-cases of classes are told.
///
/// # Errors
/// No enabled app, or a name that is no user id.
pub fn classes(s: &Settings) -> anyhow::Result<ClassConfig> {
    Ok(ClassConfig {
        app: checks::class_app(s).ok_or_else(|| anyhow!("no enabled app"))?,
        creators: checks::creators(&s.class).map_err(|e| anyhow!(e))?,
        kick_ban: s.class.kick_ban.0,
        leave_grace: s.class.leave_grace.0,
        stage_max: s.class.stage_max.into(),
    })
}

/// How much courseware may be uploaded.
pub fn file_limits(s: &Settings) -> FileLimits {
    let bytes = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    FileLimits { max: bytes(s.class.upload_max.0), total: bytes(s.class.upload_total.0) }
}

/// What the classroom dialect is told.
///
/// # Errors
/// A key that is no key; store faults.
pub async fn class_config(
    s: &Settings,
    store: &Arc<dyn Store>,
    mint: &HubMint,
    clouds: &Clouds,
) -> anyhow::Result<ClassApiConfig> {
    let (board, p) = (&s.embedded.board, &s.class.provider);
    let aliyun = || clouds.aliyun.clone().ok_or_else(|| anyhow!("no client of aliyun"));
    let (url_key, ttl) =
        (LinkKey::new(&kept("embedded.url_key", &s.embedded.url_key, store).await?), s.embedded.url_ttl.0);
    Ok(ClassApiConfig {
        public_url: public_url(s),
        im_app_id: s.class.im_app_id.clone(),
        im: match p.im {
            WhoseIm::Embedded => ClassIm::Embedded(mint.clone()),
            WhoseIm::Aliyun => ClassIm::Aliyun(aliyun()?),
            WhoseIm::RongCloud => ClassIm::RongCloud,
        },
        media: match p.media {
            Provider::Embedded => ClassMedia::Embedded { key: url_key.clone(), ttl },
            Provider::Aliyun => ClassMedia::Aliyun(aliyun()?),
        },
        board: match p.board {
            ClassBoard::Embedded => BoardProvider::Embedded(BoardKeys {
                app_key: text("embedded.board.app_key", &board.app_key, store).await?,
                app_secret: text("embedded.board.app_secret", &board.app_secret, store).await?.into(),
            }),
            ClassBoard::NetEase => {
                BoardProvider::NetEase(clouds.netease.clone().ok_or_else(|| anyhow!("no client of netease"))?)
            }
        },
        files: FileLinks { key: url_key, ttl },
        jump_key: Key::new(&made("class.jump_key", store).await?),
    })
}

/// A configured key, in the spellings of login keys, or the one the store keeps since the first start.
async fn kept(name: &str, configured: &Secret, store: &Arc<dyn Store>) -> anyhow::Result<Vec<u8>> {
    if configured.expose().is_empty() {
        return made(name, store).await;
    }
    login_token::decode_key(configured.expose()).map_err(|e| anyhow!("{name}: {e}"))
}

/// A configured text, or 32 hex digits that the store keeps since the first start.
async fn text(name: &str, configured: &Secret, store: &Arc<dyn Store>) -> anyhow::Result<String> {
    if !configured.expose().is_empty() {
        return Ok(configured.expose().to_owned());
    }
    let key = made(name, store).await?;
    Ok(key.iter().take(16).map(|b| format!("{b:02x}")).collect())
}

/// Random bytes that the store keeps since the first start.
async fn made(name: &str, store: &Arc<dyn Store>) -> anyhow::Result<Vec<u8>> {
    let mut fresh = [0u8; 32];
    OsEntropy.fill(&mut fresh);
    store.secret(name, &fresh).await.map_err(|e| anyhow!("cannot read {name}: {}", stores::explain(&e)))
}

/// Administrators by configuration.
///
/// # Errors
/// A name that is no user id.
pub fn admins(s: &Settings) -> anyhow::Result<BTreeSet<UserId>> {
    let admins = s.auth.admins.0.iter().map(|a| UserId::new(a.as_str()));
    admins.collect::<Result<_, _>>().map_err(|e| anyhow!("auth.admins: {}", e.public()))
}
