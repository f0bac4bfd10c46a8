//! Users who have signed out everywhere, as long as Descope does not know it.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use super::users::UserKey;
use crate::clock::Now;

/// How long it is remembered: as long as refresh tokens commonly live.
const REMEMBER: Duration = Duration::from_secs(28 * 24 * 3_600);

/// How many users are remembered at most.
const MAX_USERS: usize = 10_000;

#[derive(Clone, Debug, Default)]
pub(super) struct SignedOutEverywhere {
    users: HashMap<UserKey, SignedOut>,
}

#[derive(Clone, Copy, Debug)]
struct SignedOut {
    /// When the request came: tokens that were issued later are those of a new sign-in.
    at: SystemTime,
    /// The same moment on the monotonic clock.
    mono: Duration,
    /// How many are to be confirmed: each by its own session.
    pending: u32,
}

impl SignedOutEverywhere {
    /// Notes a request. Returns `false` if there are too many users already.
    pub(super) fn insert(&mut self, user: UserKey, now: Now) -> bool {
        if self.users.len() >= MAX_USERS && !self.users.contains_key(&user) {
            self.users
                .retain(|_, out| now.mono.saturating_sub(out.mono) < REMEMBER);
            if self.users.len() >= MAX_USERS {
                return false;
            }
        }
        let before = self.users.get(&user).map_or(0, |out| out.pending);
        let out = SignedOut {
            at: now.date(),
            mono: now.mono,
            pending: before.saturating_add(1),
        };
        self.users.insert(user, out).is_none()
    }

    /// Notes that one of a user's sign-outs comes to nothing. Returns `true` if it was the last.
    pub(super) fn give_up(&mut self, user: UserKey) -> bool {
        let Some(out) = self.users.get_mut(&user) else {
            return false;
        };
        out.pending = out.pending.saturating_sub(1);
        out.pending == 0 && self.remove(user)
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

    /// Forgets a user: Descope knows of the sign-out, or they have signed in again.
    pub(super) fn remove(&mut self, user: UserKey) -> bool {
        self.users.remove(&user).is_some()
    }
}
