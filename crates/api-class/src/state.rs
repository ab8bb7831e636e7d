//! What the handlers of this dialect stand on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::FromRef;
use stoa_api::{ApiState, Origin};
use stoa_core::app::App;
use stoa_core::class::Classes;
use stoa_core::group::{SessionConfig, Sessions};
use stoa_core::ports::{Entropy, MediaTokens};
use stoa_core::stream::Streams;
use stoa_core::time::UnixMs;
use tokio::sync::Semaphore;

use crate::board::{MAX_SOCKETS, Nonces};
use crate::config::{ClassApiConfig, FileLinks, ImProvider};
use crate::endpoints::push_callback::Heard;
use crate::endpoints::upload_file::MAX_UPLOADS;
use crate::links::{LinkKey, Links};

/// State of the dialect. Cheap to clone.
#[derive(Clone)]
pub struct ClassState(Arc<Inner>);

struct Inner {
    api: ApiState,
    classes: Classes,
    sessions: Option<Sessions>,
    app: Arc<App>,
    tokens: Arc<dyn MediaTokens>,
    entropy: Arc<dyn Entropy>,
    streams: Option<Arc<dyn Streams>>,
    config: ClassApiConfig,
    nonces: Mutex<Nonces>,
    heard: Mutex<Heard>,
    sockets: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
}

impl ClassState {
    /// `app` is the tenant of `classes`; its key and secret sign media tokens. Without `streams` there are no WHIP and
    /// WHEP routes. Whiteboards and sessions of the hub are those of the world that `classes` lives in.
    #[must_use]
    pub fn new(
        api: ApiState,
        classes: Classes,
        app: Arc<App>,
        tokens: Arc<dyn MediaTokens>,
        entropy: Arc<dyn Entropy>,
        streams: Option<Arc<dyn Streams>>,
        config: ClassApiConfig,
    ) -> Self {
        let (sockets, uploads) = (Arc::new(Semaphore::new(MAX_SOCKETS)), Arc::new(Semaphore::new(MAX_UPLOADS)));
        let (nonces, heard) = (Mutex::default(), Mutex::default());
        let sessions = match &config.im {
            ImProvider::Embedded(mint) => {
                Some(Sessions::new(classes.world().clone(), mint.names(), SessionConfig::default()))
            }
            ImProvider::Aliyun(_) | ImProvider::RongCloud => None,
        };
        Self(Arc::new(Inner {
            api,
            classes,
            sessions,
            app,
            tokens,
            entropy,
            streams,
            config,
            nonces,
            heard,
            sockets,
            uploads,
        }))
    }

    /// What all dialects share.
    #[must_use]
    pub fn api(&self) -> &ApiState {
        &self.0.api
    }

    pub(crate) fn classes(&self) -> &Classes {
        &self.0.classes
    }

    /// Sessions of our hub, where it carries the messages.
    pub(crate) fn sessions(&self) -> Option<&Sessions> {
        self.0.sessions.as_ref()
    }

    pub(crate) fn app(&self) -> &App {
        &self.0.app
    }

    pub(crate) fn tokens(&self) -> &dyn MediaTokens {
        &*self.0.tokens
    }

    pub(crate) fn streams(&self) -> Option<&Arc<dyn Streams>> {
        self.0.streams.as_ref()
    }

    pub(crate) fn config(&self) -> &ClassApiConfig {
        &self.0.config
    }

    /// Nonces of whiteboard tickets that were used lately.
    pub(crate) fn nonces(&self) -> MutexGuard<'_, Nonces> {
        // A panic elsewhere leaves whole entries only.
        self.0.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Streams that a vendor told of.
    pub(crate) fn streams_heard(&self) -> MutexGuard<'_, Heard> {
        // As above.
        self.0.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Places for open whiteboard sockets.
    pub(crate) fn sockets(&self) -> &Arc<Semaphore> {
        &self.0.sockets
    }

    /// Places for uploads under way.
    pub(crate) fn uploads(&self) -> &Arc<Semaphore> {
        &self.0.uploads
    }

    pub(crate) fn now(&self) -> UnixMs {
        self.api().clock().now().wall
    }

    /// Printed as the classroom shows most times.
    pub(crate) fn slashed(&self, at: UnixMs) -> String {
        self.api().config().zone.slashed(at)
    }

    /// Random bytes.
    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        let mut out = [0u8; N];
        self.0.entropy.fill(&mut out);
        out
    }

    /// `ws(s)://host` as clients reach this server.
    pub(crate) fn websocket_base(&self, origin: &Origin) -> String {
        origin.websocket_base(self.config().public_url.as_deref())
    }

    /// Addresses signed now with this key, good for so long.
    pub(crate) fn links<'a>(&self, origin: &Origin, key: &'a LinkKey, ttl: Duration) -> Links<'a> {
        let base = origin.http_base(self.config().public_url.as_deref());
        Links { key, base, expires: self.now().plus(ttl).secs() }
    }

    /// Addresses of uploaded files. They are the same for a while, so that browsers keep what they have read.
    pub(crate) fn file_links(&self, origin: &Origin) -> Links<'_> {
        let FileLinks { key, ttl } = &self.config().files;
        let mut links = self.links(origin, key, *ttl);
        let step = i64::try_from(ttl.as_secs() / 4).unwrap_or(i64::MAX).max(1);
        links.expires = links.expires.saturating_sub(links.expires.rem_euclid(step)).saturating_add(step);
        links
    }
}

impl FromRef<ClassState> for ApiState {
    fn from_ref(state: &ClassState) -> Self {
        state.0.api.clone()
    }
}
