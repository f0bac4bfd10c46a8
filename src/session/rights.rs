//! The rights in a session: project-wide ones, and those in each tenant.

use super::{membership::Membership, session::Session, tenant_claims::TenantClaims};
use crate::{
    ids::TenantId,
    jwt::claims::{Entry, Tenants},
};

impl Session {
    /// The user's roles in the [active tenant](Self::active_tenant), in the token's order; none
    /// where no tenant is active. The roles of the whole project are
    /// [`project_roles`](Self::project_roles).
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.active_membership()
            .into_iter()
            .flat_map(|member| member.roles())
    }

    /// The user's permissions in the [active tenant](Self::active_tenant), in the token's order; none
    /// where no tenant is active. The permissions of the whole project are
    /// [`project_permissions`](Self::project_permissions).
    pub fn permissions(&self) -> impl Iterator<Item = &str> {
        self.active_membership()
            .into_iter()
            .flat_map(|member| member.permissions())
    }

    /// Returns `true` if the user has a role in the active tenant, as
    /// [`ActiveTenant::has_role`](crate::ActiveTenant::has_role) does; `false` where no tenant is
    /// active. Compared exactly, case-sensitively.
    ///
    /// A project-wide role is none of these, not even for a user in no tenant: who leaves a tenant
    /// must not have more rights than before. Ask for it by
    /// [`has_project_role`](Self::has_project_role).
    pub fn has_role(&self, role: &str) -> bool {
        self.roles().any(|has| has == role)
    }

    /// Returns `true` if the user has a permission in the active tenant; see
    /// [`has_role`](Self::has_role).
    pub fn has_permission(&self, permission: &str) -> bool {
        self.permissions().any(|has| has == permission)
    }

    /// The user's project-wide roles: the root `roles` claim. Under the JWT template "Current
    /// Tenant, No Tenant Reference" these are the current tenant's; use
    /// [`ActiveTenant::roles`](crate::ActiveTenant::roles) there.
    pub fn project_roles(&self) -> impl Iterator<Item = &str> {
        let claims = &self.shared.claims;
        claims.table.list(claims.roles)
    }

    /// The user's project-wide permissions: the root `permissions` claim; see
    /// [`project_roles`](Self::project_roles).
    pub fn project_permissions(&self) -> impl Iterator<Item = &str> {
        let claims = &self.shared.claims;
        claims.table.list(claims.permissions)
    }

    /// Returns `true` if the user has a project-wide role.
    pub fn has_project_role(&self, role: &str) -> bool {
        self.project_roles().any(|has| has == role)
    }

    /// Returns `true` if the user has a project-wide permission.
    pub fn has_project_permission(&self, permission: &str) -> bool {
        self.project_permissions().any(|has| has == permission)
    }

    /// The ids of the user's tenants, in the token's order. Where the token lists none but has a
    /// current tenant (template "Current Tenant, No Tenant Reference"), that one.
    ///
    /// Those that [`tenant`](Self::tenant) knows: under [`TenantClaims::CurrentOnly`] none that
    /// the token lists, under [`TenantClaims::Listed`] no others.
    pub fn tenants(&self) -> impl Iterator<Item = &str> {
        let claims = &self.shared.claims;
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

    /// Returns `true` if the user belongs to a tenant, that is, if [`tenant`](Self::tenant) knows
    /// their place in it.
    pub fn has_tenant(&self, id: impl AsRef<str>) -> bool {
        let id = id.as_ref();
        self.tenants().any(|has| has == id)
    }

    /// The user's place in a tenant, active or not; `None` if they do not belong to it, as far as
    /// the [`TenantClaims`] of the project let the session say so.
    pub fn tenant(&self, id: impl AsRef<str>) -> Option<Membership<'_>> {
        let id = id.as_ref();
        let claims = &self.shared.claims;
        let entry = claims.entry(id);
        let id = match entry {
            Some(entry) => claims.table.text(entry.id),
            None => claims.current_tenant().filter(|it| **it == *id)?.as_str(),
        };
        self.membership(id, entry)
    }

    /// Returns `true` if the user may switch to a tenant, as far as the session can say: it lists it, or
    /// lists none at all although the user may have several.
    pub(crate) fn may_switch_to(&self, id: &TenantId) -> bool {
        self.has_tenant(id) || self.root_is_current()
    }

    /// The user's place in the selected tenant, if they belong to it.
    pub(super) fn current_membership(&self) -> Option<Membership<'_>> {
        let claims = &self.shared.claims;
        let id = claims.current_tenant()?.as_str();
        self.membership(id, claims.current_entry())
    }

    /// The place in a tenant that the token lists with this entry, or, without one, in the selected
    /// tenant.
    fn membership<'a>(&'a self, id: &'a str, entry: Option<&'a Entry>) -> Option<Membership<'a>> {
        let counts = match entry {
            Some(_) => self.lists_count(),
            None => self.root_is_current(),
        };
        counts.then(|| Membership::new(&self.shared.claims, id, entry))
    }

    /// The selected tenant (`dct`), be it one of the user's or not.
    pub(crate) fn current_tenant(&self) -> Option<&TenantId> {
        self.shared.claims.current_tenant()
    }

    /// True where a tenant that the token lists is one of the user's.
    fn lists_count(&self) -> bool {
        self.shared.tenant_claims != TenantClaims::CurrentOnly
    }

    /// True where the root roles and permissions are the current tenant's.
    fn root_is_current(&self) -> bool {
        let listed = !matches!(self.shared.claims.tenants, Tenants::None);
        !listed && self.shared.tenant_claims != TenantClaims::Listed
    }
}
