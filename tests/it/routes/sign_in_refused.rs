//! Tokens and bodies that `sign-in` takes for no sign-in.

use serde_json::json;

use super::{
    Browser, REFRESH, calls, fake,
    sign_in::{open, post, sign_in},
};

#[tokio::test]
async fn what_is_no_sign_in_is_refused_and_the_browser_keeps_what_it_had() {
    let fake = &fake().start().await;
    let routes = open(&fake.descope());
    let bob = Browser::signed_in(fake, "bob@example.test");
    let ann = fake.sign_in_to("ann@example.test", "T1");
    let (session, refresh) = (ann.session_jwt(), ann.refresh_jwt());
    let of = |session: &str, refresh: &str| json!({"sessionJwt": session, "refreshJwt": refresh});
    let token = || fake.session("U1").tenant("T1", |t| t);
    let anonymous = fake.session("U9").anonymous().token();
    let anonymous_refresh = fake.refresh("U9").token();
    for (why, body, status, error) in [
        ("swapped", of(refresh, session), 401, "invalid_token"),
        (
            "one of them twice",
            of(session, session),
            401,
            "invalid_token",
        ),
        ("no tokens", of("x", "y"), 401, "invalid_token"),
        (
            "a stranger's signature",
            of(&token().signed_by_stranger().token(), refresh),
            401,
            "invalid_token",
        ),
        (
            "another project's",
            of(&token().issuer("P2other").token(), refresh),
            401,
            "invalid_token",
        ),
        (
            "without a kind",
            of(&token().without("drn").token(), refresh),
            401,
            "invalid_token",
        ),
        (
            "expired",
            of(&token().expired().token(), refresh),
            401,
            "expired_token",
        ),
        (
            "another user's",
            of(&fake.session("U2").token(), refresh),
            403,
            "not_a_sign_in",
        ),
        (
            "of five minutes ago",
            of(&token().issued_at(-301).token(), refresh),
            403,
            "not_a_sign_in",
        ),
        (
            "without methods",
            of(&token().without("amr").token(), refresh),
            403,
            "not_a_sign_in",
        ),
        (
            "a visitor's",
            of(&anonymous, &anonymous_refresh),
            403,
            "anonymous_session",
        ),
        ("nothing", json!({}), 400, "tokens_missing"),
        ("empty", of("", ""), 400, "tokens_missing"),
        (
            "null",
            json!({"sessionJwt": session, "refreshJwt": null}),
            400,
            "tokens_missing",
        ),
        (
            "no text",
            json!({"sessionJwt": 1, "refreshJwt": refresh}),
            400,
            "invalid_body",
        ),
        (
            "an odd wish",
            json!({"sessionJwt": session, "refreshJwt": refresh, "remember": "yes"}),
            400,
            "invalid_body",
        ),
    ] {
        let mut after = bob.clone();
        let asked = sign_in(&routes, &mut after, &body).await;
        assert_eq!(
            (asked.status, &*asked.error),
            (status, error),
            "{why}: {}",
            asked.json
        );
        assert!(asked.lines.is_empty() && after == bob, "{why}");
    }
    // None of it went up, and Bob is still signed in.
    assert_eq!(calls(fake), 0);
    assert_eq!(bob.clone().call(&routes, REFRESH, "{}").await.status, 200);
}

#[tokio::test]
async fn a_body_of_another_form_is_refused_before_any_token_is_looked_at() {
    let fake = &fake().start().await;
    let routes = open(&fake.descope());
    let bob = Browser::signed_in(fake, "bob@example.test");
    let ann = fake.sign_in_to("ann@example.test", "T1");
    let (session, refresh) = (ann.session_jwt(), ann.refresh_jwt());
    for (fields, body, status) in [
        (vec![("content-type", "text/plain")], "{}".to_owned(), 415),
        (vec![], "{}".to_owned(), 415),
        (
            vec![("content-type", "application/x-www-form-urlencoded")],
            format!("sessionJwt={session}&refreshJwt={refresh}"),
            415,
        ),
        (
            vec![("content-type", "application/json")],
            format!(r#"{{"a":"{}"}}"#, "x".repeat(64 * 1024)),
            413,
        ),
        (
            vec![("content-type", "application/json")],
            format!(
                r#"{{"sessionJwt":"{session}","sessionJwt":"{session}","refreshJwt":"{refresh}"}}"#
            ),
            400,
        ),
    ] {
        let mut fields = fields;
        fields.push(("sec-fetch-site", "same-origin"));
        let asked = post(&routes, &bob, &fields, body).await;
        assert_eq!(asked.status, status, "{}", asked.json);
        assert!(asked.lines.is_empty());
    }
    assert_eq!(calls(fake), 0);
}
