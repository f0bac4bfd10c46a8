//! The kinds of [`Error`](super::Error).

/// The kind of an [`Error`](crate::Error).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is missing or wrong. The message names it.
    InvalidConfig,
    /// A text that was to become a [`TenantId`](crate::TenantId) is none.
    InvalidTenantId,
    /// A text that was to become a [`UserId`](crate::UserId) is none.
    InvalidUserId,
    /// A refresh token was refused here, before any call: forged, of another project, not a
    /// refresh token.
    InvalidRefreshToken,
    /// A session token was refused here, at a sign-in: forged, expired before its time, of another
    /// project, not a session token of a browser's.
    InvalidSessionToken,
    /// The tokens are genuine, but no sign-in of a moment ago: of two users, too old, or without a word
    /// about how their user signed in. The message says which.
    NotASignIn,
    /// A sign-in for one tenant brought the session of a user who is not a member of it.
    TenantMismatch,
    /// A step for somebody who is signed in brought another user's session.
    UserMismatch,
    /// A sign-in brought the session of an anonymous visitor, which is not allowed here.
    AnonymousSession,
    /// An access key was refused here, before any call: a text that can be none.
    InvalidAccessKey,
    /// The session is over: the refresh token has expired, or its user was signed out
    /// (E064001). Signing in again is the way on.
    SessionEnded,
    /// The refresh token was used before (E064006): another holder of it rotated it.
    RefreshTokenReused,
    /// The refresh token was replaced, and the new one was presented longer ago than the keep time,
    /// but less than 15 minutes: the request was late. Nothing was sent, and the session goes on with
    /// the new token: repeat the call with that, as a browser does with its newer cookies.
    RefreshTokenReplaced,
    /// The call was refused (400, 401, 403, 404 or 422), for example because the user is not a
    /// member of the tenant. [`Error::upstream_status`](crate::Error::upstream_status) is the status.
    /// With the code E061005 it is the token that Descope refuses, whatever the status.
    ///
    /// The refusal is Descope's if there is an
    /// [`Error::upstream_code`](crate::Error::upstream_code). Without one some proxy has refused in
    /// Descope's place, which [`Error::is_transient`](crate::Error::is_transient).
    Refused,
    /// Descope asked to slow down (429). [`Error::retry_after`](crate::Error::retry_after) is how
    /// long, if the answer says so.
    RateLimited,
    /// Nothing was sent, since this session or this process has made too many calls, or Descope has
    /// just asked to slow down. [`Error::retry_after`](crate::Error::retry_after) is how long to wait;
    /// the session is as good as before.
    Throttled,
    /// Nothing was sent, since the state that the replicas share
    /// ([`DescopeBuilder::shared_state`](crate::DescopeBuilder::shared_state)) cannot say if another of
    /// them sends the same refresh token: its store cannot be reached, or has just lost its memory, or
    /// the other replica's call takes long. The session is as good as before.
    SharedStateUnavailable,
    /// Descope could not be reached, or answered with a failure of its own (5xx).
    UpstreamUnavailable,
    /// Descope's answer did not come within the deadline, or not that of the session's call before
    /// this one, for which nobody waits any more. An answer with tokens that comes late is kept for the
    /// next call.
    UpstreamTimeout,
    /// Descope's answer is not what was asked for: unreadable, too large, redirected, or with
    /// tokens that do not verify or belong to another user or tenant.
    UpstreamInvalid,
    /// There are no keys to check signatures with.
    KeysUnavailable,
    /// A call needs a tokio runtime, and there is none on this thread.
    NoRuntime,
    /// The claims of a session do not fit the type asked for.
    InvalidClaims,
    /// A cookie would be larger than browsers keep (4096 bytes of name and value).
    CookieTooLarge,
}
