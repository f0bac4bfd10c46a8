//! Why a request was refused, and how that is said over HTTP and gRPC.
//!
//! | [`RejectionKind`] | HTTP | code | challenge | gRPC |
//! |---|---|---|---|---|
//! | `MissingToken` | 401 | `missing_token` | `Bearer` | 16 |
//! | `ExpiredToken` | 401 | `expired_token` | `Bearer error="invalid_token"` | 16 |
//! | `InvalidToken` | 401 | `invalid_token` | `Bearer error="invalid_token"` | 16 |
//! | `AmbiguousCredentials` | 400 | `ambiguous_credentials` | `Bearer error="invalid_request"` | 3 |
//! | `NoActiveTenant` | 403 | `no_active_tenant` | none | 7 |
//! | `TenantMismatch` | 403 | `tenant_mismatch` | none | 7 |
//! | `MissingRole` | 403 | `missing_role` | `Bearer error="insufficient_scope"` | 7 |
//! | `MissingPermission` | 403 | `missing_permission` | `Bearer error="insufficient_scope"` | 7 |
//! | `CrossSite` | 403 | `cross_site` | none | 7 |
//! | `KeysUnavailable` | 503 | `keys_unavailable` | none, but `Retry-After` | 14 |
//! | `RenewalUnavailable` | 503 | `renewal_unavailable` | none, but `Retry-After` | 14 |
//! | `ExchangeUnavailable` | 503 | `exchange_unavailable` | none, but `Retry-After` | 14 |
//! | `LayerMissing` | 500 | `layer_missing` | none | 13 |
//!
//! The challenge follows RFC 6750 section 3: no `error` where nothing was presented, auth-params
//! separated by commas, fixed texts that never echo what was sent.

use std::{fmt, time::Duration};

use http::{HeaderName, HeaderValue, StatusCode};

pub(crate) mod response;
#[cfg(test)]
mod tests;

/// The header of a refusal that carries [`Rejection::code`]: `x-descope-rejection`. A front end on
/// another origin can read it if a CORS layer exposes it.
pub const REJECTION_HEADER: HeaderName = HeaderName::from_static("x-descope-rejection");

/// Why a request was refused.
///
/// Cheap to clone and free of secrets. Match on [`kind`](Self::kind); the finer reason, meant for
/// operators, is [`reason`](Self::reason) and is never sent to a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rejection {
    kind: RejectionKind,
    reason: &'static str,
    retry_after: Option<Duration>,
}

/// The sort of a [`Rejection`]. The [module](crate::rejection) has the table of statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
// As wide as what stands beside it in a `Rejection`, so that verdicts are moved by whole words.
#[repr(u64)]
pub enum RejectionKind {
    /// The request carries no session token.
    MissingToken,
    /// The session token is genuine but its time is over.
    ExpiredToken,
    /// The session token is not one: malformed, forged, of another project, of another kind, not
    /// yet valid.
    InvalidToken,
    /// The request carries several credentials that contradict each other.
    AmbiguousCredentials,
    /// The session is valid but no tenant has been selected.
    NoActiveTenant,
    /// The session's tenant is not one of the user's, or not the one the request was meant for.
    TenantMismatch,
    /// The user lacks a role in the active tenant.
    MissingRole,
    /// The user lacks a permission in the active tenant.
    MissingPermission,
    /// The request comes from another site and would act with this site's cookies.
    CrossSite,
    /// There are no keys to check signatures with.
    KeysUnavailable,
    /// The session's time is over, and a new one could not be had from Descope just now; nothing
    /// is lost, the user is still signed in. Only with
    /// [`TenantLayer::renew`](crate::TenantLayer::renew).
    RenewalUnavailable,
    /// An access key cannot be exchanged for a session now: Descope does not answer or asks to
    /// slow down, or too many unknown keys came at once. Only where
    /// [`DescopeBuilder::access_keys`](crate::DescopeBuilder::access_keys) is set.
    ExchangeUnavailable,
    /// The handler asked for a session where no [`TenantLayer`](crate::TenantLayer) ran.
    LayerMissing,
}

impl Rejection {
    /// A rejection whose finer reason is its own code.
    pub(crate) const fn new(kind: RejectionKind) -> Self {
        Self::because(kind, kind.code())
    }

    /// A rejection with a finer reason for operators.
    pub(crate) const fn because(kind: RejectionKind, reason: &'static str) -> Self {
        Self {
            kind,
            reason,
            retry_after: None,
        }
    }

    /// An unusable token, with what is wrong about it.
    pub(crate) const fn invalid(reason: &'static str) -> Self {
        Self::because(RejectionKind::InvalidToken, reason)
    }

    /// No keys; worth another try after `retry_after`.
    pub(crate) const fn keys_unavailable(retry_after: Duration) -> Self {
        Self {
            kind: RejectionKind::KeysUnavailable,
            reason: RejectionKind::KeysUnavailable.code(),
            retry_after: Some(retry_after),
        }
    }

    /// No new session just now; worth another try after `retry_after`.
    pub(crate) const fn renewal_unavailable(retry_after: Duration) -> Self {
        Self {
            kind: RejectionKind::RenewalUnavailable,
            reason: RejectionKind::RenewalUnavailable.code(),
            retry_after: Some(retry_after),
        }
    }

    /// No exchange of an access key; worth another try after `retry_after`.
    pub(crate) const fn exchange_unavailable(reason: &'static str, retry_after: Duration) -> Self {
        Self {
            kind: RejectionKind::ExchangeUnavailable,
            reason,
            retry_after: Some(retry_after),
        }
    }

    /// The sort of refusal.
    pub fn kind(&self) -> RejectionKind {
        self.kind
    }

    /// The stable code of the kind, for example `no_active_tenant`: in the default body and in
    /// the header `x-descope-rejection`.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// A finer reason for logs, for example `unknown_kid`. The set of reasons may grow in any
    /// release; do not match on it, and do not send it to clients: it helps attackers too.
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// How long to wait before the next try, for `KeysUnavailable`, `RenewalUnavailable` and
    /// `ExchangeUnavailable`. Rounded up to whole seconds in the `Retry-After` header.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The HTTP status of the refusal.
    pub fn status(&self) -> StatusCode {
        match self.kind {
            RejectionKind::MissingToken
            | RejectionKind::ExpiredToken
            | RejectionKind::InvalidToken => StatusCode::UNAUTHORIZED,
            RejectionKind::AmbiguousCredentials => StatusCode::BAD_REQUEST,
            RejectionKind::NoActiveTenant
            | RejectionKind::TenantMismatch
            | RejectionKind::MissingRole
            | RejectionKind::MissingPermission
            | RejectionKind::CrossSite => StatusCode::FORBIDDEN,
            RejectionKind::KeysUnavailable
            | RejectionKind::RenewalUnavailable
            | RejectionKind::ExchangeUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            RejectionKind::LayerMissing => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The gRPC status code of the refusal
    /// (<https://grpc.github.io/grpc/core/md_doc_statuscodes.html>).
    pub fn grpc_code(&self) -> u8 {
        match self.kind {
            RejectionKind::MissingToken
            | RejectionKind::ExpiredToken
            | RejectionKind::InvalidToken => 16,
            RejectionKind::AmbiguousCredentials => 3,
            RejectionKind::NoActiveTenant
            | RejectionKind::TenantMismatch
            | RejectionKind::MissingRole
            | RejectionKind::MissingPermission
            | RejectionKind::CrossSite => 7,
            RejectionKind::KeysUnavailable
            | RejectionKind::RenewalUnavailable
            | RejectionKind::ExchangeUnavailable => 14,
            RejectionKind::LayerMissing => 13,
        }
    }

    /// One sentence for the client; a fixed text per kind.
    pub fn description(&self) -> &'static str {
        match self.kind {
            RejectionKind::MissingToken => "no session token was presented",
            RejectionKind::ExpiredToken => "the session token has expired",
            RejectionKind::InvalidToken => "the session token is invalid",
            RejectionKind::AmbiguousCredentials => "several credentials were presented",
            RejectionKind::NoActiveTenant => "no tenant is selected in this session",
            RejectionKind::TenantMismatch => "the session is not for this tenant",
            RejectionKind::MissingRole => "a required role is missing",
            RejectionKind::MissingPermission => "a required permission is missing",
            RejectionKind::CrossSite => "the request comes from another site",
            RejectionKind::KeysUnavailable => {
                "sessions cannot be verified at the moment, try again later"
            }
            RejectionKind::RenewalUnavailable => {
                "the session cannot be renewed at the moment, try again later"
            }
            RejectionKind::ExchangeUnavailable => {
                "access keys cannot be exchanged at the moment, try again later"
            }
            RejectionKind::LayerMissing => {
                "no session in the request's extensions: is tower_descope::TenantLayer added to \
                 this route, from the same version of tower-descope?"
            }
        }
    }

    /// The `WWW-Authenticate` challenge (RFC 6750 section 3), where the refusal has one.
    pub fn challenge(&self) -> Option<HeaderValue> {
        // Checked when this is compiled, not with each refusal.
        macro_rules! challenge {
            ($text:literal) => {
                const { HeaderValue::from_static($text) }
            };
        }
        Some(match self.kind {
            RejectionKind::MissingToken => challenge!("Bearer"),
            RejectionKind::ExpiredToken => challenge!(
                r#"Bearer error="invalid_token", error_description="the session token has expired""#
            ),
            RejectionKind::InvalidToken => challenge!(
                r#"Bearer error="invalid_token", error_description="the session token is invalid""#
            ),
            RejectionKind::AmbiguousCredentials => challenge!(
                r#"Bearer error="invalid_request", error_description="several credentials were presented""#
            ),
            RejectionKind::MissingRole => challenge!(
                r#"Bearer error="insufficient_scope", error_description="a required role is missing""#
            ),
            RejectionKind::MissingPermission => challenge!(
                r#"Bearer error="insufficient_scope", error_description="a required permission is missing""#
            ),
            _ => return None,
        })
    }

    /// The code as a field's value; see [`challenge`](Self::challenge).
    pub(crate) fn code_header(&self) -> HeaderValue {
        macro_rules! code {
            ($($kind:ident)*) => {
                match self.kind {
                    $(RejectionKind::$kind => {
                        const { HeaderValue::from_static(RejectionKind::$kind.code()) }
                    })*
                }
            };
        }
        code!(
            MissingToken ExpiredToken InvalidToken AmbiguousCredentials NoActiveTenant
            TenantMismatch MissingRole MissingPermission CrossSite KeysUnavailable
            RenewalUnavailable ExchangeUnavailable LayerMissing
        )
    }

    /// `Retry-After` in whole seconds, rounded up, where the refusal has one.
    pub(crate) fn retry_after_header(&self) -> Option<HeaderValue> {
        self.retry_after.map(retry_after_header)
    }

    /// The default body of the refusal: small JSON, from `code` and `description`, which are fixed
    /// texts without anything to escape. Written out, so that a refusal formats nothing.
    pub(crate) const fn json(&self) -> &'static str {
        match self.kind {
            RejectionKind::MissingToken => {
                r#"{"error":"missing_token","error_description":"no session token was presented"}"#
            }
            RejectionKind::ExpiredToken => {
                r#"{"error":"expired_token","error_description":"the session token has expired"}"#
            }
            RejectionKind::InvalidToken => {
                r#"{"error":"invalid_token","error_description":"the session token is invalid"}"#
            }
            RejectionKind::AmbiguousCredentials => {
                r#"{"error":"ambiguous_credentials","error_description":"several credentials were presented"}"#
            }
            RejectionKind::NoActiveTenant => {
                r#"{"error":"no_active_tenant","error_description":"no tenant is selected in this session"}"#
            }
            RejectionKind::TenantMismatch => {
                r#"{"error":"tenant_mismatch","error_description":"the session is not for this tenant"}"#
            }
            RejectionKind::MissingRole => {
                r#"{"error":"missing_role","error_description":"a required role is missing"}"#
            }
            RejectionKind::MissingPermission => {
                r#"{"error":"missing_permission","error_description":"a required permission is missing"}"#
            }
            RejectionKind::CrossSite => {
                r#"{"error":"cross_site","error_description":"the request comes from another site"}"#
            }
            RejectionKind::KeysUnavailable => {
                r#"{"error":"keys_unavailable","error_description":"sessions cannot be verified at the moment, try again later"}"#
            }
            RejectionKind::RenewalUnavailable => {
                r#"{"error":"renewal_unavailable","error_description":"the session cannot be renewed at the moment, try again later"}"#
            }
            RejectionKind::ExchangeUnavailable => {
                r#"{"error":"exchange_unavailable","error_description":"access keys cannot be exchanged at the moment, try again later"}"#
            }
            RejectionKind::LayerMissing => {
                r#"{"error":"layer_missing","error_description":"no session in the request's extensions: is tower_descope::TenantLayer added to this route, from the same version of tower-descope?"}"#
            }
        }
    }
}

/// `after` in whole seconds, rounded up, at least one.
pub(crate) fn retry_after_header(after: Duration) -> HeaderValue {
    let seconds = after
        .as_secs()
        .saturating_add(u64::from(after.subsec_nanos() > 0));
    HeaderValue::from(seconds.max(1))
}

impl RejectionKind {
    /// The stable code of the kind.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::MissingToken => "missing_token",
            Self::ExpiredToken => "expired_token",
            Self::InvalidToken => "invalid_token",
            Self::AmbiguousCredentials => "ambiguous_credentials",
            Self::NoActiveTenant => "no_active_tenant",
            Self::TenantMismatch => "tenant_mismatch",
            Self::MissingRole => "missing_role",
            Self::MissingPermission => "missing_permission",
            Self::CrossSite => "cross_site",
            Self::KeysUnavailable => "keys_unavailable",
            Self::RenewalUnavailable => "renewal_unavailable",
            Self::ExchangeUnavailable => "exchange_unavailable",
            Self::LayerMissing => "layer_missing",
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}

impl std::error::Error for Rejection {}
