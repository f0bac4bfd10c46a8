//! Answers as replicas leave them with each other: JSON with the names that Descope gives the fields,
//! read as an answer of Descope's is, with a version (`v`) and, for an answer that could not be read,
//! the kind of its fault.

use std::io::{self, Write};

use serde::{Serialize, Serializer, ser::SerializeMap};
use zeroize::Zeroizing;

use super::answer::RawAnswer;
use crate::{
    error::{Error, ErrorKind},
    json::{JsonMember, Members},
    token::{OpaqueToken, RefreshToken, SessionToken},
};

/// Another format has another one, and is not read by who knows only this one.
const VERSION: u64 = 1;

/// The most bytes that an answer is written in with the user's record and the identity provider's
/// answer.
const MAX_WITH_RECORDS: usize = 64 * 1024;

impl RawAnswer {
    /// Writes all of the answer. If that is more than 64 KiB, without the user's record and the
    /// identity provider's answer.
    ///
    /// Of a fault only the kind is kept.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let with_records = |records| Stored {
            answer: self,
            records,
        };
        let whole = with_records(true);
        match length(&whole) {
            len if len <= MAX_WITH_RECORDS => written(&whole, len),
            _ => {
                let rest = with_records(false);
                written(&rest, length(&rest))
            }
        }
    }

    /// Writes the tokens of the session and what their cookies need: what is left of an answer in one
    /// process as well, past the keep time.
    pub(crate) fn tokens_to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let tokens = Self {
            session_token: self.session_token.clone(),
            refresh_token: self.refresh_token.clone(),
            fault: self.fault.clone(),
            ..self.without_records()
        };
        tokens.to_bytes()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) or [`tokens_to_bytes`](Self::tokens_to_bytes) wrote.
    /// Unknown members are ignored, missing ones count as Descope's do. `None` for another version, and
    /// for what is no JSON object.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let members = Members::parse(bytes).ok()?;
        if members.last("v")?.scalar()?.as_u64() != Some(VERSION) {
            return None;
        }
        let fault = members.last("fault").filter(|fault| !fault.is_empty());
        let fault = fault.map(read_fault);
        Some(Self {
            fault,
            ..Self::of_members(members)
        })
    }
}

/// An answer to be written.
struct Stored<'a> {
    answer: &'a RawAnswer,
    /// True with the user's record and the identity provider's answer.
    records: bool,
}

impl Serialize for Stored<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let RawAnswer {
            session_token,
            refresh_token,
            cookie_domain,
            cookie_path,
            cookie_max_age,
            cookie_expiration,
            cookie_name,
            session_cookie_name,
            session_cookie_domain,
            user,
            first_seen,
            idp_response,
            session_expiration,
            external_token,
            tenant_sso_id,
            trusted_device_token,
            known_device_token,
            next_refresh_seconds,
            fault,
        } = self.answer;
        let user = user.as_ref().filter(|_| self.records);
        let idp_response = idp_response.as_ref().filter(|_| self.records);
        let session_token = session_token.as_ref().map(SessionToken::expose);
        let refresh_token = refresh_token.as_ref().map(RefreshToken::expose);
        let external_token = external_token.as_ref().map(OpaqueToken::expose);
        let trusted_device = trusted_device_token.as_ref().map(OpaqueToken::expose);
        let known_device = known_device_token.as_ref().map(OpaqueToken::expose);
        let fault = fault.as_ref().map(|fault| name_of(fault.kind()));

        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("v", &VERSION)?;
        put(&mut map, "sessionJwt", session_token)?;
        put(&mut map, "refreshJwt", refresh_token)?;
        put(&mut map, "cookieDomain", cookie_domain.as_ref())?;
        put(&mut map, "cookiePath", cookie_path.as_ref())?;
        put(&mut map, "cookieMaxAge", *cookie_max_age)?;
        put(&mut map, "cookieExpiration", *cookie_expiration)?;
        put(&mut map, "cookieName", cookie_name.as_ref())?;
        put(&mut map, "sessionCookieName", session_cookie_name.as_ref())?;
        put(
            &mut map,
            "sessionCookieDomain",
            session_cookie_domain.as_ref(),
        )?;
        put(&mut map, "user", user)?;
        put(&mut map, "firstSeen", *first_seen)?;
        put(&mut map, "idpResponse", idp_response)?;
        put(&mut map, "sessionExpiration", *session_expiration)?;
        put(&mut map, "externalToken", external_token)?;
        put(&mut map, "tenantSSOID", tenant_sso_id.as_ref())?;
        put(&mut map, "trustedDeviceJwt", trusted_device)?;
        put(&mut map, "knownDeviceJwt", known_device)?;
        put(&mut map, "nextRefreshSeconds", *next_refresh_seconds)?;
        put(&mut map, "fault", fault)?;
        map.end()
    }
}

/// Writes a member that is there.
fn put<M: SerializeMap>(
    map: &mut M,
    name: &str,
    value: Option<impl Serialize>,
) -> Result<(), M::Error> {
    match value {
        Some(value) => map.serialize_entry(name, &value),
        None => Ok(()),
    }
}

/// Counts what is written.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn length(stored: &Stored<'_>) -> usize {
    let mut length = Length(0);
    // It holds texts, numbers, and JSON that was read before: nothing that can fail to be written.
    let _ = serde_json::to_writer(&mut length, stored);
    length.0
}

/// Writes `len` bytes. A buffer that grew on the way would leave copies of tokens in memory.
fn written(stored: &Stored<'_>, len: usize) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(len));
    let _ = serde_json::to_writer(&mut *bytes, stored);
    bytes
}

fn read_fault(member: &JsonMember<'_>) -> Error {
    let name = member.scalar();
    let kind = name.as_ref().and_then(|name| kind_of(name.as_str()?));
    Error::new(
        // As one of a later version.
        kind.unwrap_or(ErrorKind::UpstreamInvalid),
        "another replica could not read descope's answer",
    )
}

/// Gives each kind of error its name in a stored answer, which never changes.
macro_rules! names_of_kinds {
    ($($kind:ident = $name:literal,)*) => {
        fn name_of(kind: ErrorKind) -> &'static str {
            match kind {
                $(ErrorKind::$kind => $name,)*
            }
        }

        fn kind_of(name: &str) -> Option<ErrorKind> {
            match name {
                $($name => Some(ErrorKind::$kind),)*
                _ => None,
            }
        }

        #[cfg(test)]
        const KINDS: &[ErrorKind] = &[$(ErrorKind::$kind,)*];
    };
}

names_of_kinds! {
    InvalidConfig = "invalid_config",
    InvalidTenantId = "invalid_tenant_id",
    InvalidUserId = "invalid_user_id",
    InvalidRefreshToken = "invalid_refresh_token",
    InvalidSessionToken = "invalid_session_token",
    NotASignIn = "not_a_sign_in",
    TenantMismatch = "tenant_mismatch",
    UserMismatch = "user_mismatch",
    AnonymousSession = "anonymous_session",
    InvalidAccessKey = "invalid_access_key",
    SessionEnded = "session_ended",
    RefreshTokenReused = "refresh_token_reused",
    RefreshTokenReplaced = "refresh_token_replaced",
    Refused = "refused",
    RateLimited = "rate_limited",
    Throttled = "throttled",
    SharedStateUnavailable = "shared_state_unavailable",
    UpstreamUnavailable = "upstream_unavailable",
    UpstreamTimeout = "upstream_timeout",
    UpstreamInvalid = "upstream_invalid",
    KeysUnavailable = "keys_unavailable",
    NoRuntime = "no_runtime",
    InvalidClaims = "invalid_claims",
    CookieTooLarge = "cookie_too_large",
}

#[cfg(test)]
mod tests;
