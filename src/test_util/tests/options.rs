//! Options that the fake does not know are refused by name, never passed over.

use serde_json::{Value, json};

use super::client::{REFRESH, SELECT, ann, post};
use crate::test_util::FakeDescope;

const SIGN_IN: &str = "/v1/auth/otp/signin/email";
const SIGN_UP: &str = "/v1/auth/otp/signup-in/email";
const EXCHANGE: &str = "/v1/auth/accesskey/exchange";

#[tokio::test]
async fn an_option_that_the_fake_does_not_know_is_refused_by_name() {
    let fake = ann().start().await;
    let ann = fake.sign_in("U2ann");
    let refresh = ann.refresh_jwt();
    let sign_in = |options: Value| json!({"loginId": "ann@acme.test", "loginOptions": options});
    let cases = [
        (
            SIGN_IN,
            "",
            sign_in(json!({"stepup": true})),
            "loginOptions.stepup",
        ),
        (
            SIGN_IN,
            "",
            sign_in(json!({"mfa": true})),
            "loginOptions.mfa",
        ),
        (
            SIGN_IN,
            "",
            sign_in(json!({"customClaims": {"a": 1}})),
            "loginOptions.customClaims",
        ),
        (
            SIGN_UP,
            "",
            sign_in(json!({"revokeOtherSessions": true})),
            "loginOptions.revokeOtherSessions",
        ),
        (
            SIGN_UP,
            "",
            json!({"loginId": "new@acme.test", "user": {"name": "New", "givenName": "N"}}),
            "user.givenName",
        ),
        (
            EXCHANGE,
            "AK-secret-1",
            json!({"loginOptions": {"selectedTenant": "T2acme", "stepup": true}}),
            "loginOptions.stepup",
        ),
        (
            REFRESH,
            refresh,
            json!({"externalToken": "EXT"}),
            "externalToken",
        ),
        (
            "/v1/auth/try-refresh",
            refresh,
            json!({"externalToken": "EXT"}),
            "externalToken",
        ),
        (
            "/v1/auth/logout",
            refresh,
            json!({"logoutType": ["all"]}),
            "logoutType",
        ),
        (
            SELECT,
            refresh,
            json!({"tenant": "T2acme", "mfa": 1}),
            "mfa",
        ),
        (
            "/v1/auth/refresh?dcs=t&later=t",
            refresh,
            json!({}),
            "later",
        ),
    ];
    for (path, token, body, option) in cases {
        let refused = post(&fake, path, token, body).await;
        assert_eq!(
            refused.code(),
            (400, FakeDescope::UNKNOWN_OPTION),
            "{option}"
        );
        let said = refused.text("errorDescription");
        assert!(said.contains(&format!("`{option}`")), "{said}");
    }
    // None of it had an effect: nobody was signed up, no token was used up.
    let new = post(&fake, SIGN_IN, "", json!({"loginId": "new@acme.test"})).await;
    assert_eq!(new.code(), (400, "E062108"));
    assert_eq!(post(&fake, REFRESH, refresh, json!({})).await.status, 200);
}

#[tokio::test]
async fn options_that_ask_for_nothing_are_as_if_they_were_not_there() {
    let fake = ann().start().await;
    let ann = fake.sign_in("U2ann");
    let nothing = json!({
        "loginId": "ann@acme.test",
        "loginOptions": {
            "stepup": false, "mfa": false, "customClaims": {}, "templateId": "",
            "templateOptions": null, "refreshDuration": 0, "list": [], "deep": {"er": null},
        },
        "providerId": null,
    });
    assert_eq!(post(&fake, SIGN_IN, "", nothing).await.status, 200);
    let hints = format!("{REFRESH}?dcs=t&dcr=f");
    let refreshed = post(
        &fake,
        &hints,
        ann.refresh_jwt(),
        json!({"externalToken": ""}),
    )
    .await;
    assert_eq!(refreshed.status, 200);
}

#[tokio::test]
async fn a_known_option_of_the_wrong_kind_is_refused() {
    let fake = ann().start().await;
    let ann = fake.sign_in("U2ann");
    let exchange = |name: &str, value: Value| json!({"loginOptions": {name: value}});
    for (path, token, body) in [
        (
            EXCHANGE,
            "AK-secret-1",
            exchange("selectedTenant", json!(7)),
        ),
        (
            EXCHANGE,
            "AK-secret-1",
            exchange("customClaims", json!([1])),
        ),
        (
            "/v1/auth/me/tenants",
            ann.refresh_jwt(),
            json!({"dct": "yes"}),
        ),
        (
            SIGN_UP,
            "",
            json!({"loginId": "n@acme.test", "user": {"customAttributes": "x"}}),
        ),
    ] {
        let refused = post(&fake, path, token, body.clone()).await;
        assert_eq!(refused.code(), (400, "E011001"), "{body}");
    }
}

#[tokio::test]
async fn the_attributes_of_a_sign_up_are_the_user_s() {
    let fake = FakeDescope::start().await;
    let body = json!({
        "loginId": "new@acme.test",
        "user": {"name": "New", "customAttributes": {"plan": "pro"}},
    });
    assert_eq!(post(&fake, SIGN_UP, "", body).await.status, 200);
    let body = json!({"loginId": "new@acme.test", "code": FakeDescope::ONE_TIME_CODE});
    let new = post(&fake, "/v1/auth/otp/verify/email", "", body).await;
    assert_eq!(new.body["user"]["customAttributes"], json!({"plan": "pro"}));
}
