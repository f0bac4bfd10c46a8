//! The settings of sign-ins.

use super::{builder::DescopeBuilder, sign_in_rules::SignInBudget};
use crate::error::Error;

/// # Signing in
impl DescopeBuilder {
    /// Brings a user who belongs to exactly one tenant into it: where a new session has no current
    /// tenant (`dct`), but lists exactly one, that one is selected. At sign-in, and whenever a session
    /// is renewed or refreshed. Default off.
    ///
    /// It is a second call to Descope, in the same turn as the first. Where Descope refuses it, or cannot
    /// be reached, the session goes on without a tenant, with a warning, and the next renewal tries
    /// again. Projects whose sessions Descope itself puts into their only tenant need it as little as
    /// projects whose tokens list no tenants.
    pub fn select_only_tenant(mut self, select: bool) -> Self {
        self.sign_in.select_only_tenant = select;
        self
    }

    /// Takes a session that does not say how its user signed in (`amr`) for a sign-in. Default off: a
    /// flow of Descope's may hand out tokens without anybody having proved anything. For projects whose
    /// JWT template leaves the claim out.
    pub fn sign_in_without_methods(mut self, accept: bool) -> Self {
        self.sign_in.without_methods = accept;
        self
    }

    /// How many calls [`RedirectSignIn`](crate::RedirectSignIn) and [`FlowRoutes`](crate::FlowRoutes) make,
    /// together: so many in a minute, and a burst of so many at once. Default 90 and 45; each at least 1.
    ///
    /// Anybody can cause them, and Descope limits calls by address, which is this server's for all
    /// users. Beyond it a sign-in is answered 429.
    pub fn sign_in_budget(mut self, per_minute: u32, burst: u32) -> Self {
        self.sign_in.budget = SignInBudget { per_minute, burst };
        self
    }

    /// Checks the settings of sign-ins.
    pub(super) fn check_sign_in(&self) -> Result<(), Error> {
        let SignInBudget { per_minute, burst } = self.sign_in.budget;
        if per_minute == 0 || burst == 0 {
            return Err(Error::config(
                "sign_in_budget takes at least one call a minute and a burst of at least one: with none \
                 nobody could sign in",
            ));
        }
        Ok(())
    }
}
