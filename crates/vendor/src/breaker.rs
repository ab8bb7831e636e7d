//! A circuit breaker as a state machine: it is told what time it is and how calls ended.
//!
//! Closed: calls pass; enough failures in a row open it. Open: no call passes until a pause is over, which doubles each
//! time. Half-open: one call passes; it decides.

use std::time::Duration;

use stoa_core::time::{Now, UnixMs};

/// When it opens and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Failures in a row that open it. Fewer spare callers waiting, more forgive a short disturbance.
    pub failures: u32,
    /// First pause.
    pub pause: Duration,
    /// Longest pause. Longer spares a vendor that is down, shorter finds it sooner when it is back.
    pub longest: Duration,
}

impl Default for Rule {
    fn default() -> Self {
        Self { failures: 5, pause: Duration::from_secs(5), longest: Duration::from_secs(60) }
    }
}

/// What it does with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Calls pass.
    Closed,
    /// None passes.
    Open,
    /// One passes and decides.
    HalfOpen,
}

impl State {
    /// A word for a label or a page.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The vendor answered, if only with a refusal.
    Answered,
    /// It did not, or with nonsense.
    Failed,
    /// Nobody waited for the end, or nothing was sent: says nothing about the vendor.
    Unknown,
}

/// The right to one call. Every one is handed back to [`Breaker::end`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    epoch: u64,
    probe: bool,
}

impl Ticket {
    /// It is the one call that decides; it is made once.
    #[must_use]
    pub fn is_probe(self) -> bool {
        self.probe
    }
}

#[derive(Debug, Clone, Copy)]
enum Inner {
    Closed { failures: u32 },
    Open { until: Duration },
    HalfOpen { probing: bool },
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Breaker {
    rule: Rule,
    inner: Inner,
    /// How often in a row it opened without closing between.
    times: u32,
    /// Counts changes of state: what began before the last one no longer counts.
    epoch: u64,
    since: UnixMs,
}

impl Breaker {
    /// A closed one.
    #[must_use]
    pub fn new(rule: Rule, now: Now) -> Self {
        Self { rule, inner: Inner::Closed { failures: 0 }, times: 0, epoch: 0, since: now.wall }
    }

    /// May a call be made now?
    pub fn admit(&mut self, now: Now) -> Option<Ticket> {
        match self.inner {
            Inner::Closed { .. } => Some(Ticket { epoch: self.epoch, probe: false }),
            Inner::Open { until } if now.mono < until => None,
            Inner::Open { .. } => {
                self.become_(Inner::HalfOpen { probing: true }, now);
                Some(Ticket { epoch: self.epoch, probe: true })
            }
            Inner::HalfOpen { probing: true } => None,
            Inner::HalfOpen { probing: false } => {
                self.inner = Inner::HalfOpen { probing: true };
                Some(Ticket { epoch: self.epoch, probe: true })
            }
        }
    }

    /// Is this right still good? Not after the state changed since it was given.
    #[must_use]
    pub fn holds(&self, ticket: Ticket) -> bool {
        ticket.epoch == self.epoch
    }

    /// A call ended.
    pub fn end(&mut self, ticket: Ticket, outcome: Outcome, now: Now) {
        if !self.holds(ticket) {
            return;
        }
        match (&mut self.inner, outcome) {
            (Inner::Closed { failures }, Outcome::Answered) => *failures = 0,
            (Inner::Closed { failures }, Outcome::Failed) => {
                *failures = failures.saturating_add(1);
                if *failures >= self.rule.failures {
                    self.open(now);
                }
            }
            (Inner::HalfOpen { .. }, Outcome::Answered) => {
                self.times = 0;
                self.become_(Inner::Closed { failures: 0 }, now);
            }
            (Inner::HalfOpen { .. }, Outcome::Failed) => self.open(now),
            (Inner::HalfOpen { probing }, Outcome::Unknown) => *probing = false,
            (Inner::Closed { .. }, Outcome::Unknown) | (Inner::Open { .. }, _) => {}
        }
    }

    /// What it does now. An open one whose pause is over stays open until somebody calls.
    #[must_use]
    pub fn state(&self) -> State {
        match self.inner {
            Inner::Closed { .. } => State::Closed,
            Inner::Open { .. } => State::Open,
            Inner::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// Since when.
    #[must_use]
    pub fn since(&self) -> UnixMs {
        self.since
    }

    fn open(&mut self, now: Now) {
        let pause = self.rule.pause.saturating_mul(1 << self.times.min(16)).min(self.rule.longest);
        self.times = self.times.saturating_add(1);
        self.become_(Inner::Open { until: now.mono.saturating_add(pause) }, now);
    }

    fn become_(&mut self, inner: Inner, now: Now) {
        self.inner = inner;
        self.epoch += 1;
        self.since = now.wall;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULE: Rule = Rule { failures: 3, pause: Duration::from_secs(5), longest: Duration::from_secs(12) };

    fn at(secs: u64) -> Now {
        Now { wall: UnixMs::from_secs(1_700_000_000 + i64::try_from(secs).unwrap()), mono: Duration::from_secs(secs) }
    }

    fn call(b: &mut Breaker, outcome: Outcome, secs: u64) -> bool {
        b.admit(at(secs)).inspect(|t| b.end(*t, outcome, at(secs))).is_some()
    }

    fn opened(secs: u64) -> Breaker {
        let mut b = Breaker::new(RULE, at(0));
        for _ in 0..3 {
            assert!(call(&mut b, Outcome::Failed, secs));
        }
        b
    }

    #[test]
    fn failures_in_a_row_open_it_others_do_not() {
        let mut b = Breaker::new(RULE, at(0));
        for outcome in [Outcome::Failed, Outcome::Failed, Outcome::Unknown, Outcome::Answered, Outcome::Failed] {
            assert!(call(&mut b, outcome, 1));
        }
        assert_eq!((b.state(), b.since()), (State::Closed, at(0).wall));
        assert!(call(&mut b, Outcome::Failed, 2) && call(&mut b, Outcome::Failed, 3));
        assert_eq!((b.state(), b.since()), (State::Open, at(3).wall));
        assert!(!call(&mut b, Outcome::Answered, 7));
    }

    #[test]
    fn half_open_lets_one_through_and_its_answer_closes() {
        let mut b = opened(0);
        let probe = b.admit(at(5)).unwrap();
        assert!(probe.is_probe());
        assert_eq!((b.state(), b.admit(at(100))), (State::HalfOpen, None));
        b.end(probe, Outcome::Answered, at(6));
        assert_eq!(b.state(), State::Closed);
        assert!(!b.admit(at(6)).unwrap().is_probe());
    }

    #[test]
    fn a_failed_probe_opens_for_twice_as_long_up_to_the_longest() {
        let mut b = opened(0);
        let mut now = 0;
        for pause in [5, 10, 12, 12] {
            assert!(b.admit(at(now + pause - 1)).is_none(), "{pause}");
            now += pause;
            assert!(call(&mut b, Outcome::Failed, now));
        }
        assert!(call(&mut b, Outcome::Answered, now + 12));
        for _ in 0..3 {
            call(&mut b, Outcome::Failed, 100);
        }
        assert!(b.admit(at(104)).is_none() && b.admit(at(105)).is_some());
    }

    #[test]
    fn an_abandoned_probe_makes_room_for_the_next() {
        let mut b = opened(0);
        let probe = b.admit(at(5)).unwrap();
        b.end(probe, Outcome::Unknown, at(6));
        assert_eq!(b.state(), State::HalfOpen);
        assert!(b.admit(at(6)).unwrap().is_probe());
    }

    #[test]
    fn calls_from_before_the_change_no_longer_count() {
        let mut b = Breaker::new(RULE, at(0));
        let (slow, slower) = (b.admit(at(0)).unwrap(), b.admit(at(0)).unwrap());
        for _ in 0..3 {
            call(&mut b, Outcome::Failed, 1);
        }
        assert!(!b.holds(slow));
        b.end(slow, Outcome::Answered, at(2));
        assert_eq!(b.state(), State::Open);
        let probe = b.admit(at(6)).unwrap();
        b.end(slower, Outcome::Failed, at(6));
        assert_eq!(b.state(), State::HalfOpen);
        b.end(probe, Outcome::Answered, at(6));
        assert_eq!(b.state(), State::Closed);
    }

    proptest! {
        #[test]
        fn never_two_probes_and_never_shut_for_ever(steps in prop::collection::vec((0u64..8, 0u8..4, any::<bool>()), 1..200)) {
            let mut b = Breaker::new(RULE, at(0));
            let (mut now, mut out) = (0, Vec::new());
            for (wait, outcome, oldest) in steps {
                now += wait;
                if outcome == 3 {
                    out.extend(b.admit(at(now)));
                } else if !out.is_empty() {
                    let ticket = out.remove(if oldest { 0 } else { out.len() - 1 });
                    b.end(ticket, [Outcome::Answered, Outcome::Failed, Outcome::Unknown][usize::from(outcome)], at(now));
                }
                prop_assert!(out.iter().filter(|t| t.is_probe() && b.holds(**t)).count() <= 1);
            }
            for ticket in out {
                b.end(ticket, Outcome::Unknown, at(now));
            }
            prop_assert!(b.admit(at(now + 12)).is_some());
        }
    }
}
