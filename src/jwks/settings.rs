//! The settings of the key cache.

use std::{fmt::Debug, time::Duration};

use super::policy::KeyPolicy;
use crate::error::Error;

/// The default of [`KeyCache::max_keys`].
pub(super) const MAX_KEYS: usize = 100;

/// The default of [`KeyCache::waiting_for_keys`].
const WAITING: usize = 64;

/// The default of [`KeyCache::max_body`].
const MAX_BODY: usize = 256 * 1024;

/// How fetched keys are cached: for how long, how often they are fetched, and how much of them is
/// taken. Set with [`DescopeBuilder::key_cache`](crate::DescopeBuilder::key_cache), which checks
/// nothing; [`DescopeBuilder::build`](crate::DescopeBuilder::build) names the first setting that is
/// out of its bounds.
///
/// ```
/// use std::time::Duration;
/// use tower_descope::{Descope, jwks::KeyCache};
///
/// let descope = Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z")
///     .key_cache(KeyCache::new().ttl(Duration::from_secs(300)).max_keys(20))
///     .build()?;
/// # Ok::<(), tower_descope::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct KeyCache {
    ttl: Duration,
    cool_down: Duration,
    stale_window: Duration,
    fetch_deadline: Duration,
    max_body: usize,
    max_keys: usize,
    waiting_for_keys: usize,
}

impl KeyCache {
    /// Starts with the defaults.
    pub fn new() -> Self {
        Self {
            ttl: Duration::from_secs(600),
            cool_down: Duration::from_secs(10),
            stale_window: Duration::from_secs(3_600),
            fetch_deadline: Duration::from_secs(3),
            max_body: MAX_BODY,
            max_keys: MAX_KEYS,
            waiting_for_keys: WAITING,
        }
    }

    /// How long fetched keys count as fresh. Default 600 seconds; from 10 to 86,400. They are
    /// refreshed in the background between 72% and 80% of it. A key that Descope removes is refused
    /// at the latest after this and one [`cool_down`](Self::cool_down) while Descope can be reached;
    /// where no usable key is left in the set, at the latest after twice this (with a cool-down of no
    /// more than half of it).
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// How often requests may cause a key fetch (for a `kid` not seen before, or without any
    /// keys): two at once, then one per this time. Default 10 seconds; from 1 to 300.
    pub fn cool_down(mut self, cool_down: Duration) -> Self {
        self.cool_down = cool_down;
        self
    }

    /// How long keys still serve after their [`ttl`](Self::ttl) when Descope cannot be reached, one
    /// [`cool_down`](Self::cool_down) at least; afterwards requests are answered 503. Default 3,600
    /// seconds; zero is allowed; at most 86,400.
    pub fn stale_window(mut self, window: Duration) -> Self {
        self.stale_window = window;
        self
    }

    /// The deadline of a whole key fetch, connecting and TLS included; no request waits longer for
    /// keys. Default 3 seconds; from 100 milliseconds to 30 seconds.
    pub fn fetch_deadline(mut self, deadline: Duration) -> Self {
        self.fetch_deadline = deadline;
        self
    }

    /// The largest answer of the key endpoint, in bytes; a larger one is a failed fetch. Default
    /// 262,144; from 1,024 to 4,194,304. A [source](super::JwksSource) of one's own bounds its
    /// answers itself.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// The most keys in a set, unusable ones included; a larger set is a failed fetch. Default 100;
    /// from 1 to 1,000. Holds for every source.
    pub fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = keys;
        self
    }

    /// The most tokens with an unknown key that wait for a key fetch at one time, of all requests
    /// and calls of the handle, while it has keys that may be used. Default 64; zero is allowed; at
    /// most 1,000,000. The next such token is answered 503 `keys_unavailable` with `Retry-After: 1`
    /// for as long as the fetch runs, and never 401, since the fetch may bring its key. Of several
    /// cookies of one request each takes a place.
    ///
    /// Tokens whose key is cached never wait, so the setting only decides how many strangers with
    /// made-up keys may stand about. Where no usable keys are cached, as at the start of a process,
    /// everybody waits for the first ones, however many. A request that waits holds no place of the
    /// service inside of [`TenantLayer`](crate::TenantLayer), but it counts against every limit
    /// *outside* of it (a `ConcurrencyLimit`, a server's limit of requests): keep this setting well
    /// below such a limit.
    pub fn waiting_for_keys(mut self, tokens: usize) -> Self {
        self.waiting_for_keys = tokens;
        self
    }

    /// Checks the bounds.
    ///
    /// # Errors
    ///
    /// For the first setting that is out of them.
    pub(crate) fn check(&self) -> Result<(), Error> {
        const SECOND: Duration = Duration::from_secs(1);
        const TENTH: Duration = Duration::from_millis(100);
        for (name, value, least, most) in [
            ("ttl", self.ttl, 10 * SECOND, 86_400 * SECOND),
            ("cool_down", self.cool_down, SECOND, 300 * SECOND),
            (
                "stale_window",
                self.stale_window,
                Duration::ZERO,
                86_400 * SECOND,
            ),
            ("fetch_deadline", self.fetch_deadline, TENTH, 30 * SECOND),
        ] {
            check_bounds(name, value, least, most)?;
        }
        check_bounds("max_body", self.max_body, 1_024, 4 * 1_024 * 1_024)?;
        check_bounds("max_keys", self.max_keys, 1, 1_000)?;
        check_bounds("waiting_for_keys", self.waiting_for_keys, 0, 1_000_000)
    }

    pub(super) fn largest_body(&self) -> usize {
        self.max_body
    }

    pub(super) fn most_keys(&self) -> usize {
        self.max_keys
    }

    /// The rules that the key store works by.
    pub(crate) fn policy(&self) -> KeyPolicy {
        KeyPolicy {
            ttl: self.ttl,
            cool_down: self.cool_down,
            cool_down_max: Duration::from_secs(60),
            stale: self.stale_window,
            deadline: self.fetch_deadline,
            max_keys: self.max_keys,
            waiting: self.waiting_for_keys,
        }
    }
}

impl Default for KeyCache {
    fn default() -> Self {
        Self::new()
    }
}

fn check_bounds<T: PartialOrd + Debug + Copy>(
    name: &str,
    value: T,
    least: T,
    most: T,
) -> Result<(), Error> {
    if value < least || value > most {
        return Err(Error::config(format!(
            "{name} of key_cache is {value:?}, it must be from {least:?} to {most:?}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_out_of_its_bounds_is_named_with_the_group() {
        let seconds = Duration::from_secs;
        let new = KeyCache::new;
        for (settings, name) in [
            (new().ttl(seconds(9)), "ttl"),
            (new().ttl(seconds(86_401)), "ttl"),
            (new().cool_down(seconds(0)), "cool_down"),
            (new().cool_down(seconds(301)), "cool_down"),
            (new().stale_window(seconds(86_401)), "stale_window"),
            (
                new().fetch_deadline(Duration::from_millis(99)),
                "fetch_deadline",
            ),
            (new().fetch_deadline(seconds(31)), "fetch_deadline"),
            (new().max_body(1_023), "max_body"),
            (new().max_body(4_194_305), "max_body"),
            (new().max_keys(0), "max_keys"),
            (new().max_keys(1_001), "max_keys"),
            (new().waiting_for_keys(1_000_001), "waiting_for_keys"),
        ] {
            let message = settings.check().unwrap_err().to_string();
            let start = format!("{name} of key_cache is ");
            assert!(message.starts_with(&start), "{message}");
        }
    }

    #[test]
    fn the_defaults_and_the_bounds_themselves_are_allowed() {
        let seconds = Duration::from_secs;
        for settings in [
            KeyCache::default(),
            KeyCache::new()
                .ttl(seconds(10))
                .cool_down(seconds(1))
                .stale_window(Duration::ZERO)
                .fetch_deadline(Duration::from_millis(100))
                .max_body(1_024)
                .max_keys(1)
                .waiting_for_keys(0),
            KeyCache::new()
                .ttl(seconds(86_400))
                .cool_down(seconds(300))
                .stale_window(seconds(86_400))
                .fetch_deadline(seconds(30))
                .max_body(4_194_304)
                .max_keys(1_000)
                .waiting_for_keys(1_000_000),
        ] {
            settings.check().unwrap();
        }
    }
}
