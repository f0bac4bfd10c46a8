//! The names of the fields that the proxy sends and reads.

use http::HeaderName;

/// The field that the proxy sends its secret in.
pub(super) const PROXY_SECRET: HeaderName = HeaderName::from_static("x-auth-proxy");

pub(super) const USER_ID: HeaderName = HeaderName::from_static("x-user-id");
pub(super) const TENANT_ID: HeaderName = HeaderName::from_static("x-tenant-id");
pub(super) const TENANT_ROLES: HeaderName = HeaderName::from_static("x-tenant-roles");
pub(super) const TENANT_PERMISSIONS: HeaderName = HeaderName::from_static("x-tenant-permissions");

/// The page to sign in at, beside a 401.
pub(super) const AUTH_LOCATION: HeaderName = HeaderName::from_static("x-auth-location");

/// A `Set-Cookie` line each, for proxies that pass on one field of a name.
pub(super) const NUMBERED_COOKIES: [HeaderName; 8] = [
    HeaderName::from_static("x-auth-set-cookie-1"),
    HeaderName::from_static("x-auth-set-cookie-2"),
    HeaderName::from_static("x-auth-set-cookie-3"),
    HeaderName::from_static("x-auth-set-cookie-4"),
    HeaderName::from_static("x-auth-set-cookie-5"),
    HeaderName::from_static("x-auth-set-cookie-6"),
    HeaderName::from_static("x-auth-set-cookie-7"),
    HeaderName::from_static("x-auth-set-cookie-8"),
];

/// Returns `true` for a field that has a meaning of its own in an answer.
pub(super) fn is_taken(name: &HeaderName) -> bool {
    let ours = [
        PROXY_SECRET,
        USER_ID,
        TENANT_ID,
        TENANT_ROLES,
        TENANT_PERMISSIONS,
        AUTH_LOCATION,
    ];
    // Any other name of HTTP's own may be what a proxy goes by.
    ours.contains(name) || NUMBERED_COOKIES.contains(name) || !name.as_str().starts_with("x-")
}
