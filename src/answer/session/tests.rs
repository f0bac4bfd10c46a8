use std::time::Duration;

use serde_json::json;

use super::*;
use crate::{jwt::claims::Claims, session::TenantClaims};

const PAYLOAD: &str = r#"{"sub":"U1","iss":"P1","exp":1767226200,"dct":"T1","tenants":{"T1":{}}}"#;

fn answer(raw: RawAnswer) -> SessionAnswer {
    let claims = Claims::parse(PAYLOAD.into()).unwrap();
    SessionAnswer::new(
        RawAnswer {
            session_token: Some(SessionToken::new("eyJs")),
            ..raw
        },
        Session::new(
            claims,
            TenantClaims::default(),
            crate::clock::Clock::System,
            None,
        ),
        InForce {
            token: RefreshToken::new("eyJr"),
            expires_at: Some(UNIX_EPOCH + Duration::from_secs(1_769_644_800)),
        },
    )
}

#[test]
fn every_field_has_its_accessor() {
    let user = json!({"userId": "U1", "somethingNew": [1]});
    let answer = answer(RawAnswer {
        refresh_token: Some(RefreshToken::new("eyJr")),
        cookie_domain: Some("example.test".into()),
        cookie_path: Some("/".into()),
        cookie_max_age: Some(2_419_199),
        cookie_expiration: Some(1_769_644_800),
        cookie_name: Some("RN".into()),
        session_cookie_name: Some("SN".into()),
        session_cookie_domain: Some("s.example.test".into()),
        user: Some(user.clone().into()),
        first_seen: Some(true),
        idp_response: Some(json!({"groups": []}).into()),
        session_expiration: Some(1_767_226_200),
        external_token: Some(OpaqueToken::new("eyJext")),
        tenant_sso_id: Some("sso".into()),
        trusted_device_token: Some(OpaqueToken::new("eyJdtd")),
        known_device_token: Some(OpaqueToken::new("eyJdkd")),
        next_refresh_seconds: Some(300),
        ..RawAnswer::default()
    });
    assert_eq!(answer.session().user_id().as_str(), "U1");
    assert_eq!(answer.session_token().expose(), "eyJs");
    assert_eq!(answer.refresh_token().unwrap().expose(), "eyJr");
    assert_eq!(answer.tenant().unwrap(), "T1");
    assert_eq!(answer.lost_tenant(), None);
    assert_eq!(answer.cookie_domain(), Some("example.test"));
    assert_eq!(answer.cookie_path(), Some("/"));
    assert_eq!(
        answer.cookie_max_age(),
        Some(Duration::from_secs(2_419_199))
    );
    assert_eq!(
        answer.cookie_expiration().map(unix_seconds),
        Some(1_769_644_800)
    );
    assert_eq!(answer.cookie_name(), Some("RN"));
    assert_eq!(answer.session_cookie_name(), Some("SN"));
    assert_eq!(answer.session_cookie_domain(), Some("s.example.test"));
    assert_eq!(answer.user().unwrap().id().unwrap(), "U1");
    assert_eq!(answer.user_json(), Some(&user));
    assert_eq!(answer.first_seen(), Some(true));
    assert_eq!(answer.idp_response(), Some(&json!({"groups": []})));
    assert_eq!(
        answer.session_expiration().map(unix_seconds),
        Some(1_767_226_200)
    );
    assert_eq!(answer.external_token().unwrap().expose(), "eyJext");
    assert_eq!(answer.tenant_sso_id(), Some("sso"));
    assert_eq!(answer.trusted_device_token().unwrap().expose(), "eyJdtd");
    assert_eq!(answer.known_device_token().unwrap().expose(), "eyJdkd");
    assert_eq!(answer.next_refresh(), Some(Duration::from_secs(300)));
    assert_eq!(answer.claims_json(), PAYLOAD);
    assert_eq!(answer.session_expires_unix(), 1_767_226_200);
    let refresh_end = answer.refresh_expires_at().map(unix_seconds);
    assert_eq!(refresh_end, Some(1_769_644_800));

    let shown = format!(
        "{answer:?} {:?} {:?} {:?} {:?}",
        answer.user(),
        answer.external_token(),
        answer.trusted_device_token(),
        answer.known_device_token()
    );
    assert!(!shown.contains("eyJ"), "{shown}");
}

#[test]
fn whatever_is_long_counts_in_the_memory_that_is_bounded() {
    const LONG: usize = 100_000;
    let long = || "x".repeat(LONG);
    let token = || Some(OpaqueToken::new(long()));
    let plain = answer(RawAnswer::default()).size();
    for raw in [
        RawAnswer {
            external_token: token(),
            ..RawAnswer::default()
        },
        RawAnswer {
            trusted_device_token: token(),
            ..RawAnswer::default()
        },
        RawAnswer {
            known_device_token: token(),
            ..RawAnswer::default()
        },
        RawAnswer {
            idp_response: Some(json!(long()).into()),
            ..RawAnswer::default()
        },
    ] {
        let answer = answer(raw);
        assert!(answer.size() >= plain + LONG);
        assert!(answer.without_record().size() <= plain);
    }
}

#[test]
fn an_answer_of_tokens_only_has_nothing_else() {
    let answer = answer(RawAnswer::default());
    assert!(answer.refresh_token().is_none());
    assert!(answer.user().is_none());
    assert!(answer.user_json().is_none());
    assert!(answer.first_seen().is_none());
    assert!(answer.external_token().is_none());
}

#[test]
fn the_holder_of_an_older_token_is_told_the_one_in_force() {
    let unrotated = answer(RawAnswer::default());
    let holder = RefreshToken::new("eyJr");
    assert!(
        unrotated
            .clone()
            .for_holder_of(&holder)
            .refresh_token()
            .is_none()
    );
    let older = unrotated.for_holder_of(&RefreshToken::new("eyJold"));
    assert_eq!(older.refresh_token().unwrap().expose(), "eyJr");
}

#[test]
fn an_answer_can_go_anywhere() {
    fn anywhere<T: Clone + Send + Sync + 'static>() {}
    anywhere::<SessionAnswer>();
    anywhere::<User>();
    anywhere::<OpaqueToken>();
}
