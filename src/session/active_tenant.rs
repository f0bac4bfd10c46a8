//! The tenant that is active in a verified session.

use std::fmt;

use http::Extensions;
use serde::de::DeserializeOwned;

use super::{membership::Membership, session::Session};
use crate::{
    error::{Error, ErrorKind},
    ids::{TenantId, UserId},
    jwt::claims::Tenants,
    rejection::{Rejection, RejectionKind},
};

/// The tenant that a verified session is acting in.
///
/// From the session's `dct` claim, Descope's *current tenant*; never from a path, a query or a
/// header by itself. Only under [`UrlTenant::membership_suffices`](crate::UrlTenant::membership_suffices),
/// or where middleware of yours has put the tenant of [`Session::act_in`] into the request's extensions,
/// it is that one: one of the tenants that the token names. As an axum extractor (feature `axum`), `ActiveTenant` refuses requests without one, and
/// `Result<ActiveTenant, Rejection>` tells why there is none. `Option<ActiveTenant>`, behind
/// [`TenantLayer::optional`](crate::TenantLayer::optional), is `None` where the token is missing, or
/// has expired, or its session was [revoked](crate::revocation), where no tenant is selected, or
/// where the session is [anonymous](Session::is_anonymous); anything else that is wrong is still refused.
#[derive(Clone)]
pub struct ActiveTenant {
    session: Session,
    id: TenantId,
}

impl Session {
    /// The tenant that this session acts in.
    ///
    /// # Errors
    ///
    /// [`RejectionKind::NoActiveTenant`] if none is selected, or if the claim that should name it
    /// is unusable; [`RejectionKind::TenantMismatch`] if the user does not belong to it, as far
    /// as the session says; [`RejectionKind::AnonymousSession`] if nobody has signed in
    /// ([`is_anonymous`](Self::is_anonymous)).
    pub fn active_tenant(&self) -> Result<ActiveTenant, Rejection> {
        self.require_signed_in()?;
        Ok(ActiveTenant {
            session: self.clone(),
            id: self.listed_tenant()?.clone(),
        })
    }

    /// The user's part in any tenant that the token names, to act in it though another one is active:
    /// for a tenant of the URL, a custom domain or a row of a database. With the roles and permissions
    /// of *that* tenant.
    ///
    /// The membership is the token's: a tenant that it lists or, for a token without `tenants`, the
    /// current tenant (`dct`) and no other; [`TenantClaims`](crate::TenantClaims) counts as everywhere.
    /// Nothing is selected by it, and nothing else of the session changes: its
    /// [`roles`](Self::roles) stay those of the active tenant. To make extractors and guards further
    /// in use it, put it into the request's extensions, as [`UrlTenant`](crate::UrlTenant) does. Guards
    /// further out have judged the tenant of before.
    ///
    /// ```
    /// # #[cfg(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_descope::{TenantId, test_util::FakeDescope};
    ///
    /// let fake = FakeDescope::start().await;
    /// let session = fake
    ///     .session("U2ann")
    ///     .tenant("T2acme", |at| at.role("owner"))
    ///     .tenant("T2beta", |at| at.role("viewer"))
    ///     .active("T2acme")
    ///     .verify()
    ///     .await?;
    /// let beta = session.act_in(&TenantId::new("T2beta")?)?;
    /// assert!(beta.has_role("viewer") && !beta.has_role("owner"));
    /// assert!(session.act_in(&TenantId::new("T2gamma")?).is_err());
    /// # Ok(())
    /// # }
    /// # #[cfg(not(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// [`RejectionKind::TenantMismatch`] if the user does not belong to it, as far as the session says;
    /// [`RejectionKind::AnonymousSession`] if nobody has signed in.
    pub fn act_in(&self, tenant: &TenantId) -> Result<ActiveTenant, Rejection> {
        self.require_signed_in()?;
        self.tenant(tenant).ok_or_else(not_a_member)?;
        Ok(ActiveTenant {
            session: self.clone(),
            id: tenant.clone(),
        })
    }

    /// The id of the [`active_tenant`](Self::active_tenant), if there is one.
    pub(crate) fn active_tenant_id(&self) -> Option<&TenantId> {
        self.require_signed_in().ok()?;
        self.listed_tenant().ok()
    }

    /// The user's part in the [`active_tenant`](Self::active_tenant), if there is one.
    pub(super) fn active_membership(&self) -> Option<Membership<'_>> {
        self.require_signed_in().ok()?;
        self.listed().ok().map(|(_, membership)| membership)
    }

    /// The current tenant, if the user belongs to it, whether or not they have signed in.
    pub(crate) fn listed_tenant(&self) -> Result<&TenantId, Rejection> {
        self.listed().map(|(id, _)| id)
    }

    fn listed(&self) -> Result<(&TenantId, Membership<'_>), Rejection> {
        let claims = self.verified();
        let Some(id) = claims.current_tenant() else {
            return Err(Rejection::new(RejectionKind::NoActiveTenant));
        };
        if let Tenants::Unusable = claims.tenants {
            return Err(Rejection::because(
                RejectionKind::NoActiveTenant,
                "tenants_of_wrong_type",
            ));
        }
        Ok((id, self.current_membership().ok_or_else(not_a_member)?))
    }
}

impl ActiveTenant {
    /// The active tenant of the session that [`TenantLayer`](crate::TenantLayer) left in a
    /// request's extensions: for hyper, tonic and middleware. axum handlers name `ActiveTenant`
    /// as an argument instead.
    ///
    /// An `ActiveTenant` of that very session in the extensions counts in its place: see
    /// [`Session::act_in`].
    ///
    /// # Errors
    ///
    /// As [`Session::from_extensions`] and [`Session::active_tenant`].
    pub fn from_extensions(extensions: &Extensions) -> Result<Self, Rejection> {
        let session = Session::from_extensions(extensions)?;
        match extensions.get::<Self>() {
            Some(acting) if acting.is_of(session) => Ok(acting.clone()),
            _ => session.active_tenant(),
        }
    }

    /// Returns `true` if it is a tenant of this very session.
    pub(crate) fn is_of(&self, session: &Session) -> bool {
        self.session.is_same(session)
    }

    /// The tenant's id. Filter every query by it.
    pub fn id(&self) -> &TenantId {
        &self.id
    }

    /// The session that the tenant is active in. Its own [`roles`](Session::roles) are those of its `dct`,
    /// which need not be this tenant: see [`Session::act_in`].
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The user of the session.
    pub fn user_id(&self) -> &UserId {
        self.session.user_id()
    }

    /// The user's roles in this tenant, in the token's order.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.membership()
            .into_iter()
            .flat_map(|member| member.roles())
    }

    /// The user's permissions in this tenant, in the token's order.
    pub fn permissions(&self) -> impl Iterator<Item = &str> {
        self.membership()
            .into_iter()
            .flat_map(|member| member.permissions())
    }

    /// Returns `true` if the user has a role in this tenant. Compared exactly, case-sensitively.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles().any(|has| has == role)
    }

    /// Returns `true` if the user has a permission in this tenant. Compared exactly, case-sensitively.
    pub fn has_permission(&self, permission: &str) -> bool {
        self.permissions().any(|has| has == permission)
    }

    /// Asks for a role.
    ///
    /// # Errors
    ///
    /// [`RejectionKind::MissingRole`] if the user lacks it.
    pub fn require_role(&self, role: &str) -> Result<(), Rejection> {
        self.require_all_roles([role])
    }

    /// Asks for every one of these roles; none asked for is always granted.
    ///
    /// # Errors
    ///
    /// [`RejectionKind::MissingRole`] if the user lacks one.
    pub fn require_all_roles<R: AsRef<str>>(
        &self,
        roles: impl IntoIterator<Item = R>,
    ) -> Result<(), Rejection> {
        self.membership()?.require_all_roles(roles)
    }

    /// Asks for at least one of these roles; none offered is never granted.
    ///
    /// # Errors
    ///
    /// [`RejectionKind::MissingRole`] if the user lacks them all.
    pub fn require_any_role<R: AsRef<str>>(
        &self,
        roles: impl IntoIterator<Item = R>,
    ) -> Result<(), Rejection> {
        self.membership()?.require_any_role(roles)
    }

    /// Asks for a permission.
    ///
    /// # Errors
    ///
    /// [`RejectionKind::MissingPermission`] if the user lacks it.
    pub fn require_permission(&self, permission: &str) -> Result<(), Rejection> {
        self.require_all_permissions([permission])
    }

    /// Asks for every one of these permissions; none asked for is always granted.
    ///
    /// # Errors
    ///
    /// [`RejectionKind::MissingPermission`] if the user lacks one.
    pub fn require_all_permissions<P: AsRef<str>>(
        &self,
        permissions: impl IntoIterator<Item = P>,
    ) -> Result<(), Rejection> {
        self.membership()?.require_all_permissions(permissions)
    }

    /// Asks for at least one of these permissions; none offered is never granted.
    ///
    /// # Errors
    ///
    /// [`RejectionKind::MissingPermission`] if the user lacks them all.
    pub fn require_any_permission<P: AsRef<str>>(
        &self,
        permissions: impl IntoIterator<Item = P>,
    ) -> Result<(), Rejection> {
        self.membership()?.require_any_permission(permissions)
    }

    /// Asks that this is the tenant which a page was rendered for.
    ///
    /// A user with two tabs switches tenant in one of them; the other still shows the old
    /// tenant's form. Let the form carry the tenant's id, and compare it here before writing.
    ///
    /// # Errors
    ///
    /// [`RejectionKind::TenantMismatch`] if another tenant is active now.
    pub fn require_id(&self, rendered_for: &TenantId) -> Result<(), Rejection> {
        if self.id == *rendered_for {
            Ok(())
        } else {
            Err(Rejection::because(
                RejectionKind::TenantMismatch,
                "rendered_for_another_tenant",
            ))
        }
    }

    /// Reads the tenant's entry of the `tenants` claim, for what a JWT template adds to it.
    ///
    /// # Errors
    ///
    /// As [`Membership::claims`].
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, Error> {
        match self.membership() {
            Ok(membership) => membership.claims(),
            Err(rejection) => Err(Error::new(
                ErrorKind::InvalidClaims,
                rejection.description(),
            )),
        }
    }

    /// Always there: it was when this was made, and a session does not change.
    fn membership(&self) -> Result<Membership<'_>, Rejection> {
        // The active tenant's place is known; any other one's is looked for.
        let membership = match self.session.current_tenant() {
            Some(current) if *current == self.id => self.session.current_membership(),
            _ => self.session.tenant(&self.id),
        };
        membership.ok_or_else(not_a_member)
    }
}

fn not_a_member() -> Rejection {
    Rejection::because(RejectionKind::TenantMismatch, "not_a_member")
}

impl fmt::Debug for ActiveTenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActiveTenant")
            .field("id", &self.id)
            .field("user_id", self.user_id())
            .finish_non_exhaustive()
    }
}
