//! What the endpoint stands on.

use std::sync::Arc;

use axum::extract::FromRef;
use stoa_api::hub_token::HubMint;
use stoa_api::{ApiState, KeyedRate, Rate};
use stoa_core::Result;
use stoa_core::group::Sessions;
use stoa_core::id::{AppId, UserId};
use stoa_core::media::MediaHooks;
use stoa_core::ports::{Clock, Entropy, JoinTokens};

/// Exchanges of refresh tokens per client address. A school behind one address renews a few times a second, and all of
/// it after a restart; each exchange, also a wrong one, is a write that others would wait for.
const REFRESH_RATE: Rate = Rate { per_sec: 20, burst: 400 };

/// What the operator chose.
#[derive(Debug, Clone)]
pub struct HubApiConfig {
    /// `http.public_url`; `None` = the address each client used.
    pub public_url: Option<String>,
    /// The app of voice rooms.
    pub voice_app: AppId,
    /// The app of classes.
    pub class_app: AppId,
    /// `limits.user`, for users that only a media token names.
    pub user_rate: Rate,
}

/// State of the endpoint. Cheap to clone.
#[derive(Clone)]
pub struct HubState(Arc<Inner>);

struct Inner {
    api: ApiState,
    sessions: Sessions,
    mint: HubMint,
    doors: Doors,
    entropy: Arc<dyn Entropy>,
    config: HubApiConfig,
    refreshes: Option<KeyedRate<String>>,
    guests: Option<KeyedRate<(AppId, UserId)>>,
}

/// Who judges media tokens.
#[derive(Clone)]
pub struct Doors {
    /// What a token says.
    pub tokens: Arc<dyn JoinTokens>,
    /// Whether its holder may still join.
    pub hooks: Arc<dyn MediaHooks>,
}

impl HubState {
    /// A state of its own rates.
    #[must_use]
    pub fn new(
        api: ApiState,
        sessions: Sessions,
        mint: HubMint,
        doors: Doors,
        clock: &Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        config: HubApiConfig,
    ) -> Self {
        let refreshes = KeyedRate::new(REFRESH_RATE, Arc::clone(clock));
        let guests = KeyedRate::new(config.user_rate, Arc::clone(clock));
        Self(Arc::new(Inner { api, sessions, mint, doors, entropy, config, refreshes, guests }))
    }

    pub(crate) fn api(&self) -> &ApiState {
        &self.0.api
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    pub(crate) fn mint(&self) -> &HubMint {
        &self.0.mint
    }

    pub(crate) fn doors(&self) -> &Doors {
        &self.0.doors
    }

    pub(crate) fn config(&self) -> &HubApiConfig {
        &self.0.config
    }

    pub(crate) fn check_refresh(&self, client: &str) -> Result<()> {
        self.0.refreshes.as_ref().map_or(Ok(()), |r| r.check(&client.to_owned()))
    }

    pub(crate) fn check_guest(&self, app: AppId, user: &UserId) -> Result<()> {
        self.0.guests.as_ref().map_or(Ok(()), |r| r.check(&(app, user.clone())))
    }

    /// Random bytes.
    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        let mut out = [0u8; N];
        self.0.entropy.fill(&mut out);
        out
    }
}

impl FromRef<HubState> for ApiState {
    fn from_ref(state: &HubState) -> Self {
        state.0.api.clone()
    }
}
