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

/// Asks a request's session for everything, in this order.
pub(super) fn check(conditions: &[Condition], extensions: &Extensions) -> Result<(), Rejection> {
    let session = Session::from_extensions(extensions)?;
    // Made once, and only where a condition is about it.
    let tenant = LazyCell::new(|| ActiveTenant::from_extensions(extensions));
    let tenant = || tenant.as_ref().map_err(Clone::clone);
    conditions.iter().try_for_each(|condition| match condition {
        Condition::Tenant => tenant().map(drop),
        Condition::AllRoles(names) => tenant()?.require_all_roles(names),
        Condition::AnyRole(names) => tenant()?.require_any_role(names),
        Condition::AllPermissions(names) => tenant()?.require_all_permissions(names),
        Condition::AnyPermission(names) => tenant()?.require_any_permission(names),
        Condition::StepUp { max_age: None } => session.require_step_up(),
        Condition::StepUp {
            max_age: Some(max_age),
        } => session.require_step_up_within(*max_age),
        Condition::NotImpersonated => session.require_not_impersonated(),
    })
}
