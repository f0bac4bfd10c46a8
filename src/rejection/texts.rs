//! The texts of refusals, which are fixed for each kind.

use super::{kind::RejectionKind, rejection::Rejection};

impl Rejection {
    /// One sentence for the client; a fixed text per kind.
    pub fn description(&self) -> &'static str {
        match self.kind() {
            RejectionKind::MissingToken => "no session token was presented",
            RejectionKind::ExpiredToken => "the session token has expired",
            RejectionKind::SessionRevoked => "the session was revoked",
            RejectionKind::InvalidToken => "the session token is invalid",
            RejectionKind::AnonymousSession => "nobody has signed in to this session",
            RejectionKind::AmbiguousCredentials => "several credentials were presented",
            RejectionKind::HeadersTooLarge => {
                "more than 64 KiB of cookies were sent, delete cookies of this site"
            }
            RejectionKind::NoActiveTenant => "no tenant is selected in this session",
            RejectionKind::TenantMismatch => "the session is not for this tenant",
            RejectionKind::OtherTenant => {
                "another tenant is active in this session than the request is for"
            }
            RejectionKind::TenantNotNamed => "the request does not name the tenant that it is for",
            RejectionKind::UserMismatch => {
                "the session is another user's than the page was made for"
            }
            RejectionKind::MissingRole => "a required role is missing",
            RejectionKind::MissingPermission => "a required permission is missing",
            RejectionKind::StepUpRequired => {
                "this takes a recent additional sign-in (step-up), sign in once more"
            }
            RejectionKind::Impersonated => "this cannot be done in another person's place",
            RejectionKind::CrossSite => {
                "the request comes from another site; a client that is no browser sends its token \
                 as Authorization: Bearer"
            }
            RejectionKind::KeysUnavailable => {
                "sessions cannot be verified at the moment, try again later"
            }
            RejectionKind::RenewalUnavailable => {
                "the session cannot be renewed at the moment, try again later"
            }
            RejectionKind::RevocationUnavailable => {
                "it is not known at the moment which sessions were revoked, try again later"
            }
            RejectionKind::ExchangeUnavailable => {
                "access keys cannot be exchanged at the moment, try again later"
            }
            RejectionKind::LayerMissing => {
                "no session in the request's extensions: is tower_descope::TenantLayer added to \
                 this route, outside of all that asks for a session, from the same version of \
                 tower-descope?"
            }
        }
    }

    /// The default body of the refusal: small JSON, from `code` and `description`, which are fixed
    /// texts without anything to escape. Written out, so that a refusal formats nothing.
    pub(crate) const fn json(&self) -> &'static str {
        match self.kind() {
            RejectionKind::MissingToken => {
                r#"{"error":"missing_token","error_description":"no session token was presented"}"#
            }
            RejectionKind::ExpiredToken => {
                r#"{"error":"expired_token","error_description":"the session token has expired"}"#
            }
            RejectionKind::SessionRevoked => {
                r#"{"error":"session_revoked","error_description":"the session was revoked"}"#
            }
            RejectionKind::InvalidToken => {
                r#"{"error":"invalid_token","error_description":"the session token is invalid"}"#
            }
            RejectionKind::AnonymousSession => {
                r#"{"error":"anonymous_session","error_description":"nobody has signed in to this session"}"#
            }
            RejectionKind::AmbiguousCredentials => {
                r#"{"error":"ambiguous_credentials","error_description":"several credentials were presented"}"#
            }
            RejectionKind::HeadersTooLarge => {
                r#"{"error":"headers_too_large","error_description":"more than 64 KiB of cookies were sent, delete cookies of this site"}"#
            }
            RejectionKind::NoActiveTenant => {
                r#"{"error":"no_active_tenant","error_description":"no tenant is selected in this session"}"#
            }
            RejectionKind::TenantMismatch => {
                r#"{"error":"tenant_mismatch","error_description":"the session is not for this tenant"}"#
            }
            RejectionKind::OtherTenant => {
                r#"{"error":"other_tenant","error_description":"another tenant is active in this session than the request is for"}"#
            }
            RejectionKind::TenantNotNamed => {
                r#"{"error":"tenant_not_named","error_description":"the request does not name the tenant that it is for"}"#
            }
            RejectionKind::UserMismatch => {
                r#"{"error":"user_mismatch","error_description":"the session is another user's than the page was made for"}"#
            }
            RejectionKind::MissingRole => {
                r#"{"error":"missing_role","error_description":"a required role is missing"}"#
            }
            RejectionKind::MissingPermission => {
                r#"{"error":"missing_permission","error_description":"a required permission is missing"}"#
            }
            RejectionKind::StepUpRequired => {
                r#"{"error":"step_up_required","error_description":"this takes a recent additional sign-in (step-up), sign in once more"}"#
            }
            RejectionKind::Impersonated => {
                r#"{"error":"impersonated","error_description":"this cannot be done in another person's place"}"#
            }
            RejectionKind::CrossSite => {
                r#"{"error":"cross_site","error_description":"the request comes from another site; a client that is no browser sends its token as Authorization: Bearer"}"#
            }
            RejectionKind::KeysUnavailable => {
                r#"{"error":"keys_unavailable","error_description":"sessions cannot be verified at the moment, try again later"}"#
            }
            RejectionKind::RenewalUnavailable => {
                r#"{"error":"renewal_unavailable","error_description":"the session cannot be renewed at the moment, try again later"}"#
            }
            RejectionKind::RevocationUnavailable => {
                r#"{"error":"revocation_unavailable","error_description":"it is not known at the moment which sessions were revoked, try again later"}"#
            }
            RejectionKind::ExchangeUnavailable => {
                r#"{"error":"exchange_unavailable","error_description":"access keys cannot be exchanged at the moment, try again later"}"#
            }
            RejectionKind::LayerMissing => {
                r#"{"error":"layer_missing","error_description":"no session in the request's extensions: is tower_descope::TenantLayer added to this route, outside of all that asks for a session, from the same version of tower-descope?"}"#
            }
        }
    }
}
