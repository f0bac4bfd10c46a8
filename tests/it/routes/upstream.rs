//! What Descope may say, and what becomes of it.

use std::time::Duration;

use serde_json::json;
use tower_descope::{
    RefreshToken, SessionToken,
    test_util::{Canned, FakeDescope},
};

use super::{
    ABOUT_THE_SESSION, Browser, CALLS, HISTORY, LOGOUT, LOGOUT_ALL, ME, REFRESH, SELECT,
    TRY_REFRESH, calls, fake, routes,
};

#[tokio::test]
async fn a_dead_session_is_a_401_without_cookies_and_an_empty_try() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let routes = routes(&descope);
    for (path, body) in CALLS {
        let mut ann = Browser::ann(&fake);
        fake.log_out("U1");
        let answer = ann.call(&routes, path, body).await;
        match path {
            LOGOUT_ALL => {
                let unconfirmed = r#"{"everywhere":false}"#;
                assert_eq!((answer.status, &*answer.text), (200, unconfirmed));
            }
            TRY_REFRESH | LOGOUT => {
                assert_eq!((answer.status, &*answer.text), (200, "{}"), "{path}");
            }
            _ => {
                assert_eq!(
                    (answer.status, answer.error()),
                    (401, "expired_token"),
                    "{path}"
                );
            }
        }
        assert!(ann.jar.is_empty(), "{path}: {:?}", ann.jar);
    }
    // It has expired: known here.
    fake.clear_requests();
    for (path, body) in CALLS {
        let mut ann = Browser::ann(&fake);
        let expired = fake.refresh("U1").expired().token();
        ann.jar.insert("DSR".into(), expired);
        let answer = ann.call(&routes, path, body).await;
        assert!([200, 401].contains(&answer.status), "{path}");
        // By this machine's clock, which may be ahead: only who asks to be signed out is.
        let signs_out = [LOGOUT, LOGOUT_ALL].contains(&path);
        assert_eq!(ann.jar.is_empty(), signs_out, "{path}");
        assert_eq!(answer.cookies().is_empty(), !signs_out, "{path}");
    }
    assert_eq!(calls(&fake), 0);
}

/// An answer that says nothing about the session.
type Unclear = (&'static str, fn() -> Canned);

#[tokio::test]
async fn what_may_get_better_is_a_503_and_costs_nothing() {
    let fake = fake().start().await;
    let descope = fake.descope();
    descope.warm_up().await.unwrap();
    let routes = routes(&descope);
    let html = || Canned::html(502, "<h1>eyJ bad gateway</h1>");
    let limited = || Canned::error(429, "E130429", "slow").header("retry-after", "17");
    let answers: [Unclear; 10] = [
        ("rate limit", || Canned::error(429, "E130429", "slow")),
        ("failure", || Canned::error(500, "E990500", "eyJ")),
        ("HTML", || Canned::html(200, "<h1>eyJ</h1>")),
        ("an edge's 403", || Canned::html(403, "<h1>eyJ</h1>")),
        ("an edge's 401", || Canned::html(401, "<h1>eyJ</h1>")),
        ("a bad request", || Canned::error(400, "E011001", "eyJ")),
        ("not found", || Canned::error(404, "E011001", "eyJ")),
        ("empty", || Canned::new(204)),
        ("a redirect", || {
            Canned::new(302).header("location", "/login")
        }),
        ("an odd status", || Canned::error(418, "E011001", "eyJ")),
    ];
    for path in ABOUT_THE_SESSION {
        let body = CALLS.iter().find(|(one, _)| *one == path).unwrap().1;
        let upstream = if path == TRY_REFRESH { REFRESH } else { path };
        for (what, canned) in answers {
            let mut ann = Browser::ann(&fake);
            let before = ann.jar.clone();
            fake.respond_next(upstream, canned());
            let answer = ann.call(&routes, path, body).await;
            assert_eq!(
                (answer.status, answer.error()),
                (503, "renewal_unavailable"),
                "{path}: {what}"
            );
            assert_eq!(ann.jar, before, "{path}: {what}");
            assert!(answer.cookies().is_empty(), "{path}: {what}");
            if what == "rate limit" {
                // As long as Descope is left alone.
                fake.clock().advance(Duration::from_secs(10));
            }
        }
    }
    let mut ann = Browser::ann(&fake);
    fake.respond_next(REFRESH, limited());
    let answer = ann.refresh(&routes).await;
    assert_eq!(answer.headers["retry-after"], "17");
    fake.clock().advance(Duration::from_secs(1));
    assert_eq!(ann.refresh(&routes).await.status, 200, "nothing was lost");

    // A selection tells its caller what happened: it does not sign the SDK out.
    fake.respond_next(SELECT, html());
    let answer = ann.call(&routes, SELECT, r#"{"tenant":"T2"}"#).await;
    assert_eq!(answer.status, 502);
}

#[tokio::test]
async fn a_token_that_descope_calls_invalid_is_a_401_whatever_the_status_and_its_cookies_stay() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    for (path, body) in [(REFRESH, "{}"), (ME, ""), (HISTORY, "")] {
        for status in [400, 401, 403, 404] {
            let mut ann = Browser::ann(&fake);
            let before = ann.jar.clone();
            fake.respond_next(path, Canned::error(status, "E061005", "eyJ"));
            let answer = ann.call(&routes, path, body).await;
            assert_eq!(
                (answer.status, answer.error()),
                (401, "invalid_token"),
                "{path}: {status}"
            );
            assert_eq!(ann.jar, before, "{path}: {status}");
        }
    }
}

#[tokio::test]
async fn a_history_stands_at_the_root_or_below_its_name_and_may_be_left_out() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    let one = json!([{ "userId": "U1" }]);
    let none = json!([]);
    for (said, expected) in [
        (one.clone(), Some(&one)),
        (none.clone(), Some(&none)),
        (json!({ "authHistory": one }), Some(&one)),
        (json!({ "authHistory": [] }), Some(&none)),
        (json!({ "authHistory": null }), Some(&none)),
        (json!({}), Some(&none)),
        (json!({ "authHistory": {} }), None),
        (json!({ "authHistory": "" }), None),
        (json!(null), None),
        (json!(""), None),
    ] {
        let mut ann = Browser::ann(&fake);
        fake.respond_next(HISTORY, Canned::json(200, &said));
        let answer = ann.call(&routes, HISTORY, "").await;
        let status = if expected.is_some() { 200 } else { 503 };
        assert_eq!(answer.status, status, "{said}");
        if let Some(entries) = expected {
            assert_eq!(answer.json, *entries, "{said}");
        }
    }
}

#[tokio::test]
async fn a_descope_that_is_down_or_silent_is_a_503() {
    let fake = fake().start().await;
    let descope = fake
        .descope_builder()
        .timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    descope.warm_up().await.unwrap();
    let routes = routes(&descope);
    for down in [true, false] {
        for path in ABOUT_THE_SESSION {
            let body = CALLS.iter().find(|(one, _)| *one == path).unwrap().1;
            let mut ann = Browser::ann(&fake);
            let before = ann.jar.clone();
            if down {
                fake.down(true);
            } else {
                fake.hang(true);
            }
            let answer = ann.call(&routes, path, body).await;
            fake.down(false);
            fake.hang(false);
            assert_eq!(answer.status, 503, "{path}");
            assert_eq!(ann.jar, before, "{path}");
        }
    }
}

#[tokio::test]
async fn a_session_too_large_for_a_cookie_does_not_cost_the_refresh_token() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    let mut ann = Browser::ann(&fake);
    let before = ann.jar.clone();
    let large = fake
        .session("U1")
        .claim("x", json!("y".repeat(4_000)))
        .token();
    let fresh = fake.refresh("U1").active("T1").token();
    let body = json!({ "sessionJwt": large, "refreshJwt": fresh });
    fake.respond_next(REFRESH, Canned::json(200, &body));
    let answer = ann.refresh(&routes).await;
    assert_eq!((answer.status, answer.error()), (502, "cookie_too_large"));
    assert_eq!((&ann.jar["DS"], &ann.jar["DSR"]), (&before["DS"], &fresh));
}

#[tokio::test]
async fn an_answer_for_somebody_else_writes_nothing_and_the_session_goes_on() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let routes = routes(&descope);
    let mut ann = Browser::ann(&fake);
    let before = ann.jar.clone();
    let others = json!({
        "sessionJwt": fake.session("U2").token(),
        "refreshJwt": fake.refresh("U2").token(),
    });
    fake.respond_next(REFRESH, Canned::json(200, &others));
    assert_eq!(ann.refresh(&routes).await.status, 503);
    // A record of somebody else, from a cache in between.
    fake.respond_next(ME, Canned::json(200, &json!({ "userId": "U2" })));
    assert_eq!(ann.call(&routes, ME, "").await.status, 503);
    let others = json!([{ "userId": "U1" }, { "userId": "U2", "city": "Oslo" }]);
    fake.respond_next(HISTORY, Canned::json(200, &others));
    let answer = ann.call(&routes, HISTORY, "").await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    // Rotated, but the session cannot be used: the successor is kept for the next try.
    let fresh = fake.refresh("U1").active("T1").token();
    let half = json!({ "sessionJwt": "garbage", "refreshJwt": fresh });
    fake.clock().advance(Duration::from_secs(1));
    fake.respond_next(REFRESH, Canned::json(200, &half));
    assert_eq!(ann.refresh(&routes).await.status, 503);
    assert_eq!(ann.jar, before, "nobody was told");
    fake.clock().advance(Duration::from_secs(1));
    fake.clear_requests();
    assert_eq!(ann.refresh(&routes).await.status, 200);
    assert_eq!(sent(&fake), [fresh]);
}

#[tokio::test]
async fn a_new_refresh_token_in_a_cookie_is_not_lost_with_the_body() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let routes = routes(&descope);
    let mut ann = Browser::ann(&fake);
    let before = ann.jar.clone();
    let mut in_force = ann.jar["DSR"].clone();
    for body in ["<html>".to_owned(), " ".repeat(2 * 1024 * 1024)] {
        let fresh = fake.refresh("U1").active("T1").token();
        let cookie = format!("DSR={fresh}; Path=/; HttpOnly; Secure");
        let half = Canned::new(200).header("set-cookie", &cookie).body(body);
        fake.respond_next(REFRESH, half);
        fake.clear_requests();
        assert_eq!(ann.refresh(&routes).await.status, 503);
        assert_eq!(ann.jar, before, "nobody was told");
        assert_eq!(sent(&fake), [in_force]);
        in_force = fresh;
        fake.clock().advance(Duration::from_secs(1));
    }
    fake.clear_requests();
    assert_eq!(ann.refresh(&routes).await.status, 200);
    assert_eq!(sent(&fake), [in_force]);
}

/// The refresh tokens that went up to be spent.
fn sent(fake: &FakeDescope) -> Vec<String> {
    let requests = fake.requests();
    let spent = requests.iter().filter(|one| one.path == REFRESH);
    spent
        .map(|one| {
            let credential = one.header("authorization").unwrap();
            let (_, token) = credential.rsplit_once(':').unwrap();
            token.to_owned()
        })
        .collect()
}

#[tokio::test]
async fn new_keys_that_cannot_be_had_do_not_cost_the_session() {
    let fake = fake().start().await;
    let descope = fake.descope();
    descope.warm_up().await.unwrap();
    let routes = routes(&descope);
    let mut ann = Browser::ann(&fake);
    fake.rotate_keys_keeping_old();
    fake.set_jwks_status(500);
    let answer = ann.refresh(&routes).await;
    assert_eq!((answer.status, answer.error()), (503, "keys_unavailable"));
    fake.set_jwks_status(200);
    fake.clock().advance(Duration::from_secs(30));
    assert_eq!(ann.refresh(&routes).await.status, 200);
    assert!(
        descope
            .verify(&SessionToken::new(&ann.jar["DS"]))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_user_who_left_the_tenant_is_told_which_one_it_was() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let routes = routes(&descope);
    let mut ann = Browser::ann(&fake);
    let body = json!({
        "sessionJwt": fake.session("U1").token(),
        "refreshJwt": fake.refresh("U1").token(),
    });
    fake.respond_next(REFRESH, Canned::json(200, &body));
    let answer = ann.refresh(&routes).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.json.get("tenant").is_none());

    let token = RefreshToken::new(fake.sign_in_to("ann@example.test", "T1").refresh_jwt());
    fake.respond_next(REFRESH, Canned::json(200, &body));
    let answer = descope.refresh(&token).await.unwrap();
    assert_eq!(answer.tenant(), None);
    assert_eq!(answer.lost_tenant().unwrap(), "T1");
}

#[tokio::test]
async fn a_session_whose_tenant_is_not_active_is_answered_without_one() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    let session = fake.session("U1").active_without_membership("T3");
    let body = json!({ "sessionJwt": session.token() });
    for path in [REFRESH, TRY_REFRESH] {
        fake.respond_next(REFRESH, Canned::json(200, &body));
        let answer = Browser::ann(&fake).call(&routes, path, "{}").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.json.get("tenant").is_none(), "{}", answer.text);
    }
}

#[tokio::test]
async fn another_users_record_in_an_answer_with_tokens_is_left_out() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let routes = routes(&descope);
    let select = r#"{"tenant":"T2"}"#;
    for (record, shown) in [
        (json!({ "userId": "U1", "name": "Ann" }), true),
        (json!({ "userId": "U2", "name": "Bob" }), false),
        (json!({ "name": "Bob" }), false),
        (json!({ "userId": "" }), false),
    ] {
        let body = json!({
            "sessionJwt": fake.session("U1").active("T2").token(),
            "user": record,
        });
        for (path, call) in [(REFRESH, "{}"), (SELECT, select)] {
            let mut ann = Browser::ann(&fake);
            fake.respond_next(path, Canned::json(200, &body));
            let answer = ann.call(&routes, path, call).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(answer.json.get("user").is_some(), shown, "{}", answer.text);
        }
        let token = RefreshToken::new(fake.sign_in("ann@example.test").refresh_jwt());
        fake.respond_next(REFRESH, Canned::json(200, &body));
        let answer = descope.refresh(&token).await.unwrap();
        assert_eq!(answer.user().is_some(), shown);
    }
}
