//! The keys `aliyun.*` of the configuration.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

/// All keys; an empty one is not configured.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `aliyun.access_key_id`.
    pub access_key_id: String,
    /// `aliyun.access_key_secret`.
    pub access_key_secret: SecretString,
    /// `aliyun.im.*`.
    pub im: ImSettings,
    /// `aliyun.old_im.app_id`.
    pub old_im_app_id: String,
    /// `aliyun.rtc.*`.
    pub rtc: RtcSettings,
    /// `aliyun.live.*`.
    pub live: LiveSettings,
    /// `aliyun.callback.auth_key`.
    pub callback_auth_key: SecretString,
    /// Where calls go.
    pub hosts: Hosts,
}

/// New messages.
#[derive(Debug, Clone)]
pub struct ImSettings {
    /// Shown to clients.
    pub app_id: String,
    /// Never leaves the server.
    pub app_key: SecretString,
    /// A constant from the vendor's console, shown to clients.
    pub app_sign: String,
}

/// Real-time media.
#[derive(Debug, Clone)]
pub struct RtcSettings {
    /// Shown to clients.
    pub app_id: String,
    /// Never leaves the server.
    pub app_key: SecretString,
}

/// The CDN.
#[derive(Debug, Clone)]
pub struct LiveSettings {
    /// Signed by callbacks.
    pub push_domain: String,
    /// Where streams are played.
    pub pull_domain: String,
    /// Signs addresses of play.
    pub pull_auth_key: SecretString,
    /// Part of each address.
    pub app_name: String,
    /// Life of an address.
    pub auth_expires: Duration,
}

/// Base addresses, without a slash at the end. Tests point them at a server of their own.
#[derive(Debug, Clone)]
pub struct Hosts {
    /// Messages and real-time media.
    pub live: String,
    /// Recordings. Video on demand is bound to a region; the reference uses this one.
    pub vod: String,
}

impl Default for Hosts {
    fn default() -> Self {
        Self { live: "https://live.aliyuncs.com".to_owned(), vod: "https://vod.cn-shanghai.aliyuncs.com".to_owned() }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let (text, secret) = (String::new, || SecretString::from(String::new()));
        Self {
            access_key_id: text(),
            access_key_secret: secret(),
            im: ImSettings { app_id: text(), app_key: secret(), app_sign: text() },
            old_im_app_id: text(),
            rtc: RtcSettings { app_id: text(), app_key: secret() },
            live: LiveSettings {
                push_domain: text(),
                pull_domain: text(),
                pull_auth_key: secret(),
                app_name: text(),
                auth_expires: Duration::from_secs(604_800),
            },
            callback_auth_key: secret(),
            hosts: Hosts::default(),
        }
    }
}

/// What the vendor is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Calls of its interface.
    Api,
    /// Old messages: token and groups.
    OldIm,
    /// New messages: the token. Groups need [`Use::Api`] besides.
    NewIm,
    /// Real-time media: token and addresses.
    Rtc,
    /// Addresses of play.
    Cdn,
    /// The callback of the live service.
    Callback,
}

impl Settings {
    /// The keys that a use needs and that are empty. A process whose configuration chose the use refuses to start
    /// with them.
    #[must_use]
    pub fn missing(&self, wanted: &[Use]) -> Vec<&'static str> {
        let mut out = Vec::new();
        let mut need = |key, value: &str| {
            if value.is_empty() && !out.contains(&key) {
                out.push(key);
            }
        };
        for wanted in wanted {
            if matches!(wanted, Use::Api | Use::OldIm) {
                need("aliyun.access_key_id", &self.access_key_id);
                need("aliyun.access_key_secret", self.access_key_secret.expose_secret());
            }
            match wanted {
                Use::Api => {}
                Use::OldIm => need("aliyun.old_im.app_id", &self.old_im_app_id),
                Use::NewIm => {
                    need("aliyun.im.app_id", &self.im.app_id);
                    need("aliyun.im.app_key", self.im.app_key.expose_secret());
                    need("aliyun.im.app_sign", &self.im.app_sign);
                }
                Use::Rtc => {
                    need("aliyun.rtc.app_id", &self.rtc.app_id);
                    need("aliyun.rtc.app_key", self.rtc.app_key.expose_secret());
                }
                Use::Cdn => {
                    // The name of a stream begins with the media application.
                    need("aliyun.rtc.app_id", &self.rtc.app_id);
                    need("aliyun.live.pull_domain", &self.live.pull_domain);
                    need("aliyun.live.pull_auth_key", self.live.pull_auth_key.expose_secret());
                    need("aliyun.live.app_name", &self.live.app_name);
                }
                Use::Callback => {
                    need("aliyun.live.push_domain", &self.live.push_domain);
                    need("aliyun.callback.auth_key", self.callback_auth_key.expose_secret());
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_key_is_named_once() {
        let all = [Use::Api, Use::OldIm, Use::NewIm, Use::Rtc, Use::Cdn, Use::Callback];
        assert_eq!(
            Settings::default().missing(&all),
            [
                "aliyun.access_key_id",
                "aliyun.access_key_secret",
                "aliyun.old_im.app_id",
                "aliyun.im.app_id",
                "aliyun.im.app_key",
                "aliyun.im.app_sign",
                "aliyun.rtc.app_id",
                "aliyun.rtc.app_key",
                "aliyun.live.pull_domain",
                "aliyun.live.pull_auth_key",
                "aliyun.live.app_name",
                "aliyun.live.push_domain",
                "aliyun.callback.auth_key",
            ]
        );
        let rtc = RtcSettings { app_id: "a".into(), app_key: "s3cret".into() };
        let settings = Settings { rtc, ..Settings::default() };
        assert_eq!(settings.missing(&[Use::Rtc]), Vec::<&str>::new());
        assert!(!format!("{settings:?}").contains("s3cret"));
    }
}
