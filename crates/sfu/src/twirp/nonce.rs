//! SendData calls that were seen already.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use stoa_core::id::ChannelKey;

/// How long a nonce counts. Server SDKs repeat a call within seconds, over another region or after a time-out.
const KEPT: Duration = Duration::from_secs(60);
/// How many are remembered; a busier server forgets them earlier.
const MOST: usize = 4096;
/// SDKs send 16 bytes; of a longer one only the beginning counts.
const LONGEST: usize = 64;

type Key = (ChannelKey, Vec<u8>);

/// The nonces of the last minute.
#[derive(Debug, Default)]
pub(super) struct Nonces {
    known: BTreeSet<Key>,
    order: VecDeque<(Duration, Key)>,
}

impl Nonces {
    /// False = this one was here. An empty nonce is no nonce.
    pub fn is_new(&mut self, now: Duration, channel: &ChannelKey, nonce: &[u8]) -> bool {
        while self.order.front().is_some_and(|(at, _)| now.saturating_sub(*at) >= KEPT) || self.order.len() >= MOST {
            if let Some((_, key)) = self.order.pop_front() {
                self.known.remove(&key);
            }
        }
        if nonce.is_empty() {
            return true;
        }
        let key = (channel.clone(), nonce[..nonce.len().min(LONGEST)].to_vec());
        let new = self.known.insert(key.clone());
        if new {
            self.order.push_back((now, key));
        }
        new
    }

    /// The call failed: a repetition shall be tried.
    pub fn forget(&mut self, channel: &ChannelKey, nonce: &[u8]) {
        let key = (channel.clone(), nonce[..nonce.len().min(LONGEST)].to_vec());
        if self.known.remove(&key) {
            self.order.retain(|(_, k)| *k != key);
        }
    }
}

#[cfg(test)]
mod tests {
    use stoa_core::id::{AppId, ChannelName};

    use super::*;

    #[test]
    fn a_nonce_counts_once_per_channel_and_minute() {
        let key = |app| ChannelKey { app: AppId(app), name: ChannelName::new("r").unwrap() };
        let secs = Duration::from_secs;
        let mut n = Nonces::default();
        assert!(n.is_new(secs(0), &key(1), b"a"));
        assert!(!n.is_new(secs(59), &key(1), b"a"));
        assert!(n.is_new(secs(59), &key(2), b"a"));
        assert!(n.is_new(secs(60), &key(1), b"a"), "a minute later");
        n.forget(&key(1), b"a");
        assert!(n.is_new(secs(60), &key(1), b"a"));
        assert!(n.is_new(secs(60), &key(1), b"") && n.is_new(secs(60), &key(1), b""));
        for i in 0..10_000u32 {
            assert!(n.is_new(secs(61), &key(1), &i.to_be_bytes()));
        }
        assert!(n.order.len() <= MOST && n.known.len() == n.order.len());
    }
}
