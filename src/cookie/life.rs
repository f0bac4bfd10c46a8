//! How long browsers keep the cookies, and what may differ between two of them.

/// How long browsers keep the cookies of a session; see
/// [`SessionCookies::life`](crate::cookie::SessionCookies::life).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CookieLife {
    /// As long as the refresh token lives: the cookies have a `Max-Age`, and outlive the browser.
    #[default]
    RefreshToken,
    /// Until the browser is closed: the cookies have no `Max-Age`. A browser that restores its windows
    /// restores them too.
    BrowserSession,
    /// As each sign-in says ([`Adopt::remember`](crate::sign_in::Adopt::remember)): "stay signed in" is
    /// [`RefreshToken`](Self::RefreshToken), and without it the cookies are those of
    /// [`BrowserSession`](Self::BrowserSession).
    ///
    /// The choice stands in a third cookie, whose name is that of the refresh cookie with `-R` at
    /// its end. Whoever writes the session's cookies later (a renewal, a tenant switch) looks for it:
    /// without it they are written without `Max-Age`. So a cookie that gets lost shortens a session and
    /// never lengthens one; and the sessions of users who are signed in when this is switched on end with
    /// their browser's from the next renewal on.
    Chosen,
}

/// The attributes that may differ between the cookies of two browsers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CookieAttributes {
    /// Without `Secure`.
    pub(crate) insecure: bool,
    /// With `Max-Age`, so that they outlive the browser.
    pub(crate) persistent: bool,
}

#[cfg(test)]
impl CookieAttributes {
    /// Those of most browsers.
    pub(crate) const USUAL: Self = Self {
        insecure: false,
        persistent: true,
    };
}
