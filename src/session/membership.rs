//! A user's rights in one tenant, as the session says them.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::{
    error::{Error, ErrorKind},
    jwt::claims::{Claims, Entry},
    rejection::{Rejection, RejectionKind},
};

/// A user's place in one of the tenants that the session lists: roles and permissions there.
///
/// Borrowed from a [`Session`](crate::Session). It says nothing about which tenant is *active*;
/// that is [`ActiveTenant`](crate::ActiveTenant).
#[derive(Clone, Copy)]
pub struct Membership<'a> {
    claims: &'a Claims,
    id: &'a str,
    /// `None`: the token lists no tenants, and its root roles are the current tenant's.
    entry: Option<&'a Entry>,
}

impl<'a> Membership<'a> {
    pub(super) fn new(claims: &'a Claims, id: &'a str, entry: Option<&'a Entry>) -> Self {
        Self { claims, id, entry }
    }

    /// The tenant's id, as the token has it.
    pub fn id(&self) -> &'a str {
        self.id
    }

    /// The user's roles in the tenant, in the token's order.
    pub fn roles(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let list = self.entry.map_or(self.claims.roles, |entry| entry.roles);
        self.claims.table.list(list)
    }

    /// The user's permissions in the tenant, in the token's order.
    pub fn permissions(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let list = self
            .entry
            .map_or(self.claims.permissions, |entry| entry.permissions);
        self.claims.table.list(list)
    }

    /// Returns `true` if the user has a role in the tenant. Compared exactly, case-sensitively.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles().any(|has| has == role)
    }

    /// Returns `true` if the user has a permission in the tenant. Compared exactly, case-sensitively.
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
        let has = |role: &str| self.has_role(role);
        require_all(roles, has, RejectionKind::MissingRole)
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
        let has = |role: &str| self.has_role(role);
        require_any(roles, has, RejectionKind::MissingRole)
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
        let has = |permission: &str| self.has_permission(permission);
        require_all(permissions, has, RejectionKind::MissingPermission)
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
        let has = |permission: &str| self.has_permission(permission);
        require_any(permissions, has, RejectionKind::MissingPermission)
    }

    /// Reads the tenant's entry of the `tenants` claim, for what a JWT template adds to it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidClaims`] if the entry does not fit `T`, or if the token lists no
    /// tenants (template "current tenant, no tenant reference"), so that there is no entry.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let entry = self.entry.ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidClaims,
                "the session lists no tenants, so the tenant has no claims of its own",
            )
        })?;
        read_claims(self.claims.table.value(entry.value))
    }
}

impl fmt::Debug for Membership<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Reads claims as a caller's type.
pub(super) fn read_claims<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| {
        // serde's message can quote a value, and values are the user's: only the place is kept.
        let message = format!(
            "the claims do not fit the type asked for (line {}, column {})",
            error.line(),
            error.column()
        );
        Error::new(ErrorKind::InvalidClaims, message)
    })
}

/// `Ok` if everything `wanted` is there; nothing wanted is always there.
fn require_all<W: AsRef<str>>(
    wanted: impl IntoIterator<Item = W>,
    has: impl Fn(&str) -> bool,
    missing: RejectionKind,
) -> Result<(), Rejection> {
    if wanted.into_iter().all(|one| has(one.as_ref())) {
        Ok(())
    } else {
        Err(Rejection::new(missing))
    }
}

/// `Ok` if something `wanted` is there; where nothing is wanted, nothing can be.
fn require_any<W: AsRef<str>>(
    wanted: impl IntoIterator<Item = W>,
    has: impl Fn(&str) -> bool,
    missing: RejectionKind,
) -> Result<(), Rejection> {
    if wanted.into_iter().any(|one| has(one.as_ref())) {
        Ok(())
    } else {
        Err(Rejection::new(missing))
    }
}
