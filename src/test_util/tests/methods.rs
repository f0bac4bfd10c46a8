//! How a sign-in was done, `amr`, where it is said and where not.

use serde_json::{Value, json};

use super::client::{REFRESH, Reply, ann, payload, post};
use crate::test_util::{FakeDescope, FakeDescopeBuilder};

/// Each way to sign in, by what it says of itself.
async fn sign_ins(fake: &FakeDescope) -> Vec<(&'static str, Reply)> {
    let exchange = async |path: &str, code: String| {
        let path = format!("/v1/auth/{path}/exchange");
        post(fake, &path, "", json!({ "code": code })).await
    };
    let who = json!({"loginId": "ann@acme.test"});
    post(fake, "/v1/auth/otp/signin/email", "", who).await;
    let code = json!({"loginId": "ann@acme.test", "code": FakeDescope::ONE_TIME_CODE});
    vec![
        (
            "email",
            post(fake, "/v1/auth/otp/verify/email", "", code).await,
        ),
        (
            "oauth",
            exchange("oauth", fake.oauth_code("google", "U2ann")).await,
        ),
        (
            "fed",
            exchange("saml", fake.sso_code("T2acme", "U2ann")).await,
        ),
    ]
}

async fn check(fake: FakeDescopeBuilder, says: bool) {
    let fake = fake.start().await;
    for (method, signed_in) in sign_ins(&fake).await {
        let expected = if says { json!([method]) } else { Value::Null };
        let refresh = signed_in.text("refreshJwt").to_owned();
        assert_eq!(signed_in.claims()["amr"], expected);
        assert_eq!(payload(&refresh)["amr"], expected);
        let refreshed = post(&fake, REFRESH, &refresh, json!({})).await;
        assert_eq!(refreshed.claims()["amr"], expected);
    }
}

#[tokio::test]
async fn tokens_say_how_the_sign_in_was_done_unless_switched_off() {
    check(ann(), true).await;
    check(ann().without_methods(true), false).await;
}

#[tokio::test]
async fn a_token_made_by_hand_goes_on_as_it_began() {
    let fake = ann().start().await;
    for (token, expected) in [
        (fake.refresh("U2ann"), json!(["email"])),
        (
            fake.refresh("U2ann").amr(["fed", "mfa"]),
            json!(["fed", "mfa"]),
        ),
        (fake.refresh("U2ann").without("amr"), Value::Null),
    ] {
        let refreshed = post(&fake, REFRESH, &token.token(), json!({})).await;
        assert_eq!(refreshed.claims()["amr"], expected);
        let again = post(&fake, REFRESH, refreshed.text("refreshJwt"), json!({})).await;
        assert_eq!(again.claims()["amr"], expected);
    }
}
