//! Renewals that fail: what may pass keeps every cookie, what is final removes them.

use std::time::Duration;

use http::StatusCode;
use tower_descope::{
    Descope,
    cookie::{SameSite, SessionCookies},
    test_util::{Canned, FakeDescope, TestClock},
};

use crate::{
    support::{app_with, code},
    support::{
        browser::{Browser, set_cookies, untouched},
        world::{EXPIRY, REFRESH, early, expired, fake, late, layer},
    },
};

/// What happens at Descope.
type Trouble = fn(&FakeDescope);

/// A handle that soon gives up a call which never ends; a busy machine takes its time for others.
fn impatient(fake: &FakeDescope, hangs: bool) -> Descope {
    let timeout = Duration::from_millis(if hangs { 300 } else { 10_000 });
    fake.descope_builder().timeout(timeout).build().unwrap()
}

/// Descope's keys, so that no failure meant for a refresh meets their fetch.
async fn keys_at_hand(descope: &Descope) {
    descope.warm_up().await.unwrap();
}

#[tokio::test]
async fn trouble_that_passes_keeps_every_cookie() {
    let fake = fake().start().await;
    let trouble: [(&str, Trouble); 6] = [
        ("503", |fake| {
            fake.respond_next(REFRESH, Canned::error(503, "E990503", "x"));
        }),
        ("500 of a proxy", |fake| {
            fake.respond_next(REFRESH, Canned::json(500, &serde_json::json!("x")));
        }),
        ("429", |fake| {
            fake.respond_next(REFRESH, Canned::error(429, "E130429", "x"));
        }),
        ("silence", |fake| fake.hang_path(REFRESH, true)),
        ("no session token", |fake| {
            fake.respond_next(REFRESH, Canned::json(200, &serde_json::json!({})));
        }),
        ("somebody else's session", |fake| {
            let session = fake.session("U2").token();
            let body = serde_json::json!({"sessionJwt": session, "refreshJwt": ""});
            fake.respond_next(REFRESH, Canned::json(200, &body));
        }),
    ];
    for (what, begin) in trouble {
        let descope = impatient(&fake, what == "silence");
        let mut browser = Browser::signed_in(&fake, "ann@example.test");
        let before = browser.clone();
        fake.clock().advance(EXPIRY);
        keys_at_hand(&descope).await;
        fake.clear_requests();
        begin(&fake);
        let response = browser.visit(&late(&descope)).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{what}");
        assert_eq!(code(&response), "renewal_unavailable", "{what}");
        let headers = response.headers();
        assert_eq!(headers["x-descope-rejection"], "renewal_unavailable");
        let wait: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=10).contains(&wait), "{what}: {wait}");
        assert!(untouched(&response), "{what}");
        assert_eq!(browser, before);
        // However late the fake read it.
        fake.wait_for_calls(REFRESH, 1).await;
        // Within a second it is the same, and costs no call.
        fake.clear_requests();
        assert_eq!(browser.visit(&late(&descope)).await.status(), 503, "{what}");
        assert_eq!(fake.calls(REFRESH), 0);
        fake.hang_path(REFRESH, false);
        if what == "silence" {
            // It was spent at Descope, and nobody knows its successor.
            continue;
        }
        fake.clock().advance(Duration::from_secs(1));
        assert_eq!(
            browser.visit(&late(&descope)).await.body(),
            "U1@T1",
            "{what}"
        );
    }
}

#[tokio::test]
async fn trouble_does_not_touch_a_session_that_is_still_good() {
    let fake = fake().start().await;
    for hang in [true, false] {
        let descope = impatient(&fake, hang);
        let mut browser = Browser::signed_in(&fake, "ann@example.test");
        fake.clock().advance(Duration::from_secs(550));
        keys_at_hand(&descope).await;
        fake.clear_requests();
        if hang {
            fake.hang_path(REFRESH, true);
        } else {
            fake.respond_next(REFRESH, Canned::error(503, "E990503", "x"));
        }
        let response = browser.visit(&early(&descope)).await;
        fake.hang_path(REFRESH, false);
        assert_eq!(response.body(), "U1@T1");
        assert!(untouched(&response));
        fake.wait_for_calls(REFRESH, 1).await;
        assert_eq!(fake.calls(REFRESH), 1);
    }
}

#[tokio::test]
async fn a_session_that_is_over_is_a_401_and_its_cookies_are_removed_as_they_were_set() {
    let fake = fake().start().await;
    let cookies = SessionCookies::new()
        .domain("example.test")
        .path("/app")
        .same_site(SameSite::Lax)
        .former_cookie_scope(None, "/");
    let descope = fake.descope_builder().cookies(cookies).build().unwrap();
    let app = late(&descope);
    let attributes = "HttpOnly; SameSite=Lax; Secure; Path=/app; Domain=example.test";
    for session in [true, false] {
        let mut browser = Browser::signed_in(&fake, "ann@example.test");
        if !session {
            browser.jar.remove("DS");
        }
        fake.clock().advance(EXPIRY);
        fake.log_out("U1");
        let response = browser.visit(&app).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let verdict = if session {
            "expired_token"
        } else {
            "missing_token"
        };
        assert_eq!(code(&response), verdict);
        assert!(response.headers().contains_key("www-authenticate"));
        assert_eq!(response.headers()["cache-control"], "no-store");
        let lines = set_cookies(response.headers());
        assert_eq!(lines.len(), 4);
        for (line, name) in lines.iter().zip(["DS", "DSR"]) {
            assert!(
                line.starts_with(&format!("{name}=; {attributes}; Max-Age=0")),
                "{line}"
            );
        }
        assert_eq!(browser, Browser::default());
    }
}

#[tokio::test]
async fn a_refresh_token_that_has_expired_by_this_clock_is_a_401_without_a_call_or_a_removal() {
    let fake = fake().refresh_ttl(Duration::from_secs(3_600)).start().await;
    let app = late(&fake.descope());
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    fake.clock().advance(Duration::from_secs(3_700));
    let response = browser.visit(&app).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(code(&response), "expired_token");
    assert!(untouched(&response));
    assert_eq!(fake.calls(REFRESH), 0);
}

#[tokio::test]
async fn a_lost_race_keeps_the_cookies_until_nobody_can_have_won_it() {
    let fake = fake().start().await;
    let mut loser = Browser::signed_in(&fake, "ann@example.test");
    let mut winner = loser.clone();
    fake.clock().advance(EXPIRY);
    let (here, there) = (late(&fake.descope()), late(&fake.descope()));
    assert_eq!(winner.visit(&there).await.body(), "U1@T1");
    for _ in 0..2 {
        let response = loser.visit(&here).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(code(&response), "expired_token");
        assert!(untouched(&response), "the winner's may be there by now");
    }
    fake.clock().advance(Duration::from_secs(61));
    let response = loser.visit(&here).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(loser, Browser::default());
    assert_eq!(fake.calls(REFRESH), 2, "one each");
}

#[tokio::test]
async fn a_refusal_that_is_none_of_these_is_as_without_renewal() {
    let fake = fake().start().await;
    let descope = fake.descope();
    for (status, error) in [
        (403, "E011003"),
        (400, "E011002"),
        (401, "E011001"),
        (422, "E011004"),
    ] {
        let mut browser = Browser::signed_in(&fake, "ann@example.test");
        fake.clock().advance(EXPIRY);
        fake.respond_next(REFRESH, Canned::error(status, error, "x"));
        let response = browser.visit(&late(&descope)).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(code(&response), "expired_token");
        assert!(untouched(&response));
    }
}

#[tokio::test]
async fn an_optional_layer_lets_the_request_pass_with_what_happened() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let app = app_with(layer(&descope, 60).optional());
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    fake.clock().advance(EXPIRY);
    fake.respond_next(REFRESH, Canned::error(503, "E990503", "x"));
    let response = browser.visit(&app).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.body(), "renewal_unavailable");
    assert!(untouched(&response));

    fake.clock().advance(Duration::from_secs(1));
    assert_eq!(browser.visit(&app).await.body(), "U1@T1");

    fake.clock().advance(EXPIRY);
    fake.log_out("U1");
    let response = browser.visit(&app).await;
    assert_eq!(response.body(), "expired_token");
    assert_eq!(browser, Browser::default());
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(browser.visit(&app).await.body(), "missing_token");

    // A sign-in behind the layer is not undone by it.
    let forged = Browser::with(&expired(&fake, "U1"), "garbage")
        .visit(&app)
        .await;
    assert_eq!(forged.body(), "expired_token");
    assert!(untouched(&forged));
}

#[tokio::test]
async fn without_keys_there_is_no_renewal_and_no_loss() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    browser.jar.remove("DS");
    fake.set_jwks_status(500);
    let response = browser.visit(&late(&descope)).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(code(&response), "renewal_unavailable");
    assert!(response.headers().contains_key("retry-after"));
    assert!(untouched(&response));
    assert_eq!(fake.calls(REFRESH), 0);
}

#[tokio::test]
async fn a_session_that_a_fast_clock_takes_for_over_is_not_renewed_twice_at_once() {
    let ttl = Duration::from_secs(60);
    let fake = fake().session_ttl(ttl).start().await;
    // Ahead by more than a session lives, by less than the leeway beyond it.
    let clock = TestClock::at(fake.clock().now() + ttl + Duration::from_secs(2));
    let descope = fake.descope_builder().clock(clock.clone()).build().unwrap();
    let app = late(&descope);
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    for calls in 1..=3 {
        for clock in [fake.clock(), &clock] {
            clock.advance(Duration::from_secs(10));
        }
        let response = browser.visit(&app).await;
        assert_eq!(response.body(), "U1@T1");
        assert_eq!(fake.calls(REFRESH), calls);
    }
}
