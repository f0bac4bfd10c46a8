use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use http::{Response, request::Parts};
use tower_layer::Layer;

use super::{
    condition::{Condition, Names},
    service::RequireService,
};
use crate::rejection::{DefaultRejectionResponse, Rejection};

/// Layer that refuses requests whose session lacks something: a role, a permission, a step-up.
///
/// It stands inside of [`TenantLayer`](crate::TenantLayer). See the [module docs](crate::guard) for the
/// table of guards and an example. Names are compared exactly, case-sensitively, and may come from an enum of
/// the application's own:
///
/// ```
/// use std::borrow::Cow;
/// use tower_descope::Require;
///
/// enum Role {
///     Owner,
///     Editor,
/// }
///
/// impl From<Role> for Cow<'static, str> {
///     fn from(role: Role) -> Self {
///         match role {
///             Role::Owner => "owner".into(),
///             Role::Editor => "editor".into(),
///         }
///     }
/// }
///
/// let may_write = Require::any_role([Role::Owner, Role::Editor]);
/// let may_delete = Require::role(Role::Owner).and(Require::not_impersonated());
/// # let _ = (may_write, may_delete);
/// ```
#[derive(Clone)]
#[must_use = "a layer does nothing until it is added to a service"]
pub struct Require<R = DefaultRejectionResponse> {
    conditions: Arc<[Condition]>,
    rejection: R,
}

impl Require {
    /// A session with an active tenant, whatever the user may do there.
    pub fn tenant() -> Self {
        Self::only(Condition::Tenant)
    }

    /// A role in the active tenant.
    pub fn role(role: impl Into<Cow<'static, str>>) -> Self {
        Self::all_roles([role])
    }

    /// Every one of these roles in the active tenant; of none the tenant alone is asked for.
    pub fn all_roles<N: Into<Cow<'static, str>>>(roles: impl IntoIterator<Item = N>) -> Self {
        Self::only(Condition::AllRoles(names(roles)))
    }

    /// At least one of these roles in the active tenant; of none nobody has one.
    pub fn any_role<N: Into<Cow<'static, str>>>(roles: impl IntoIterator<Item = N>) -> Self {
        Self::only(Condition::AnyRole(names(roles)))
    }

    /// A permission in the active tenant.
    pub fn permission(permission: impl Into<Cow<'static, str>>) -> Self {
        Self::all_permissions([permission])
    }

    /// Every one of these permissions in the active tenant; of none the tenant alone is asked for.
    pub fn all_permissions<N: Into<Cow<'static, str>>>(
        permissions: impl IntoIterator<Item = N>,
    ) -> Self {
        Self::only(Condition::AllPermissions(names(permissions)))
    }

    /// At least one of these permissions in the active tenant; of none nobody has one.
    pub fn any_permission<N: Into<Cow<'static, str>>>(
        permissions: impl IntoIterator<Item = N>,
    ) -> Self {
        Self::only(Condition::AnyPermission(names(permissions)))
    }

    /// A session in which the user has stepped up (`su`), for as long as Descope lets that last: see
    /// [`Session::require_step_up`](crate::Session::require_step_up).
    pub fn step_up() -> Self {
        Self::only(Condition::StepUp { max_age: None })
    }

    /// A session in which the user has stepped up at most `max_age` ago, by the token's `iat`: see
    /// [`Session::require_step_up_within`](crate::Session::require_step_up_within) for what that says.
    pub fn step_up_within(max_age: Duration) -> Self {
        Self::only(Condition::StepUp {
            max_age: Some(max_age),
        })
    }

    /// A session in which nobody acts in the user's place (`act`).
    pub fn not_impersonated() -> Self {
        Self::only(Condition::NotImpersonated)
    }

    fn only(condition: Condition) -> Self {
        Self {
            conditions: Arc::new([condition]),
            rejection: DefaultRejectionResponse::default(),
        }
    }
}

impl<R> Require<R> {
    /// Asks for what another guard asks for, too, and for that last: a request is refused for the first
    /// thing that it lacks.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "`Require::role(…).and(Require::step_up())`, without a `&` in between"
    )]
    pub fn and(mut self, other: Require) -> Self {
        let all = self.conditions.iter().chain(&*other.conditions);
        self.conditions = all.cloned().collect();
        self
    }

    /// Makes refusals with a closure, as
    /// [`TenantLayer::with_rejection_response`](crate::TenantLayer::with_rejection_response) does. The
    /// header `x-descope-rejection` and the [`Rejection`] in the response's extensions are added to
    /// whatever it returns.
    ///
    /// ```
    /// use http::{Response, request::Parts};
    /// use tower_descope::{Rejection, Require};
    ///
    /// let owners = Require::role("owner").with_rejection_response(
    ///     |rejection: Rejection, request: &Parts| {
    ///         let mut response = Response::new(format!("owners only: {}", request.uri));
    ///         *response.status_mut() = rejection.status();
    ///         response
    ///     },
    /// );
    /// # let _ = owners;
    /// ```
    pub fn with_rejection_response<N, B>(self, response: N) -> Require<N>
    where
        N: FnMut(Rejection, &Parts) -> Response<B> + Clone,
    {
        self.with_rejection_shaper(response)
    }

    /// Makes refusals with a type that implements
    /// [`RejectionResponse`](crate::rejection::RejectionResponse), such as
    /// [`SignInPage`](crate::SignInPage).
    pub fn with_rejection_shaper<N>(self, response: N) -> Require<N> {
        Require {
            conditions: self.conditions,
            rejection: response,
        }
    }
}

fn names<N: Into<Cow<'static, str>>>(names: impl IntoIterator<Item = N>) -> Names {
    names.into_iter().map(Into::into).collect()
}

impl<S, R: Clone> Layer<S> for Require<R> {
    type Service = RequireService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        RequireService::new(inner, Arc::clone(&self.conditions), self.rejection.clone())
    }
}

/// Also for answers to refusals that are closures.
impl<R> fmt::Debug for Require<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Require")
            .field("conditions", &self.conditions)
            .finish_non_exhaustive()
    }
}
