//! A media engine without media: participants come and go through the door, commands are obeyed and noted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use async_trait::async_trait;
use stoa_core::door::Door;
use stoa_core::id::{AppId, ChannelKey, ChannelName, Identity, UserId};
use stoa_core::media::{
    Admitted, Claims, Judge, LeftReason, Media, MediaEvent, MediaFact, MediaHooks, Message, ParticipantView, Removal,
    Standing, To, TrackSource, TrackView, Who,
};
use stoa_core::ports::Clock;
use stoa_core::time::UnixMs;
use stoa_core::{Error, Kind, Result};

use crate::TestClock;

struct Participant {
    view: ParticipantView,
    claims: Claims,
    inbox: Vec<Message>,
}

/// Records what it was told; refuses everything while `down`.
pub struct FakeMedia {
    /// Every command fails.
    pub down: AtomicBool,
    /// What it was told, in order.
    pub told: Mutex<Vec<String>>,
    standings: Mutex<BTreeMap<UserId, Standing>>,
    channels: Mutex<BTreeMap<ChannelKey, Vec<Participant>>>,
    /// What the ones who left had received.
    gone: Mutex<BTreeMap<String, Vec<Message>>>,
    hooks: OnceLock<Weak<Door>>,
    clock: Arc<TestClock>,
    sids: AtomicU64,
}

impl FakeMedia {
    /// An engine without channels.
    pub fn new(clock: Arc<TestClock>) -> Self {
        Self {
            down: AtomicBool::new(false),
            told: Mutex::default(),
            standings: Mutex::default(),
            channels: Mutex::default(),
            gone: Mutex::default(),
            hooks: OnceLock::new(),
            clock,
            sids: AtomicU64::new(0),
        }
    }

    /// Whom it reports facts to.
    pub fn set_hooks(&self, door: &Arc<Door>) {
        self.hooks.set(Arc::downgrade(door)).map_err(drop).unwrap();
    }

    fn note(&self, what: String) -> Result<()> {
        if self.down.load(Ordering::SeqCst) {
            return Err(Error::new(Kind::Unavailable, "engine down"));
        }
        self.told.lock().unwrap().push(what);
        Ok(())
    }

    fn report(&self, channel: &ChannelKey, fact: MediaFact) {
        if let Some(door) = self.hooks.get().and_then(Weak::upgrade) {
            door.event(MediaEvent {
                channel: channel.clone(),
                channel_sid: "RM_1".into(),
                seq: 1,
                id: "EV_1".into(),
                at: self.clock.now().wall,
                fact,
            });
        }
    }

    /// Whether the user may publish by the last word about it.
    pub fn publishes(&self, user: &UserId) -> Option<bool> {
        self.standings.lock().unwrap().get(user).map(|s| s.permission.publish)
    }

    /// Whether a user who is there may publish now.
    pub fn participants_publish(&self, channel: &ChannelKey, name: &str) -> bool {
        let channels = self.channels.lock().unwrap();
        let there = channels[channel].iter().find(|p| p.view.who.user.as_str() == name).unwrap();
        there.view.standing.permission.publish
    }

    /// A participant that is not connected yet.
    pub fn join(&self, channel: &ChannelKey, identity: &Identity, admitted: Admitted, claims: &Claims) -> String {
        let sid = format!("PA_{}", self.sids.fetch_add(1, Ordering::SeqCst));
        let old = self.find(channel, |p| p.who.identity == *identity);
        for old in old {
            self.leave(channel, &old, LeftReason::DuplicateIdentity, None);
        }
        let who = Who { identity: identity.clone(), user: admitted.user, sid: sid.clone(), hidden: claims.hidden };
        let view = ParticipantView {
            who,
            name: claims.name.clone(),
            joined: self.clock.now().wall,
            active: false,
            standing: admitted.standing,
            tracks: Vec::new(),
            subscriptions: 0,
        };
        let participant = Participant { view, claims: claims.clone(), inbox: Vec::new() };
        self.channels.lock().unwrap().entry(channel.clone()).or_default().push(participant);
        sid
    }

    fn find(&self, channel: &ChannelKey, wanted: impl Fn(&ParticipantView) -> bool) -> Vec<String> {
        let channels = self.channels.lock().unwrap();
        let there = channels.get(channel).map_or(&[][..], Vec::as_slice);
        there.iter().filter(|p| wanted(&p.view)).map(|p| p.view.who.sid.clone()).collect()
    }

    fn with<R>(&self, channel: &ChannelKey, sid: &str, f: impl FnOnce(&mut Participant) -> R) -> R {
        let mut channels = self.channels.lock().unwrap();
        f(channels.get_mut(channel).unwrap().iter_mut().find(|p| p.view.who.sid == sid).unwrap())
    }

    /// Its first connection is up.
    pub fn connect(&self, channel: &ChannelKey, sid: &str) {
        let who = self.with(channel, sid, |p| {
            p.view.active = true;
            p.view.who.clone()
        });
        self.report(channel, MediaFact::ParticipantJoined(who));
    }

    /// It publishes, as far as it may.
    pub fn publish(&self, channel: &ChannelKey, sid: &str, source: TrackSource) -> bool {
        self.with(channel, sid, |p| {
            let allowed = p.view.standing.permission.allows(source);
            if allowed {
                let sid = format!("TR_{source:?}");
                let track =
                    TrackView { sid, source, muted: false, rate: Default::default(), size: (0, 0), layers: Vec::new() };
                p.view.tracks.push(track);
            }
            allowed
        })
    }

    /// It leaves.
    pub fn leave(&self, channel: &ChannelKey, sid: &str, reason: LeftReason, lost: Option<UnixMs>) {
        let participant = {
            let mut channels = self.channels.lock().unwrap();
            let there = channels.get_mut(channel).unwrap();
            let at = there.iter().position(|p| p.view.who.sid == sid).unwrap();
            there.remove(at)
        };
        self.gone.lock().unwrap().insert(sid.to_owned(), participant.inbox);
        let who = participant.view.who;
        let fact = match participant.view.active {
            true => MediaFact::ParticipantLeft { who, reason, connected: Duration::from_secs(1), lost },
            false => MediaFact::ParticipantAborted { who, reason },
        };
        self.report(channel, fact);
    }

    /// Bodies of what a participant received, also after it left.
    pub fn inbox(&self, channel: &ChannelKey, sid: &str) -> Vec<Message> {
        if let Some(inbox) = self.gone.lock().unwrap().get(sid) {
            return inbox.clone();
        }
        self.with(channel, sid, |p| p.inbox.clone())
    }
}

#[async_trait]
impl Media for FakeMedia {
    async fn set_standing(&self, channel: &ChannelKey, user: &UserId, rights: Arc<dyn Judge>) -> Result<()> {
        let bare = rights.standing(&Claims::default());
        self.note(format!("standing {user} {}", bare.permission.publish))?;
        self.standings.lock().unwrap().insert(user.clone(), bare);
        let mut channels = self.channels.lock().unwrap();
        for p in channels.get_mut(channel).into_iter().flatten().filter(|p| p.view.who.user == *user) {
            let standing = rights.standing(&p.claims);
            p.view.tracks.retain(|t| standing.permission.allows(t.source));
            for t in &mut p.view.tracks {
                t.muted |= if t.source.is_audio() { standing.muted.audio } else { standing.muted.video };
            }
            p.view.standing = standing;
        }
        Ok(())
    }

    async fn silence(&self, _: &ChannelKey, revision: u64) -> Result<()> {
        self.note(format!("silence {revision}"))
    }

    async fn end_channel(&self, channel: &ChannelKey) -> Result<()> {
        self.note("end".to_owned())?;
        for sid in self.find(channel, |_| true) {
            self.leave(channel, &sid, LeftReason::RoomDeleted, None);
        }
        self.channels.lock().unwrap().remove(channel);
        Ok(())
    }

    async fn remove(&self, channel: &ChannelKey, user: &UserId, removal: Removal) -> Result<()> {
        self.note(format!("remove {user} {} {}", removal.not_before_secs, removal.until.0))?;
        for sid in self.find(channel, |p| p.who.user == *user) {
            if let Some(farewell) = removal.farewell.clone() {
                self.with(channel, &sid, |p| p.inbox.push(farewell));
            }
            self.leave(channel, &sid, LeftReason::Removed, None);
        }
        Ok(())
    }

    async fn send(&self, channel: &ChannelKey, to: &To, message: &Message) -> Result<usize> {
        self.note(format!("send {}", message.topic))?;
        let addressed = |p: &ParticipantView| match to {
            To::All => true,
            To::User(user) => p.who.user == *user,
            To::AllBut(user) => p.who.user != *user,
        };
        let sids = self.find(channel, addressed);
        for sid in &sids {
            self.with(channel, sid, |p| p.inbox.push(message.clone()));
        }
        Ok(sids.len())
    }

    async fn participants(&self, channel: &ChannelKey) -> Result<Vec<ParticipantView>> {
        let channels = self.channels.lock().unwrap();
        Ok(channels.get(channel).into_iter().flatten().map(|p| p.view.clone()).collect())
    }

    async fn participants_of(&self, channel: &ChannelKey, user: &UserId) -> Result<Vec<ParticipantView>> {
        Ok(self.participants(channel).await?.into_iter().filter(|p| p.who.user == *user).collect())
    }

    async fn channels(&self, app: AppId) -> Result<Vec<(ChannelName, usize)>> {
        let channels = self.channels.lock().unwrap();
        Ok(channels.iter().filter(|(k, _)| k.app == app).map(|(k, p)| (k.name.clone(), p.len())).collect())
    }
}
