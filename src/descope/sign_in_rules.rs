//! The rules of sign-ins.

use std::time::Duration;

use crate::limiter::TokenBucket;

/// The rules that sign-ins are held to; fixed when the handle is built.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignInRules {
    pub(crate) select_only_tenant: bool,
    /// True if a session that does not say how its user signed in is a sign-in.
    pub(crate) without_methods: bool,
    pub(crate) budget: SignInBudget,
}

/// How many calls without a session are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignInBudget {
    pub(crate) per_minute: u32,
    pub(crate) burst: u32,
}

impl SignInBudget {
    /// Half of it, at least one.
    pub(super) fn half(self) -> Self {
        Self {
            per_minute: (self.per_minute / 2).max(1),
            burst: (self.burst / 2).max(1),
        }
    }

    /// The bucket of so many calls.
    pub(super) fn bucket(self) -> TokenBucket {
        let interval = Duration::from_secs(60)
            .checked_div(self.per_minute)
            .unwrap_or_default();
        TokenBucket::new(self.burst, interval)
    }
}

impl Default for SignInRules {
    fn default() -> Self {
        Self {
            select_only_tenant: false,
            without_methods: false,
            budget: SignInBudget {
                per_minute: 90,
                burst: 45,
            },
        }
    }
}
