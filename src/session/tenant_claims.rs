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
    /// [`TenantMismatch`](crate::RejectionKind::TenantMismatch). Right for the template "Default
    /// Descope JWT", and the strictest.
    Listed,
    /// At the root only: right for the template "Current Tenant, No Tenant Reference". A session
    /// that lists tenants is a [`TenantMismatch`](crate::RejectionKind::TenantMismatch), since its root
    /// roles would be the project's.
    CurrentOnly,
}
