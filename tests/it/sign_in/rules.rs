//! What else is asked of tokens that are adopted.

use std::time::Duration;

use tower_descope::{ErrorKind, RefreshToken, SessionToken};

use super::{adopt, lines};
use crate::support::{browser::Browser, world::fake};

#[tokio::test]
async fn a_token_of_an_oauth_server_is_no_sign_in_though_the_service_takes_it_for_a_session() {
    let fake = fake().start().await;
    let descope = fake.descope_builder().resource_server(true);
    let descope = descope.audience(["api"]).build().unwrap();
    let token = |token_type| {
        let session = fake.session("U1").audience("api").kind("DS");
        SessionToken::new(match token_type {
            Some(token_type) => session.claim("token_type", token_type).token(),
            None => session.token(),
        })
    };
    let adopt = |session| {
        let refresh = RefreshToken::new(fake.refresh("U1").token());
        descope.adopt(&Browser::default().headers(), session, refresh)
    };
    assert!(descope.verify(&token(Some("access_token"))).await.is_ok());
    let error = adopt(token(Some("access_token"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidSessionToken);
    assert!(adopt(token(None)).await.is_ok());
}

#[tokio::test]
async fn the_user_of_both_tokens_is_the_one_for_whom_descope_keeps_them() {
    let fake = fake().start().await;
    let descope = fake.descope();
    for (session, refresh, is_one) in [
        (fake.session("U7").claim("dsub", "U1"), "U1", true),
        (fake.session("U1").claim("dsub", "U7"), "U1", false),
    ] {
        let session = SessionToken::new(session.token());
        let refresh = RefreshToken::new(fake.refresh(refresh).token());
        let adopt = descope.adopt(&Browser::default().headers(), session, refresh);
        match adopt.await {
            Ok(signed_in) => {
                assert!(is_one);
                assert_eq!(signed_in.session().user_id().as_str(), "U1");
            }
            Err(error) => {
                assert!(!is_one, "{error}");
                assert_eq!(error.kind(), ErrorKind::NotASignIn);
            }
        }
    }
}

#[tokio::test]
async fn how_old_a_session_may_be_can_be_said_up_to_a_day() {
    let fake = fake()
        .session_ttl(Duration::from_secs(200_000))
        .start()
        .await;
    let descope = fake.descope();
    let day = Duration::from_secs(86_400);
    for (age, max_age, is_taken) in [
        (59, Duration::from_secs(60), true),
        (61, Duration::from_secs(60), false),
        (1, Duration::ZERO, false),
        (86_399, day, true),
        (86_401, day * 2, false),
    ] {
        let session = SessionToken::new(fake.session("U1").issued_at(-age).token());
        let refresh = RefreshToken::new(fake.refresh("U1").token());
        let adopt = descope.adopt(&Browser::default().headers(), session, refresh);
        let result = adopt.max_age(max_age).await;
        assert_eq!(result.is_ok(), is_taken, "{age}: {result:?}");
    }
}

#[tokio::test]
async fn without_keys_nobody_signs_in_and_a_later_try_may_succeed() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let login = fake.sign_in("ann@example.test");
    fake.set_jwks_status(500);
    let error = adopt(&descope, &Browser::default(), &login)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeysUnavailable);
    assert!(error.is_transient());
    fake.set_jwks_status(200);
    fake.clock().advance(Duration::from_secs(60));
    let signed_in = adopt(&descope, &Browser::default(), &login).await.unwrap();
    assert_eq!(signed_in.session().user_id().as_str(), "U1");
}

#[tokio::test]
async fn an_answer_of_a_call_is_adopted_by_the_same_rules() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let refresh = |user: &str| RefreshToken::new(fake.refresh(user).token());
    let answer = descope.refresh(&refresh("U1")).await.unwrap();
    let newest = answer.refresh_token().unwrap().expose().to_owned();
    let browser = Browser::default();
    let signed_in = descope.adopt_answer(&browser.headers(), answer.clone());
    let signed_in = signed_in.await.unwrap();
    assert!(lines(&signed_in)[0].starts_with(&format!("DSR={newest};")));
    assert!(signed_in.user().is_some(), "the call brought the record");
    fake.clock().advance(Duration::from_secs(301));
    let error = descope.adopt_answer(&browser.headers(), answer).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::NotASignIn);
    let visitor = RefreshToken::new(fake.refresh("V1").anonymous().token());
    let answer = descope.refresh(&visitor).await.unwrap();
    let error = descope.adopt_answer(&browser.headers(), answer).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::AnonymousSession);
}
