//! What the dialects are told of the configuration.

use std::sync::Arc;

use anyhow::anyhow;
use stoa_api::login_token;
use stoa_api_talk::{ChannelCharset, TalkApiConfig};
use stoa_api_voice::{
    AliyunIm, AliyunRole as VoiceRole, AliyunRtc, HubKeys, ImProvider, MediaProvider, VoiceApiConfig,
};
use stoa_core::id::AppId;
use stoa_core::ports::{Entropy as _, Store};

use crate::config::Settings;
use crate::config::types::{AliyunRole, Provider, Rate, Secrets};
use crate::entropy::OsEntropy;
use crate::stores;

/// The keys of a token kind: configured ones, else the one the store keeps since the first start.
pub async fn keys(name: &str, configured: &Secrets, store: &Arc<dyn Store>) -> anyhow::Result<Vec<Vec<u8>>> {
    if configured.0.is_empty() {
        let mut fresh = [0u8; 32];
        OsEntropy.fill(&mut fresh);
        let kept = store.secret(name, &fresh).await;
        return Ok(vec![kept.map_err(|e| anyhow!("cannot read {name}: {}", stores::explain(&e)))?]);
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

pub async fn voice_config(s: &Settings, store: &Arc<dyn Store>, app: AppId) -> anyhow::Result<VoiceApiConfig> {
    let media = match s.voice.provider.media {
        Provider::Embedded => MediaProvider::Embedded,
        Provider::Aliyun => MediaProvider::Aliyun(AliyunRtc {
            app_id: s.aliyun.rtc.app_id.clone(),
            app_key: s.aliyun.rtc.app_key.0.clone(),
        }),
    };
    let im = match s.voice.provider.im {
        Provider::Embedded => {
            let keys = keys("hub.jwt_keys", &s.hub.jwt_keys, store).await?;
            ImProvider::Embedded(HubKeys::new(keys.first().ok_or_else(|| anyhow!("hub.jwt_keys: no key"))?))
        }
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
    let default_app = s.apps.iter().find(|a| a.enabled).map_or(app, |a| AppId(a.app_id));
    Ok(VoiceApiConfig {
        public_url: public_url(s),
        default_app,
        media,
        im,
        im_app_id: s.voice.im_app_id.clone(),
        im_token_ttl: s.voice.im_token_ttl.0,
    })
}
