//! Rooms as the port shows them, kept from one question to the next, so that lists asked for again and again need not
//! wait for the shard's thread.
//!
//! Only the shard's thread puts a picture in, and it takes it out before anything in the room changes: whoever finds one
//! sees the room as it is, or was when the question came. Rates are not in it; they are read from the counters, which
//! the picture shares with the room. There are no more pictures than rooms.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use stoa_core::id::{ChannelKey, UserId};
use stoa_core::media::{ParticipantView, Rate, TrackSource, TrackView};

use crate::forward::rate::rate;
use crate::forward::select::MAX_LAYERS;
use crate::forward::stats::Counter;

/// The counters of a track's layers.
#[derive(Clone)]
pub(crate) struct Counters(Arc<Mutex<[Counter; MAX_LAYERS]>>);

impl Counters {
    pub(crate) fn new(video: bool) -> Self {
        Self(Arc::new(Mutex::new(std::array::from_fn(|_| Counter::new(video)))))
    }

    /// Changes them. Held for a packet's worth of work.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut [Counter; MAX_LAYERS]) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What comes in, over so many whole seconds.
    fn rate(&self, now: Duration, window: u32) -> Rate {
        let seconds = self.with(|layers| layers.each_mut().map(|c| c.seconds(now)));
        rate(&seconds, window as usize)
    }
}

/// A track in a picture.
pub(crate) struct Track {
    pub sid: String,
    pub source: TrackSource,
    pub muted: bool,
    pub counters: Counters,
}

/// Everybody in a room, without rates.
pub(crate) struct Picture(pub Vec<(ParticipantView, Vec<Track>)>);

impl Picture {
    /// Everybody, or one user's participants, with what they send now.
    pub(crate) fn views(&self, of: Option<&UserId>, now: Duration, window: u32) -> Vec<ParticipantView> {
        let track = |t: &Track| TrackView {
            sid: t.sid.clone(),
            source: t.source,
            muted: t.muted,
            // Not what it sent before, at once.
            rate: if t.muted { Rate::default() } else { t.counters.rate(now, window) },
        };
        let wanted = self.0.iter().filter(|(p, _)| of.is_none_or(|user| p.who.user == *user));
        wanted.map(|(p, tracks)| ParticipantView { tracks: tracks.iter().map(track).collect(), ..p.clone() }).collect()
    }
}

/// The pictures of a shard's rooms.
#[derive(Clone, Default)]
pub(crate) struct Pictures(Arc<RwLock<HashMap<ChannelKey, Arc<Picture>>>>);

impl Pictures {
    pub(crate) fn get(&self, key: &ChannelKey) -> Option<Arc<Picture>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// The shard's thread only.
    pub(crate) fn put(&self, key: &ChannelKey, picture: Arc<Picture>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), picture);
    }

    /// The shard's thread only, before the room changes.
    pub(crate) fn forget(&self, key: &ChannelKey) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}
