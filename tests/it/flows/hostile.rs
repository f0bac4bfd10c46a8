//! Answers that are wrong, too large, late or hostile.

use std::time::Duration;

use serde_json::{Value, json};
use tower_descope::test_util::{Canned, FakeDescope};

use super::{Page, builder, fake, of, sent};

fn page(fake: &FakeDescope) -> Page {
    Page::new(fake, builder(&of(fake)).build().unwrap())
}

async fn answered(fake: &FakeDescope, body: &Value) -> super::Answer {
    fake.respond_next("/v1/flow/start", Canned::json(200, body));
    page(fake).start("sign-in").await
}

#[tokio::test]
async fn tokens_are_emptied_wherever_they_stand() {
    let fake = fake().start().await;
    let token = fake.session("U1").token();
    let (own, stranger) = (&token, "eyJhbGciOiJub25lIn0.eyJpc3MiOiJvdGhlciJ9.c2ln");
    let body = json!({
        "executionId": "sign-in|#|x",
        "stepId": "1",
        "status": "waiting",
        "screen": {"id": "s", "state": {"a": [own, {"b": format!("see {own}.")}], "url": format!("https://x.example/?t={own}&y=1")}},
        "output": {"token": own},
        "error": {"text": own},
    });
    let answer = answered(&fake, &body).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json["screen"]["state"]["a"], json!(["", {"b": ""}]));
    assert_eq!(answer.json["screen"]["state"]["url"], "");
    assert_eq!(
        (
            &answer.json["output"]["token"],
            &answer.json["error"]["text"]
        ),
        (&json!(""), &json!(""))
    );
    assert!(!stranger.is_empty());
}

#[tokio::test]
async fn no_answer_sends_the_browser_to_a_script() {
    let fake = fake().start().await;
    for (member, value) in [
        ("redirect", json!({"url": "javascript:alert(1)"})),
        ("redirect", json!({"url": "data:text/html,x"})),
        ("redirect", json!({"url": "/relative"})),
        ("redirect", json!({"url": 1})),
        ("openInNewTabUrl", json!("javascript:alert(1)")),
        ("samlIdpResponse", json!({"url": "javascript:alert(1)"})),
        ("wsFedIdpResponse", json!({"url": "vbscript:x"})),
    ] {
        let mut body = json!({"executionId": "sign-in|#|x", "status": "waiting"});
        body[member] = value;
        let answer = answered(&fake, &body).await;
        assert_eq!(answer.code(), (502, "upstream_invalid"), "{body}");
        assert_eq!(answer.cookies(), 0);
    }
    for url in ["https://idp.example/", "http://idp.example/", ""] {
        let body = json!({"executionId": "sign-in|#|x", "redirect": {"url": url}, "samlIdpResponse": null});
        assert_eq!(answered(&fake, &body).await.status, 200, "{url}");
    }
}

#[tokio::test]
async fn a_session_that_cannot_be_used_is_an_error_without_cookies() {
    let fake = fake().start().await;
    let session = fake.session("U1").token();
    let refresh = fake.refresh("U1").token();
    let of = |session: &str, refresh: &str| json!({"sessionJwt": session, "refreshJwt": refresh});
    for (info, code) in [
        (of(&session, ""), (502, "not_a_sign_in")),
        (
            of(&fake.session("U1").signed_by_stranger().token(), &refresh),
            (502, "upstream_invalid"),
        ),
        (
            of(&fake.session("U2").token(), &refresh),
            (403, "not_a_sign_in"),
        ),
        (
            of(&fake.session("U1").issuer("P2other").token(), &refresh),
            (502, "upstream_invalid"),
        ),
        (of("x", "y"), (502, "upstream_invalid")),
    ] {
        let body = json!({"executionId": "sign-in|#|x", "status": "completed", "authInfo": info});
        let answer = answered(&fake, &body).await;
        assert_eq!(answer.code(), code, "{body}");
        assert_eq!(answer.cookies(), 0);
    }
    // One without any token passes, and has none.
    let info = json!({"firstSeen": true, "idToken": "eyJ.x.y", "surprise": 1});
    let body = json!({"executionId": "sign-in|#|x", "status": "completed", "authInfo": info});
    let answer = answered(&fake, &body).await;
    assert_eq!(answer.status, 200);
    let info = json!({"firstSeen": true, "sessionJwt": "", "refreshJwt": ""});
    assert_eq!(answer.json["authInfo"], info);
}

#[tokio::test]
async fn what_is_no_answer_is_502_and_never_503_and_nothing_is_repeated() {
    let fake = fake().start().await;
    for (canned, code) in [
        (
            Canned::json(503, &json!({"errorCode": "E1"})),
            (502, "upstream_unavailable"),
        ),
        (Canned::json(500, &json!({})), (502, "upstream_unavailable")),
        (Canned::json(200, &json!([])), (502, "upstream_invalid")),
        (Canned::json(302, &json!({})), (502, "upstream_invalid")),
    ] {
        let up = sent(&fake, "start");
        fake.respond_next("/v1/flow/start", canned);
        let answer = page(&fake).start("sign-in").await;
        assert_eq!(answer.code(), code);
        assert_eq!(sent(&fake, "start"), up + 1);
    }
    fake.drop_connection_next("/v1/flow/start");
    let answer = page(&fake).start("sign-in").await;
    assert_eq!(answer.code(), (502, "upstream_unavailable"));
}

#[tokio::test]
async fn while_descope_asks_to_slow_down_nothing_goes_up() {
    let fake = fake().start().await;
    let mut page = page(&fake);
    let limited = Canned::error(429, "E130429", "slow down").header("retry-after", "7");
    fake.respond_next("/v1/flow/start", limited);
    let answer = page.start("sign-in").await;
    assert_eq!(answer.code(), (429, "E130429"));
    assert_eq!(answer.headers["retry-after"], "7");
    let answer = page.start("sign-in").await;
    assert_eq!(answer.code(), (429, "rate_limited"));
    assert_eq!(sent(&fake, "start"), 1);
    fake.clock().advance(Duration::from_secs(8));
    assert_eq!(page.start("sign-in").await.status, 200);
}
