//! Switches that succeed, and what they write.

use std::time::Duration;

use http::{StatusCode, header};
use tower_descope::{
    Descope, ErrorKind, RefreshToken, SelectTenant, SessionToken, TenantId,
    cookie::SessionCookies,
    test_util::{Canned, ResponseMethod},
};

use super::{Browser, PATH, fake, set_cookies};

#[tokio::test]
async fn a_browser_switches_tenants_and_switches_on() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let service = SelectTenant::new(descope.clone());
    let mut browser = Browser::in_no_tenant(&fake, "ann@example.test");
    for tenant in ["T1", "T2", "T1"] {
        let before = browser.jar["DSR"].clone();
        let answer = browser.select(&service, tenant).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(answer.json["tenant"], tenant);
        assert_eq!(answer.json["claims"]["dct"], tenant);
        assert_eq!(answer.json["user"]["userId"], "U1");
        assert!(answer.json["sessionExpiration"].is_u64());
        assert!(!answer.text.contains("eyJ"), "no token in the body");
        assert_eq!(answer.headers["cache-control"], "no-store");
        let session = descope
            .verify(&SessionToken::new(&browser.jar["DS"]))
            .await
            .unwrap();
        assert_eq!(session.active_tenant().unwrap().id(), tenant);
        assert_ne!(browser.jar["DSR"], before, "rotated");
    }
    assert_eq!(fake.calls(PATH), 3);
}

#[tokio::test]
async fn cookies_have_the_configured_attributes_and_lifetimes() {
    let fake = fake().refresh_ttl(Duration::from_secs(1_000)).start().await;
    let cookies = SessionCookies::host_prefixed().former_cookie_scope(None, "/old");
    let descope = fake.descope_builder().cookies(cookies).build().unwrap();
    let mut browser = Browser::in_no_tenant(&fake, "ann@example.test");
    let answer = browser.select(&SelectTenant::new(descope), "T2").await;
    let cookies = set_cookies(&answer.headers);
    for name in ["__Host-DS", "__Host-DSR"] {
        let cookie = cookies.iter().find(|cookie| cookie.name == name).unwrap();
        for attribute in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"] {
            assert!(
                cookie.attributes.iter().any(|one| one == attribute),
                "{cookie:?}"
            );
        }
        assert!(
            !cookie
                .attributes
                .iter()
                .any(|one| one.starts_with("Domain"))
        );
        assert_eq!(cookie.max_age, Some(1_000));
    }
}

#[tokio::test]
async fn the_four_response_modes_with_and_without_rotation_all_end_in_the_tenant() {
    for rotation in [true, false] {
        for session in [ResponseMethod::Body, ResponseMethod::Cookies] {
            for refresh in [ResponseMethod::Body, ResponseMethod::Cookies] {
                let row = format!("rotation {rotation}, session {session:?}, refresh {refresh:?}");
                let fake = fake()
                    .rotation(rotation)
                    .session_response(session)
                    .refresh_response(refresh)
                    .start()
                    .await;
                let descope = fake
                    .descope_builder()
                    .cookie_managed(refresh == ResponseMethod::Cookies)
                    .build()
                    .unwrap();
                let service = SelectTenant::new(descope.clone());
                let mut browser = Browser::in_no_tenant(&fake, "ann@example.test");
                let before = browser.jar["DSR"].clone();
                for tenant in ["T2", "T1"] {
                    let answer = browser.select(&service, tenant).await;
                    assert_eq!(answer.status, StatusCode::OK, "{row}: {}", answer.text);
                    let session = descope
                        .verify(&SessionToken::new(&browser.jar["DS"]))
                        .await
                        .unwrap();
                    assert_eq!(session.active_tenant().unwrap().id(), tenant, "{row}");
                    let names: Vec<String> = set_cookies(&answer.headers)
                        .into_iter()
                        .map(|one| one.name)
                        .collect();
                    assert!(
                        !names.iter().any(|name| name.contains("cf")),
                        "{row}: {names:?}"
                    );
                }
                assert_eq!(browser.jar["DSR"] != before, rotation, "{row}");
            }
        }
    }
}

#[tokio::test]
async fn upstream_cookies_and_scopes_are_not_passed_on() {
    let fake = fake().start().await;
    let mut browser = Browser::in_no_tenant(&fake, "ann@example.test");
    let body = serde_json::json!({
        "sessionJwt": fake.session("U1").active("T2").token(),
        "refreshJwt": fake.refresh("U1").active("T2").token(),
        "cookieDomain": "evil.example", "cookiePath": "/evil; Domain=evil.example",
        "cookieMaxAge": -5, "cookieName": "evil", "sessionCookieName": "evil",
    });
    let canned = Canned::new(200)
        .body(body.to_string())
        .header("set-cookie", "evil=1; Domain=evil.example")
        .header("clear-site-data", "\"*\"")
        .header("access-control-allow-origin", "*");
    fake.respond_next(PATH, canned);
    let answer = browser
        .select(&SelectTenant::new(fake.descope()), "T2")
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let all = format!(
        "{:?}",
        answer
            .headers
            .get_all(header::SET_COOKIE)
            .iter()
            .map(|v| v.to_str().unwrap())
            .collect::<Vec<_>>()
    );
    assert!(!all.contains("evil"), "{all}");
    assert!(!answer.headers.contains_key("clear-site-data"));
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_session_too_large_for_a_cookie_is_a_502_that_loses_no_refresh_token() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let mut browser = Browser::in_no_tenant(&fake, "ann@example.test");
    let before = browser.jar.clone();
    let large = fake
        .session("U1")
        .active("T2")
        .claim("x", "y".repeat(4_000))
        .token();
    let fresh = fake.refresh("U1").active("T2").token();
    let body = serde_json::json!({ "sessionJwt": large, "refreshJwt": fresh });
    fake.respond_next(PATH, Canned::new(200).body(body.to_string()));
    let answer = browser.select(&SelectTenant::new(descope), "T2").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(answer.error(), "cookie_too_large");
    assert_eq!(browser.jar["DS"], before["DS"], "the session cookie stays");
    assert_eq!(browser.jar["DSR"], fresh, "the old one may be spent");
}

#[tokio::test]
async fn without_http_a_selection_has_every_field_and_shows_no_token() {
    let fake = fake().start().await;
    let descope: Descope = fake.descope();
    let signed_in = fake.sign_in("ann@example.test");
    let refresh = RefreshToken::new(signed_in.refresh_jwt());
    let tenant = TenantId::new("T2").unwrap();
    let selection = descope.select_tenant(&refresh, &tenant).await.unwrap();
    assert_eq!(selection.tenant(), &tenant);
    assert_eq!(selection.session().user_id(), "U1");
    let user = selection.user().unwrap();
    assert_eq!(user.id().unwrap(), "U1");
    assert_eq!(user.tenants().count(), 2);
    assert!(selection.refresh_token().is_some());
    assert!(!format!("{selection:?}").contains("eyJ"));

    let garbage = RefreshToken::new("garbage");
    let error = descope.select_tenant(&garbage, &tenant).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRefreshToken);
    let expired = RefreshToken::new(fake.refresh("U1").expired().token());
    let error = descope.select_tenant(&expired, &tenant).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionEnded);
    assert!(!error.ends_session(), "this clock may be ahead");
    let other = TenantId::new("T3").unwrap();
    let fresh = RefreshToken::new(fake.sign_in("ann@example.test").refresh_jwt());
    let error = descope.select_tenant(&fresh, &other).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(error.upstream_status(), Some(403));
}
