//! One request of a rough day, from its browser to its browser.

use std::sync::Arc;

use http::{HeaderMap, header};
use tokio::{sync::Notify, task::JoinHandle};

/// What came back: status, fields, body.
pub(super) type Seen = (u16, HeaderMap, String);

/// A request that has arrived.
pub(super) struct UnderWay {
    /// When its browser made it, and when it arrived, in seconds of the day.
    pub(super) made: u64,
    pub(super) arrived: u64,
    /// When its handler ends.
    pub(super) ends: u64,
    /// When its browser gives it up.
    pub(super) given_up: Option<u64>,
    pub(super) lost: bool,
    pub(super) handler: Arc<Notify>,
    pub(super) task: JoinHandle<Seen>,
}

/// How a request that is made now will fare.
pub(super) struct Fate {
    pub(super) travels: u64,
    pub(super) takes: u64,
    pub(super) given_up_after: Option<u64>,
    pub(super) lost: bool,
}

/// A small generator of numbers that are the same each time (Knuth's, MMIX).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// True in so many cases of a hundred.
    pub(super) fn percent(&mut self, cases: u64) -> bool {
        self.throw(100) < cases
    }

    pub(super) fn fate(&mut self) -> Fate {
        Fate {
            travels: if self.percent(8) { self.throw(601) } else { 0 },
            takes: if self.percent(8) { self.throw(601) } else { 0 },
            given_up_after: self.percent(8).then(|| self.throw(120)),
            lost: self.percent(5),
        }
    }
}

pub(super) fn sets_cookies(headers: &HeaderMap) -> bool {
    headers.contains_key(header::SET_COOKIE)
}
