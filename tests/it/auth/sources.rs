//! Where the session token travels, and which credential decides.

use tower_descope::{cookie::SessionCookies, test_util::FakeDescope};

use crate::support::{App, app, code, send, token};

async fn status_and_text(app: &App, fields: &[(&str, &str)]) -> (u16, String) {
    let response = send(app, fields).await;
    let status = response.status().as_u16();
    let text = if status == 200 {
        response.into_body()
    } else {
        code(&response).to_owned()
    };
    (status, text)
}

#[tokio::test]
async fn a_bearer_token_decides_alone_and_other_schemes_leave_the_cookie_in_force() {
    let fake = FakeDescope::start().await;
    let app = app(&fake.descope());
    let good = token(&fake);
    let cookie = format!("DS={good}");
    let bearer = format!("Bearer {good}");
    let lower = format!("bearer   {good}");
    let twice = format!("Bearer {good} {good}");
    let passed = (200, "U1@T1".to_owned());
    let invalid = (401, "invalid_token".to_owned());
    for (fields, expected) in [
        (vec![("authorization", &*bearer)], &passed),
        (vec![("authorization", &*lower)], &passed),
        (vec![("cookie", &*cookie)], &passed),
        (
            vec![("authorization", "Basic dTpw"), ("cookie", &*cookie)],
            &passed,
        ),
        (
            vec![("authorization", "Bearer x"), ("cookie", &*cookie)],
            &invalid,
        ),
        (
            vec![("authorization", "Bearer"), ("cookie", &*cookie)],
            &invalid,
        ),
        (
            vec![("authorization", "DPoP x"), ("cookie", &*cookie)],
            &invalid,
        ),
        (vec![("authorization", &*twice)], &invalid),
        (
            vec![("authorization", &*bearer), ("authorization", &*bearer)],
            &(400, "ambiguous_credentials".to_owned()),
        ),
        (
            vec![("x-forwarded-authorization", &*bearer)],
            &(401, "missing_token".to_owned()),
        ),
    ] {
        assert_eq!(
            &status_and_text(&app, &fields).await,
            expected,
            "{fields:?}"
        );
    }
}

#[tokio::test]
async fn the_project_id_alone_is_no_session_token() {
    let fake = FakeDescope::start().await;
    let field = format!("Bearer {}", fake.project_id());
    let response = send(&app(&fake.descope()), &[("authorization", &field)]).await;
    assert_eq!(code(&response), "invalid_token");
}

#[tokio::test]
async fn fallback_names_are_read_in_their_order_and_what_is_no_token_is_absent() {
    let fake = FakeDescope::start().await;
    let cookies = SessionCookies::host_prefixed();
    let descope = fake.descope_builder().cookies(cookies).build().unwrap();
    let app = app(&descope);
    let good = token(&fake);
    for (cookie, expected) in [
        (format!("__Host-DS={good}"), "U1@T1"),
        (format!("DS={good}"), "U1@T1"),
        (format!("__Host-DS=; DS={good}"), "U1@T1"),
        (format!("__Host-DS=x; DS={good}"), "U1@T1"),
        (format!("DS=x; __Host-DS={good}"), "U1@T1"),
        (format!("ds={good}"), "missing_token"),
        (format!("DS.0={good}"), "missing_token"),
        (format!("DS=\"{good}\""), "missing_token"),
    ] {
        let (_, text) = status_and_text(&app, &[("cookie", &cookie)]).await;
        assert_eq!(text, expected);
    }
}

#[tokio::test]
async fn a_flood_of_cookies_is_no_server_error() {
    let fake = FakeDescope::start().await;
    let app = app(&fake.descope());
    let many: Vec<String> = (0..1_000)
        .map(|n| format!("c{n}={}", "x".repeat(50)))
        .collect();
    let field = many.join("; ");
    let (_, text) = status_and_text(&app, &[("cookie", &field)]).await;
    assert_eq!(text, "missing_token");
    let field = format!("{field}; DS={}", token(&fake));
    let (_, text) = status_and_text(&app, &[("cookie", &field)]).await;
    assert_eq!(text, "U1@T1");
}

#[tokio::test]
async fn what_is_no_bearer_token_is_refused_for_that_without_keys_too() {
    let fake = FakeDescope::start().await;
    let app = app(&fake.descope());
    let good = token(&fake);
    fake.fail_always(Some(500));
    for malformed in [
        format!("Bearer {good} {good}"),
        format!("Bearer {good},realm=x"),
        format!("Bearer\t{good}"),
    ] {
        let verdict = status_and_text(&app, &[("authorization", &malformed)]).await;
        assert_eq!(verdict, (401, "invalid_token".to_owned()), "{malformed}");
    }
    let bearer = format!("Bearer {good}");
    let verdict = status_and_text(&app, &[("authorization", &bearer)]).await;
    assert_eq!(verdict, (503, "keys_unavailable".to_owned()));
    fake.fail_always(None);
    fake.clock().advance(std::time::Duration::from_secs(60));
    let tab = format!("Bearer\t{good}");
    for (bearer, expected) in [(bearer, 200), (tab, 401)] {
        let (status, _) = status_and_text(&app, &[("authorization", &bearer)]).await;
        assert_eq!(status, expected, "{bearer:?}");
    }
}
