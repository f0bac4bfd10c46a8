//! The world of the tests: Ann and Bob, their tenants, and a service that renews their sessions.

use std::{convert::Infallible, sync::Arc, time::Duration};

use http::{Request, Response};
use tokio::sync::Notify;
use tower::ServiceBuilder;
use tower_descope::{
    Descope, Renewal, TenantLayer,
    cookie::SessionCookies,
    test_util::{FakeDescope, FakeDescopeBuilder},
};

use super::{App, app_with, seen};

pub(crate) const REFRESH: &str = "/v1/auth/refresh";

/// Longer than a session lives, leeway included.
pub(crate) const EXPIRY: Duration = Duration::from_secs(660);

/// Into the last minute of a session.
pub(crate) const ALMOST: Duration = Duration::from_secs(550);

/// Ann is a member of `T1`, where she is an admin, and of `T2`; Bob of `T1`; nobody of `T3`.
pub(crate) fn fake() -> FakeDescopeBuilder {
    FakeDescope::builder()
        .tenant("T1", "One")
        .tenant("T2", "Two")
        .tenant("T3", "Three")
        .user("ann@example.test", |user| {
            user.id("U1")
                .tenant("T1", |t| t.role("admin"))
                .tenant("T2", |t| t)
        })
        .user("bob@example.test", |user| user.id("U2").tenant("T1", |t| t))
}

/// A service whose layer renews only what has expired.
pub(crate) fn late(descope: &Descope) -> App {
    app_with(layer(descope, 0))
}

/// A service whose layer renews a minute early, as by default.
pub(crate) fn early(descope: &Descope) -> App {
    app_with(layer(descope, 60))
}

pub(crate) fn layer(descope: &Descope, window: u64) -> TenantLayer {
    TenantLayer::new(descope.clone()).renew(Renewal::new().early(Duration::from_secs(window)))
}

/// A service whose handler waits until it is told to go on.
pub(crate) fn held(descope: &Descope, window: u64, go_on: &Arc<Notify>) -> App {
    let go_on = Arc::clone(go_on);
    let handler = move |request: Request<()>| {
        let go_on = Arc::clone(&go_on);
        async move {
            go_on.notified().await;
            Ok::<_, Infallible>(Response::new(seen(&request)))
        }
    };
    let service = ServiceBuilder::new()
        .layer(layer(descope, window))
        .service_fn(handler);
    App::new(service)
}

/// The tokens that were sent to these paths, oldest first. None may be sent twice.
pub(crate) fn spent(fake: &FakeDescope, paths: &[&str]) -> Vec<String> {
    let requests = fake.requests().into_iter();
    let exchanges = requests.filter(|request| paths.contains(&&*request.path));
    let tokens: Vec<String> = exchanges
        .map(|request| request.header("authorization").unwrap().to_owned())
        .collect();
    let mut distinct = tokens.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), tokens.len(), "a token was spent twice");
    tokens
}

/// A session token that has expired, of a user who is active in `T1`.
pub(crate) fn expired(fake: &FakeDescope, user: &str) -> String {
    let session = fake.session(user).tenant("T1", |t| t);
    session.active("T1").expired().token()
}

/// Names of one's own, with Descope's as those before.
pub(crate) fn renamed_cookies() -> SessionCookies {
    SessionCookies::new()
        .session_name("app")
        .refresh_name("app_refresh")
        .session_fallbacks(["DS"])
        .refresh_fallbacks(["DSR"])
}
