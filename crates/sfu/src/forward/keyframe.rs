//! When to ask a publisher for a key frame: merged over all subscribers, throttled, repeated while somebody
//! waits (media.md 6.3). One [`Requester`] per track and layer.

use std::time::Duration;

/// Least time between two requests for the lowest layer (LiveKit's default). Shorter starts and switches
/// faster; longer spares the publisher's uplink, where each key frame is many times a usual frame.
pub const THROTTLE_LOW: Duration = Duration::from_millis(500);
/// The same for the middle and high layers, whose key frames are dearer.
pub const THROTTLE_HIGHER: Duration = Duration::from_secs(1);
/// Longest pause between repeated requests. A publisher whose encoder is stopped is asked that seldom.
pub const MAX_PAUSE: Duration = Duration::from_secs(8);

/// Asks for key frames of one layer of one track.
#[derive(Debug, Clone)]
pub struct Requester {
    throttle: Duration,
    last_sent: Option<Duration>,
    /// When to send again; set exactly while somebody waits.
    next: Option<Duration>,
    /// Pause after the next request.
    pause: Duration,
}

impl Requester {
    /// For layer 0, 1 or 2 of a track.
    #[must_use]
    pub fn new(layer: u8) -> Self {
        let throttle = if layer == 0 { THROTTLE_LOW } else { THROTTLE_HIGHER };
        Self { throttle, last_sent: None, next: None, pause: throttle }
    }

    /// Somebody needs a key frame. True = send a request now; otherwise one is under way, or [`Self::poll`]
    /// will send it as soon as the throttle allows.
    #[must_use]
    pub fn ask(&mut self, now: Duration) -> bool {
        let earliest = self.last_sent.map_or(now, |t| t + self.throttle);
        // A newcomer does not wait out a back-off that others ran into.
        self.next = Some(self.next.map_or(earliest, |next| next.min(earliest)));
        self.poll(now)
    }

    /// True = send a request now. To be called at [`Self::deadline`].
    #[must_use]
    pub fn poll(&mut self, now: Duration) -> bool {
        if self.next.is_none_or(|next| now < next) {
            return false;
        }
        self.last_sent = Some(now);
        self.next = Some(now + self.pause);
        self.pause = (self.pause * 2).min(MAX_PAUSE);
        true
    }

    /// A key frame of this layer came in: nobody waits any more.
    pub fn arrived(&mut self) {
        self.settle();
    }

    /// Nobody waits any more for other reasons: unsubscribed, muted, the layer died.
    pub fn cancel(&mut self) {
        self.settle();
    }

    /// When [`Self::poll`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.next
    }

    fn settle(&mut self) {
        self.next = None;
        self.pause = self.throttle;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn requests_of_many_subscribers_become_one() {
        let mut r = Requester::new(0);
        assert!(r.ask(ms(1000)));
        assert!((1001..1500).all(|t| !r.ask(ms(t))));
        r.arrived();
        assert_eq!(r.deadline(), None);
        assert!(!r.ask(ms(1400)), "within the throttle");
        assert_eq!(r.deadline(), Some(ms(1500)));
        assert!(r.poll(ms(1500)));
    }

    #[test]
    fn repeats_come_at_growing_pauses_until_a_key_frame_arrives() {
        let mut r = Requester::new(1);
        let mut sent = vec![];
        assert!(r.ask(ms(0)));
        while sent.len() < 6 {
            let at = r.deadline().unwrap();
            assert!(!r.poll(at - ms(1)));
            assert!(r.poll(at));
            sent.push(at.as_secs());
        }
        assert_eq!(sent, [1, 3, 7, 15, 23, 31]);
        assert!(r.ask(Duration::from_secs(33)), "a newcomer waits for the throttle only");
        r.arrived();
        assert!(!r.poll(Duration::from_secs(1000)));
        assert!(r.ask(Duration::from_secs(1000)));
        assert_eq!(r.deadline(), Some(Duration::from_secs(1001)), "the pause starts small again");
    }

    proptest! {
        #[test]
        fn no_storm_gets_more_through_than_the_throttle_allows(
            steps in prop::collection::vec((0u64..200, 0u8..4), 1..400), layer in 0u8..3,
        ) {
            let mut r = Requester::new(layer);
            let (mut now, mut last) = (ms(0), None::<Duration>);
            for (dt, what) in steps {
                now += ms(dt);
                let send = match what {
                    0 | 1 => r.ask(now),
                    2 => r.poll(now),
                    _ => { r.arrived(); false }
                };
                if send {
                    let throttle = if layer == 0 { THROTTLE_LOW } else { THROTTLE_HIGHER };
                    prop_assert!(last.is_none_or(|l| now - l >= throttle));
                    last = Some(now);
                }
            }
        }
    }
}
