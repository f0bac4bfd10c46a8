use std::time::Duration;

use http::StatusCode;

use super::*;

const KINDS: [RejectionKind; 20] = [
    RejectionKind::MissingToken,
    RejectionKind::ExpiredToken,
    RejectionKind::InvalidToken,
    RejectionKind::AnonymousSession,
    RejectionKind::AmbiguousCredentials,
    RejectionKind::HeadersTooLarge,
    RejectionKind::NoActiveTenant,
    RejectionKind::TenantMismatch,
    RejectionKind::OtherTenant,
    RejectionKind::TenantNotNamed,
    RejectionKind::UserMismatch,
    RejectionKind::MissingRole,
    RejectionKind::MissingPermission,
    RejectionKind::StepUpRequired,
    RejectionKind::Impersonated,
    RejectionKind::CrossSite,
    RejectionKind::KeysUnavailable,
    RejectionKind::RenewalUnavailable,
    RejectionKind::ExchangeUnavailable,
    RejectionKind::LayerMissing,
];

#[test]
fn every_401_has_a_challenge_and_no_challenge_has_error_without_a_token() {
    for kind in KINDS {
        let rejection = Rejection::new(kind);
        let challenge = rejection.challenge();
        if rejection.status() == StatusCode::UNAUTHORIZED {
            assert!(challenge.is_some(), "{kind:?}");
        }
        if kind == RejectionKind::MissingToken {
            assert_eq!(challenge.unwrap(), "Bearer");
        }
    }
}

#[test]
fn challenges_separate_their_params_with_commas_and_repeat_the_description() {
    for kind in KINDS {
        let rejection = Rejection::new(kind);
        let Some(challenge) = rejection.challenge() else {
            continue;
        };
        let challenge = challenge.to_str().unwrap();
        if let Some((_, params)) = challenge.split_once(' ') {
            let (error, description) = params.split_once(", ").expect("a comma");
            assert!(error.starts_with("error=\""));
            assert_eq!(
                description,
                format!("error_description=\"{}\"", rejection.description())
            );
        }
    }
}

#[test]
fn a_bound_on_the_age_of_a_step_up_is_in_its_challenge_and_is_no_retry_after() {
    let bounded = Rejection::step_up_required("x", Some(Duration::from_millis(300_900)));
    let challenge = bounded.challenge().unwrap();
    let challenge = challenge.to_str().unwrap();
    assert!(challenge.ends_with(r#", max_age="300""#), "{challenge}");
    assert!(challenge.starts_with(r#"Bearer error="insufficient_user_authentication", "#));
    assert_eq!(bounded.max_age(), Some(Duration::from_millis(300_900)));
    assert_eq!(bounded.retry_after(), None);
    let unbounded = Rejection::new(RejectionKind::StepUpRequired);
    assert!(
        !unbounded
            .challenge()
            .unwrap()
            .to_str()
            .unwrap()
            .contains("max_age")
    );
    let unavailable = Rejection::keys_unavailable(Duration::from_secs(1));
    assert_eq!(unavailable.max_age(), None);
    assert_eq!(unavailable.retry_after(), Some(Duration::from_secs(1)));
}

#[test]
fn default_bodies_are_json() {
    for kind in KINDS {
        let rejection = Rejection::new(kind);
        let body: serde_json::Value = serde_json::from_str(rejection.json()).unwrap();
        let expected = serde_json::json!({
            "error": kind.code(),
            "error_description": rejection.description(),
        });
        assert_eq!(body, expected);
    }
}

#[test]
fn retry_after_rounds_up_and_is_at_least_a_second() {
    assert_eq!(retry_after_header(Duration::ZERO), "1");
    assert_eq!(retry_after_header(Duration::from_millis(1_001)), "2");
    assert_eq!(retry_after_header(Duration::from_secs(10)), "10");
}
