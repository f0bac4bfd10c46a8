use std::{net::SocketAddr, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use tower_descope::test_util::FakeDescope;
use tower_descope_recipes::rate_limit::app;

use crate::{ask, bearer};

/// Two requests at once; the next one comes long after the test has ended.
async fn limited() -> (FakeDescope, Router) {
    let fake = FakeDescope::start().await;
    let app = app(fake.descope(), Duration::from_secs(3_600), 2);
    (fake, app)
}

fn member(fake: &FakeDescope, user: &str, tenant: &str) -> String {
    let session = fake.session(user).tenant(tenant, |t| t);
    session.active(tenant).token()
}

async fn signed_in(app: &Router, token: &str) -> u16 {
    let request = bearer(Request::get("/projects"), token).body(Body::empty());
    from(app, "198.51.100.1:1", request.unwrap()).await
}

async fn visitor(app: &Router, address: &str) -> u16 {
    from(app, address, crate::get("/prices")).await
}

/// A request from this address, as a server that knows it hands it over.
async fn from(app: &Router, address: &str, mut request: Request<Body>) -> u16 {
    let address: SocketAddr = address.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(address));
    ask(app, request).await.0.as_u16()
}

#[tokio::test]
async fn one_tenants_flood_takes_nothing_from_another() {
    let (fake, app) = limited().await;
    // Whoever of a tenant asks, and with however many tokens.
    let (ann, bob) = (member(&fake, "Uann", "T1"), member(&fake, "Ubob", "T1"));
    assert_eq!(signed_in(&app, &ann).await, 200);
    assert_eq!(signed_in(&app, &bob).await, 200);
    for token in [&ann, &bob, &member(&fake, "Uann", "T1")] {
        assert_eq!(signed_in(&app, token).await, 429);
    }
    // The same user in another tenant is another client.
    let elsewhere = member(&fake, "Uann", "T2");
    assert_eq!(signed_in(&app, &elsewhere).await, 200);
    assert_eq!(signed_in(&app, &elsewhere).await, 200);
    assert_eq!(signed_in(&app, &elsewhere).await, 429);
}

#[tokio::test]
async fn who_is_not_signed_in_is_counted_by_address() {
    let (fake, app) = limited().await;
    assert_eq!(visitor(&app, "192.0.2.1:1000").await, 200);
    assert_eq!(visitor(&app, "192.0.2.1:1001").await, 200);
    assert_eq!(visitor(&app, "192.0.2.1:1002").await, 429);
    assert_eq!(visitor(&app, "192.0.2.2:1000").await, 200);
    // Of IPv6 a whole network.
    assert_eq!(visitor(&app, "[2001:db8:0:1::1]:1").await, 200);
    assert_eq!(visitor(&app, "[2001:db8:0:1:ffff::2]:1").await, 200);
    assert_eq!(visitor(&app, "[2001:db8:0:1::3]:1").await, 429);
    assert_eq!(visitor(&app, "[2001:db8:0:2::1]:1").await, 200);
    // Tenants are not counted with the addresses that they come from.
    assert_eq!(signed_in(&app, &member(&fake, "Uann", "T1")).await, 200);
}

#[tokio::test]
async fn who_has_no_tenant_is_counted_by_user() {
    let (fake, app) = limited().await;
    let ann = fake.session("Uann").tenant("T1", |t| t).token();
    assert_eq!(signed_in(&app, &ann).await, 403);
    assert_eq!(signed_in(&app, &ann).await, 403);
    assert_eq!(signed_in(&app, &ann).await, 429);
    let bob = fake.session("Ubob").token();
    assert_eq!(signed_in(&app, &bob).await, 403);
    // That took nothing from the tenant either.
    assert_eq!(signed_in(&app, &member(&fake, "Uann", "T1")).await, 200);
}

#[tokio::test]
async fn a_token_that_is_not_good_takes_nothing_from_the_tenant_that_it_names() {
    let (fake, app) = limited().await;
    let session = || fake.session("U1").tenant("T1", |t| t).active("T1");
    let forged = session().signed_by_stranger().token();
    assert_eq!(signed_in(&app, &forged).await, 401);
    assert_eq!(signed_in(&app, &session().expired().token()).await, 401);
    // Both were counted by address.
    assert_eq!(signed_in(&app, &forged).await, 429);
    assert_eq!(signed_in(&app, &session().token()).await, 200);
    assert_eq!(signed_in(&app, &session().token()).await, 200);
}
