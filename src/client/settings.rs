use std::time::Duration;

use crate::clock::Clock;

/// The settings of a [`DescopeClient`](super::DescopeClient).
#[derive(Clone, Debug)]
pub(crate) struct ClientSettings {
    pub(crate) project_id: String,
    /// The time that one call may take in all, if it rotates nothing.
    pub(crate) timeout: Duration,
    /// The same for a call that rotates the token, which is listened to for longer than its caller
    /// waits.
    pub(crate) listen: Duration,
    /// How many connections there may be at once.
    pub(crate) max_connections: usize,
    /// The clock of that time.
    pub(crate) clock: Clock,
    /// The pause before a request is repeated.
    pub(crate) retry_delay: Duration,
    /// True if the project rotates refresh tokens, so that none may be sent twice.
    pub(crate) rotation: bool,
    pub(crate) style: CredentialStyle,
    /// Names under which an answer's `Set-Cookie` may bring a session token.
    pub(crate) session_names: Vec<String>,
    /// Names under which an answer's `Set-Cookie` may bring a refresh token.
    pub(crate) refresh_names: Vec<String>,
}

/// The way in which a project wants its refresh tokens presented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CredentialStyle {
    /// `Authorization: Bearer <project id>:<refresh JWT>`.
    #[default]
    Bearer,
    /// `Authorization: Bearer <project id>` and a cookie: projects that manage their refresh
    /// tokens in cookies refuse them elsewhere.
    Cookie,
}
