//! Verified sessions.
//!
//! The type is the proof: a [`Session`] exists only if its token was verified. It cannot be built,
//! defaulted or deserialised by hand; tests get theirs from `test_util::FakeDescope`, through the
//! real verifier.

use std::{borrow::Cow, fmt, hint, sync::Arc, time::SystemTime};

use http::Extensions;
use serde::de::DeserializeOwned;

use crate::{
    clock::{rfc3339, system_time},
    error::Error,
    ids::{TenantId, UserId},
    json,
    jwt::claims::{Claims, Tenants},
    membership::{Membership, read_claims},
    rejection::{Rejection, RejectionKind},
};

/// A verified session: who the user is, which tenants they belong to, and until when.
///
/// A session is shared, not copied: cloning it is cheap. As an axum extractor (feature `axum`),
/// `Session` refuses requests without one. `Option<Session>`, behind
/// [`TenantLayer::optional`](crate::TenantLayer::optional), is `None` where the token is missing or
/// has expired; anything else that is wrong is still refused.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

/// What each request asks for comes first, beside the count of the clones.
#[repr(C)]
struct Inner {
    claims: Claims,
    tenant_claims: TenantClaims,
}

/// Where a project's tokens say what a user may do in the current tenant; see
/// [`DescopeBuilder::tenant_claims`](crate::DescopeBuilder::tenant_claims).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TenantClaims {
    /// In the `tenants` claim where there is one, else at the root (as Descope's Go SDK reads
    /// it). Fits every JWT template; but where a project's template writes project-wide roles at
    /// the root *and* leaves an empty `tenants` claim out, those count for a leftover `dct`.
    #[default]
    Auto,
    /// In the `tenants` claim only: a session that does not list its `dct` there is a
    /// [`TenantMismatch`](RejectionKind::TenantMismatch). Right for the template "Default
    /// Descope JWT", and the strictest.
    Listed,
    /// At the root only: right for the template "Current Tenant, No Tenant Reference". A session
    /// that lists tenants is a [`TenantMismatch`](RejectionKind::TenantMismatch), since its root
    /// roles would be the project's.
    CurrentOnly,
}

impl Session {
    /// Only for what has been verified.
    pub(crate) fn new(claims: Claims, tenant_claims: TenantClaims) -> Self {
        Self {
            inner: Arc::new(Inner {
                claims,
                tenant_claims,
            }),
        }
    }

    /// Touches the session's memory, so that it is on its way.
    #[inline]
    pub(crate) fn come_near(&self) {
        hint::black_box(Arc::strong_count(&self.inner));
    }

    /// The session that [`TenantLayer`](crate::TenantLayer) left in a request's extensions: for
    /// hyper, tonic and middleware. axum handlers name `Session` as an argument instead.
    ///
    /// # Errors
    ///
    /// Why there is none: what the layer found (in [`optional`](crate::TenantLayer::optional)
    /// mode), or [`RejectionKind::LayerMissing`] where no layer ran.
    pub fn from_extensions(extensions: &Extensions) -> Result<&Self, Rejection> {
        extensions.get::<Self>().ok_or_else(|| {
            extensions
                .get::<Rejection>()
                .cloned()
                .unwrap_or_else(|| Rejection::new(RejectionKind::LayerMissing))
        })
    }

    /// The user: Descope's own id (`dsub`), else the token's `sub`. Of a session made from an
    /// access key, the key's id.
    pub fn user_id(&self) -> &UserId {
        &self.inner.claims.user
    }

    /// The token's `sub` as it stands: another text than [`user_id`](Self::user_id) only where
    /// the project's JWT template overrides the subject.
    pub fn subject(&self) -> &str {
        let claims = &self.inner.claims;
        claims.table.text(claims.subject)
    }

    /// The token's issuer, as it stands.
    pub fn issuer(&self) -> &str {
        let claims = &self.inner.claims;
        claims.table.text(claims.issuer)
    }

    /// When the session token expires (`exp`), at most the year 9999.
    pub fn expires_at(&self) -> SystemTime {
        system_time(self.inner.claims.times.expires)
    }

    /// When the session token was issued (`iat`), if it says so.
    pub fn issued_at(&self) -> Option<SystemTime> {
        self.inner.claims.times.issued.map(system_time)
    }

    /// When the matching refresh token expires (`rexp`), if the token says so: after it the user
    /// must sign in again.
    pub fn refresh_expires_at(&self) -> Option<SystemTime> {
        let claims = &self.inner.claims;
        rfc3339(claims.table.text(claims.refresh_expires_at?))
    }

    /// How the user signed in (`amr`), for example `email`, `pwd`, `mfa`.
    pub fn authentication_methods(&self) -> impl Iterator<Item = &str> {
        let claims = &self.inner.claims;
        claims.table.list(claims.authentication_methods)
    }

    /// Whether the user has stepped up (`su`): signed in once more for something sensitive.
    pub fn is_stepped_up(&self) -> bool {
        self.inner.claims.stepped_up
    }

    /// Whether somebody else acts as this user (`act`).
    pub fn is_impersonated(&self) -> bool {
        self.inner.claims.impersonator.is_some()
    }

    /// The id of who acts as this user: `act` itself if it is a string, else its `sub` (RFC 8693
    /// section 4.1). `None` also where `act` has another shape; see
    /// [`is_impersonated`](Self::is_impersonated).
    pub fn impersonator(&self) -> Option<Cow<'_, str>> {
        let claims = &self.inner.claims;
        let act = claims.table.value(claims.impersonator?);
        if let Some(id) = json::string(act) {
            return Some(id);
        }
        let mut id = None;
        json::members(act, |member| {
            if member.name == "sub" {
                id = json::string(member.value);
            }
            Ok(())
        })
        .ok()?;
        id
    }

    /// The user's project-wide roles: the root `roles` claim. Under the JWT template "Current
    /// Tenant, No Tenant Reference" these are the current tenant's; use
    /// [`ActiveTenant::roles`](crate::ActiveTenant::roles) there.
    pub fn project_roles(&self) -> impl Iterator<Item = &str> {
        let claims = &self.inner.claims;
        claims.table.list(claims.roles)
    }

    /// The user's project-wide permissions: the root `permissions` claim; see
    /// [`project_roles`](Self::project_roles).
    pub fn project_permissions(&self) -> impl Iterator<Item = &str> {
        let claims = &self.inner.claims;
        claims.table.list(claims.permissions)
    }

    /// Whether the user has a project-wide role.
    pub fn has_project_role(&self, role: &str) -> bool {
        self.project_roles().any(|has| has == role)
    }

    /// Whether the user has a project-wide permission.
    pub fn has_project_permission(&self, permission: &str) -> bool {
        self.project_permissions().any(|has| has == permission)
    }

    /// The ids of the user's tenants, in the token's order. Where the token lists none but has a
    /// current tenant (template "Current Tenant, No Tenant Reference"), that one.
    ///
    /// Those that [`tenant`](Self::tenant) knows: under [`TenantClaims::CurrentOnly`] none that
    /// the token lists, under [`TenantClaims::Listed`] no others.
    pub fn tenants(&self) -> impl Iterator<Item = &str> {
        let claims = &self.inner.claims;
        let listed = match &claims.tenants {
            Tenants::Listed(entries) if self.lists_count() => &**entries,
            Tenants::Listed(_) | Tenants::None | Tenants::Unusable => &[],
        };
        let current = claims
            .current_tenant()
            .filter(|_| self.root_is_current())
            .map(TenantId::as_str);
        listed
            .iter()
            .map(|entry| claims.table.text(entry.id))
            .chain(current)
    }

    /// Whether the user belongs to a tenant: whether [`tenant`](Self::tenant) knows their place in
    /// it.
    pub fn has_tenant(&self, id: &str) -> bool {
        self.tenants().any(|has| has == id)
    }

    /// The user's place in a tenant, active or not; `None` if they do not belong to it, as far as
    /// the [`TenantClaims`] of the project let the session say so.
    pub fn tenant(&self, id: &TenantId) -> Option<Membership<'_>> {
        let claims = &self.inner.claims;
        if let Some(entry) = claims.entry(id.as_str()) {
            let id = claims.table.text(entry.id);
            return self
                .lists_count()
                .then(|| Membership::new(claims, id, Some(entry)));
        }
        claims
            .current_tenant()
            .filter(|current| *current == id && self.root_is_current())
            .map(|current| Membership::new(claims, current.as_str(), None))
    }

    /// Whether a tenant is selected, be it one of the user's or not.
    pub(crate) fn current_tenant(&self) -> Option<&TenantId> {
        self.inner.claims.current_tenant()
    }

    /// Reads the whole payload as a type of one's own, for custom claims.
    ///
    /// ```
    /// # use tower_descope::{Error, Session};
    /// #[derive(serde::Deserialize)]
    /// struct Plan {
    ///     plan: String,
    /// }
    ///
    /// fn plan(session: &Session) -> Result<String, Error> {
    ///     Ok(session.claims::<Plan>()?.plan)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidClaims`](crate::ErrorKind::InvalidClaims) if the payload does not fit
    /// `T`.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, Error> {
        read_claims(self.payload())
    }

    /// The verified payload: one JSON object.
    pub(crate) fn payload(&self) -> &str {
        self.inner.claims.table.payload()
    }

    /// The verified claims, for what is checked about a token beyond its session.
    #[inline]
    pub(crate) fn verified(&self) -> &Claims {
        &self.inner.claims
    }

    /// The memory that the session takes, in bytes, with what the allocator adds to each piece.
    pub(crate) fn heap_bytes(&self) -> usize {
        /// Two counters of an `Arc`.
        const COUNTERS: usize = 16;
        /// What allocators commonly round up to or put in front, for the pieces of a session.
        const PIECES: usize = 6 * 16;
        let claims = &self.inner.claims;
        let listed = match &claims.tenants {
            Tenants::Listed(entries) => size_of_val(&**entries),
            Tenants::None | Tenants::Unusable => 0,
        };
        let ids = claims.user.as_str().len()
            + claims.current_tenant().map_or(0, |id| id.as_str().len())
            + 2 * COUNTERS;
        COUNTERS + size_of::<Inner>() + claims.table.heap_bytes() + listed + ids + PIECES
    }

    /// Whether a tenant that the token lists is one of the user's.
    fn lists_count(&self) -> bool {
        self.inner.tenant_claims != TenantClaims::CurrentOnly
    }

    /// Whether the root roles and permissions are the current tenant's.
    fn root_is_current(&self) -> bool {
        let listed = !matches!(self.inner.claims.tenants, Tenants::None);
        !listed && self.inner.tenant_claims != TenantClaims::Listed
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("user_id", self.user_id())
            .field("current_tenant", &self.current_tenant())
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}
