//! Which path is what.

use http::{HeaderValue, Method};

/// What the routes serve beside the tenant switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Refresh,
    /// As `Refresh`, but having no session is no failure.
    TryRefresh,
    Logout,
    LogoutAll,
    Me,
    MyTenants,
    History,
}

/// Where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    SelectTenant,
    To(Endpoint),
}

impl Route {
    /// The route of a path below the mount point. Exact: no other spelling of a path is served.
    pub(super) fn of(path: &str) -> Option<Self> {
        let endpoint = match path {
            "/tenant/select" => return Some(Self::SelectTenant),
            "/refresh" => Endpoint::Refresh,
            "/try-refresh" => Endpoint::TryRefresh,
            "/logout" => Endpoint::Logout,
            "/logoutall" => Endpoint::LogoutAll,
            "/me" => Endpoint::Me,
            "/me/tenants" => Endpoint::MyTenants,
            "/me/history" => Endpoint::History,
            _ => return None,
        };
        Some(Self::To(endpoint))
    }
}

impl Endpoint {
    pub(super) fn method(self) -> Method {
        match self {
            Self::Me | Self::History => Method::GET,
            _ => Method::POST,
        }
    }

    /// The value of `Allow`.
    pub(super) fn allow(self) -> HeaderValue {
        match self {
            Self::Me | Self::History => HeaderValue::from_static("GET"),
            _ => HeaderValue::from_static("POST"),
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_exact() {
        assert_eq!(Route::of("/me"), Some(Route::To(Endpoint::Me)));
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
        for endpoint in [
            Endpoint::Refresh,
            Endpoint::TryRefresh,
            Endpoint::Logout,
            Endpoint::LogoutAll,
        ] {
            assert_eq!(endpoint.method(), Method::POST);
            assert_eq!(endpoint.allow(), "POST");
        }
        assert_eq!(Endpoint::Me.allow(), Endpoint::Me.method().as_str());
    }
}
