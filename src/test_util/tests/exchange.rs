//! Codes for tokens.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use serde_json::{Value, json};

use super::client::{REFRESH, Reply, ann, post};
use crate::test_util::{FakeDescope, FakeUser, ResponseMethod};

const OAUTH: &str = "/v1/auth/oauth/exchange";
const SAML: &str = "/v1/auth/saml/exchange";
const SSO: &str = "/v1/auth/sso/exchange";

async fn exchange(fake: &FakeDescope, path: &str, code: &str) -> Reply {
    post(fake, path, "", json!({ "code": code })).await
}

#[tokio::test]
async fn a_code_works_once_and_only_at_the_endpoint_of_its_kind() {
    let fake = ann().start().await;
    let of_oauth = fake.oauth_code("google", "ann@acme.test");
    let of_sso = fake.sso_code("T2acme", "ann@acme.test");
    let refused = (401, FakeDescope::SSO_CODE_REFUSED);
    assert_eq!(
        exchange(&fake, OAUTH, &of_sso).await.code(),
        (401, "E061301")
    );
    assert_eq!(exchange(&fake, SAML, &of_oauth).await.code(), refused);
    assert_eq!(exchange(&fake, SSO, &of_oauth).await.code(), refused);

    let first = exchange(&fake, OAUTH, &of_oauth).await;
    assert_eq!(first.claims()["amr"], json!(["oauth"]));
    assert_eq!(first.body["firstSeen"], true);
    assert_eq!(
        exchange(&fake, OAUTH, &of_oauth).await.code(),
        (401, "E061301")
    );
    let second = exchange(&fake, SAML, &of_sso).await;
    assert_eq!(second.claims()["amr"], json!(["fed"]));
    assert_eq!(second.body["firstSeen"], false);
    assert_eq!(exchange(&fake, SAML, &of_sso).await.code(), refused);

    let other = exchange(&fake, SSO, &fake.sso_code("T2acme", "U2ann")).await;
    assert_eq!(other.claims()["amr"], json!(["fed"]));
}

#[tokio::test]
async fn a_code_works_for_a_minute() {
    let fake = ann().start().await;
    for (later, status) in [
        (Duration::from_secs(59), 200),
        (FakeDescope::EXCHANGE_CODE_TTL, 401),
    ] {
        for path in [OAUTH, SAML] {
            let code = if path == OAUTH {
                fake.oauth_code("google", "U2ann")
            } else {
                fake.sso_code("T2acme", "U2ann")
            };
            fake.clock().advance(later);
            assert_eq!(exchange(&fake, path, &code).await.status, status);
        }
    }
}

#[tokio::test]
async fn no_code_and_no_project_are_bad_requests() {
    let fake = ann().start().await;
    for path in [OAUTH, SAML, SSO] {
        for body in [
            json!({}),
            json!({"code": ""}),
            json!({"code": 7}),
            Value::Null,
        ] {
            assert_eq!(post(&fake, path, "", body).await.code(), (400, "E011002"));
        }
        assert_eq!(
            post(&fake, path, "", json!([])).await.code(),
            (400, "E011001")
        );
        let unknown = post(&fake, path, "", json!({"code": "x", "later": 1})).await;
        assert_eq!(unknown.code(), (400, FakeDescope::UNKNOWN_OPTION));
    }
    let other = FakeDescope::start().await;
    let code = fake.oauth_code("google", "U2ann");
    assert_eq!(
        exchange(&other, OAUTH, &code).await.code(),
        (401, "E061301")
    );
}

#[tokio::test]
async fn the_tokens_live_on_as_those_of_any_sign_in() {
    let fake = ann().start().await;
    let signed_in = exchange(&fake, SAML, &fake.sso_code("T2acme", "U2ann")).await;
    let refreshed = post(&fake, REFRESH, signed_in.text("refreshJwt"), json!({})).await;
    assert_eq!(refreshed.claims()["amr"], json!(["fed"]));

    let fake = ann()
        .session_response(ResponseMethod::Cookies)
        .refresh_response(ResponseMethod::Cookies)
        .start()
        .await;
    let signed_in = exchange(&fake, OAUTH, &fake.oauth_code("google", "U2ann")).await;
    assert_eq!(signed_in.text("sessionJwt"), "");
    assert!(signed_in.cookies[0].starts_with("DSR=ey"));
    assert!(signed_in.cookies[1].starts_with("DS=ey"));
}

#[tokio::test]
async fn single_sign_on_selects_its_tenant_only_if_switched_on() {
    for (selects, active) in [(false, Value::Null), (true, json!("T2beta"))] {
        let fake = ann().sso_selects_tenant(selects).start().await;
        let code = fake.sso_code("T2beta", "U2ann");
        let signed_in = exchange(&fake, SAML, &code).await;
        assert_eq!(signed_in.claims()["dct"], active);
        let refreshed = post(&fake, REFRESH, signed_in.text("refreshJwt"), json!({})).await;
        assert_eq!(refreshed.claims()["dct"], active);
        let code = fake.oauth_code("google", "U2ann");
        assert_eq!(
            exchange(&fake, OAUTH, &code).await.claims()["dct"],
            Value::Null
        );
    }
}

#[tokio::test]
async fn a_code_is_for_somebody_who_could_have_signed_in() {
    let fake = ann().user("visitor", FakeUser::anonymous).start().await;
    let panics = |act: &dyn Fn() -> String| catch_unwind(AssertUnwindSafe(act)).is_err();
    assert!(panics(&|| fake.oauth_code("google", "nobody@acme.test")));
    assert!(panics(&|| fake.oauth_code("google", "visitor")));
    assert!(panics(&|| fake.oauth_code("a b", "U2ann")));
    assert!(panics(&|| fake.sso_code("T2none", "U2ann")));
    assert!(!panics(&|| fake.sso_code("T2beta", "U2ann")));
}
