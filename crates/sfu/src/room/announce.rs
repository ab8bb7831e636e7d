//! Which media line belongs to which announced track. Pure: no connection, no clock.
//!
//! A client announces a track and then offers a line for it, and both travel while rights change: a line may arrive whose
//! announcement was refused or withdrawn meanwhile, next to the announcement of another track. The client's track id
//! decides. Some clients' lines carry another id than they announced; such a line is found by being the only candidate,
//! which no line may be that is known to belong to something else.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use livekit_protocol as proto;

use crate::pc::{Kind, OfferLine};

/// Announcements that may wait for their line (media.md 5.6).
pub(super) const MAX_PENDING: usize = 16;
/// Client track ids that are remembered after their announcement came to nothing. Their lines arrive within a round trip
/// or never.
const MAX_RETIRED: usize = 64;
/// An announcement, and no offer for so long: the client's negotiation hangs. Its offer normally follows within a round
/// trip, or two when one is under way. Longer forgives slower links, shorter ends the silence sooner.
/// SDKs wait as long for a confirmation.
const STUCK_AFTER: Duration = Duration::from_secs(10);
/// How long an announcement is kept that seems to have been taken back before its line was offered.
const ABANDONED_AFTER: Duration = Duration::from_secs(30);

/// An announced track without a media line.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    /// The client's name of it, and further ones of its other codecs.
    pub cids: Vec<String>,
    pub info: proto::TrackInfo,
    pub kind: Kind,
    /// When it was announced, on the monotonic clock.
    pub since: Duration,
    /// A new line came since that does not send: most likely this track's, taken back before it was offered.
    pub given_up: bool,
}

/// What a client announced and what it offered, as far as the two have not found each other.
#[derive(Default)]
pub(crate) struct Announcements {
    pending: Vec<Pending>,
    /// Lines of the last offer that send and carry no track.
    held: Vec<OfferLine>,
    /// Lines that were matched and send on, as they looked then; also after their track was taken back.
    spent: Vec<OfferLine>,
    /// Ids of announcements that were refused or withdrawn.
    retired: VecDeque<String>,
    /// All lines of the last offer.
    mids: BTreeSet<String>,
    /// When that came.
    offered_at: Duration,
}

impl fmt::Debug for Announcements {
    /// Ids only, for the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pending = self.pending.iter().map(|k| k.info.sid.as_str());
        let held = self.held.iter().map(|l| (l.mid.as_str(), l.cid.as_deref().unwrap_or("-"), self.lags(l)));
        write!(f, "waiting {:?}, unmatched lines {:?}", pending.collect::<Vec<_>>(), held.collect::<Vec<_>>())
    }
}

impl Announcements {
    /// How many wait for their line.
    pub(crate) fn len(&self) -> usize {
        self.pending.len()
    }

    /// The announcement that goes by this id.
    pub(crate) fn by_cid(&self, cid: &str) -> Option<&Pending> {
        self.pending.iter().find(|k| k.cids.iter().any(|c| c == cid))
    }

    /// The announcement of this track.
    pub(crate) fn by_sid(&mut self, sid: &str) -> Option<&mut Pending> {
        self.pending.iter_mut().find(|k| k.info.sid == sid)
    }

    /// Takes in an announcement. An old line of a track announced again does not count before the client offers it anew:
    /// it may be about to take it back, and to offer another.
    pub(crate) fn add(&mut self, pending: Pending) {
        let mut held = std::mem::take(&mut self.held);
        held.retain(|l| !self.lags(l) || l.cid.as_ref().is_none_or(|cid| !pending.cids.contains(cid)));
        self.held = held;
        self.retired.retain(|c| !pending.cids.contains(c));
        self.pending.push(pending);
    }

    /// These ids were announced in vain: their lines are not another track's.
    pub(crate) fn retire(&mut self, cids: impl IntoIterator<Item = String>) {
        self.retired.extend(cids);
        self.retired.drain(..self.retired.len().saturating_sub(MAX_RETIRED));
    }

    /// Takes in the lines of a new offer. `carries` says which lines (by mid) carry a published track.
    pub(crate) fn offered(&mut self, now: Duration, lines: &[OfferLine], carries: impl Fn(&str) -> bool) {
        self.offered_at = now;
        let sending = |l: &OfferLine| lines.iter().any(|n| n.sending && n.mid == l.mid);
        // A line that stopped sending is free for another track, even under its old id.
        self.spent.retain(sending);
        let stopped: Vec<_> = self.held.iter().filter(|l| !sending(l)).filter_map(|l| l.cid.as_ref()).collect();
        self.retired.retain(|c| !stopped.contains(&c));
        self.held = lines.iter().filter(|l| l.sending && !carries(&l.mid)).cloned().collect();
        for line in lines.iter().filter(|l| !l.sending && !self.mids.contains(&l.mid)) {
            if let Some(pending) = self.pending.iter_mut().find(|k| k.kind == line.kind && !k.given_up) {
                pending.given_up = true;
            }
        }
        self.mids = lines.iter().map(|l| l.mid.clone()).collect();
    }

    /// The announcement that a line would get.
    pub(crate) fn for_line(&self, line: &OfferLine) -> Option<&Pending> {
        self.find(line).and_then(|i| self.pending.get(i))
    }

    /// Takes out a line and the announcement it belongs to.
    pub(crate) fn next_match(&mut self) -> Option<(OfferLine, Pending)> {
        let (line, pending) = self.held.iter().enumerate().find_map(|(i, l)| Some((i, self.find(l)?)))?;
        let line = self.held.remove(line);
        let pending = self.pending.remove(pending);
        self.spent.retain(|s| s.mid != line.mid);
        self.spent.push(line.clone());
        Some((line, pending))
    }

    /// Takes out the announcements that `keep` does not want.
    pub(crate) fn withdraw(&mut self, keep: impl Fn(&Pending) -> bool) -> Vec<Pending> {
        let (kept, gone): (Vec<_>, _) = std::mem::take(&mut self.pending).into_iter().partition(|k| keep(k));
        self.pending = kept;
        self.retire(gone.iter().flat_map(|k| k.cids.clone()));
        gone
    }

    /// Whether the client must have lost the thread: it announced a track and shows no line for it.
    pub(crate) fn stuck(&self, now: Duration) -> bool {
        let quiet = |k: &Pending| now.saturating_sub(k.since.max(self.offered_at)) >= STUCK_AFTER;
        self.pending.iter().any(|k| !k.given_up && quiet(k))
    }

    /// Takes out the announcements that no line will come for.
    pub(crate) fn abandoned(&mut self, now: Duration) -> Vec<Pending> {
        self.withdraw(|k| now.saturating_sub(k.since) < ABANDONED_AFTER)
    }

    /// Makes room for another announcement: the oldest one that seems given up goes at once.
    pub(crate) fn make_room(&mut self) -> Option<Pending> {
        let oldest = self.pending.iter().position(|k| k.given_up)?;
        let gone = self.pending.remove(oldest);
        self.retire(gone.cids.clone());
        Some(gone)
    }

    /// Whether the line is known to belong to something else than what is announced.
    fn lags(&self, line: &OfferLine) -> bool {
        let spent = self.spent.iter().any(|s| s.mid == line.mid && s.cid == line.cid);
        spent || line.cid.as_ref().is_some_and(|cid| self.retired.contains(cid))
    }

    /// The announcement a line belongs to: by the client's track id, else the only one of the kind for the only such line.
    fn find(&self, line: &OfferLine) -> Option<usize> {
        let named = |k: &Pending| line.cid.as_ref().is_some_and(|cid| k.kind == line.kind && k.cids.contains(cid));
        if let Some(i) = self.pending.iter().position(named) {
            return Some(i);
        }
        if self.lags(line) {
            return None;
        }
        let mut of_kind = self.pending.iter().enumerate().filter(|(_, k)| k.kind == line.kind);
        let only = of_kind.next()?;
        let lines = self.held.iter().filter(|l| l.kind == line.kind && !self.lags(l)).count();
        (of_kind.next().is_none() && lines == 1).then_some(only.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(100);

    fn line(mid: &str, cid: &str) -> OfferLine {
        OfferLine { mid: mid.into(), kind: Kind::Audio, cid: Some(cid.into()), sending: true }
    }

    fn quiet(mid: &str) -> OfferLine {
        OfferLine { cid: None, sending: false, ..line(mid, "") }
    }

    fn announced(cid: &str) -> Pending {
        let info = proto::TrackInfo { sid: format!("TR_{cid}"), ..Default::default() };
        Pending { cids: vec![cid.into()], info, kind: Kind::Audio, since: START, given_up: false }
    }

    /// Mid and announced id of everything that finds each other now.
    fn matched(a: &mut Announcements) -> Vec<(String, String)> {
        std::iter::from_fn(|| a.next_match()).map(|(l, k)| (l.mid, k.cids[0].clone())).collect()
    }

    fn pair(mid: &str, cid: &str) -> Vec<(String, String)> {
        vec![(mid.to_owned(), cid.to_owned())]
    }

    #[test]
    fn a_line_that_lags_behind_takes_no_new_announcement() {
        let mut a = Announcements::default();
        a.add(announced("a"));
        a.offered(START, &[line("0", "a")], |_| false);
        assert_eq!(matched(&mut a), pair("0", "a"));
        // Taken back by the server; the client does not know yet, and announces the next one.
        a.add(announced("b"));
        a.offered(START, &[line("0", "a")], |_| false);
        assert_eq!(matched(&mut a), []);
        a.offered(START, &[line("0", "a"), line("1", "b")], |_| false);
        assert_eq!(matched(&mut a), pair("1", "b"));
    }

    #[test]
    fn the_line_of_a_withdrawn_announcement_takes_no_other() {
        let mut a = Announcements::default();
        a.add(announced("a"));
        // The seat is left while the offer travels, and taken again.
        assert_eq!(a.withdraw(|_| false).len(), 1);
        a.offered(START, &[line("0", "a")], |_| false);
        a.add(announced("b"));
        assert_eq!(matched(&mut a), [], "the line is the first track's");
        a.offered(START, &[quiet("0"), line("1", "b")], |_| false);
        assert_eq!(matched(&mut a), pair("1", "b"));
    }

    #[test]
    fn nor_does_it_when_it_comes_after_the_other() {
        let mut a = Announcements::default();
        a.add(announced("a"));
        a.withdraw(|_| false);
        a.add(announced("b"));
        a.offered(START, &[line("0", "a")], |_| false);
        assert_eq!(matched(&mut a), []);
        a.offered(START, &[line("0", "a"), line("1", "b")], |_| false);
        assert_eq!(matched(&mut a), pair("1", "b"));
    }

    #[test]
    fn the_line_of_a_refused_announcement_waits_for_its_own() {
        let mut a = Announcements::default();
        a.retire(["a".to_owned()]);
        a.offered(START, &[line("0", "a")], |_| false);
        a.add(announced("b"));
        assert_eq!(matched(&mut a), []);
        a.add(announced("a"));
        a.offered(START, &[line("0", "a")], |_| false);
        assert_eq!(matched(&mut a), pair("0", "a"));
    }

    #[test]
    fn a_track_announced_again_takes_the_line_that_is_offered_then() {
        for (offer, mid) in [(vec![line("0", "a")], "0"), (vec![quiet("0"), line("1", "a")], "1")] {
            let mut a = Announcements::default();
            a.add(announced("a"));
            a.withdraw(|_| false);
            a.offered(START, &[line("0", "a")], |_| false);
            a.add(announced("a"));
            assert_eq!(matched(&mut a), [], "the line may be on its way out");
            a.offered(START, &offer, |_| false);
            assert_eq!(matched(&mut a), pair(mid, "a"));
        }
    }

    #[test]
    fn a_line_used_again_under_its_old_id_takes_the_new_announcement() {
        for withdrawn in [false, true] {
            let mut a = Announcements::default();
            a.add(announced("a"));
            if withdrawn {
                a.withdraw(|_| false);
            }
            a.offered(START, &[line("0", "a")], |_| false);
            assert_eq!(matched(&mut a).len(), usize::from(!withdrawn));
            a.offered(START, &[quiet("0")], |_| false);
            a.add(announced("b"));
            a.offered(START, &[line("0", "a")], |_| false);
            assert_eq!(matched(&mut a), pair("0", "b"));
        }
    }

    #[test]
    fn a_line_with_another_id_takes_the_only_announcement_of_its_kind() {
        let mut a = Announcements::default();
        a.add(announced("b"));
        a.add(announced("c"));
        a.offered(START, &[line("1", "backup")], |_| false);
        assert_eq!(matched(&mut a), [], "it could be either's");
        a.withdraw(|k| k.cids[0] == "b");
        assert_eq!(matched(&mut a), pair("1", "b"));
    }

    #[test]
    fn a_client_that_shows_no_line_is_stuck() {
        let mut a = Announcements::default();
        a.offered(START, &[quiet("0")], |_| false);
        a.add(announced("a"));
        let at = |s: u64| START + Duration::from_secs(s);
        assert!(!a.stuck(at(9)));
        assert!(a.stuck(at(10)));
        // An offer that was under way, or another track's line: it still negotiates, but not for this one.
        a.offered(at(2), &[quiet("0")], |_| false);
        a.add(announced("b"));
        a.offered(at(3), &[quiet("0"), line("1", "b")], |_| false);
        assert_eq!(matched(&mut a), pair("1", "b"));
        assert!(!a.stuck(at(12)));
        assert!(a.stuck(at(13)));
    }

    #[test]
    fn an_announcement_taken_back_before_its_line_was_offered_does_not_stay() {
        let mut a = Announcements::default();
        a.add(announced("a"));
        a.offered(START, &[quiet("0")], |_| false);
        let at = |s: u64| START + Duration::from_secs(s);
        assert!(!a.stuck(at(10)), "the client did negotiate");
        assert!(a.abandoned(at(29)).is_empty());
        assert_eq!(a.abandoned(at(30)).len(), 1);
        assert_eq!(a.len(), 0);
        // And makes room for others at any time.
        a.add(announced("b"));
        assert!(a.make_room().is_none());
        a.offered(START, &[quiet("0"), quiet("1")], |_| false);
        assert!(a.make_room().is_some_and(|k| k.cids == ["b"]));
        assert_eq!(a.len(), 0);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut a = Announcements::default();
        a.retire((0..1000).map(|i| i.to_string()));
        assert_eq!(a.retired.len(), MAX_RETIRED);
        assert!(a.retired.contains(&"999".to_owned()));
    }
}
