//! What the commands of this dialect stand on.

use std::sync::Arc;

use stoa_api::{ApiState, KeyedRate, Rate, Zone};
use stoa_core::Result;
use stoa_core::app::Apps;
use stoa_core::id::{AppId, ChannelKey};
use stoa_core::ports::MediaTokens;
use stoa_core::talk::Talk;

use crate::listing::Listings;

/// Which characters a channel id may have (talk.md 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChannelCharset {
    /// All but control characters.
    #[default]
    Any,
    /// What the vendor's SDK takes: `A–Z a–z 0–9 _ + - = /`.
    Sdk,
}

impl ChannelCharset {
    /// Reads the configured word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "any" => Some(Self::Any),
            "sdk" => Some(Self::Sdk),
            _ => None,
        }
    }

    pub(crate) fn allows(self, c: char) -> bool {
        match self {
            Self::Any => true,
            Self::Sdk => c.is_ascii_alphanumeric() || "_+-=/".contains(c),
        }
    }
}

/// Refusals of accounts that are no administrators which are logged, of one app. They cost nothing of the app's rate, so
/// without this one anybody with a query string could fill the log; more shows more of who tried what.
const REFUSALS: Rate = Rate { per_sec: 5, burst: 100 };

/// What the operator chose for this dialect.
#[derive(Debug, Clone)]
pub struct TalkApiConfig {
    /// `talk.clock_skew_secs`: how old or how far ahead a checksum may be.
    pub clock_skew_secs: u64,
    /// `limits.talk_app`: commands of one app.
    pub app_rate: Rate,
    /// `limits.talk_push`: pushes to one channel.
    pub push_rate: Rate,
    /// `talk.lenient_json`.
    pub lenient_json: bool,
    /// `talk.uniform_auth_errors`.
    pub uniform_auth_errors: bool,
    /// `talk.emit_response_id`.
    pub emit_response_id: bool,
    /// `talk.channel_charset`.
    pub channel_charset: ChannelCharset,
    /// `server.time_zone`: which instants make a day of call records.
    pub time_zone: Zone,
    /// `http.public_url`, without a path; `None` = the address that the request came to.
    pub public_url: Option<String>,
}

/// State of the dialect. Cheap to clone.
#[derive(Clone)]
pub struct TalkState {
    shared: Arc<Shared>,
    apps: Apps,
}

struct Shared {
    api: ApiState,
    talk: Talk,
    tokens: Arc<dyn MediaTokens>,
    config: TalkApiConfig,
    app_rate: Option<KeyedRate<AppId>>,
    refusal_rate: Option<KeyedRate<AppId>>,
    push_rate: Option<KeyedRate<ChannelKey>>,
    listings: Listings,
}

impl TalkState {
    /// A state that serves these apps.
    #[must_use]
    pub fn new(api: ApiState, talk: Talk, apps: Apps, tokens: Arc<dyn MediaTokens>, config: TalkApiConfig) -> Self {
        let clock = &talk.world().clock;
        let app_rate = KeyedRate::new(config.app_rate, Arc::clone(clock));
        let push_rate = KeyedRate::new(config.push_rate, Arc::clone(clock));
        let refusal_rate = KeyedRate::new(REFUSALS, Arc::clone(clock));
        let listings = Listings::default();
        Self {
            shared: Arc::new(Shared { api, talk, tokens, config, app_rate, refusal_rate, push_rate, listings }),
            apps,
        }
    }

    /// The same with other tenants. What was counted against rates stays counted.
    #[must_use]
    pub fn with_apps(&self, apps: Apps) -> Self {
        Self { shared: Arc::clone(&self.shared), apps }
    }

    /// What all dialects share.
    #[must_use]
    pub fn api(&self) -> &ApiState {
        &self.shared.api
    }

    pub(crate) fn talk(&self) -> &Talk {
        &self.shared.talk
    }

    pub(crate) fn listings(&self) -> &Listings {
        &self.shared.listings
    }

    pub(crate) fn apps(&self) -> &Apps {
        &self.apps
    }

    pub(crate) fn tokens(&self) -> &dyn MediaTokens {
        &*self.shared.tokens
    }

    pub(crate) fn config(&self) -> &TalkApiConfig {
        &self.shared.config
    }

    /// Counts a refusal that would be logged before the rate of the app is looked at.
    pub(crate) fn check_refusal_rate(&self, app: AppId) -> Result<()> {
        self.shared.refusal_rate.as_ref().map_or(Ok(()), |r| r.check(&app))
    }

    /// Counts a command of this app.
    pub(crate) fn check_app_rate(&self, app: AppId) -> Result<()> {
        self.shared.app_rate.as_ref().map_or(Ok(()), |r| r.check(&app))
    }

    /// Counts a push to this channel.
    pub(crate) fn check_push_rate(&self, channel: &ChannelKey) -> Result<()> {
        self.shared.push_rate.as_ref().map_or(Ok(()), |r| r.check(channel))
    }
}
