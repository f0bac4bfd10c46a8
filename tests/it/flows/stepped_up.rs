//! Who is signed in steps up: the session that the flow brings is the browser's newest, whichever answers
//! came before it and whatever becomes of the response.

use std::time::Duration;

use serde_json::{Value, json};
use tower_descope::{
    Descope, FlowRoutes, RefreshToken,
    test_util::{Canned, FakeDescope},
};

use super::{Answer, Page, builder, fake, of, sent};
use crate::support::{
    browser::Browser,
    settled,
    world::{EXPIRY, REFRESH, late, spent},
};

const NEXT: &str = "/v1/flow/next";

fn service(descope: &Descope) -> FlowRoutes {
    let builder = builder(descope).signed_in_flows(["step-up"]);
    builder.build().unwrap()
}

/// Ann's browser, whose session was renewed since she has signed in, long ago.
async fn renewed(fake: &FakeDescope, descope: &Descope) -> Page {
    let mut page = Page::new(fake, service(descope));
    page.sign_in("ann@example.test").await;
    fake.clock().advance(EXPIRY);
    visit(&mut page, descope).await;
    // She shows what she has received.
    visit(&mut page, descope).await;
    fake.clock().advance(Duration::from_secs(3_600));
    page
}

/// Her browser opens a page, and is still signed in.
async fn visit(page: &mut Page, descope: &Descope) {
    let mut browser = Browser {
        jar: page.jar.clone(),
        ..Browser::default()
    };
    let response = browser.visit(&late(descope)).await;
    assert_eq!(response.status(), 200);
    assert!(response.body().starts_with("U1@"), "{}", response.body());
    page.jar = browser.jar;
}

/// Descope ends the flow with a session by which the user has stepped up, and this refresh token.
fn ends_with(fake: &FakeDescope, page: &Page, refresh: &str) -> String {
    let session = fake.session("U1").stepped_up().token();
    let body = json!({
        "executionId": page.execution,
        "stepId": "end",
        "status": "completed",
        "authInfo": {"sessionJwt": session, "refreshJwt": refresh},
    });
    fake.respond_next(NEXT, Canned::json(200, &body));
    session
}

fn has_stepped_up(answer: &Answer) -> bool {
    answer.json["authInfo"]["claims"]["su"] == Value::Bool(true)
}

#[tokio::test]
async fn a_step_up_counts_whatever_renewal_came_before_it() {
    for rotates in [true, false] {
        let fake = fake().rotation(rotates).start().await;
        let descope = of(&fake);
        let mut page = renewed(&fake, &descope).await;
        let refresh = page.jar["__Host-DSR"].clone();
        page.start("step-up").await;
        let session = ends_with(&fake, &page, "");
        let done = page.next(json!({"code": "123456"})).await;
        assert_eq!(done.status, 200, "{done:?}");
        assert!(has_stepped_up(&done), "rotates: {rotates}: {done:?}");
        assert_eq!(page.jar["__Host-DS"], session, "rotates: {rotates}");
        assert_eq!(page.jar["__Host-DSR"], refresh);
        // And it goes on from there.
        let calls = fake.calls(REFRESH);
        visit(&mut page, &descope).await;
        assert_eq!(fake.calls(REFRESH), calls);
        fake.clock().advance(EXPIRY);
        visit(&mut page, &descope).await;
        settled(&fake).await;
        assert_eq!(fake.calls("/v1/auth/logout"), 0);
    }
}

#[tokio::test]
async fn the_token_that_was_sent_stays_in_force_and_not_the_one_that_the_page_has_shown() {
    let fake = fake().start().await;
    let descope = of(&fake);
    let mut page = renewed(&fake, &descope).await;
    page.start("step-up").await;
    // Another tab renews, and its response is not there yet.
    let mut other = page.clone();
    visit(&mut other, &descope).await;
    let newest = other.jar["__Host-DSR"].clone();
    assert_ne!(newest, page.jar["__Host-DSR"]);
    fake.clock().advance(Duration::from_secs(1));
    let session = ends_with(&fake, &page, "");
    let done = page.next(json!({"code": "123456"})).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert!(has_stepped_up(&done), "{done:?}");
    assert_eq!(page.jar["__Host-DSR"], newest);
    assert_eq!(page.jar["__Host-DS"], session);
    fake.clock().advance(EXPIRY);
    visit(&mut page, &descope).await;
    spent(&fake, &[REFRESH]);
}

#[tokio::test]
async fn a_step_up_whose_response_was_lost_is_there_for_whoever_asks_again() {
    for (after, is_good) in [(61, true), (660, false)] {
        let fake = fake().start().await;
        let descope = of(&fake);
        let mut page = renewed(&fake, &descope).await;
        page.start("step-up").await;
        let before = page.jar.clone();
        let done = page.next(json!({"code": "123456"})).await;
        assert_eq!(done.status, 200, "{done:?}");
        let lost = std::mem::replace(&mut page.jar, before);
        fake.clock().advance(Duration::from_secs(after));
        let calls = fake.calls(REFRESH);
        visit(&mut page, &descope).await;
        assert_ne!(page.jar["__Host-DSR"], "");
        assert_eq!(page.jar["__Host-DSR"] == lost["__Host-DSR"], is_good);
        assert_eq!(fake.calls(REFRESH) - calls, usize::from(!is_good));
        fake.clock().advance(EXPIRY);
        visit(&mut page, &descope).await;
        spent(&fake, &[REFRESH]);
    }
}

#[tokio::test]
async fn a_step_up_that_fits_no_cookie_costs_nobody_their_session() {
    let fake = fake().start().await;
    let descope = of(&fake);
    let mut page = renewed(&fake, &descope).await;
    page.start("step-up").await;
    let large = |size: usize| {
        fake.set_user("ann@example.test", |user| {
            user.claim("large", "x".repeat(size))
        });
    };
    large(3_000);
    let done = page.next(json!({"code": "123456"})).await;
    assert_eq!(done.code(), (502, "cookie_too_large"), "{done:?}");
    large(1);
    fake.clock().advance(EXPIRY);
    visit(&mut page, &descope).await;
    settled(&fake).await;
    assert_eq!(fake.calls("/v1/auth/logout"), 0);
}

#[tokio::test]
async fn a_successor_that_cannot_be_verified_yet_is_kept_until_it_can() {
    let fake = fake().start().await;
    let descope = of(&fake);
    let mut page = renewed(&fake, &descope).await;
    page.start("step-up").await;
    // Descope signs with a new key, which cannot be fetched.
    fake.rotate_keys_keeping_old();
    fake.set_jwks_status(500);
    let done = page.next(json!({"code": "123456"})).await;
    assert_eq!(done.status, 502, "{done:?}");
    assert_eq!(sent(&fake, "next"), 3);
    fake.set_jwks_status(200);
    fake.clock().advance(EXPIRY);
    visit(&mut page, &descope).await;
    settled(&fake).await;
    assert_eq!(fake.calls("/v1/auth/logout"), 0);
}

#[tokio::test]
async fn somebody_elses_token_that_cannot_be_verified_yet_is_no_successor() {
    let fake = fake()
        .user("visitor", |user| user.id("V1").anonymous())
        .flow("step-up", |f| f.asks_login().asks_code().completes())
        .start()
        .await;
    let descope = of(&fake);
    let visitor = fake.sign_in("visitor");
    let mut page = Page::new(&fake, service(&descope));
    page.jar
        .insert("__Host-DSR".into(), visitor.refresh_jwt().into());
    page.start("step-up").await;
    page.next(json!({"email": "ann@example.test"})).await;
    fake.rotate_keys_keeping_old();
    fake.set_jwks_status(500);
    let done = page.next(json!({"code": "123456"})).await;
    assert_eq!(done.status, 502, "{done:?}");
    fake.set_jwks_status(200);
    fake.clock().advance(EXPIRY);
    let answer = descope
        .refresh(&RefreshToken::new(visitor.refresh_jwt()))
        .await;
    assert_eq!(answer.unwrap().session().user_id().as_str(), "V1");
}
