//! Users who have signed out everywhere, as long as Descope does not know it.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use smallvec::SmallVec;

use super::users::UserKey;
use crate::clock::Now;

/// How long it is remembered: as long as refresh tokens commonly live.
const REMEMBER: Duration = Duration::from_secs(28 * 24 * 3_600);

/// How many users are remembered at most.
const MAX_USERS: usize = 10_000;

#[derive(Clone, Debug, Default)]
pub(super) struct SignedOutEverywhere {
    users: HashMap<UserKey, SignedOut>,
    /// The number of the next sign-out.
    next: u64,
}

#[derive(Clone, Debug)]
struct SignedOut {
    /// When the newest request came: tokens that were issued later are those of a new sign-in.
    at: SystemTime,
    /// The same moment on the monotonic clock.
    mono: Duration,
    /// The numbers of those that are to be confirmed, each by its own session.
    pending: SmallVec<[u64; 2]>,
}

impl SignedOutEverywhere {
    /// Notes a request. Returns its number; `None` if there are too many users already.
    pub(super) fn insert(&mut self, user: UserKey, now: Now) -> Option<u64> {
        if self.users.len() >= MAX_USERS && !self.users.contains_key(&user) {
            self.users
                .retain(|_, out| now.mono.saturating_sub(out.mono) < REMEMBER);
            if self.users.len() >= MAX_USERS {
                return None;
            }
        }
        let number = self.next;
        self.next += 1;
        let before = self.users.remove(&user);
        let mut out = SignedOut {
            at: now.date(),
            mono: now.mono,
            pending: before.map(|out| out.pending).unwrap_or_default(),
        };
        out.pending.push(number);
        self.users.insert(user, out);
        Some(number)
    }

    /// Returns `true` while one of a user's sign-outs is to be sent.
    pub(super) fn is_pending(&self, user: UserKey, number: u64) -> bool {
        let out = self.users.get(&user);
        out.is_some_and(|out| out.pending.contains(&number))
    }

    /// Notes that some of a user's sign-outs are over. Returns `true` if none is left.
    pub(super) fn end(&mut self, user: UserKey, is_over: impl Fn(u64) -> bool) -> bool {
        let Some(out) = self.users.get_mut(&user) else {
            return false;
        };
        out.pending.retain(|number| !is_over(*number));
        out.pending.is_empty() && self.users.remove(&user).is_some()
    }

    /// Returns `true` if a user has signed out since a token was issued.
    pub(super) fn covers(&self, user: UserKey, issued_at: Option<SystemTime>) -> bool {
        self.users
            .get(&user)
            // A token that does not say when it was issued might be any.
            .is_some_and(|out| issued_at.is_none_or(|issued| issued <= out.at))
    }

    /// Returns `true` while a user's sign-out is not confirmed.
    pub(super) fn contains(&self, user: UserKey) -> bool {
        self.users.contains_key(&user)
    }
}
