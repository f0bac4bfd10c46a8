//! Renewal of sessions that are still good: beside the inner service, and never at its expense.

use std::time::Duration;

use serde_json::json;
use tower_descope::{sign_in::CodeRecipient, test_util::Canned};

use crate::{
    routes::{SELECT, routes},
    support::{
        browser::{Browser, set_cookies, untouched},
        world::{ALMOST, EXPIRY, REFRESH, early, fake, late},
    },
    support::{call, eventually},
};

const VERIFY: &str = "/v1/auth/otp/verify/email";

#[tokio::test]
async fn a_session_in_its_last_minute_is_renewed_on_its_response() {
    let fake = fake().start().await;
    let app = early(&fake.descope());
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    fake.clock().advance(Duration::from_secs(530));
    assert!(untouched(&browser.visit(&app).await), "not yet");
    fake.clock().advance(Duration::from_secs(20));
    let old = browser.clone();
    let response = browser.visit(&app).await;
    assert_eq!(response.body(), "U1@T1");
    assert_eq!(set_cookies(response.headers()).len(), 2);
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_ne!(browser, old);
    assert!(untouched(&browser.visit(&app).await), "fresh again");
    // A request that was under way with the old cookies gets the new ones, and no second call.
    let straggler = call(&app, old.get()).await;
    assert_eq!(
        set_cookies(straggler.headers()),
        set_cookies(response.headers())
    );
    assert_eq!(fake.calls(REFRESH), 1);
}

#[tokio::test]
async fn requests_at_once_make_one_early_renewal() {
    for rotation in [true, false] {
        let fake = fake().rotation(rotation).start().await;
        let app = early(&fake.descope());
        let browser = Browser::signed_in(&fake, "ann@example.test");
        fake.clock().advance(ALMOST);
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let (app, request) = (app.clone(), browser.get());
                tokio::spawn(async move { call(&app, request).await })
            })
            .collect();
        let mut carried = 0;
        for task in tasks {
            let response = task.await.unwrap();
            assert_eq!(response.body(), "U1@T1");
            carried += usize::from(!untouched(&response));
        }
        assert!(carried > 0);
        assert_eq!(fake.calls(REFRESH), 1);
    }
}

#[tokio::test]
async fn a_slow_renewal_holds_a_response_for_a_second_and_goes_out_with_the_next() {
    let fake = fake().start().await;
    let app = early(&fake.descope());
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    browser.visit(&app).await;
    // The answer does not come as long as the response is held, so the response was let go.
    fake.hang_path(REFRESH, true);
    fake.clock().advance(ALMOST);
    let visit = tokio::spawn({
        let (app, mut browser) = (app.clone(), browser.clone());
        async move { untouched(&browser.visit(&app).await) }
    });
    fake.wait_for_calls(REFRESH, 1).await;
    fake.clock().advance(Duration::from_millis(900));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!visit.is_finished(), "held");
    fake.clock().advance(Duration::from_millis(100));
    assert!(visit.await.unwrap());
    // The others do not wait for what is under way, and start nothing; the first that comes
    // when it has ended carries the cookies.
    for _ in 0..3 {
        assert!(untouched(&browser.visit(&app).await));
    }
    fake.hang_path(REFRESH, false);
    let mut carried = false;
    for _ in 0..500 {
        carried = !untouched(&browser.visit(&app).await);
        if carried {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(carried);
    assert_eq!(fake.calls(REFRESH), 1);
    fake.clock().advance(EXPIRY);
    assert_eq!(browser.visit(&app).await.body(), "U1@T1");
}

#[tokio::test]
async fn an_early_renewal_that_fails_is_nobodys_business_and_is_not_tried_again_at_once() {
    let fake = fake().start().await;
    let app = early(&fake.descope());
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    browser.visit(&app).await;
    let before = browser.clone();
    fake.clock().advance(Duration::from_secs(541));
    for (status, code) in [(503, "E990503"), (401, "E064001"), (400, "E064006")] {
        let mut browser = Browser::signed_in(&fake, "ann@example.test");
        fake.clock().advance(Duration::from_secs(541));
        fake.clear_requests();
        fake.respond_next(REFRESH, Canned::error(status, code, "told to fail"));
        for _ in 0..5 {
            let response = browser.visit(&app).await;
            assert_eq!(response.body(), "U1@T1");
            assert!(untouched(&response));
        }
        assert_eq!(fake.calls(REFRESH), 1, "{code}");
    }
    // Nor where there is no connection at all; the session's end is soon enough.
    fake.clear_requests();
    let mut browser = before;
    fake.down(true);
    let response = browser.visit(&late(&fake.descope())).await;
    assert_eq!(response.status(), 503);
    fake.down(false);
    fake.clock().advance(Duration::from_secs(2));
    assert_eq!(browser.visit(&app).await.body(), "U1@T1");
}

#[tokio::test]
async fn descope_may_say_when() {
    let fake = fake().start().await;
    let app = early(&fake.descope());
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    let session = || fake.session("U1").active("T1").token();
    let answer = |session: &str, seconds: u32| {
        let body = json!({"sessionJwt": session, "refreshJwt": "", "nextRefreshSeconds": seconds});
        Canned::json(200, &body)
    };
    fake.clock().advance(ALMOST);
    fake.respond_next(REFRESH, answer(&session(), 120));
    browser.visit(&app).await;
    fake.clock().advance(Duration::from_secs(119));
    assert!(untouched(&browser.visit(&app).await));
    fake.clock().advance(Duration::from_secs(1));
    fake.respond_next(REFRESH, answer(&session(), 0));
    assert!(!untouched(&browser.visit(&app).await));
    fake.clock().advance(Duration::from_secs(300));
    assert!(untouched(&browser.visit(&app).await), "the hint is gone");
    assert_eq!(fake.calls(REFRESH), 2);
}

#[tokio::test]
async fn whichever_answer_of_descope_says_when_it_counts() {
    for path in [REFRESH, SELECT, VERIFY] {
        let fake = fake().start().await;
        let descope = fake.descope();
        let app = early(&descope);
        let mut ann = Browser::ann(&fake);
        let session = fake.session("U1").tenant("T1", |t| t).active("T1").token();
        let body = json!({
            "sessionJwt": session,
            "refreshJwt": fake.refresh("U1").active("T1").token(),
            "nextRefreshSeconds": 120,
        });
        fake.respond_next(path, Canned::json(200, &body));
        if path == VERIFY {
            let to = CodeRecipient::email("ann@example.test");
            let adopt = descope.verify_code(&ann.headers(), &to, "123456");
            ann.receive(&adopt.await.unwrap());
        } else {
            let body = [r#"{"tenant":"T1"}"#, "{}"][usize::from(path == REFRESH)];
            let answer = ann.call(&routes(&descope), path, body).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        }
        fake.clear_requests();
        fake.clock().advance(Duration::from_secs(119));
        assert!(untouched(&ann.visit(&app).await), "{path}");
        fake.clock().advance(Duration::from_secs(1));
        assert!(!untouched(&ann.visit(&app).await), "{path}");
        assert_eq!(fake.calls(REFRESH), 1, "{path}");
    }
}

#[tokio::test]
async fn a_response_that_takes_its_time_carries_what_was_ready_long_ago() {
    use std::convert::Infallible;

    use http::{Request, Response};
    use tower::{ServiceBuilder, ServiceExt};

    let fake = fake().start().await;
    let descope = fake.descope();
    let counted = fake.clone();
    let service = ServiceBuilder::new()
        .layer(crate::support::world::layer(&descope, 60))
        .service_fn(move |_: Request<()>| {
            let fake = counted.clone();
            async move {
                eventually("a refresh beside the handler", || fake.calls(REFRESH) == 1).await;
                // Longer than answers are kept.
                fake.clock().advance(Duration::from_secs(40));
                tokio::time::sleep(Duration::from_millis(30)).await;
                fake.clock().advance(Duration::from_secs(400));
                Ok::<_, Infallible>(Response::new(String::new()))
            }
        });
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    fake.clock().advance(ALMOST);
    let response = service.oneshot(browser.get()).await.unwrap();
    browser.keep(response.headers());
    assert_eq!(browser.visit(&late(&descope)).await.body(), "U1@T1");
}
