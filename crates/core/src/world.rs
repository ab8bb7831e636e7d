//! The ports and the volatile state that use-cases share.

use std::sync::{Arc, OnceLock};

use crate::live::Live;
use crate::media::Media;
use crate::ports::{Clock, Entropy, Store};

/// Everything a use-case may touch. Cheap to clone.
#[derive(Clone)]
pub struct World {
    /// System of record.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Entropy.
    pub entropy: Arc<dyn Entropy>,
    /// Who is connected now.
    pub live: Arc<Live>,
    media: Arc<OnceLock<Arc<dyn Media>>>,
}

impl World {
    /// A world whose media engine is put in with [`World::set_media`] before anything is served: the
    /// engine needs the use-cases as its hooks, and the use-cases need the engine.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { store, clock, entropy, live: Arc::default(), media: Arc::default() }
    }

    /// Puts the engine in, once; a second call changes nothing.
    pub fn set_media(&self, media: Arc<dyn Media>) {
        // Only the first engine counts: replacing it would leave two owners of the channels.
        let _already_set = self.media.set(media);
    }

    /// The media engine.
    ///
    /// # Panics
    /// When nothing was put in: a wiring fault that the first request would show.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a wiring fault, not a condition of running")]
    pub fn media(&self) -> &Arc<dyn Media> {
        self.media.get().expect("World::set_media comes before serving")
    }
}
