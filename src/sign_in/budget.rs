//! Budgets of calls for everybody who can be told apart.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{clock::Now, limiter::TokenBucket};

/// How many are known.
const MAX_KNOWN: usize = 10_000;

/// The calls of each. Bounded: where there are too many, the one that was idle for longest is forgotten.
#[derive(Debug)]
pub(super) struct EachOnesBudget<K> {
    full: TokenBucket,
    buckets: Mutex<HashMap<K, Calls>>,
}

#[derive(Debug)]
struct Calls {
    bucket: TokenBucket,
    last: Now,
}

impl<K: Clone + Eq + Hash> EachOnesBudget<K> {
    /// A budget of `burst` calls at once, and one more after each interval.
    pub(super) fn new(burst: u32, interval: Duration) -> Self {
        Self {
            full: TokenBucket::new(burst, interval),
            buckets: Mutex::default(),
        }
    }

    /// Takes a call of somebody's.
    ///
    /// # Errors
    ///
    /// How long to wait, where none is left.
    pub(super) fn take(&self, who: K, now: Now) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_KNOWN && !buckets.contains_key(&who) {
            let full = self.full.clone().left(&now);
            buckets.retain(|_, calls| calls.bucket.left(&now) < full);
            if buckets.len() >= MAX_KNOWN {
                let idle = buckets.iter().min_by_key(|(_, calls)| calls.last.mono);
                if let Some(idle) = idle.map(|(who, _)| who.clone()) {
                    buckets.remove(&idle);
                }
            }
        }
        let calls = buckets.entry(who).or_insert_with(|| Calls {
            bucket: self.full.clone(),
            last: now,
        });
        calls.last = now;
        calls.bucket.take(&now)
    }
}

/// The network that one person has: an IPv4 address, or the /64 of an IPv6 one.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & (u128::MAX << 64);
            Ipv6Addr::from(network).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn an_address_has_twenty_calls_and_one_more_after_three_seconds() {
        let budget = EachOnesBudget::new(20, Duration::from_secs(3));
        let now = Clock::System.now();
        let one = [192, 0, 2, 1];
        for _ in 0..20 {
            budget.take(one, now).unwrap();
        }
        assert_eq!(budget.take(one, now), Err(Duration::from_secs(3)));
        budget.take([192, 0, 2, 2], now).unwrap();
        let later = now.later(Duration::from_secs(3));
        budget.take(one, later).unwrap();
        assert!(budget.take(one, later).is_err());
    }

    #[test]
    fn whoever_has_a_network_of_addresses_has_one_budget() {
        let same = |a: &str, b: &str| network(a.parse().unwrap()) == network(b.parse().unwrap());
        assert!(same("2001:db8::1", "2001:db8::ffff:1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }

    #[test]
    fn ten_thousand_addresses_are_known_and_the_busy_ones_stay() {
        let budget = EachOnesBudget::new(20, Duration::from_secs(3));
        let now = Clock::System.now();
        let busy = [203, 0, 113, 9];
        let later = now.later(Duration::from_secs(1));
        for number in 0..20_000_u32 {
            budget.take(number.to_be_bytes(), now).unwrap();
            if number < 20 {
                budget.take(busy, later).unwrap();
            }
        }
        assert_eq!(budget.buckets.lock().unwrap().len(), MAX_KNOWN);
        assert!(budget.take(busy, later).is_err(), "it was not forgotten");
    }
}
