//! The paths that are served.

use http::Method;

/// A call that the routes serve beside the tenant switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionCall {
    Refresh,
    /// The same as `Refresh`, but having no session is no failure.
    TryRefresh,
    Logout,
    LogoutAll,
    Me,
    MyTenants,
    History,
    SignIn,
}

/// The service behind a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    SelectTenant,
    Session(SessionCall),
}

impl Route {
    /// The route of a path below the mount point. Exact: no other spelling of a path is served.
    pub(super) fn of(path: &str) -> Option<Self> {
        let call = match path {
            "/tenant/select" => return Some(Self::SelectTenant),
            "/refresh" => SessionCall::Refresh,
            "/try-refresh" => SessionCall::TryRefresh,
            "/logout" => SessionCall::Logout,
            "/logoutall" => SessionCall::LogoutAll,
            "/me" => SessionCall::Me,
            "/me/tenants" => SessionCall::MyTenants,
            "/me/history" => SessionCall::History,
            "/sign-in" => SessionCall::SignIn,
            _ => return None,
        };
        Some(Self::Session(call))
    }
}

/// Returns `true` if a path ends as one that is served: whatever is in front of it is not what this
/// service was told to expect.
pub(super) fn ends_as_a_route(path: &str) -> bool {
    let mut starts = path.match_indices('/').map(|(start, _)| start);
    starts.any(|start| path.get(start..).and_then(Route::of).is_some())
}

impl SessionCall {
    /// Returns `true` for a call that an HTML form can make: a person is shown a page after it.
    pub(super) fn may_be_a_form(self) -> bool {
        matches!(self, Self::Logout | Self::LogoutAll)
    }

    pub(super) fn method(self) -> Method {
        match self {
            Self::Me | Self::History => Method::GET,
            _ => Method::POST,
        }
    }

    /// The value of `Allow`.
    pub(super) fn allow(self) -> &'static str {
        match self {
            Self::Me | Self::History => "GET",
            _ => "POST",
        }
    }

    /// The name in logs and counters.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Refresh => "refresh",
            Self::TryRefresh => "try_refresh",
            Self::Logout => "logout",
            Self::LogoutAll => "logout_all",
            Self::Me => "me",
            Self::MyTenants => "my_tenants",
            Self::History => "history",
            Self::SignIn => "sign_in",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_exact() {
        assert_eq!(Route::of("/me"), Some(Route::Session(SessionCall::Me)));
        assert_eq!(Route::of("/tenant/select"), Some(Route::SelectTenant));
        for other in [
            "",
            "/",
            "me",
            "/me/",
            "//me",
            "/Me",
            "/me/../refresh",
            "/%6de",
            "/tenant",
            "/tenant/select/",
            "/flow/start",
            "/refresh?x",
        ] {
            assert_eq!(Route::of(other), None, "{other:?}");
        }
    }

    #[test]
    fn what_changes_something_is_a_post() {
        for call in [
            SessionCall::Refresh,
            SessionCall::TryRefresh,
            SessionCall::Logout,
            SessionCall::LogoutAll,
            SessionCall::SignIn,
        ] {
            assert_eq!(call.method(), Method::POST);
            assert_eq!(call.allow(), "POST");
        }
        assert_eq!(SessionCall::Me.allow(), SessionCall::Me.method().as_str());
    }
}
