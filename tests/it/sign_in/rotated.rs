//! Tokens that a script has seen: spent as they are adopted, and worth nothing to anybody afterwards.

use std::{future::IntoFuture, time::Duration};

use http::{Method, StatusCode};
use http_body_util::Full;
use serde_json::json;
use tower_descope::{
    Descope, ErrorKind, RefreshToken, TenantId,
    answer::WhichTenants,
    sign_in::SignedIn,
    test_util::{Canned, FakeDescope, SignedIn as Login},
};

use super::{adopt, lines};
use crate::{
    routes::{LOGOUT, REFRESH, ask, calls, routes},
    support::{
        browser::{Browser, untouched},
        call, settled, verdict,
        world::{EXPIRY, fake, late},
    },
};

const SELECT: &str = "/v1/auth/tenant/select";

/// Signs Ann in by tokens that were seen. The browser has received its cookies.
async fn signed_in(fake: &FakeDescope, descope: &Descope) -> (Login, SignedIn, Browser) {
    let login = fake.sign_in_to("ann@example.test", "T1");
    let mut browser = Browser::default();
    let signed_in = adopt(descope, &browser, &login).rotate(true).await.unwrap();
    browser.receive(&signed_in);
    assert_ne!(browser.jar["DSR"], login.refresh_jwt());
    (login, signed_in, browser)
}

/// Nobody gets a session for a token, whichever way it is shown, and nothing goes up.
async fn assert_worthless(fake: &FakeDescope, descope: &Descope, login: &Login) {
    let before = calls(fake);
    let seen = RefreshToken::new(login.refresh_jwt());
    let tenant = TenantId::new("T2").unwrap();
    let refused = [
        descope.refresh(&seen).await.unwrap_err(),
        descope.select_tenant(&seen, &tenant).await.unwrap_err(),
        descope.me(&seen).await.unwrap_err(),
        descope
            .my_tenants(&seen, WhichTenants::Current)
            .await
            .unwrap_err(),
        descope.history(&seen).await.unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::RefreshTokenReplaced);
        assert!(!error.ends_session());
    }
    for rotate in [false, true] {
        let adopt = adopt(descope, &Browser::default(), login);
        // Its time may have passed, too.
        let error = adopt.max_age(EXPIRY * 10).rotate(rotate).await.unwrap_err();
        let kind = error.kind();
        let is_over = matches!(
            kind,
            ErrorKind::RefreshTokenReplaced | ErrorKind::SessionEnded
        );
        assert!(is_over, "rotate: {rotate}: {error}");
    }
    // As a cookie, alone and beside a session that has expired.
    for session in ["", &fake.session("U1").expired().token()] {
        let browser = Browser::with(session, login.refresh_jwt());
        let response = call(&late(descope), browser.get()).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert!(untouched(&response));
    }
    let app = late(descope);
    assert_eq!(verdict(&app, login.refresh_jwt()).await, "invalid_token");
    // By the SDKs of servers, and as the SDK in the browser sends it.
    let routes = routes(descope);
    let bearer = format!("Bearer {}:{}", fake.project_id(), login.refresh_jwt());
    let request = Browser::default().request(
        Method::POST,
        &[
            ("authorization", &bearer),
            ("content-type", "application/json"),
        ],
    );
    let (mut parts, ()) = request.into_parts();
    parts.uri = REFRESH.parse().unwrap();
    let request = http::Request::from_parts(parts, Full::from("{}"));
    let answer = ask(&routes.clone().accept_bearer_refresh(true), request).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    let mut holder = Browser::with("", login.refresh_jwt());
    holder.project_id = fake.project_id().to_owned();
    let answer = holder.clone().refresh(&routes).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert!(answer.cookies().is_empty());
    assert_eq!(calls(fake), before, "nothing went up");
}

#[tokio::test]
async fn a_token_that_was_seen_is_worth_nothing_and_its_successor_goes_on() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let (login, signed_in, mut browser) = signed_in(&fake, &descope).await;
    assert_eq!(fake.calls(REFRESH), 1);
    assert!(signed_in.user().is_some(), "the call brought it");
    assert_ne!(browser.jar["DS"], login.session_jwt());
    assert_worthless(&fake, &descope, &login).await;
    // The browser goes on: an answer is lost, and two pages are opened at once.
    fake.clock().advance(EXPIRY);
    assert_eq!(call(&late(&descope), browser.get()).await.body(), "U1@T1");
    assert_worthless(&fake, &descope, &login).await;
    let (app, mut other) = (late(&descope), browser.clone());
    let (one, two) = tokio::join!(browser.visit(&app), other.visit(&app));
    assert_eq!([one.body(), two.body()], ["U1@T1", "U1@T1"]);
    assert_eq!(browser, other);
    assert_eq!(fake.calls(REFRESH), 2);
    fake.clock().advance(EXPIRY);
    assert_eq!(browser.visit(&app).await.body(), "U1@T1");
    assert_eq!(fake.calls(REFRESH), 3);
    assert_eq!(fake.calls(LOGOUT), 0);
}

#[tokio::test]
async fn of_sign_ins_with_one_token_at_once_one_succeeds() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let login = fake.sign_in_to("ann@example.test", "T1");
    fake.hang_path(REFRESH, true);
    let start = |rotate| {
        let adopt = adopt(&descope, &Browser::default(), &login).rotate(rotate);
        tokio::spawn(adopt.into_future())
    };
    let rotating = [start(true), start(true)];
    fake.wait_for_calls(REFRESH, 1).await;
    // Who takes the token as it is, meanwhile, has one that is spent.
    let mut as_it_is = Browser::default();
    if let Ok(signed_in) = start(false).await.unwrap() {
        as_it_is.receive(&signed_in);
    }
    fake.hang_path(REFRESH, false);
    let mut succeeded = 0;
    for sign_in in rotating {
        match sign_in.await.unwrap() {
            Ok(signed_in) => {
                succeeded += 1;
                assert_eq!(lines(&signed_in).len(), 2);
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::RefreshTokenReplaced),
        }
    }
    assert_eq!((succeeded, fake.calls(REFRESH)), (1, 1));
    assert_worthless(&fake, &descope, &login).await;
    assert!(!as_it_is.renews(&descope).await);
}

#[tokio::test]
async fn a_call_with_the_token_that_waited_for_the_sign_in_brings_nothing() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let login = fake.sign_in_to("ann@example.test", "T1");
    fake.hang_path(REFRESH, true);
    let sign_in = {
        let adopt = adopt(&descope, &Browser::default(), &login).rotate(true);
        tokio::spawn(adopt.into_future())
    };
    fake.wait_for_calls(REFRESH, 1).await;
    let waiting = {
        let (descope, seen) = (descope.clone(), RefreshToken::new(login.refresh_jwt()));
        tokio::spawn(async move { descope.refresh(&seen).await })
    };
    settled(&fake).await;
    fake.hang_path(REFRESH, false);
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RefreshTokenReplaced);
    let mut browser = Browser::default();
    browser.receive(&sign_in.await.unwrap().unwrap());
    fake.clock().advance(EXPIRY);
    assert_eq!(browser.visit(&late(&descope)).await.body(), "U1@T1");
}

#[tokio::test]
async fn who_was_faster_than_the_sign_in_has_what_there_is_and_the_sign_in_fails() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let login = fake.sign_in_to("ann@example.test", "T1");
    let seen = RefreshToken::new(login.refresh_jwt());
    let answer = descope.refresh(&seen).await.unwrap();
    let adopt = adopt(&descope, &Browser::default(), &login).rotate(true);
    let error = adopt.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RefreshTokenReplaced);
    assert_eq!(fake.calls(REFRESH), 1);
    assert_worthless(&fake, &descope, &login).await;
    assert!(
        descope
            .refresh(answer.refresh_token().unwrap())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn where_the_project_does_not_rotate_the_token_stays_and_is_replaced_later_as_any() {
    let fake = fake().rotation(false).start().await;
    let descope = fake.descope();
    let login = fake.sign_in_to("ann@example.test", "T1");
    let mut browser = Browser::default();
    let signed_in = adopt(&descope, &browser, &login)
        .rotate(true)
        .await
        .unwrap();
    browser.receive(&signed_in);
    assert_eq!(fake.calls(REFRESH), 1);
    assert_eq!(browser.jar["DSR"], login.refresh_jwt());
    assert_ne!(browser.jar["DS"], login.session_jwt());
    for _ in 0..2 {
        fake.clock().advance(EXPIRY);
        assert_eq!(browser.visit(&late(&descope)).await.body(), "U1@T1");
    }
    // The project has switched rotation on since. The first answer is lost.
    fake.clock().advance(EXPIRY);
    let tokens = json!({
        "sessionJwt": fake.session("U1").active("T1").token(),
        "refreshJwt": fake.refresh("U1").active("T1").token(),
    });
    fake.respond_next(REFRESH, Canned::json(200, &tokens));
    let before = fake.calls(REFRESH);
    assert_eq!(call(&late(&descope), browser.get()).await.body(), "U1@T1");
    assert_eq!(browser.visit(&late(&descope)).await.body(), "U1@T1");
    assert_eq!(browser.jar["DSR"], tokens["refreshJwt"].as_str().unwrap());
    assert_eq!(fake.calls(REFRESH), before + 1);
}

#[tokio::test]
async fn a_token_that_cannot_be_spent_signs_nobody_in_and_may_be_tried_again() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let anns = Browser::ann(&fake);
    let slow = Canned::error(429, "E130429", "slow down").header("retry-after", "5");
    let down = Canned::error(503, "E990503", "oops");
    for (canned, kind) in [
        (down, ErrorKind::UpstreamUnavailable),
        (slow, ErrorKind::RateLimited),
        (Canned::html(502, "<html>"), ErrorKind::UpstreamUnavailable),
    ] {
        let login = fake.sign_in_to("bob@example.test", "T1");
        fake.clear_requests();
        fake.respond_next(REFRESH, canned);
        let result = adopt(&descope, &anns, &login).rotate(true).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.is_transient());
        assert_eq!(fake.calls(REFRESH), 1);
        settled(&fake).await;
        assert_eq!(fake.calls(LOGOUT), 0, "Ann stays signed in");
        fake.clock().advance(Duration::from_secs(60));
        let again = adopt(&descope, &Browser::default(), &login).rotate(true);
        assert!(again.await.is_ok(), "{kind:?}");
    }
    assert!(anns.renews(&descope).await);
}

#[tokio::test]
async fn a_token_that_descope_refuses_signs_nobody_in() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let anns = Browser::ann(&fake);
    for (code, kind) in [
        ("E064001", ErrorKind::SessionEnded),
        ("E064006", ErrorKind::RefreshTokenReused),
    ] {
        let login = fake.sign_in_to("bob@example.test", "T1");
        fake.respond_next(REFRESH, Canned::error(401, code, "gone"));
        let result = adopt(&descope, &anns, &login).rotate(true).await;
        assert_eq!(result.unwrap_err().kind(), kind);
    }
    settled(&fake).await;
    assert_eq!(fake.calls(LOGOUT), 0);
    assert!(anns.renews(&descope).await);
}

#[tokio::test]
async fn an_answer_that_comes_too_late_or_never_leaves_a_token_that_is_worth_nothing() {
    for lost in [false, true] {
        let fake = fake().start().await;
        let descope = fake.descope();
        let anns = Browser::ann(&fake);
        let login = fake.sign_in_to("bob@example.test", "T1");
        let sign_in = {
            if lost {
                fake.drop_connection_next(REFRESH);
            } else {
                fake.hang_path(REFRESH, true);
            }
            let adopt = adopt(&descope, &anns, &login).rotate(true);
            tokio::spawn(adopt.into_future())
        };
        fake.wait_for_calls(REFRESH, 1).await;
        if !lost {
            settled(&fake).await;
            fake.clock().advance(Duration::from_secs(10));
        }
        let error = sign_in.await.unwrap().unwrap_err();
        let kind = if lost {
            ErrorKind::UpstreamUnavailable
        } else {
            ErrorKind::UpstreamTimeout
        };
        assert_eq!(error.kind(), kind);
        fake.hang_path(REFRESH, false);
        descope.drain().await;
        fake.clock().advance(Duration::from_secs(1));
        let error = adopt(&descope, &anns, &login)
            .rotate(true)
            .await
            .unwrap_err();
        if lost {
            assert_eq!(
                error.kind(),
                ErrorKind::RefreshTokenReused,
                "Descope's word"
            );
        } else {
            assert_eq!(error.kind(), ErrorKind::RefreshTokenReplaced);
            assert_eq!(fake.calls(REFRESH), 1);
            assert_worthless(&fake, &descope, &login).await;
        }
        assert_eq!(fake.calls(LOGOUT), 0);
        assert!(anns.renews(&descope).await);
    }
}

#[tokio::test]
async fn a_switch_right_after_the_sign_in_is_made_with_the_successor() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let (login, _, browser) = signed_in(&fake, &descope).await;
    let own = RefreshToken::new(&*browser.jar["DSR"]);
    let tenant = TenantId::new("T2").unwrap();
    assert!(descope.select_tenant(&own, &tenant).await.is_ok());
    assert_eq!(fake.calls(SELECT), 1);
    assert_worthless(&fake, &descope, &login).await;
}
