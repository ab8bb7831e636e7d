//! What a channel was told lately, so that no join admitted before slips in after (media.md 1.6).
//!
//! Between the answer of admission and the insertion of a participant a standing may change, a kick may happen, the
//! channel may end. Nobody is there yet to be told, so the shard remembers it for longer than such a join can take.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stoa_core::id::{ChannelKey, UserId};
use stoa_core::media::{Claims, Judge, Refused, Standing};
use stoa_core::time::{Now, UnixMs};

use crate::room::silenced;

/// How long it is remembered. Admission may take 1 s and the shard's queue some more; longer costs memory only.
const REMEMBER: Duration = Duration::from_secs(15);
/// Marks of kicks are kept at least so long, and up to the end of the ban but at most [`MAX_MARK`]: admission knows
/// them durably, this is the second lock.
const MIN_MARK: Duration = Duration::from_secs(60);
const MAX_MARK: Duration = Duration::from_secs(3600);
/// Entries over all channels. Beyond it the oldest half of the remembered time goes.
const MAX_ENTRIES: usize = 200_000;

struct Mark {
    not_before_secs: i64,
    at: Duration,
    until: UnixMs,
    forget: Duration,
}

#[derive(Default)]
struct Channel {
    rights: BTreeMap<UserId, (Arc<dyn Judge>, Duration)>,
    marks: BTreeMap<UserId, Mark>,
    silence: Option<(u64, Duration)>,
    ended: Option<Duration>,
}

/// Recent commands of all channels of a shard, and which of them live.
#[derive(Default)]
pub(crate) struct Memory {
    channels: BTreeMap<ChannelKey, Channel>,
    entries: usize,
    live: BTreeSet<ChannelKey>,
}

/// The memory of a shard as whoever commands it sees it: what concerns a channel without anybody in it is only
/// remembered, and need not wait for the shard's thread.
#[derive(Clone, Default)]
pub(crate) struct SharedMemory(Arc<Mutex<Memory>>);

impl SharedMemory {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    /// Somebody may be in the channel from now on. A joiner is judged under the same lock, so that rights set meanwhile
    /// are either seen by it or told to the channel.
    pub(crate) fn opened(&mut self, key: &ChannelKey) {
        if !self.live.contains(key) {
            self.live.insert(key.clone());
        }
    }

    pub(crate) fn closed(&mut self, key: &ChannelKey) {
        self.live.remove(key);
    }

    /// Whether somebody may be in the channel.
    pub(crate) fn lives(&self, key: &ChannelKey) -> bool {
        self.live.contains(key)
    }

    pub(crate) fn rights(&mut self, now: Now, key: &ChannelKey, user: &UserId, rights: &Arc<dyn Judge>) {
        let known = &mut self.channels.entry(key.clone()).or_default().rights;
        if known.get(user).is_none_or(|(r, _)| r.revision() <= rights.revision()) {
            known.insert(user.clone(), (rights.clone(), now.mono));
            self.entries += 1;
        }
        self.bound(now);
    }

    pub(crate) fn silence(&mut self, now: Now, key: &ChannelKey, revision: u64) {
        let channel = self.channels.entry(key.clone()).or_default();
        let revision = channel.silence.map_or(revision, |(r, _)| r.max(revision));
        channel.silence = Some((revision, now.mono));
    }

    pub(crate) fn ended(&mut self, now: Now, key: &ChannelKey) {
        let channel = self.channels.entry(key.clone()).or_default();
        // What was decided in it died with it: a later channel of the name counts its versions anew, from below these.
        self.entries = self.entries.saturating_sub(channel.rights.len());
        channel.rights.clear();
        channel.silence = None;
        channel.ended = Some(now.mono);
    }

    pub(crate) fn removed(&mut self, now: Now, key: &ChannelKey, user: &UserId, not_before_secs: i64, until: UnixMs) {
        let left = u64::try_from(until.0.saturating_sub(now.wall.0)).unwrap_or(0);
        let keep = Duration::from_millis(left).clamp(MIN_MARK, MAX_MARK);
        let mark = Mark { not_before_secs, at: now.mono, until, forget: now.mono + keep };
        self.channels.entry(key.clone()).or_default().marks.insert(user.clone(), mark);
        self.entries += 1;
        self.bound(now);
    }

    /// Judges somebody whom admission let in when asked at `asked`: the newest word wins.
    pub(crate) fn judge(
        &self,
        now: Now,
        key: &ChannelKey,
        user: &UserId,
        claims: &Claims,
        asked: Duration,
        standing: &mut Standing,
    ) -> Result<(), Refused> {
        let Some(channel) = self.channels.get(key) else { return Ok(()) };
        if channel.ended.is_some_and(|at| at >= asked) {
            return Err(Refused::NoSuchChannel);
        }
        if let Some(mark) = channel.marks.get(user) {
            // Asked after it, admission knew of the ban, and of its end too if somebody lifted it.
            if mark.at >= asked && mark.until > now.wall {
                return Err(Refused::Banned(mark.until));
            }
            if claims.nbf_secs < mark.not_before_secs {
                return Err(Refused::Revoked);
            }
        }
        // Of the same revision, what came while admission was asked is the newer: a mute that ran out grants anew.
        let newer = |(rights, at): &&(Arc<dyn Judge>, Duration)| {
            rights.revision() > standing.revision || (rights.revision() == standing.revision && *at >= asked)
        };
        if let Some((rights, _)) = channel.rights.get(user).filter(newer) {
            *standing = rights.standing(claims);
        }
        if let Some((revision, _)) = channel.silence.filter(|(r, _)| standing.revision < *r) {
            *standing = silenced(standing, revision);
        }
        Ok(())
    }

    /// Forgets what no join under way can need.
    pub(crate) fn purge(&mut self, now: Now) {
        self.forget_older(now, REMEMBER);
    }

    fn bound(&mut self, now: Now) {
        if self.entries > MAX_ENTRIES {
            self.forget_older(now, REMEMBER / 2);
        }
    }

    fn forget_older(&mut self, now: Now, age: Duration) {
        let fresh = |at: Duration| now.mono.saturating_sub(at) < age;
        self.channels.retain(|_, c| {
            c.rights.retain(|_, (_, at)| fresh(*at));
            c.marks.retain(|_, m| now.mono < m.forget);
            c.silence = c.silence.filter(|(_, at)| fresh(*at));
            c.ended = c.ended.filter(|at| fresh(*at));
            !(c.rights.is_empty() && c.marks.is_empty() && c.silence.is_none() && c.ended.is_none())
        });
        self.entries = self.channels.values().map(|c| c.rights.len() + c.marks.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use stoa_core::id::{AppId, ChannelName};
    use stoa_core::media::{Muted, Permission};

    use super::*;

    fn at(secs: u64) -> Now {
        Now { wall: UnixMs::from_secs(1_000_000 + secs.cast_signed()), mono: Duration::from_secs(secs) }
    }

    fn standing(revision: u64, publish: bool) -> Standing {
        let permission = Permission { publish, ..Permission::listener() };
        Standing { permission, muted: Muted::default(), attributes: BTreeMap::new(), revision }
    }

    fn judge(standing: Standing) -> Arc<dyn Judge> {
        Arc::new(standing)
    }

    fn nbf(nbf_secs: i64) -> Claims {
        Claims { nbf_secs, ..Claims::default() }
    }

    fn place() -> (ChannelKey, UserId) {
        (ChannelKey { app: AppId(1), name: ChannelName::new("r").unwrap() }, UserId::new("u").unwrap())
    }

    #[test]
    fn the_newest_standing_wins_whichever_way_it_came() {
        let (key, user) = place();
        let mut m = Memory::default();
        m.rights(at(1), &key, &user, &judge(standing(5, false)));
        let mut asked = standing(4, true);
        m.judge(at(1), &key, &user, &nbf(0), at(1).mono, &mut asked).unwrap();
        assert_eq!(asked, standing(5, false));
        let mut asked = standing(6, true);
        m.judge(at(1), &key, &user, &nbf(0), at(1).mono, &mut asked).unwrap();
        assert!(asked.permission.publish);
        m.silence(at(2), &key, 7);
        m.judge(at(2), &key, &user, &nbf(0), at(1).mono, &mut asked).unwrap();
        assert!(!asked.permission.publish);
    }

    #[test]
    fn of_equal_revisions_the_one_that_came_during_the_question_wins_and_is_judged_by_the_joiners_claims() {
        /// Publishing is what the token says.
        #[derive(Debug)]
        struct AsTheTokenSays;
        impl Judge for AsTheTokenSays {
            fn revision(&self) -> u64 {
                5
            }
            fn standing(&self, claims: &Claims) -> Standing {
                standing(5, claims.can_publish == Some(true))
            }
        }
        let (key, user) = place();
        let mut m = Memory::default();
        m.rights(at(2), &key, &user, &judge(standing(5, false)));
        let rights: Arc<dyn Judge> = Arc::new(AsTheTokenSays);
        m.rights(at(2), &key, &user, &rights);
        let claims = |can_publish| Claims { can_publish: Some(can_publish), ..Claims::default() };
        let judged = |asked: u64, can_publish| {
            let mut s = standing(5, false);
            m.judge(at(2), &key, &user, &claims(can_publish), at(asked).mono, &mut s).unwrap();
            s.permission.publish
        };
        assert!(judged(1, true) && !judged(1, false));
        assert!(!judged(3, true), "asked afterwards, admission knew");
    }

    #[test]
    fn a_kick_or_an_end_in_between_refuses() {
        let (key, user) = place();
        let mut m = Memory::default();
        let mut s = standing(1, true);
        m.removed(at(2), &key, &user, 1_000_003, at(0).wall);
        assert_eq!(m.judge(at(2), &key, &user, &nbf(1_000_002), at(1).mono, &mut s), Err(Refused::Revoked));
        assert_eq!(m.judge(at(2), &key, &user, &nbf(1_000_003), at(1).mono, &mut s), Ok(()));
        m.removed(at(2), &key, &user, 1_000_003, at(100).wall);
        assert_eq!(
            m.judge(at(3), &key, &user, &nbf(1_000_003), at(1).mono, &mut s),
            Err(Refused::Banned(at(100).wall))
        );
        assert_eq!(m.judge(at(3), &key, &user, &nbf(1_000_003), at(3).mono, &mut s), Ok(()), "admission knew better");
        let (other, _) = (ChannelKey { app: AppId(2), ..key.clone() }, ());
        m.ended(at(5), &other);
        assert_eq!(m.judge(at(5), &other, &user, &nbf(0), at(4).mono, &mut s), Err(Refused::NoSuchChannel));
        assert_eq!(m.judge(at(6), &other, &user, &nbf(0), at(6).mono, &mut s), Ok(()), "asked after the end");
    }

    #[test]
    fn a_later_channel_of_the_name_knows_nothing_of_the_one_that_ended() {
        let (key, user) = place();
        let mut m = Memory::default();
        m.rights(at(1), &key, &user, &judge(standing(5, false)));
        m.silence(at(1), &key, 6);
        m.ended(at(2), &key);
        let mut asked = standing(0, true);
        m.judge(at(3), &key, &user, &nbf(0), at(3).mono, &mut asked).unwrap();
        assert_eq!(asked, standing(0, true));
    }

    #[test]
    fn it_forgets() {
        let (key, user) = place();
        let mut m = Memory::default();
        m.rights(at(1), &key, &user, &judge(standing(5, false)));
        m.removed(at(1), &key, &user, 1, at(1).wall);
        m.purge(at(20));
        assert_eq!(m.entries, 1, "the mark stays a minute");
        m.purge(at(70));
        assert!(m.channels.is_empty());
    }
}
