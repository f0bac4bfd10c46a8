//! The settings that decide which tokens are sessions, and the rules that they add up to.

use std::time::Duration;

use super::builder::DescopeBuilder;
use crate::{error::Error, jwt::check::Rules, session::TenantClaims};

/// The kinds (`drn`) that Descope gives its tokens unless cookie names are customised.
const SESSION_KIND: &str = "DS";
const REFRESH_KIND: &str = "DSR";

/// # Which tokens are sessions
impl DescopeBuilder {
    /// Issuers (`iss`) to accept besides the project id and URLs that end in it: each compared
    /// exactly, character by character. For tenant-scoped apps and MCP servers, whose issuers end
    /// in another id.
    pub fn issuers<I: Into<String>>(mut self, issuers: impl IntoIterator<Item = I>) -> Self {
        self.issuers = issuers.into_iter().map(Into::into).collect();
        self
    }

    /// Audiences (`aud`), at least one of which every session must name. Default: none, and `aud`
    /// is not looked at. Refresh tokens are not held to it.
    pub fn audience<A: Into<String>>(mut self, audience: impl IntoIterator<Item = A>) -> Self {
        self.audience = audience.into_iter().map(Into::into).collect();
        self
    }

    /// Accepts OAuth access tokens (`token_type: access_token`, `typ: at+jwt`) as sessions too:
    /// for a resource server. Takes an [`audience`](Self::audience). Off by default.
    pub fn resource_server(mut self, accept: bool) -> Self {
        self.resource_server = accept;
        self
    }

    /// Further kinds (`drn`) of session tokens, besides `DS` and the configured cookie names. A
    /// project with custom cookie names has tokens of that kind.
    pub fn session_kinds<K: Into<String>>(mut self, kinds: impl IntoIterator<Item = K>) -> Self {
        self.session_kinds = kinds.into_iter().map(Into::into).collect();
        self
    }

    /// Further kinds (`drn`) of refresh tokens, besides `DSR` and the configured cookie names.
    pub fn refresh_kinds<K: Into<String>>(mut self, kinds: impl IntoIterator<Item = K>) -> Self {
        self.refresh_kinds = kinds.into_iter().map(Into::into).collect();
        self
    }

    /// Refuses session tokens that do not say their kind (`drn`). Off by default, since sessions
    /// made from access keys may not say it.
    pub fn require_token_kind(mut self, require: bool) -> Self {
        self.require_kind = require;
        self
    }

    /// Accepts refresh tokens that do not say their kind (`drn`). Off by default: without it a
    /// session token could pass for a refresh token.
    pub fn allow_refresh_without_kind(mut self, allow: bool) -> Self {
        self.refresh_without_kind = allow;
        self
    }

    /// Where the project's tokens say what a user may do in the current tenant. Default:
    /// [`TenantClaims::Auto`]; [`TenantClaims::Listed`] is recommended for projects with the
    /// default JWT template.
    pub fn tenant_claims(mut self, claims: TenantClaims) -> Self {
        self.tenant_claims = claims;
        self
    }

    /// How far `exp` and `nbf` may be off, for clocks that differ. Default 5 seconds, as in
    /// Descope's SDKs; at most 60.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// How far in the future a token may have been issued (`iat`). Default 60 seconds; at most
    /// 600. More than `leeway`, since the freshest tokens would otherwise be refused by a machine
    /// whose clock is a little behind.
    pub fn issued_at_leeway(mut self, leeway: Duration) -> Self {
        self.issued_at_leeway = leeway;
        self
    }

    /// The longest token that is looked at, in bytes. Default 16,384; from 1,024 to 65,536.
    pub fn max_token_len(mut self, bytes: usize) -> Self {
        self.max_token_len = bytes;
        self
    }

    /// Names of cookies and kinds of tokens are one vocabulary: Descope writes the name of a
    /// token's cookie into it.
    pub(super) fn rules(&self) -> Result<Rules, Error> {
        let mut session_kinds = self.session_kinds.clone();
        session_kinds.insert(SESSION_KIND.to_owned());
        session_kinds.extend(self.cookies.session_names().map(str::to_owned));
        let mut refresh_kinds = self.refresh_kinds.clone();
        refresh_kinds.insert(REFRESH_KIND.to_owned());
        refresh_kinds.extend(self.cookies.refresh_names().map(str::to_owned));
        if let Some(both) = session_kinds.intersection(&refresh_kinds).next() {
            return Err(Error::config(format!(
                "{both:?} is both a session and a refresh name: a refresh token would pass for a \
                 session; rename one (DS is always a session kind, DSR a refresh kind)"
            )));
        }
        if self.resource_server && self.audience.is_empty() {
            return Err(Error::config(
                "resource_server takes an audience: call audience([…]) too, else a token for any \
                 other API would open this one",
            ));
        }
        Ok(Rules {
            project_id: self.project_id.clone(),
            issuers: self.issuers.clone(),
            audience: self.audience.clone(),
            session_kinds,
            refresh_kinds,
            resource_server: self.resource_server,
            require_kind: self.require_kind,
            refresh_without_kind: self.refresh_without_kind,
            leeway: self.leeway.as_secs_f64(),
            issued_at_leeway: self.issued_at_leeway.as_secs_f64(),
        })
    }
}
