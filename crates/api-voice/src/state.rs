//! What the handlers of this dialect stand on.

use std::sync::Arc;

use axum::extract::FromRef;
use stoa_api::ApiState;
use stoa_core::app::App;
use stoa_core::ports::{Entropy, MediaTokens};
use stoa_core::voice::Voice;

use crate::config::VoiceApiConfig;

/// State of the dialect. Cheap to clone.
#[derive(Clone)]
pub struct VoiceState(Arc<Inner>);

struct Inner {
    api: ApiState,
    voice: Voice,
    app: Arc<App>,
    tokens: Arc<dyn MediaTokens>,
    entropy: Arc<dyn Entropy>,
    config: VoiceApiConfig,
}

impl VoiceState {
    /// `app` is the tenant of `voice`; its key and secret sign media tokens.
    #[must_use]
    pub fn new(
        api: ApiState,
        voice: Voice,
        app: Arc<App>,
        tokens: Arc<dyn MediaTokens>,
        entropy: Arc<dyn Entropy>,
        config: VoiceApiConfig,
    ) -> Self {
        Self(Arc::new(Inner { api, voice, app, tokens, entropy, config }))
    }

    /// What all dialects share.
    #[must_use]
    pub fn api(&self) -> &ApiState {
        &self.0.api
    }

    pub(crate) fn voice(&self) -> &Voice {
        &self.0.voice
    }

    pub(crate) fn app(&self) -> &App {
        &self.0.app
    }

    pub(crate) fn tokens(&self) -> &dyn MediaTokens {
        &*self.0.tokens
    }

    pub(crate) fn config(&self) -> &VoiceApiConfig {
        &self.0.config
    }

    /// Random bytes.
    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        let mut out = [0u8; N];
        self.0.entropy.fill(&mut out);
        out
    }
}

impl FromRef<VoiceState> for ApiState {
    fn from_ref(state: &VoiceState) -> Self {
        state.0.api.clone()
    }
}
