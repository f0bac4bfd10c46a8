//! The check that an authentic token may be used here and now: issuer, audience, kind, time.

use std::{collections::BTreeSet, time::Duration};

use super::claims::{Claims, Named, Times};
use crate::json::{self, Fault};

#[cfg(test)]
mod tests;

/// The rules that a token's claims are judged by; fixed when the handle is built.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) project_id: String,
    /// Issuers accepted beside the project's usual forms, compared exactly.
    pub(crate) issuers: BTreeSet<String>,
    /// Audiences, one of which a session must name; empty: `aud` is not looked at.
    pub(crate) audience: BTreeSet<String>,
    pub(crate) session_kinds: BTreeSet<String>,
    pub(crate) refresh_kinds: BTreeSet<String>,
    /// True if OAuth access tokens are sessions here.
    pub(crate) resource_server: bool,
    /// True if a session must name its kind (`drn`).
    pub(crate) require_kind: bool,
    /// True if a refresh token may leave its kind out.
    pub(crate) refresh_without_kind: bool,
    /// For `exp` and `nbf`, in seconds.
    pub(crate) leeway: f64,
    /// For `iat`, in seconds.
    pub(crate) issued_at_leeway: f64,
}

/// The place that a token was presented in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenUse {
    Session,
    Refresh,
}

/// The verdict of the clock on an authentic token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum TimeCheck {
    Valid,
    Expired,
    NotYetValid,
    /// Issued in the future, beyond the leeway: this machine's clock is behind by so much.
    IssuedInFuture {
        by: Duration,
    },
}

impl Rules {
    /// Everything but time.
    pub(crate) fn check(
        &self,
        claims: &Claims,
        token_use: TokenUse,
        access_token_typ: bool,
    ) -> Result<(), Fault> {
        if access_token_typ && !(self.resource_server && token_use == TokenUse::Session) {
            return Err("unsupported_typ");
        }
        if !self.issued_here(claims) {
            return Err("wrong_issuer");
        }
        match token_use {
            TokenUse::Session => self.session(claims),
            TokenUse::Refresh => self.refresh(claims),
        }
    }

    /// Returns `true` if the claims name this project as their issuer.
    pub(crate) fn issued_here(&self, claims: &Claims) -> bool {
        self.issuer(claims.table.text(claims.issuer))
    }

    fn session(&self, claims: &Claims) -> Result<(), Fault> {
        match claims.kind {
            Named::Text(kind) if self.session_kinds.contains(claims.table.text(kind)) => {}
            Named::Text(_) | Named::NotText => return Err("wrong_kind"),
            Named::Absent => {}
        }
        match claims.token_type {
            Named::Text(kind)
                if self.resource_server && claims.table.text(kind) == "access_token" => {}
            Named::Text(_) | Named::NotText => return Err("wrong_token_type"),
            Named::Absent => {
                if self.require_kind && matches!(claims.kind, Named::Absent) {
                    return Err("no_kind");
                }
            }
        }
        if claims.key_bound {
            return Err("bound_to_a_key");
        }
        if !self.audience.is_empty() && !self.audience(claims) {
            return Err("wrong_audience");
        }
        Ok(())
    }

    fn refresh(&self, claims: &Claims) -> Result<(), Fault> {
        match claims.kind {
            Named::Text(kind) if self.refresh_kinds.contains(claims.table.text(kind)) => {}
            Named::Absent if self.refresh_without_kind => {}
            Named::Text(_) | Named::NotText | Named::Absent => return Err("wrong_kind"),
        }
        match claims.token_type {
            Named::Absent => Ok(()),
            Named::Text(_) | Named::NotText => Err("wrong_token_type"),
        }
    }

    /// The project id itself, or an http(s) URL whose last path segment it is; the host is free,
    /// since projects have domains of their own. One trailing slash is tolerated; a query, a
    /// fragment, user info and escapes are not.
    fn issuer(&self, issuer: &str) -> bool {
        if issuer == self.project_id || self.issuers.contains(issuer) {
            return true;
        }
        let Some(rest) = issuer
            .strip_prefix("https://")
            .or_else(|| issuer.strip_prefix("http://"))
        else {
            return false;
        };
        let plain =
            |byte| matches!(byte, b'!'..=b'~') & !matches!(byte, b'?' | b'#' | b'@' | b'%' | b'\\');
        if !rest.bytes().fold(true, |good, byte| good & plain(byte)) {
            return false;
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        match rest.split_once('/') {
            Some((host, path)) => {
                !host.is_empty() && path.rsplit('/').next() == Some(&self.project_id)
            }
            None => false,
        }
    }

    /// RFC 7519 section 4.1.3: a string or an array of strings, any of which may match.
    fn audience(&self, claims: &Claims) -> bool {
        let Some(audience) = claims.audience else {
            return false;
        };
        let value = claims.table.value(audience);
        if let Some(one) = json::string(value) {
            return self.audience.contains(&*one);
        }
        if !value.starts_with('[') {
            return false;
        }
        let mut matches = false;
        let strings_only = json::elements(value, |element| {
            let text = json::string(element).ok_or("aud_not_a_string")?;
            matches |= self.audience.contains(&*text);
            Ok(())
        });
        strings_only.is_ok() && matches
    }

    /// Time alone. Called again whenever a verified token is used again.
    #[inline]
    pub(crate) fn check_time(&self, times: &Times, now: Duration) -> TimeCheck {
        let now = now.as_secs_f64();
        let leeway = self.leeway;
        if times.expires + leeway <= now {
            return TimeCheck::Expired;
        }
        if times.not_before.is_some_and(|time| time > now + leeway) {
            return TimeCheck::NotYetValid;
        }
        match times.issued {
            Some(issued) if self.is_in_future(issued, now) => TimeCheck::IssuedInFuture {
                by: Duration::try_from_secs_f64(issued - now).unwrap_or(Duration::MAX),
            },
            _ => TimeCheck::Valid,
        }
    }

    /// Returns `true` for an `iat` that is beyond the leeway of `now`, both in seconds.
    #[inline]
    pub(super) fn is_in_future(&self, issued: f64, now: f64) -> bool {
        issued > now + self.issued_at_leeway
    }
}
