//! Wrong one-time codes.

use serde_json::json;

use super::client::{Reply, ann, post};
use crate::test_util::FakeDescope;

async fn verify(fake: &FakeDescope, code: &str) -> Reply {
    let body = json!({"loginId": "ann@acme.test", "code": code});
    post(fake, "/v1/auth/otp/verify/email", "", body).await
}

async fn send_code(fake: &FakeDescope) {
    let body = json!({"loginId": "ann@acme.test"});
    let sent = post(fake, "/v1/auth/otp/signin/email", "", body).await;
    assert_eq!(sent.status, 200);
}

#[tokio::test]
async fn after_five_wrong_codes_the_right_one_is_refused_until_a_new_one_is_sent() {
    let fake = ann().start().await;
    send_code(&fake).await;
    for _ in 1..FakeDescope::CODE_ATTEMPTS {
        assert_eq!(verify(&fake, "000000").await.code(), (401, "E061102"));
    }
    assert_eq!(verify(&fake, "000000").await.code(), (401, "E061103"));
    let right = verify(&fake, FakeDescope::ONE_TIME_CODE).await;
    assert_eq!(right.code(), (401, "E061103"));

    send_code(&fake).await;
    assert_eq!(verify(&fake, FakeDescope::ONE_TIME_CODE).await.status, 200);
}

#[tokio::test]
async fn fewer_wrong_codes_leave_the_right_one_good_and_that_works_once() {
    let fake = ann().start().await;
    send_code(&fake).await;
    for _ in 1..FakeDescope::CODE_ATTEMPTS {
        assert_eq!(verify(&fake, "").await.code(), (401, "E061102"));
    }
    assert_eq!(verify(&fake, FakeDescope::ONE_TIME_CODE).await.status, 200);
    let again = verify(&fake, FakeDescope::ONE_TIME_CODE).await;
    assert_eq!(again.code(), (401, "E061102"));
}
