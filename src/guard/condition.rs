use std::{borrow::Cow, cell::LazyCell, time::Duration};

use http::Extensions;

use crate::{
    rejection::Rejection,
    session::{ActiveTenant, Session},
};

/// Names of roles or of permissions.
pub(super) type Names = Box<[Cow<'static, str>]>;

/// One thing that a guard asks for. Each is a question to a method of the session or of its tenant, so
/// that a guard and a handler cannot differ.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    Tenant,
    AllRoles(Names),
    AnyRole(Names),
    AllPermissions(Names),
    AnyPermission(Names),
    StepUp { max_age: Option<Duration> },
    NotImpersonated,
}

impl Condition {
    /// Returns `true` if it asks for something of the tenant.
    pub(super) fn is_about_tenant(&self) -> bool {
        !matches!(self, Self::StepUp { .. } | Self::NotImpersonated)
    }

    /// Asks a tenant; what is not about it holds.
    fn holds_for(&self, tenant: &ActiveTenant) -> Result<(), Rejection> {
        match self {
            Self::AllRoles(names) => tenant.require_all_roles(names),
            Self::AnyRole(names) => tenant.require_any_role(names),
            Self::AllPermissions(names) => tenant.require_all_permissions(names),
            Self::AnyPermission(names) => tenant.require_any_permission(names),
            Self::Tenant | Self::StepUp { .. } | Self::NotImpersonated => Ok(()),
        }
    }
}

/// Asks a request's session for everything, in this order.
pub(super) fn check(conditions: &[Condition], extensions: &Extensions) -> Result<(), Rejection> {
    let session = Session::from_extensions(extensions)?;
    // Made once, and only where a condition is about it.
    let tenant = LazyCell::new(|| ActiveTenant::from_extensions(extensions));
    conditions.iter().try_for_each(|condition| match condition {
        Condition::StepUp { max_age: None } => session.require_step_up(),
        Condition::StepUp {
            max_age: Some(max_age),
        } => session.require_step_up_within(*max_age),
        Condition::NotImpersonated => session.require_not_impersonated(),
        of_tenant => of_tenant.holds_for(tenant.as_ref().map_err(Clone::clone)?),
    })
}

/// Asks a tenant for everything that is about one, in this order.
pub(super) fn check_tenant(
    conditions: &[Condition],
    tenant: &ActiveTenant,
) -> Result<(), Rejection> {
    conditions
        .iter()
        .try_for_each(|condition| condition.holds_for(tenant))
}
