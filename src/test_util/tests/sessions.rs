//! The answers of the endpoints: contract 4 to 6.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{REFRESH, SELECT, ann, payload, post, send};
use crate::test_util::{FakeDescope, ResponseMethod, Template};

#[tokio::test]
async fn a_selection_is_in_both_tokens_and_survives_refresh() {
    let fake = ann().start().await;
    let ann = fake.sign_in("ann@acme.test");
    let selected = post(
        &fake,
        SELECT,
        ann.refresh_jwt(),
        json!({"tenant": "T2acme"}),
    )
    .await;
    assert_eq!(selected.status, 200);
    assert_eq!(selected.claims()["dct"], "T2acme");
    assert_eq!(
        selected.claims()["tenants"]["T2acme"]["roles"],
        json!(["owner"])
    );
    assert_eq!(selected.claims()["tenants"]["T2beta"], json!({}));
    assert_eq!(selected.claims()["plan"], "pro");
    assert_eq!(
        selected.body["user"]["userTenants"][0]["tenantName"],
        "Acme"
    );

    let refreshed = post(&fake, REFRESH, selected.text("refreshJwt"), json!({})).await;
    assert_eq!(refreshed.claims()["dct"], "T2acme");
    assert_ne!(refreshed.text("sessionJwt"), selected.text("sessionJwt"));
    assert_eq!(fake.calls(SELECT), 1);
    assert_eq!(fake.requests()[0].json(), json!({"tenant": "T2acme"}));
}

#[tokio::test]
async fn a_reused_refresh_token_ends_the_sign_in_unless_switched_off() {
    for kills in [true, false] {
        let fake = ann().reuse_kills_family(kills).start().await;
        let ann = fake.sign_in("U2ann");
        let newest = post(&fake, REFRESH, ann.refresh_jwt(), json!({})).await;
        let reused = post(&fake, REFRESH, ann.refresh_jwt(), json!({})).await;
        assert_eq!(reused.code(), (400, "E064006"));
        let newest = post(&fake, REFRESH, newest.text("refreshJwt"), json!({})).await;
        assert_eq!(newest.status, if kills { 400 } else { 200 });
    }
}

#[tokio::test]
async fn without_rotation_the_refresh_token_stays_and_the_service_remembers_the_tenant() {
    let fake = ann().rotation(false).start().await;
    let ann = fake.sign_in("U2ann");
    let selected = post(
        &fake,
        SELECT,
        ann.refresh_jwt(),
        json!({"tenant": "T2beta"}),
    )
    .await;
    assert_eq!(selected.body["refreshJwt"], "");
    let refreshed = post(&fake, REFRESH, ann.refresh_jwt(), json!({})).await;
    assert_eq!(refreshed.claims()["dct"], "T2beta");

    let fake = ann_with_refresh_from_select().await;
    let ann = fake.sign_in("U2ann");
    let selected = post(
        &fake,
        SELECT,
        ann.refresh_jwt(),
        json!({"tenant": "T2beta"}),
    )
    .await;
    let new = post(&fake, REFRESH, selected.text("refreshJwt"), json!({})).await;
    assert_eq!(new.claims()["dct"], "T2beta");
    let old = post(&fake, REFRESH, ann.refresh_jwt(), json!({})).await;
    assert_eq!(old.claims()["dct"], Value::Null);
}

async fn ann_with_refresh_from_select() -> FakeDescope {
    ann()
        .rotation(false)
        .select_returns_refresh_without_rotation(true)
        .start()
        .await
}

#[tokio::test]
async fn refusals_have_their_codes() {
    let fake = ann().start().await;
    let ann = fake.sign_in("U2ann");
    let refresh = ann.refresh_jwt();
    let stranger = post(&fake, SELECT, refresh, json!({"tenant": "T2none"})).await;
    assert_eq!(stranger.code(), (403, FakeDescope::NOT_A_MEMBER));
    for body in [json!({}), json!({"tenant": 7}), json!([])] {
        assert_eq!(post(&fake, SELECT, refresh, body).await.status, 400);
    }
    let session = post(&fake, REFRESH, ann.session_jwt(), json!({})).await;
    assert_eq!(session.code(), (401, "E061005"));
    let hostile = post(&fake, REFRESH, "a.b.c", json!({})).await;
    assert_eq!(hostile.code(), (401, "E061005"));
    assert_eq!(post(&fake, REFRESH, "", json!({})).await.status, 400);
    assert_eq!(
        post(&fake, "/v1/auth/nothing", "", json!({})).await.status,
        404
    );
    let try_refresh = post(&fake, "/v1/auth/try-refresh", "a.b.c", json!({})).await;
    assert_eq!((try_refresh.status, try_refresh.body), (200, json!({})));

    assert_eq!(
        post(&fake, "/v1/auth/logout", refresh, json!({}))
            .await
            .status,
        200
    );
    let gone = post(&fake, REFRESH, refresh, json!({})).await;
    assert_eq!(gone.code(), (401, "E064001"));

    let again = fake.sign_in("U2ann");
    fake.clock().advance(Duration::from_secs(29 * 86_400));
    let expired = post(&fake, REFRESH, again.refresh_jwt(), json!({})).await;
    assert_eq!(expired.code(), (401, "E061005"));
}

#[tokio::test]
async fn the_template_decides_where_roles_stand() {
    let fake = ann().jwt_template(Template::CurrentTenant).start().await;
    let claims = fake.session("ann@acme.test").active("T2acme").claims();
    assert_eq!(claims["roles"], json!(["owner"]));
    assert!(!claims.contains_key("tenants"));

    let fake = FakeDescope::builder()
        .auto_tenant(true)
        .user("one@t.test", |u| u.id("U2one").tenant("T1", |t| t))
        .start()
        .await;
    let one = fake.sign_in("U2one");
    let refreshed = post(&fake, REFRESH, one.refresh_jwt(), json!({})).await;
    assert_eq!(refreshed.claims()["dct"], "T1");

    fake.set_user("U2one", |u| u.without_tenant("T1"));
    let refreshed = post(&fake, REFRESH, refreshed.text("refreshJwt"), json!({})).await;
    assert_eq!(refreshed.claims()["dct"], Value::Null);
}

#[tokio::test]
async fn cookie_mode_keeps_tokens_out_of_the_body_and_the_header() {
    let fake = ann()
        .session_response(ResponseMethod::Cookies)
        .refresh_response(ResponseMethod::Cookies)
        .cookie_names("S", "R")
        .cookie_domain("acme.test")
        .start()
        .await;
    let ann = fake.sign_in("U2ann");
    let refused = post(&fake, REFRESH, ann.refresh_jwt(), json!({})).await;
    assert_eq!(refused.code(), (401, "E061005"));

    let bearer = format!("Bearer {}", fake.project_id());
    let headers = [
        ("authorization", bearer.as_str()),
        ("cookie", ann.cookies()),
    ];
    let refreshed = send(&fake, REFRESH, &headers, Some(json!({}))).await;
    assert_eq!(refreshed.body["sessionJwt"], "");
    assert_eq!(refreshed.body["refreshJwt"], "");
    assert_eq!(refreshed.body["cookieName"], "R");
    let names = refreshed
        .cookies
        .iter()
        .map(|cookie| cookie.split('=').next().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["R", "S", "__cf_bm"]);
    assert!(refreshed.cookies[0].contains("; Domain=acme.test; Expires="));
    assert_eq!(refreshed.claims()["drn"], "S");
}

#[tokio::test]
async fn a_one_time_code_signs_a_new_user_in() {
    let fake = ann().start().await;
    let sign_up = json!({"loginId": "bob@b.test", "user": {"name": "Bob"}});
    let sent = post(&fake, "/v1/auth/otp/signup/email", "", sign_up.clone()).await;
    assert_eq!(sent.text("maskedEmail"), "b*****");
    let again = post(&fake, "/v1/auth/otp/signup/email", "", sign_up).await;
    assert_eq!(again.code(), (400, "E062107"));
    let verify = |code: &str| json!({"loginId": "bob@b.test", "code": code});
    let wrong = post(&fake, "/v1/auth/otp/verify/email", "", verify("000000")).await;
    assert_eq!(wrong.code(), (401, "E061102"));
    let code = verify(FakeDescope::ONE_TIME_CODE);
    let bob = post(&fake, "/v1/auth/otp/verify/email", "", code).await;
    assert_eq!(bob.body["firstSeen"], true);
    assert_eq!(bob.body["user"]["name"], "Bob");
}

#[tokio::test]
async fn an_access_key_has_a_session_and_no_refresh_token() {
    let fake = ann().start().await;
    let options = json!({"loginOptions": {"selectedTenant": "T2acme", "customClaims": {"a": 1}}});
    let path = "/v1/auth/accesskey/exchange";
    let answer = post(&fake, path, "AK-secret-1", options).await;
    assert_eq!(answer.text("keyId"), "K2job");
    let validated = post(
        &fake,
        "/v1/auth/validate",
        answer.text("sessionJwt"),
        json!({}),
    )
    .await;
    assert_eq!(validated.body["dct"], "T2acme");
    assert_eq!(validated.body["nsec"], json!({"a": 1}));
    assert!(validated.text("exp").ends_with('Z'));
    let unknown = post(&fake, path, "AK-other", json!({})).await;
    assert_eq!(unknown.code(), (401, "E062803"));
}

#[tokio::test]
async fn the_session_of_an_access_key_says_its_kind_unless_switched_off() {
    for says in [true, false] {
        let fake = ann().drn_in_access_key_sessions(says).start().await;
        let path = "/v1/auth/accesskey/exchange";
        let answer = post(&fake, path, "AK-secret-1", json!({})).await;
        let session = answer.text("sessionJwt");
        let expected = if says { json!("DS") } else { Value::Null };
        assert_eq!(payload(session)["drn"], expected);
        let validated = post(&fake, "/v1/auth/validate", session, json!({})).await;
        assert_eq!(validated.body["sub"], "K2job");
    }
}

#[tokio::test]
async fn a_token_made_by_hand_starts_a_sign_in() {
    let fake = FakeDescope::start().await;
    let refresh = fake.refresh("U9").tenant("T9", |t| t.role("r")).token();
    let selected = post(&fake, SELECT, &refresh, json!({"tenant": "T9"})).await;
    assert_eq!(selected.claims()["sub"], "U9");
    assert_eq!(
        selected.claims()["tenants"],
        json!({"T9": {"roles": ["r"]}})
    );
    let forged = fake.refresh("U9").signed_by_stranger().token();
    assert_eq!(post(&fake, REFRESH, &forged, json!({})).await.status, 401);
}
