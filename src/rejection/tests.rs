use std::time::Duration;

use http::StatusCode;

use super::*;

const KINDS: [RejectionKind; 16] = [
    RejectionKind::MissingToken,
    RejectionKind::ExpiredToken,
    RejectionKind::InvalidToken,
    RejectionKind::AnonymousSession,
    RejectionKind::AmbiguousCredentials,
    RejectionKind::HeadersTooLarge,
    RejectionKind::NoActiveTenant,
    RejectionKind::TenantMismatch,
    RejectionKind::UserMismatch,
    RejectionKind::MissingRole,
    RejectionKind::MissingPermission,
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
