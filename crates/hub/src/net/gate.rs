//! How often an address may open sockets, looked at before the upgrade (hub.md 5.6).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::engine::{Bucket, Rate};

/// Addresses remembered. When they are all in use at once, new ones are let in uncounted: the hub's other bounds hold.
const MAX_ADDRESSES: usize = 65_536;

pub(super) struct Gate {
    rate: Rate,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Gate {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, buckets: Mutex::new(HashMap::new()) }
    }

    /// `now` in milliseconds of the monotonic clock.
    pub(super) fn admits(&self, from: IpAddr, now: u64) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_ADDRESSES {
            buckets.retain(|_, b| !b.is_full(self.rate, now));
        }
        let from = network(from);
        if buckets.len() >= MAX_ADDRESSES && !buckets.contains_key(&from) {
            return true;
        }
        buckets.entry(from).or_insert_with(|| Bucket::full(self.rate, now)).take(self.rate, now)
    }
}

/// An IPv6 client owns a /64 at least.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => IpAddr::from((u128::from(v6) >> 64 << 64).to_be_bytes()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_rate_each_and_networks_of_ipv6_share_one() {
        let gate = Gate::new(Rate { per_sec: 1, burst: 2 });
        let ip = |s: &str| s.parse::<IpAddr>().unwrap();
        let got: Vec<bool> = [0, 0, 0, 1000, 1000].into_iter().map(|ms| gate.admits(ip("10.0.0.1"), ms)).collect();
        assert_eq!(got, [true, true, false, true, false]);
        assert!(gate.admits(ip("10.0.0.2"), 1000));
        assert!(gate.admits(ip("2001:db8::1"), 0) && gate.admits(ip("2001:db8::2"), 0));
        assert!(!gate.admits(ip("2001:db8::3"), 0));
        assert!(gate.admits(ip("2001:db8:0:1::3"), 0));
    }
}
