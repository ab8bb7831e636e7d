//! Vendor clouds: which of them the configuration uses, and with what.

use std::sync::Arc;

use anyhow::Context as _;
use stoa_core::cloud::{ClassCloud, RoomCloud};
use stoa_core::ports::{Clock, Entropy};
use stoa_vendor::aliyun::{self, Aliyun, Hosts, ImSettings, LiveSettings, RtcSettings, Use};
use stoa_vendor::clouds::{ClassClouds, Messages, RoomClouds};
use stoa_vendor::health::Health;
use stoa_vendor::netease::{self, NetEase};
use stoa_vendor::rongcloud::{self, RongCloud};
use stoa_vendor::{Limits, Transport};
use tokio_util::task::TaskTracker;

use crate::config::Settings;
use crate::config::types::{ClassBoard, ClassIm, Provider};

/// The clients of the vendors that are in use.
#[derive(Clone, Default)]
pub struct Clouds {
    pub aliyun: Option<Arc<Aliyun>>,
    pub rong_cloud: Option<Arc<RongCloud>>,
    pub netease: Option<Arc<NetEase>>,
}

fn aliyun(s: &Settings) -> aliyun::Settings {
    let a = &s.aliyun;
    aliyun::Settings {
        access_key_id: a.access_key_id.clone(),
        access_key_secret: a.access_key_secret.0.clone(),
        im: ImSettings {
            app_id: a.im.app_id.clone(),
            app_key: a.im.app_key.0.clone(),
            app_sign: a.im.app_sign.clone(),
        },
        old_im_app_id: a.old_im.app_id.clone(),
        rtc: RtcSettings { app_id: a.rtc.app_id.clone(), app_key: a.rtc.app_key.0.clone() },
        live: LiveSettings {
            push_domain: a.live.push_domain.clone(),
            pull_domain: a.live.pull_domain.clone(),
            pull_auth_key: a.live.pull_auth_key.0.clone(),
            app_name: a.live.app_name.clone(),
            auth_expires: a.live.auth_expires.0,
        },
        callback_auth_key: a.callback.auth_key.0.clone(),
        hosts: Hosts { live: a.host.clone(), vod: a.vod_host.clone() },
    }
}

fn rong_cloud(s: &Settings) -> rongcloud::Settings {
    let r = &s.rongcloud;
    rongcloud::Settings { app_key: r.app_key.clone(), app_secret: r.app_secret.0.clone(), host: r.host.clone() }
}

fn netease(s: &Settings) -> netease::Settings {
    let n = &s.netease;
    netease::Settings {
        app_key: n.app_key.clone(),
        app_secret: n.app_secret.0.clone(),
        create_url: n.create_url.clone(),
        delete_url: n.delete_url.clone(),
    }
}

/// What each chosen provider lacks: the key that chose it, and the keys that are empty.
pub fn missing(s: &Settings) -> Vec<(&'static str, Vec<&'static str>)> {
    let aliyun = aliyun(s);
    let (voice, class) = (&s.voice.provider, &s.class.provider);
    let mut out = Vec::new();
    if voice.im == Provider::Aliyun {
        out.push(("voice.provider.im = \"aliyun\"", aliyun.missing(&[Use::NewIm])));
    }
    if voice.media == Provider::Aliyun {
        out.push(("voice.provider.media = \"aliyun\"", aliyun.missing(&[Use::Rtc])));
    }
    match class.im {
        ClassIm::Embedded => {}
        // Either service will do.
        ClassIm::Aliyun => {
            let of = |service| aliyun.missing(&[Use::Api, service]);
            let (old, new) = (of(Use::OldIm), of(Use::NewIm));
            out.push(("class.provider.im = \"aliyun\"", if old.is_empty() { old } else { new }));
        }
        ClassIm::RongCloud => out.push(("class.provider.im = \"rongcloud\"", rong_cloud(s).missing())),
    }
    if class.media == Provider::Aliyun {
        out.push(("class.provider.media = \"aliyun\"", aliyun.missing(&[Use::Rtc, Use::Cdn])));
    }
    if class.board == ClassBoard::NetEase {
        out.push(("class.provider.board = \"netease\"", netease(s).missing()));
    }
    out.retain(|(_, keys)| !keys.is_empty());
    out
}

/// Whether the addresses of the clouds in use are addresses.
///
/// # Errors
/// Which is none, in the operator's words.
pub fn addresses(s: &Settings) -> Result<(), String> {
    let said = |e: stoa_vendor::SettingsError| e.to_string();
    stoa_vendor::address("aliyun.host", &s.aliyun.host).map_err(said)?;
    stoa_vendor::address("aliyun.vod_host", &s.aliyun.vod_host).map_err(said)?;
    stoa_vendor::address("rongcloud.host", &s.rongcloud.host).map_err(said)?;
    // An empty one is missing, which is said elsewhere.
    let boards = [("netease.create_url", &s.netease.create_url), ("netease.delete_url", &s.netease.delete_url)];
    for (key, url) in boards.into_iter().filter(|(_, url)| !url.is_empty()) {
        stoa_vendor::address(key, url).map_err(said)?;
    }
    Ok(())
}

impl Clouds {
    /// Clients of what is in use; nothing is called yet.
    ///
    /// # Errors
    /// What the operator has to change.
    pub fn new(s: &Settings, clock: &Arc<dyn Clock>, entropy: &Arc<dyn Entropy>) -> anyhow::Result<Self> {
        let (voice, class) = (&s.voice.provider, &s.class.provider);
        let on_aliyun = voice.im == Provider::Aliyun
            || voice.media == Provider::Aliyun
            || class.im == ClassIm::Aliyun
            || class.media == Provider::Aliyun;
        let on_rong_cloud = class.im == ClassIm::RongCloud;
        let on_netease = class.board == ClassBoard::NetEase;
        if !(on_aliyun || on_rong_cloud || on_netease) {
            return Ok(Self::default());
        }
        let transport = Transport::new(Limits::default(), Arc::clone(clock), Arc::clone(entropy))
            .context("no client for vendor clouds")?;
        Ok(Self {
            aliyun: match on_aliyun {
                true => Some(Arc::new(Aliyun::new(aliyun(s), &transport)?)),
                false => None,
            },
            rong_cloud: match on_rong_cloud {
                true => Some(Arc::new(RongCloud::new(rong_cloud(s), &transport)?)),
                false => None,
            },
            netease: match on_netease {
                true => Some(Arc::new(NetEase::new(netease(s), &transport)?)),
                false => None,
            },
        })
    }

    /// What voice rooms use of them.
    pub fn rooms(&self, s: &Settings, clock: &Arc<dyn Clock>, tracker: &TaskTracker) -> Option<Arc<dyn RoomCloud>> {
        let (im, media) = (s.voice.provider.im == Provider::Aliyun, s.voice.provider.media == Provider::Aliyun);
        let aliyun = self.aliyun.as_ref().filter(|_| im || media)?;
        Some(Arc::new(RoomClouds::new(Arc::clone(aliyun), Arc::clone(clock), im, media, tracker.clone())))
    }

    /// What classes use of them.
    pub fn classes(&self, s: &Settings, clock: &Arc<dyn Clock>, tracker: &TaskTracker) -> Option<Arc<dyn ClassCloud>> {
        let p = &s.class.provider;
        let messages = match (p.im, &self.aliyun, &self.rong_cloud) {
            (ClassIm::Aliyun, Some(aliyun), _) => Messages::Aliyun(Arc::clone(aliyun)),
            (ClassIm::RongCloud, _, Some(rong)) => Messages::RongCloud(Arc::clone(rong)),
            _ => Messages::Embedded,
        };
        let media = self.aliyun.clone().filter(|_| p.media == Provider::Aliyun);
        let board = self.netease.clone();
        let nothing = matches!(messages, Messages::Embedded) && media.is_none() && board.is_none();
        if nothing {
            None
        } else {
            Some(Arc::new(ClassClouds::new(messages, media, board, Arc::clone(clock), tracker.clone())))
        }
    }

    /// How they are doing.
    pub fn health(&self) -> Vec<Health> {
        let mut out = Vec::new();
        out.extend(self.aliyun.iter().flat_map(|a| a.health()));
        out.extend(self.rong_cloud.iter().map(|r| r.health()));
        out.extend(self.netease.iter().map(|n| n.health()));
        out
    }
}
