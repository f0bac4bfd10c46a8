//! When a watch ends, in one process.

use std::time::Duration;

use http::{Method, Request};
use tower_descope::{Descope, Mark, SessionEnd, SessionToken, UserId, test_util::FakeDescope};

use super::{asked, ended, opened, pass};
use crate::{
    revocation::revocation,
    routes::{LOGOUT, LOGOUT_ALL, SELECT, routes},
    support::{
        browser::Browser,
        world::{fake, late},
        yield_often,
    },
};

async fn world() -> (FakeDescope, Descope) {
    let fake = fake().start().await;
    let builder = fake.descope_builder().revocation(revocation());
    let descope = builder.build().unwrap();
    (fake, descope)
}

#[tokio::test]
async fn a_watch_ends_with_the_time_of_its_session_and_stays_so() {
    let (fake, descope) = world().await;
    let mut watch = opened(&descope, &mut Browser::ann(&fake)).await;
    let life = watch.session().unwrap().expires_in().as_secs();
    pass(&fake, life - 1).await;
    assert_eq!(ended(&mut watch).await, None);
    pass(&fake, 2).await;
    assert_eq!(ended(&mut watch).await, Some(SessionEnd::Expired));
    assert_eq!(watch.ended().await, SessionEnd::Expired);
}

#[tokio::test]
async fn whoever_waits_is_woken_at_the_end_and_not_before() {
    let (fake, descope) = world().await;
    let mut watch = opened(&descope, &mut Browser::ann(&fake)).await;
    let task = tokio::spawn(async move { watch.ended().await });
    pass(&fake, 595).await;
    assert!(!task.is_finished());
    pass(&fake, 10).await;
    assert!(task.is_finished());
    assert_eq!(task.await.unwrap(), SessionEnd::Expired);
}

#[tokio::test]
async fn a_session_that_its_browser_renews_goes_on_to_the_end_of_the_newest() {
    let (fake, descope) = world().await;
    let app = late(&descope);
    let mut ann = Browser::ann(&fake);
    let mut watch = opened(&descope, &mut ann).await;
    let (mut beside, _) = asked(&descope, ann.get()).await;
    for _ in 0..3 {
        pass(&fake, 590).await;
        // At the end of its own time, or a moment before.
        let routes = routes(&descope);
        let renewed = ann
            .call(&routes, crate::support::world::REFRESH, "{}")
            .await;
        assert_eq!(renewed.status, 200);
        pass(&fake, 20).await;
        assert_eq!(ended(&mut watch).await, None);
        assert_eq!(ended(&mut beside).await, None, "two of one browser");
        ann.visit(&app).await;
    }
    pass(&fake, 600).await;
    assert_eq!(ended(&mut watch).await, Some(SessionEnd::Expired));
}

#[tokio::test]
async fn another_device_of_the_same_user_renews_nothing_for_it() {
    let (fake, descope) = world().await;
    let mut watch = opened(&descope, &mut Browser::ann(&fake)).await;
    pass(&fake, 300).await;
    let mut other = Browser::ann(&fake);
    let renewed = other
        .call(&routes(&descope), crate::support::world::REFRESH, "{}")
        .await;
    assert_eq!(renewed.status, 200);
    pass(&fake, 310).await;
    assert_eq!(ended(&mut watch).await, Some(SessionEnd::Expired));
}

#[tokio::test]
async fn a_sign_out_in_its_browser_ends_it_at_once_and_no_other() {
    for path in [LOGOUT, LOGOUT_ALL] {
        let (fake, descope) = world().await;
        let routes = routes(&descope);
        let mut ann = Browser::ann(&fake);
        pass(&fake, 1).await;
        let mut device = Browser::ann(&fake);
        let mut watch = opened(&descope, &mut ann).await;
        let mut elsewhere = opened(&descope, &mut device).await;
        // It has gone on to another token since.
        pass(&fake, 5).await;
        ann.call(&routes, SELECT, r#"{"tenant":"T2"}"#).await;
        assert_eq!(ended(&mut watch).await, None);
        assert_eq!(ann.call(&routes, path, "{}").await.status, 200);
        assert_eq!(ended(&mut watch).await, Some(SessionEnd::SignedOut));
        let other = ended(&mut elsewhere).await;
        assert_eq!(other.is_some(), path == LOGOUT_ALL, "{other:?}");
    }
}

#[tokio::test]
async fn a_sign_out_ends_it_where_nothing_can_be_revoked_too() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let mut ann = Browser::ann(&fake);
    let mut watch = opened(&descope, &mut ann).await;
    let task = tokio::spawn(async move { watch.ended().await });
    yield_often().await;
    descope.logout(&ann.refresh_token()).await.unwrap();
    assert_eq!(task.await.unwrap(), SessionEnd::SignedOut);
}

#[tokio::test]
async fn a_mark_ends_it() {
    let (fake, descope) = world().await;
    let mut ann = Browser::ann(&fake);
    let mut watch = opened(&descope, &mut ann).await;
    let task = tokio::spawn(async move { watch.ended().await });
    let mut bobs = opened(&descope, &mut Browser::signed_in(&fake, "bob@example.test")).await;
    yield_often().await;
    let user = UserId::new("U1").unwrap();
    descope.revoke(Mark::user(&user)).await.unwrap();
    assert_eq!(task.await.unwrap(), SessionEnd::Revoked);
    assert_eq!(ended(&mut bobs).await, None);
}

#[tokio::test]
async fn a_bearer_token_ends_in_its_time_whatever_cookies_are_beside_it() {
    let (fake, descope) = world().await;
    let ann = Browser::ann(&fake);
    let bearer = format!("Bearer {}", ann.jar["DS"]);
    let request = ann.request(Method::GET, &[("authorization", &bearer)]);
    let (mut watch, _) = asked(&descope, request).await;
    descope.refresh(&ann.refresh_token()).await.unwrap();
    pass(&fake, 610).await;
    assert_eq!(ended(&mut watch).await, Some(SessionEnd::Expired));
    // Its token can be revoked, too.
    let token = SessionToken::new(fake.session("U1").token());
    let bearer = format!("Bearer {}", token.expose());
    let request = Request::get("/").header("authorization", bearer);
    let (mut watch, _) = asked(&descope, request.body(()).unwrap()).await;
    assert_eq!(ended(&mut watch).await, None);
    descope.revoke(Mark::session_token(&token)).await.unwrap();
    assert_eq!(ended(&mut watch).await, Some(SessionEnd::Revoked));
}

#[tokio::test]
async fn without_a_session_there_is_nothing_to_wait_for() {
    let (fake, descope) = world().await;
    let (mut watch, _) = asked(&descope, Browser::signed_out(&fake).get()).await;
    assert!(watch.session().is_none());
    assert_eq!(watch.ended().await, SessionEnd::Missing);
}

#[tokio::test]
async fn a_handshake_that_renewed_its_session_watches_the_new_one() {
    let (fake, descope) = world().await;
    let ann = Browser::ann(&fake);
    fake.clock().advance(Duration::from_secs(660));
    let (mut watch, response) = asked(&descope, ann.get()).await;
    assert_eq!(
        crate::support::browser::set_cookies(response.headers()).len(),
        2
    );
    pass(&fake, 590).await;
    assert_eq!(ended(&mut watch).await, None);
    let mut browser = ann;
    browser.keep(response.headers());
    assert_eq!(
        browser.call(&routes(&descope), LOGOUT, "{}").await.status,
        200
    );
    assert_eq!(ended(&mut watch).await, Some(SessionEnd::SignedOut));
}

#[tokio::test]
async fn a_watch_outlives_the_memory_of_its_family() {
    let fake = fake().start().await;
    let builder = fake.descope_builder().kept_sessions(1);
    let descope = builder.build().unwrap();
    let mut ann = Browser::ann(&fake);
    let mut watch = opened(&descope, &mut ann).await;
    // Others come, and hers gives way: it has brought nothing yet.
    pass(&fake, 120).await;
    for _ in 0..3 {
        let bob = Browser::signed_in(&fake, "bob@example.test");
        descope.refresh(&bob.refresh_token()).await.unwrap();
        pass(&fake, 20).await;
    }
    descope.refresh(&ann.refresh_token()).await.unwrap();
    pass(&fake, 480).await;
    assert_eq!(ended(&mut watch).await, None, "she has renewed at 180");
    pass(&fake, 130).await;
    assert_eq!(ended(&mut watch).await, Some(SessionEnd::Expired));
}
