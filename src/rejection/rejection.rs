use std::{fmt, time::Duration};

use http::{HeaderName, HeaderValue, StatusCode};

use super::kind::{RejectionKind, WideKind};

/// The header of a refusal that carries [`Rejection::code`]: `x-descope-rejection`. A front end on
/// another origin can read it if a CORS layer exposes it.
pub const REJECTION_HEADER: HeaderName = HeaderName::from_static("x-descope-rejection");

/// Why a request was refused.
///
/// Cheap to clone and free of secrets. Match on [`kind`](Self::kind); the finer reason, meant for
/// operators, is [`reason`](Self::reason) and is never sent to a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rejection {
    kind: WideKind,
    reason: &'static str,
    /// How long to wait before the next try, or, of `StepUpRequired`, how old a step-up may be.
    period: Option<Duration>,
}

impl Rejection {
    /// A rejection whose finer reason is the code of its kind, for guards and extractors of one's
    /// own: they then refuse in the same form as this crate does, with the status, the challenge
    /// and the code that belong to the kind.
    ///
    /// ```
    /// use tower_descope::{ActiveTenant, Rejection, RejectionKind};
    ///
    /// fn billing_only(tenant: &ActiveTenant) -> Result<(), Rejection> {
    ///     if tenant.roles().any(|role| role.starts_with("billing-")) {
    ///         return Ok(());
    ///     }
    ///     Err(Rejection::new(RejectionKind::MissingRole))
    /// }
    ///
    /// let rejection = Rejection::new(RejectionKind::MissingRole);
    /// assert_eq!(rejection.status(), 403);
    /// assert_eq!(rejection.code(), "missing_role");
    /// # let _ = billing_only;
    /// ```
    pub const fn new(kind: RejectionKind) -> Self {
        Self::because(kind, kind.code())
    }

    /// A rejection with a finer reason for operators.
    pub(crate) const fn because(kind: RejectionKind, reason: &'static str) -> Self {
        Self {
            kind: WideKind::new(kind),
            reason,
            period: None,
        }
    }

    /// An unusable token, with what is wrong about it.
    pub(crate) const fn invalid(reason: &'static str) -> Self {
        Self::because(RejectionKind::InvalidToken, reason)
    }

    /// No keys; worth another try after `retry_after`.
    pub(crate) const fn keys_unavailable(retry_after: Duration) -> Self {
        Self {
            kind: WideKind::KeysUnavailable,
            reason: RejectionKind::KeysUnavailable.code(),
            period: Some(retry_after),
        }
    }

    /// No new session just now; worth another try after `retry_after`.
    pub(crate) const fn renewal_unavailable(retry_after: Duration) -> Self {
        Self {
            kind: WideKind::RenewalUnavailable,
            reason: RejectionKind::RenewalUnavailable.code(),
            period: Some(retry_after),
        }
    }

    /// Nobody knows now who was revoked; worth another try after `retry_after`.
    pub(crate) const fn revocation_unavailable(retry_after: Duration) -> Self {
        Self {
            kind: WideKind::RevocationUnavailable,
            reason: RejectionKind::RevocationUnavailable.code(),
            period: Some(retry_after),
        }
    }

    /// No exchange of an access key; worth another try after `retry_after`.
    pub(crate) const fn exchange_unavailable(reason: &'static str, retry_after: Duration) -> Self {
        Self {
            kind: WideKind::ExchangeUnavailable,
            reason,
            period: Some(retry_after),
        }
    }

    /// No step-up, or none that is younger than `max_age`.
    pub(crate) const fn step_up_required(reason: &'static str, max_age: Option<Duration>) -> Self {
        Self {
            kind: WideKind::StepUpRequired,
            reason,
            period: max_age,
        }
    }

    /// The sort of refusal.
    pub const fn kind(&self) -> RejectionKind {
        self.kind.kind()
    }

    /// The stable code of the kind, for example `no_active_tenant`: in the default body and in
    /// the header `x-descope-rejection`.
    pub fn code(&self) -> &'static str {
        self.kind().code()
    }

    /// A finer reason for logs, for example `unknown_kid`. The set of reasons may grow in any
    /// release; do not match on it, and do not send it to clients: it helps attackers too.
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// How long to wait before the next try, for `KeysUnavailable`, `RenewalUnavailable`,
    /// `RevocationUnavailable` and `ExchangeUnavailable`. Rounded up to whole seconds in the `Retry-After` header.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.kind {
            WideKind::StepUpRequired => None,
            _ => self.period,
        }
    }

    /// How long ago the user may have stepped up, for `StepUpRequired` where there is a bound. In
    /// whole seconds in the challenge, rounded down.
    pub fn max_age(&self) -> Option<Duration> {
        match self.kind {
            WideKind::StepUpRequired => self.period,
            _ => None,
        }
    }

    /// The HTTP status of the refusal.
    pub fn status(&self) -> StatusCode {
        match self.kind.kind() {
            RejectionKind::MissingToken
            | RejectionKind::ExpiredToken
            | RejectionKind::SessionRevoked
            | RejectionKind::InvalidToken
            | RejectionKind::AnonymousSession
            | RejectionKind::StepUpRequired => StatusCode::UNAUTHORIZED,
            RejectionKind::AmbiguousCredentials
            | RejectionKind::HeadersTooLarge
            | RejectionKind::TenantNotNamed => StatusCode::BAD_REQUEST,
            RejectionKind::OtherTenant => StatusCode::CONFLICT,
            RejectionKind::NoActiveTenant
            | RejectionKind::TenantMismatch
            | RejectionKind::UserMismatch
            | RejectionKind::MissingRole
            | RejectionKind::MissingPermission
            | RejectionKind::Impersonated
            | RejectionKind::CrossSite => StatusCode::FORBIDDEN,
            RejectionKind::KeysUnavailable
            | RejectionKind::RenewalUnavailable
            | RejectionKind::RevocationUnavailable
            | RejectionKind::ExchangeUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            RejectionKind::LayerMissing => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The gRPC status code of the refusal
    /// (<https://grpc.github.io/grpc/core/md_doc_statuscodes.html>).
    pub fn grpc_code(&self) -> u8 {
        match self.kind.kind() {
            RejectionKind::MissingToken
            | RejectionKind::ExpiredToken
            | RejectionKind::SessionRevoked
            | RejectionKind::InvalidToken
            | RejectionKind::AnonymousSession
            | RejectionKind::StepUpRequired => 16,
            RejectionKind::AmbiguousCredentials
            | RejectionKind::HeadersTooLarge
            | RejectionKind::TenantNotNamed => 3,
            // Of no use until the user has switched tenant, and then the same call is good.
            RejectionKind::OtherTenant => 9,
            RejectionKind::NoActiveTenant
            | RejectionKind::TenantMismatch
            | RejectionKind::UserMismatch
            | RejectionKind::MissingRole
            | RejectionKind::MissingPermission
            | RejectionKind::Impersonated
            | RejectionKind::CrossSite => 7,
            RejectionKind::KeysUnavailable
            | RejectionKind::RenewalUnavailable
            | RejectionKind::RevocationUnavailable
            | RejectionKind::ExchangeUnavailable => 14,
            RejectionKind::LayerMissing => 13,
        }
    }

    /// The `WWW-Authenticate` challenge (RFC 6750 section 3, RFC 9470 section 3), where the refusal has one.
    pub fn challenge(&self) -> Option<HeaderValue> {
        // Checked when this is compiled, not with each refusal.
        macro_rules! challenge {
            ($text:literal) => {
                const { HeaderValue::from_static($text) }
            };
        }
        Some(match self.kind.kind() {
            RejectionKind::StepUpRequired => {
                let challenge = challenge!(
                    r#"Bearer error="insufficient_user_authentication", error_description="this takes a recent additional sign-in (step-up), sign in once more""#
                );
                match self.max_age() {
                    Some(max_age) => with_max_age(challenge, max_age),
                    None => challenge,
                }
            }
            RejectionKind::MissingToken => challenge!("Bearer"),
            RejectionKind::ExpiredToken => challenge!(
                r#"Bearer error="invalid_token", error_description="the session token has expired""#
            ),
            RejectionKind::SessionRevoked => challenge!(
                r#"Bearer error="invalid_token", error_description="the session was revoked""#
            ),
            RejectionKind::InvalidToken => challenge!(
                r#"Bearer error="invalid_token", error_description="the session token is invalid""#
            ),
            RejectionKind::AnonymousSession => challenge!(
                r#"Bearer error="insufficient_user_authentication", error_description="nobody has signed in to this session""#
            ),
            RejectionKind::AmbiguousCredentials => challenge!(
                r#"Bearer error="invalid_request", error_description="several credentials were presented""#
            ),
            RejectionKind::HeadersTooLarge => challenge!(
                r#"Bearer error="invalid_request", error_description="more than 64 KiB of cookies were sent, delete cookies of this site""#
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

    /// Returns `true` where nobody is signed in, rather than something wrong with a credential. A session
    /// that was good once and has expired counts as none: else a public page would answer 401 to everybody
    /// who was away for ten minutes. So does one that was revoked, and one of a visitor, who has not signed in.
    pub(crate) fn means_nobody(&self) -> bool {
        matches!(
            self.kind(),
            RejectionKind::MissingToken
                | RejectionKind::ExpiredToken
                | RejectionKind::SessionRevoked
                | RejectionKind::AnonymousSession
        )
    }

    /// The code as a field's value.
    pub(crate) fn code_header(&self) -> HeaderValue {
        self.kind().code_header()
    }

    /// `Retry-After` in whole seconds, rounded up, where the refusal has one.
    pub(crate) fn retry_after_header(&self) -> Option<HeaderValue> {
        self.retry_after().map(retry_after_header)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}

impl std::error::Error for Rejection {}

/// A challenge with the bound on the age of a sign-in (RFC 9470 section 3), in whole seconds.
fn with_max_age(challenge: HeaderValue, max_age: Duration) -> HeaderValue {
    let bounded = challenge.to_str().ok().and_then(|text| {
        HeaderValue::try_from(format!(r#"{text}, max_age="{}""#, max_age.as_secs())).ok()
    });
    bounded.unwrap_or(challenge)
}

/// `after` in whole seconds, rounded up, at least one.
pub(crate) fn retry_after_header(after: Duration) -> HeaderValue {
    let seconds = after
        .as_secs()
        .saturating_add(u64::from(after.subsec_nanos() > 0));
    HeaderValue::from(seconds.max(1))
}
