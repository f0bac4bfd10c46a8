use http::HeaderValue;

/// The sort of a [`Rejection`](super::Rejection). The [module](crate::rejection) has the table of statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectionKind {
    /// The request carries no session token.
    MissingToken,
    /// The session token is valid but for its time, which is over.
    ExpiredToken,
    /// The session was revoked: its user has signed out, or a [`Mark`](crate::Mark) is about it. Only with
    /// [`DescopeBuilder::revocation`](crate::DescopeBuilder::revocation).
    SessionRevoked,
    /// The session token is not one: malformed, forged, of another project, of another kind, not
    /// yet valid.
    InvalidToken,
    /// The session is an anonymous visitor's ([`Session::is_anonymous`](crate::Session::is_anonymous)):
    /// nobody has signed in.
    AnonymousSession,
    /// The request carries several credentials that contradict each other.
    AmbiguousCredentials,
    /// The request's `Cookie` fields have more than 64 KiB in sum. They have not been read.
    HeadersTooLarge,
    /// The session is valid but no tenant has been selected.
    NoActiveTenant,
    /// The session's tenant is not one of the user's, or not the one the request was meant for.
    TenantMismatch,
    /// The request is for another tenant than the active one, and the user may switch to it: see
    /// [`UrlTenant`](crate::UrlTenant).
    OtherTenant,
    /// The request does not say which tenant it is for, or names more than one: see
    /// [`UrlTenant`](crate::UrlTenant).
    TenantNotNamed,
    /// The session is another user's than the request was meant for.
    UserMismatch,
    /// The user lacks a role in the active tenant.
    MissingRole,
    /// The user lacks a permission in the active tenant.
    MissingPermission,
    /// The user has not signed in once more for something sensitive (`su`), or too long ago.
    StepUpRequired,
    /// Somebody else acts as the user (`act`), which this route does not allow.
    Impersonated,
    /// The request comes from another site and would act with this site's cookies.
    CrossSite,
    /// There are no keys to check signatures with.
    KeysUnavailable,
    /// The session's time is over, and a new one could not be had from Descope just now; nothing
    /// is lost, the user is still signed in. Only with
    /// [`TenantLayer::renew`](crate::TenantLayer::renew).
    RenewalUnavailable,
    /// It is not known now which sessions were revoked, since the shared state does not answer. Only with
    /// [`Revocation::strict`](crate::Revocation::strict).
    RevocationUnavailable,
    /// An access key cannot be exchanged for a session now: Descope does not answer or asks to
    /// slow down, or too many unknown keys came at once. Only where
    /// [`DescopeBuilder::access_keys`](crate::DescopeBuilder::access_keys) is set.
    ExchangeUnavailable,
    /// A handler or a guard asked for a session where no [`TenantLayer`](crate::TenantLayer) ran.
    LayerMissing,
}

/// The list of all kinds with their codes, for what is made of it: the codes as text and as a
/// field's value, and [`WideKind`].
macro_rules! kinds {
    ($($kind:ident = $code:literal)*) => {
        /// A [`RejectionKind`] as wide as what is beside it in a rejection, so that verdicts are
        /// moved by whole words. The conversions compile to a change of width.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u64)]
        pub(super) enum WideKind {
            $($kind,)*
        }

        impl WideKind {
            pub(super) const fn new(kind: RejectionKind) -> Self {
                match kind {
                    $(RejectionKind::$kind => Self::$kind,)*
                }
            }

            pub(super) const fn kind(self) -> RejectionKind {
                match self {
                    $(Self::$kind => RejectionKind::$kind,)*
                }
            }
        }

        impl RejectionKind {
            /// The stable code of the kind, for example `no_active_tenant`.
            ///
            /// ```
            /// use tower_descope::RejectionKind;
            ///
            /// assert_eq!(RejectionKind::MissingRole.code(), "missing_role");
            /// ```
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$kind => $code,)*
                }
            }

            /// The code as a field's value, made when this is compiled and not with each refusal.
            pub(super) fn code_header(self) -> HeaderValue {
                match self {
                    $(Self::$kind => const { HeaderValue::from_static($code) },)*
                }
            }
        }
    };
}

kinds! {
    MissingToken = "missing_token"
    ExpiredToken = "expired_token"
    SessionRevoked = "session_revoked"
    InvalidToken = "invalid_token"
    AnonymousSession = "anonymous_session"
    AmbiguousCredentials = "ambiguous_credentials"
    HeadersTooLarge = "headers_too_large"
    NoActiveTenant = "no_active_tenant"
    TenantMismatch = "tenant_mismatch"
    OtherTenant = "other_tenant"
    TenantNotNamed = "tenant_not_named"
    UserMismatch = "user_mismatch"
    MissingRole = "missing_role"
    MissingPermission = "missing_permission"
    StepUpRequired = "step_up_required"
    Impersonated = "impersonated"
    CrossSite = "cross_site"
    KeysUnavailable = "keys_unavailable"
    RenewalUnavailable = "renewal_unavailable"
    RevocationUnavailable = "revocation_unavailable"
    ExchangeUnavailable = "exchange_unavailable"
    LayerMissing = "layer_missing"
}
