use std::time::Duration;

/// What a [`DescopeClient`](super::DescopeClient) has to know.
#[derive(Clone, Debug)]
pub(crate) struct ClientSettings {
    pub(crate) project_id: String,
    /// The deadline of one call in all.
    pub(crate) timeout: Duration,
    /// Whether refresh tokens are rotated, so that none may go up twice.
    pub(crate) rotation: bool,
    pub(crate) style: CredentialStyle,
    /// Names under which an answer's `Set-Cookie` may bring a session token.
    pub(crate) session_names: Vec<String>,
    /// Names under which an answer's `Set-Cookie` may bring a refresh token.
    pub(crate) refresh_names: Vec<String>,
}

/// How a project wants its refresh tokens presented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CredentialStyle {
    /// `Authorization: Bearer <project id>:<refresh JWT>`.
    #[default]
    Bearer,
    /// `Authorization: Bearer <project id>` and a cookie: projects that manage their refresh
    /// tokens in cookies refuse them elsewhere.
    Cookie,
}
