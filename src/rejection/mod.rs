//! Why a request was refused, and how that is said over HTTP and gRPC.
//!
//! | [`RejectionKind`] | HTTP | code | challenge | gRPC |
//! |---|---|---|---|---|
//! | `MissingToken` | 401 | `missing_token` | `Bearer` | 16 |
//! | `ExpiredToken` | 401 | `expired_token` | `Bearer error="invalid_token"` | 16 |
//! | `SessionRevoked` | 401 | `session_revoked` | `Bearer error="invalid_token"` | 16 |
//! | `InvalidToken` | 401 | `invalid_token` | `Bearer error="invalid_token"` | 16 |
//! | `AnonymousSession` | 401 | `anonymous_session` | `Bearer error="insufficient_user_authentication"` | 16 |
//! | `AmbiguousCredentials` | 400 | `ambiguous_credentials` | `Bearer error="invalid_request"` | 3 |
//! | `HeadersTooLarge` | 400 | `headers_too_large` | `Bearer error="invalid_request"` | 3 |
//! | `NoActiveTenant` | 403 | `no_active_tenant` | none | 7 |
//! | `TenantMismatch` | 403 | `tenant_mismatch` | none | 7 |
//! | `OtherTenant` | 409 | `other_tenant` | none | 9 |
//! | `TenantNotNamed` | 400 | `tenant_not_named` | none | 3 |
//! | `UserMismatch` | 403 | `user_mismatch` | none | 7 |
//! | `MissingRole` | 403 | `missing_role` | `Bearer error="insufficient_scope"` | 7 |
//! | `MissingPermission` | 403 | `missing_permission` | `Bearer error="insufficient_scope"` | 7 |
//! | `StepUpRequired` | 401 | `step_up_required` | `Bearer error="insufficient_user_authentication"`, with `max_age` where there is a bound | 16 |
//! | `Impersonated` | 403 | `impersonated` | none | 7 |
//! | `CrossSite` | 403 | `cross_site` | none | 7 |
//! | `KeysUnavailable` | 503 | `keys_unavailable` | none, but `Retry-After` | 14 |
//! | `RenewalUnavailable` | 503 | `renewal_unavailable` | none, but `Retry-After` | 14 |
//! | `RevocationUnavailable` | 503 | `revocation_unavailable` | none, but `Retry-After` | 14 |
//! | `ExchangeUnavailable` | 503 | `exchange_unavailable` | none, but `Retry-After` | 14 |
//! | `LayerMissing` | 500 | `layer_missing` | none | 13 |
//!
//! The challenge follows RFC 6750 section 3, and RFC 9470 for a session to which nobody has signed in, or did so too long ago: no `error` where nothing was presented, auth-params
//! separated by commas, fixed texts that never echo what was sent.

mod default_response;
mod kind;
mod refuse;
mod rejection;
mod respond;
pub(crate) mod response;
#[cfg(test)]
mod tests;
mod texts;

pub use self::{
    default_response::DefaultRejectionResponse,
    kind::RejectionKind,
    rejection::{REJECTION_HEADER, Rejection},
    respond::RejectionResponse,
};
pub(crate) use self::{
    refuse::{refuse, send_on},
    rejection::retry_after_header,
};
