//! One board as a state machine: what its sessions say goes in, what is to be sent, stored and closed comes out. No IO,
//! no clock, no tasks.

use std::collections::BTreeMap;
use std::sync::Arc;

use stoa_core::board::BoardRights;
use stoa_core::error::{Error, Kind, Result};
use stoa_core::id::UserId;
use stoa_core::time::Now;

use crate::awareness::Awareness;
use crate::document::{Applied, Document, Failed};
use crate::known::Parts;
use crate::wire::{self, Incoming, PresenceEntry};

/// Names a session on a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// What bounds a board.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Sessions on one board. Every change is sent to each of them.
    pub sessions: usize,
    /// Size of a document as a snapshot, in bytes. It takes several times as much in memory, and everybody who opens the
    /// board downloads it.
    pub document: usize,
    /// After how many appended changes a snapshot replaces them. Fewer make opening faster, more make writing cheaper.
    pub rows: usize,
    /// After how many appended bytes a snapshot replaces them, if they are also more than half of the document.
    pub appended: usize,
    /// How many bytes may wait to be stored before writers have to wait too.
    pub backlog: usize,
    /// How many messages may wait for one slow reader before its session ends.
    pub queue: usize,
    /// How many bytes may wait for one slow reader before its session ends. One message more is always taken, so that a
    /// large board can be sent at all.
    pub queue_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 600,
            document: 32 << 20,
            rows: 256,
            appended: 1 << 20,
            backlog: 4 << 20,
            queue: 1024,
            queue_bytes: 8 << 20,
        }
    }
}

/// How many awareness messages a session may send at once, and per second in the long run. A moving cursor needs about
/// 20; everything is relayed to everybody. What is over is dropped: clients repeat their state every 15 s.
const AWARENESS: Rate = Rate { burst: 60, per_second: 30 };

/// How often a session may ask for what it lacks: each answer can cost the encoding of the whole document. Clients ask once
/// when they connect, and some again every few seconds. Who asks more is closed.
const QUESTIONS: Rate = Rate { burst: 20, per_second: 1 };

#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: u32,
    per_second: u32,
}

/// Counts against a rate.
#[derive(Debug)]
struct Bucket {
    rate: Rate,
    /// In thousandths.
    tokens: u32,
    /// Milliseconds of the clock when they were counted.
    counted: u64,
}

impl Bucket {
    fn new(rate: Rate) -> Self {
        Self { rate, tokens: rate.burst * 1000, counted: 0 }
    }

    fn take(&mut self, now: Now) -> bool {
        let ms = u64::try_from(now.mono.as_millis()).unwrap_or(u64::MAX);
        let since = u32::try_from(ms.saturating_sub(self.counted)).unwrap_or(u32::MAX);
        self.counted = ms;
        let more = since.saturating_mul(self.rate.per_second);
        self.tokens = self.tokens.saturating_add(more).min(self.rate.burst * 1000);
        if self.tokens < 1000 {
            return false;
        }
        self.tokens -= 1000;
        true
    }
}

/// Something to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// A whole message.
    Message(Arc<[u8]>),
    /// Awareness. A newer state of the same client may replace one that still waits.
    Presence(Arc<[PresenceEntry]>),
}

/// What the shell must do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Queue this for a session.
    Send(SessionId, Outgoing),
    /// Append this to what is stored, then call [`Board::stored`]. Never more than one write at a time.
    Append(Vec<u8>),
    /// Replace what is stored by this, then call [`Board::stored`].
    Replace(Vec<u8>),
    /// The session is over; it is not in the board any more.
    Close(SessionId),
}

#[derive(Debug)]
struct Member {
    user: UserId,
    rights: BoardRights,
    /// Has been told that it may not write.
    denied: bool,
    /// Has been asked for what is missing and has not answered with something that could be applied.
    asked: bool,
    cursors: Bucket,
    questions: Bucket,
}

impl Member {
    fn parts(&self) -> Parts {
        Parts { drawing: self.rights.draw, pages: self.rights.pages }
    }
}

/// Changes on their way to the store, and what waits for them.
#[derive(Debug, Default)]
struct Batch {
    changes: Vec<Vec<u8>>,
    from: Vec<SessionId>,
    bytes: usize,
    /// Answers that show these changes.
    after: Vec<(SessionId, Arc<[u8]>)>,
}

/// A board with its sessions.
#[derive(Debug)]
pub struct Board {
    limits: Limits,
    document: Document,
    members: BTreeMap<SessionId, Member>,
    awareness: Awareness,
    /// Applied in memory, not yet given to the store.
    gathered: Batch,
    /// With the store; the bytes to broadcast afterwards.
    writing: Option<(Batch, Vec<u8>)>,
    /// Rows and bytes appended since the last snapshot.
    rows: usize,
    appended: usize,
}

impl Board {
    /// A board of a loaded document that is stored in so many rows.
    #[must_use]
    pub fn new(document: Document, rows: usize, limits: Limits) -> Self {
        let appended = if rows > 1 { document.size() } else { 0 };
        Self {
            limits,
            document,
            members: BTreeMap::new(),
            awareness: Awareness::default(),
            gathered: Batch::default(),
            writing: None,
            rows,
            appended,
        }
    }

    /// The document.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Somebody opens the board. They are told our state vector and who is here.
    ///
    /// # Errors
    /// `LimitReached` when there are too many already.
    pub fn connect(&mut self, session: SessionId, user: UserId, rights: BoardRights) -> Result<Vec<Effect>> {
        if self.members.len() >= self.limits.sessions {
            return Err(Error::new(Kind::LimitReached, "too many are looking at this board"));
        }
        let (cursors, questions) = (Bucket::new(AWARENESS), Bucket::new(QUESTIONS));
        self.members.insert(session, Member { user, rights, denied: false, asked: false, cursors, questions });
        let mut effects = vec![Effect::Send(session, Outgoing::Message(wire::step_1(&self.document.state_vector())))];
        effects.extend(self.everybody(session));
        Ok(effects)
    }

    fn everybody(&self, to: SessionId) -> Option<Effect> {
        let all = self.awareness.all();
        (!all.is_empty()).then(|| Effect::Send(to, Outgoing::Presence(all.into())))
    }

    /// A session said something.
    ///
    /// # Errors
    /// `BadInput` for what is no message, `LimitReached` when the document is full: call [`Board::disconnect`].
    /// `Internal`: the document is broken, and with it the board; call [`Board::fail`] and forget it.
    pub fn message(&mut self, session: SessionId, bytes: &[u8], now: Now) -> Result<Vec<Effect>> {
        let bad = |why| Error::bad_input("message", why);
        let Some(member) = self.members.get_mut(&session) else { return Ok(Vec::new()) };
        match wire::read(bytes).map_err(bad)? {
            Incoming::Step1(state_vector) => {
                if !member.questions.take(now) {
                    return Err(Error::new(Kind::LimitReached, "asks for the board too often"));
                }
                let answer = self.document.answer(state_vector).map_err(bad)?;
                Ok(self.when_stored(session, answer))
            }
            Incoming::Step2(update) => self.change(session, update, true),
            Incoming::Update(update) => self.change(session, update, false),
            Incoming::Query => Ok(self.everybody(session).into_iter().collect()),
            Incoming::Awareness(entries) => {
                if !self.awareness.concerns(&member.user, &entries) || !member.cursors.take(now) {
                    return Ok(Vec::new());
                }
                let told = self.awareness.hear(session, &member.user, entries);
                let mut effects = self.relay(session, told.relay);
                if !told.back.is_empty() {
                    effects.push(Effect::Send(session, Outgoing::Presence(told.back.into())));
                }
                Ok(effects)
            }
        }
    }

    /// An answer may show changes that are not stored yet: it waits for them.
    fn when_stored(&mut self, session: SessionId, answer: Arc<[u8]>) -> Vec<Effect> {
        if !self.gathered.changes.is_empty() {
            self.gathered.after.push((session, answer));
        } else if let Some((batch, _)) = &mut self.writing {
            batch.after.push((session, answer));
        } else {
            return vec![Effect::Send(session, Outgoing::Message(answer))];
        }
        Vec::new()
    }

    fn change(&mut self, session: SessionId, update: &[u8], answers: bool) -> Result<Vec<Effect>> {
        let Some(member) = self.members.get_mut(&session) else { return Ok(Vec::new()) };
        let applied =
            self.document.apply(update, member.parts(), self.limits.document).map_err(|failed| match failed {
                Failed::Malformed(why) => Error::bad_input("message", why),
                Failed::Full => Error::new(Kind::LimitReached, "the board is full"),
                Failed::Broken(why) => Error::internal_error(why),
            })?;
        let may_write = member.parts() != Parts::default();
        let mut effects = Vec::new();
        match applied {
            Applied::Nothing => member.asked &= !answers,
            Applied::Changed(change) => {
                member.asked &= !answers;
                self.gathered.bytes += change.len();
                self.gathered.changes.push(change);
                if !self.gathered.from.contains(&session) {
                    self.gathered.from.push(session);
                }
                effects.extend(self.next_write());
            }
            // A change before this one was lost or refused. The client has it still: it is asked for everything, once.
            Applied::Missing if may_write && !answers => {
                if !std::mem::replace(&mut member.asked, true) {
                    let ask = wire::step_1(&self.document.state_vector());
                    effects.push(Effect::Send(session, Outgoing::Message(ask)));
                }
            }
            Applied::Missing => effects.extend(deny(session, member, "changes cannot be taken")),
            Applied::Refused(why) => effects.extend(deny(session, member, why)),
        }
        Ok(effects)
    }

    fn relay(&self, from: SessionId, entries: Vec<PresenceEntry>) -> Vec<Effect> {
        if entries.is_empty() {
            return Vec::new();
        }
        let entries: Arc<[PresenceEntry]> = entries.into();
        let others = self.members.keys().filter(|s| **s != from);
        others.map(|s| Effect::Send(*s, Outgoing::Presence(entries.clone()))).collect()
    }

    /// Hands what was gathered to the store, unless something is there already.
    fn next_write(&mut self) -> Option<Effect> {
        if self.writing.is_some() || self.gathered.changes.is_empty() {
            return None;
        }
        let batch = std::mem::take(&mut self.gathered);
        let merged = match batch.changes.as_slice() {
            [one] => one.clone(),
            // The whole says everything that the changes say, only longer.
            many => yrs::merge_updates_v1(many).unwrap_or_else(|_| self.document.snapshot()),
        };
        self.rows += 1;
        self.appended += merged.len();
        let write = if self.rows > self.limits.rows
            || (self.appended > self.limits.appended && self.appended > self.document.size() / 2)
        {
            self.rows = 1;
            self.appended = 0;
            Effect::Replace(self.document.snapshot())
        } else {
            Effect::Append(merged.clone())
        };
        self.writing = Some((batch, merged));
        Some(write)
    }

    /// The write is done: now everybody may see it.
    pub fn stored(&mut self) -> Vec<Effect> {
        let Some((batch, merged)) = self.writing.take() else { return Vec::new() };
        let message = Outgoing::Message(wire::update(&merged));
        // A session that is one of several sources gets its own changes back, which says nothing new to it.
        let only = match batch.from.as_slice() {
            [one] => Some(*one),
            _ => None,
        };
        let others = self.members.keys().filter(|s| Some(**s) != only);
        let mut effects: Vec<Effect> = others.map(|s| Effect::Send(*s, message.clone())).collect();
        let answers = batch.after.into_iter().filter(|(s, _)| self.members.contains_key(s));
        effects.extend(answers.map(|(s, answer)| Effect::Send(s, Outgoing::Message(answer))));
        effects.extend(self.next_write());
        effects
    }

    /// A user's rights changed; `None` ends the user's sessions.
    pub fn set_rights(&mut self, user: &UserId, rights: Option<BoardRights>) -> Vec<Effect> {
        let of_user = |(s, m): (&SessionId, &Member)| (m.user == *user).then_some(*s);
        let sessions: Vec<SessionId> = self.members.iter().filter_map(of_user).collect();
        let mut effects = Vec::new();
        for session in sessions {
            match (rights, self.members.get_mut(&session)) {
                (Some(rights), Some(member)) if member.rights != rights => {
                    member.rights = rights;
                    member.denied = false;
                    member.asked = false;
                }
                (Some(_), _) => {}
                (None, _) => {
                    effects.extend(self.disconnect(session));
                    effects.push(Effect::Close(session));
                }
            }
        }
        effects
    }

    /// A session ended.
    pub fn disconnect(&mut self, session: SessionId) -> Vec<Effect> {
        if self.members.remove(&session).is_none() {
            return Vec::new();
        }
        let left = self.awareness.leave(session);
        self.relay(session, left)
    }

    /// The store failed, or the document is broken, or the class is gone: everybody is closed. Clients that reconnect
    /// bring what was not stored.
    pub fn fail(&mut self) -> Vec<Effect> {
        self.gathered = Batch::default();
        self.writing = None;
        std::mem::take(&mut self.members).into_keys().map(Effect::Close).collect()
    }

    /// How many bytes of changes are not stored yet.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.gathered.bytes + self.writing.as_ref().map_or(0, |(batch, _)| batch.bytes)
    }

    /// True if nobody is here and everything is stored: the board can be forgotten.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.members.is_empty() && self.writing.is_none() && self.gathered.changes.is_empty()
    }
}

fn deny(session: SessionId, member: &mut Member, why: &str) -> Option<Effect> {
    let first = !std::mem::replace(&mut member.denied, true);
    first.then(|| Effect::Send(session, Outgoing::Message(wire::denied(why))))
}
