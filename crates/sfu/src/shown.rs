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
use stoa_core::media::{LayerView, ParticipantView, Rate, TrackSource, TrackView, speaks};

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

    /// What comes in, over so many whole seconds: in all, and on each of the lowest `named` layers.
    fn rate(&self, now: Duration, window: u32, named: usize) -> (Rate, Vec<Rate>) {
        let seconds = self.with(|layers| layers.each_mut().map(|c| c.seconds(now)));
        let window = window as usize;
        let each = seconds.iter().take(named).map(|one| rate(std::slice::from_ref(one), window));
        (rate(&seconds, window), each.collect())
    }
}

/// A track in a picture.
pub(crate) struct Track {
    pub sid: String,
    pub source: TrackSource,
    pub muted: bool,
    pub size: (u32, u32),
    /// Names of its layers, from low to high; empty where there is one only.
    pub layers: Vec<String>,
    pub counters: Counters,
}

impl Track {
    /// With what it sends now.
    fn view(&self, now: Duration, window: u32) -> TrackView {
        // Not what it sent before it was muted, at once.
        let (rate, each) = match self.muted {
            true => (Rate::default(), vec![Rate::default(); self.layers.len()]),
            false => self.counters.rate(now, window, self.layers.len()),
        };
        let layer = |(rid, rate): (&String, Rate)| LayerView {
            rid: rid.clone(),
            bits_per_sec: rate.bits_per_sec,
            active: rate.any,
        };
        TrackView {
            sid: self.sid.clone(),
            source: self.source,
            muted: self.muted,
            rate,
            size: self.size,
            layers: self.layers.iter().zip(each).map(layer).collect(),
        }
    }
}

/// Everybody in a room, without rates.
pub(crate) struct Picture {
    there: Vec<(ParticipantView, Vec<Track>)>,
    speakers: Vec<UserId>,
}

impl Picture {
    pub(crate) fn new(there: Vec<(ParticipantView, Vec<Track>)>) -> Self {
        let speaks = |(p, tracks): &&(ParticipantView, Vec<Track>)| {
            speaks(p.active, &p.who, &p.standing, tracks.iter().map(|t| (t.source, t.muted)))
        };
        let speakers = there.iter().filter(speaks).map(|(p, _)| p.who.user.clone()).collect();
        Self { there, speakers }
    }

    /// Users who speak.
    pub(crate) fn speakers(&self) -> &[UserId] {
        &self.speakers
    }

    /// What a user's connected, visible participants send now; `None` where it has none at all.
    pub(crate) fn tracks(&self, of: &UserId, now: Duration, window: u32) -> Option<Vec<TrackView>> {
        let mut out = None;
        for (p, tracks) in self.there.iter().filter(|(p, _)| p.who.user == *of) {
            let out = out.get_or_insert_with(Vec::new);
            if p.shown() {
                out.extend(tracks.iter().map(|t| t.view(now, window)));
            }
        }
        out
    }

    /// Everybody, or one user's participants, with what they send now.
    pub(crate) fn views(&self, of: Option<&UserId>, now: Duration, window: u32) -> Vec<ParticipantView> {
        let track = |t: &Track| t.view(now, window);
        let wanted = self.there.iter().filter(|(p, _)| of.is_none_or(|user| p.who.user == *user));
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
