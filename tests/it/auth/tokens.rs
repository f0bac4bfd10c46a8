//! Which tokens are sessions: one sentence of the security policy per case, over the wire.

use std::time::Duration;

use serde_json::json;
use tower_descope::test_util::{FakeDescope, TestClock};

use crate::support::{app, verdict};

#[tokio::test]
async fn what_is_no_session_is_refused() {
    let fake = FakeDescope::start().await;
    let app = app(&fake.descope());
    let session = || fake.session("U1");
    let header = |name: &str, value: serde_json::Value| session().header(name, value).token();
    let payload = |text: &str| session().raw_payload(text).token();
    let good = session().token();
    let segments: Vec<&str> = good.split('.').collect();
    let [head, body, signature] = segments[..] else {
        panic!("three segments");
    };
    for (what, token) in [
        ("a refresh token", fake.refresh("U1").token()),
        (
            "an id token",
            session()
                .without("drn")
                .claim("token_type", json!("id_token"))
                .token(),
        ),
        (
            "an OIDC refresh token",
            session()
                .without("drn")
                .claim("token_type", json!("refresh_token"))
                .token(),
        ),
        (
            "an access token without resource-server mode",
            session()
                .without("drn")
                .claim("token_type", json!("access_token"))
                .token(),
        ),
        ("another kind", session().kind("DST").token()),
        (
            "a kind that is no string",
            session().claim("drn", json!(["DS"])).token(),
        ),
        ("another project's", session().issuer("P2other").token()),
        (
            "another project's, signed by it",
            session().signed_by_stranger().token(),
        ),
        (
            "bound to a key",
            session().claim("cnf", json!({"jkt": "x"})).token(),
        ),
        ("without exp", session().without("exp").token()),
        ("without iss", session().without("iss").token()),
        ("without a subject", session().without("sub").token()),
        ("not yet valid", session().not_before(60).token()),
        ("issued in the future", session().issued_at(120).token()),
        ("algorithm none", session().alg("none").token()),
        (
            "another algorithm of the family",
            session().alg("RS384").token(),
        ),
        ("a symmetric algorithm", session().alg("HS256").token()),
        ("a lower-case algorithm", session().alg("rs256").token()),
        ("an unknown key", session().kid("SKother").token()),
        ("crit", header("crit", json!(["exp"]))),
        ("b64", header("b64", json!(true))),
        ("zip", header("zip", json!("DEF"))),
        ("typ of something else", header("typ", json!("logout+jwt"))),
        ("no JSON", payload("not json")),
        ("an array", payload("[]")),
        (
            "deep",
            payload(&format!(
                "{{\"a\":{}{}}}",
                "[".repeat(5_000),
                "]".repeat(5_000)
            )),
        ),
        ("padding", format!("{good}=")),
        ("four segments", format!("{good}.x")),
        ("two segments", format!("{head}.{body}")),
        ("no signature", format!("{head}.{body}.")),
        ("a cut signature", good[..good.len() - 4].to_owned()),
        ("a longer signature", format!("{good}AAAA")),
        (
            "its payload signed by its header",
            format!("{body}.{head}.{signature}"),
        ),
        ("dots", ".".repeat(4_000)),
        (
            "too long",
            format!("{head}.{}.{signature}", "A".repeat(20_000)),
        ),
    ] {
        assert_eq!(verdict(&app, &token).await, "invalid_token", "{what}");
    }
}

/// Signed by the project and right in all else: only the id is wrong.
#[tokio::test]
async fn a_user_whose_id_would_forge_a_line_of_a_log_is_refused() {
    let fake = FakeDescope::start().await;
    let app = app(&fake.descope());
    for claim in ["sub", "dsub"] {
        for id in ["U1\n\u{1b}[2J U2", "U1\u{85}", " ", &"U".repeat(257)] {
            let token = fake.session("U1").claim(claim, id).token();
            let verdict = verdict(&app, &token).await;
            assert_eq!(verdict, "invalid_token", "{claim}: {id:?}");
        }
    }
}

#[tokio::test]
async fn what_is_a_session_is_accepted() {
    let fake = FakeDescope::start().await;
    let app = app(&fake.descope());
    let session = || fake.session("U1");
    let pid = fake.project_id().to_owned();
    for (what, token) in [
        ("plain", session().token()),
        ("without kind", session().without("drn").token()),
        (
            "issuer with a host",
            session()
                .issuer(format!("https://api.descope.com/{pid}"))
                .token(),
        ),
        (
            "an audience nobody asked for",
            session().audience(json!(["x"])).token(),
        ),
        ("without typ", session().header("typ", json!("jwt")).token()),
        (
            "an unknown header",
            session().header("x", json!({"y": 1})).token(),
        ),
        (
            "a fractional expiry",
            session().claim("exp", json!(4_102_444_800.5)).token(),
        ),
        (
            "a huge expiry",
            session().claim("exp", json!(1e308)).token(),
        ),
        ("a clock a little ahead", session().issued_at(30).token()),
    ] {
        assert_eq!(verdict(&app, &token).await, "U1@-", "{what}");
    }
}

#[tokio::test]
async fn every_algorithm_that_the_projects_key_may_name_is_verified() {
    for algorithm in [
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
    ] {
        let fake = FakeDescope::builder().algorithm(algorithm).start().await;
        let app = app(&fake.descope());
        assert_eq!(
            verdict(&app, &fake.session("U1").token()).await,
            "U1@-",
            "{algorithm}"
        );
        let forged = fake.session("U1").signed_by_stranger().token();
        assert_eq!(verdict(&app, &forged).await, "invalid_token", "{algorithm}");
    }
}

#[tokio::test]
async fn expiry_has_a_leeway_and_no_more() {
    let fake = FakeDescope::start().await;
    let app = app(&fake.descope());
    let token = fake.session("U1").expires_in(600).token();
    fake.clock().advance(Duration::from_secs(603));
    assert_eq!(verdict(&app, &token).await, "U1@-");
    fake.clock().advance(Duration::from_secs(3));
    assert_eq!(verdict(&app, &token).await, "expired_token");
}

#[tokio::test]
async fn an_audience_and_further_issuers_are_settings() {
    let fake = FakeDescope::start().await;
    let ms = format!(
        "https://api.descope.com/v1/apps/agentic/{}/MS1",
        fake.project_id()
    );
    let descope = fake
        .descope_builder()
        .audience(["api"])
        .issuers([ms.as_str()])
        .build()
        .unwrap();
    let app = app(&descope);
    let session = || fake.session("U1");
    for (token, expected) in [
        (session().token(), "invalid_token"),
        (session().audience(json!("api")).token(), "U1@-"),
        (session().audience(json!(["x", "api"])).token(), "U1@-"),
        (session().audience(json!("apis")).token(), "invalid_token"),
        (session().audience(json!("api")).issuer(&ms).token(), "U1@-"),
        (
            session()
                .audience(json!("api"))
                .issuer(format!("{ms}/"))
                .token(),
            "invalid_token",
        ),
    ] {
        assert_eq!(verdict(&app, &token).await, expected);
    }
}

#[tokio::test]
async fn resource_servers_accept_access_tokens_of_their_audience() {
    let fake = FakeDescope::start().await;
    let descope = fake
        .descope_builder()
        .audience(["api"])
        .resource_server(true)
        .build()
        .unwrap();
    let app = app(&descope);
    let access = || {
        fake.session("U1")
            .without("drn")
            .claim("token_type", json!("access_token"))
            .header("typ", json!("at+jwt"))
    };
    assert_eq!(
        verdict(&app, &access().audience(json!("api")).token()).await,
        "U1@-"
    );
    assert_eq!(verdict(&app, &access().token()).await, "invalid_token");
}

#[tokio::test]
async fn a_clock_set_back_or_forward_changes_verdicts_and_breaks_nothing() {
    let clock = TestClock::new();
    let fake = FakeDescope::builder().clock(clock.clone()).start().await;
    let app = app(&fake.descope());
    let token = fake.session("U1").token();
    let now = clock.now();
    assert_eq!(verdict(&app, &token).await, "U1@-");
    clock.set_wall(now - Duration::from_secs(86_400));
    assert_eq!(verdict(&app, &token).await, "invalid_token");
    clock.set_wall(now + Duration::from_secs(86_400));
    assert_eq!(verdict(&app, &token).await, "expired_token");
    clock.set_wall(now);
    assert_eq!(verdict(&app, &token).await, "U1@-");
}
