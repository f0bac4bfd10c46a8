//! The way back from an identity provider.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use tower_descope::{
    cookie::{CookieLife, SameSite, SessionCookies},
    test_util::Canned,
};

use super::{Jar, back_of, builder, fake, lax, of, service, through_the_provider};
use crate::support::browser::set_cookies;

#[tokio::test]
async fn somebody_comes_back_signed_in_on_the_page_that_they_wanted() {
    let fake = fake().start().await;
    let descope = lax(&fake);
    let service = service(&descope);
    for (start, page) in [
        (
            "/auth/oauth/google?return_to=/projects/7%3Ftab%3D1",
            "/projects/7?tab=1",
        ),
        ("/auth/oauth/google", "/projects"),
        ("/auth/oauth/google?return_to=//evil.example", "/projects"),
        (
            "/auth/oauth/google?return_to=https://evil.example/",
            "/projects",
        ),
    ] {
        let mut jar = Jar::default();
        let answer = jar.get(&service, start).await;
        let back = through_the_provider(&fake, answer.location(), "U1").await;
        let answer = jar.get(&service, &back).await;
        assert_eq!(
            (answer.status, answer.location()),
            (303, page),
            "{}",
            answer.text
        );
        assert_eq!(jar.user(&descope).await.as_deref(), Some("U1"));
        assert_eq!(jar.attempts(), 0, "the attempt is over");
    }
}

#[tokio::test]
async fn a_page_that_no_cookie_could_hold_leads_to_the_configured_one() {
    let fake = fake().start().await;
    let descope = lax(&fake);
    let service = service(&descope);
    // Each of these letters is six bytes in a path.
    for (letters, page) in [
        (511, "/projects"),
        (150, &*format!("/{}", "%C3%BC".repeat(150))),
    ] {
        let mut jar = Jar::default();
        let start = format!("/auth/oauth/google?return_to=/{}", "%C3%BC".repeat(letters));
        let answer = jar.get(&service, &start).await;
        let back = through_the_provider(&fake, answer.location(), "U1").await;
        let answer = jar.get(&service, &back).await;
        assert_eq!((answer.status, answer.location()), (303, page));
        assert_eq!(jar.user(&descope).await.as_deref(), Some("U1"));
    }
}

#[tokio::test]
async fn who_opens_a_tenants_link_is_in_that_tenant() {
    let fake = fake().start().await;
    let descope = lax(&fake);
    for (select, tenant) in [(true, Some("T2")), (false, None)] {
        let service = builder(&descope).select_tenant(select).build().unwrap();
        let mut jar = Jar::default();
        let answer = jar.get(&service, "/sso?tenant=T2").await;
        let back = through_the_provider(&fake, answer.location(), "U1").await;
        let back = back.strip_prefix("/auth").unwrap();
        let answer = jar.get(&service, back).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        assert_eq!(jar.tenant(&descope).await.as_deref(), tenant);
    }
    // Descope refuses it: the session goes on without.
    let service = service(&descope);
    let mut jar = Jar::default();
    let answer = jar.get(&service, "/auth/sso?tenant=T1").await;
    let back = through_the_provider(&fake, answer.location(), "U1").await;
    fake.respond_next(
        "/v1/auth/tenant/select",
        Canned::error(403, "E011003", "no"),
    );
    assert_eq!(jar.get(&service, &back).await.status, 303);
    assert_eq!(jar.user(&descope).await.as_deref(), Some("U1"));
}

#[tokio::test]
async fn who_is_no_member_of_the_tenant_is_not_signed_in_and_not_left_signed_in_at_descope() {
    let fake = fake().start().await;
    let descope = lax(&fake);
    let service = service(&descope);
    let mut jar = Jar::default();
    let answer = jar.get(&service, "/auth/sso?tenant=T2").await;
    let back = back_of(&answer, &fake);
    // Bob belongs to T1 alone; a code of his single sign-on there.
    let code = fake.sso_code("T1", "U2");
    let answer = jar.get(&service, &format!("{back}&code={code}")).await;
    assert_eq!(
        (answer.status, answer.error()),
        (403, "tenant_mismatch"),
        "{}",
        answer.text
    );
    assert_eq!(jar.user(&descope).await, None);
    descope.drain().await;
    assert_eq!(fake.calls("/v1/auth/logout"), 1);
}

#[tokio::test]
async fn under_strict_cookies_a_page_goes_on_by_itself() {
    let fake = fake().start().await;
    for (same_site, by_page) in [
        (SameSite::Strict, true),
        (SameSite::Lax, false),
        (SameSite::None, false),
    ] {
        let descope = of(&fake, SessionCookies::host_prefixed().same_site(same_site));
        let service = service(&descope);
        let mut jar = Jar::default();
        let answer = jar
            .get(
                &service,
                "/auth/oauth/google?return_to=/a%3Fb%3D1%26c%3D%22%3C",
            )
            .await;
        let back = back_of(&answer, &fake);
        let code = fake.oauth_code("google", "U1");
        let back = format!("{back}&code={code}");
        let mut answer = jar.get(&service, &back).await;
        let path = "/a?b=1&c=%22%3C";
        if by_page {
            // Its cookies are not there yet: it is asked for once more, by a page of this site.
            let (_, query) = back.split_once('?').unwrap();
            assert_eq!(answer.status, 200);
            assert_eq!(
                answer.headers["refresh"],
                format!("0;url=?{query}&once_more=1")
            );
            assert_eq!(jar.user(&descope).await, None);
            assert_eq!(jar.attempts(), 1);
            answer = jar.get(&service, &format!("{back}&once_more=1")).await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.headers["refresh"], format!("0;url={path}"));
            assert!(
                answer.text.contains("<a href=\"/a?b=1&amp;c=%22%3C\">"),
                "{}",
                answer.text
            );
        } else {
            assert_eq!((answer.status, answer.location()), (303, path));
        }
        assert_eq!(jar.user(&descope).await.as_deref(), Some("U1"));
    }
}

#[tokio::test]
async fn a_reload_is_answered_as_before_and_the_code_is_exchanged_once() {
    let fake = fake().start().await;
    let descope = lax(&fake);
    let service = service(&descope);
    let mut jar = Jar::default();
    let answer = jar.get(&service, "/auth/oauth/google").await;
    let back = back_of(&answer, &fake);
    let code = fake.oauth_code("google", "U1");
    let path = format!("{back}&code={code}");
    // The first answer gets lost: the browser still shows the attempt.
    let mut lost = jar.clone();
    let first = lost.get(&service, &path).await;
    fake.clock().advance(Duration::from_secs(30));
    // Whoever has read the URL can make the cookie of the state, and gets nothing for it.
    let mut thief = jar.clone();
    for value in thief.0.values_mut() {
        let text = BASE64_URL_SAFE_NO_PAD.decode(&*value).unwrap();
        let mut attempt: serde_json::Value = serde_json::from_slice(&text).unwrap();
        attempt["n"] = "AAAAAAAAAAAAAAAAAAAAAA".into();
        *value = BASE64_URL_SAFE_NO_PAD.encode(attempt.to_string());
    }
    let stolen = thief.get(&service, &path).await;
    assert_eq!((stolen.status, stolen.error()), (403, "code_refused"));
    let answers = tokio::join!(async { jar.clone().get(&service, &path).await }, async {
        jar.clone().get(&service, &path).await
    },);
    for answer in [&answers.0, &answers.1] {
        assert_eq!(answer.status, 303);
        assert_eq!(pairs(&answer.headers), pairs(&first.headers));
    }
    assert_eq!(
        fake.calls("/v1/auth/oauth/exchange"),
        2,
        "one of them the thief's"
    );
    // Later it is over, and Descope says so.
    fake.clock().advance(Duration::from_secs(61));
    let answer = jar.get(&service, &path).await;
    assert_eq!((answer.status, answer.error()), (403, "code_refused"));
}

#[tokio::test]
async fn whoever_goes_back_in_the_history_is_led_on() {
    let fake = fake().start().await;
    let descope = lax(&fake);
    let service = service(&descope);
    let mut jar = Jar::default();
    let answer = jar.get(&service, "/auth/oauth/google?return_to=/x").await;
    let back = back_of(&answer, &fake);
    let path = format!("{back}&code={}", fake.oauth_code("google", "U1"));
    assert_eq!(jar.get(&service, &path).await.location(), "/x");
    let before = jar.clone();
    let again = jar.get(&service, &path).await;
    assert_eq!((again.status, again.location()), (303, "/projects"));
    assert!(set_cookies(&again.headers).is_empty() && before.0 == jar.0);
    assert_eq!(fake.calls("/v1/auth/oauth/exchange"), 1);
}

#[tokio::test]
async fn an_attempt_ends_after_ten_minutes() {
    let fake = fake().start().await;
    let service = service(&lax(&fake));
    let mut jar = Jar::default();
    let answer = jar.get(&service, "/auth/oauth/google").await;
    let back = back_of(&answer, &fake);
    fake.clock().advance(Duration::from_secs(601));
    let path = format!("{back}&code={}", fake.oauth_code("google", "U1"));
    let answer = jar.get(&service, &path).await;
    assert_eq!((answer.status, answer.error()), (400, "attempt_expired"));
    assert_eq!(jar.attempts(), 0);
    assert_eq!(fake.calls("/v1/auth/oauth/exchange"), 0);
}

#[tokio::test]
async fn what_the_provider_refuses_is_no_attempt_any_more() {
    let fake = fake().start().await;
    let service = service(&lax(&fake));
    for (more, status, error) in [
        ("&err=access_denied", 403, "idp_refused"),
        ("&err=access_denied&code=x", 403, "idp_refused"),
        ("&err=", 403, "idp_refused"),
        ("", 400, "invalid_request"),
        ("&code=", 400, "invalid_request"),
        ("&code=a&code=b", 400, "invalid_request"),
        ("&code=%00", 400, "invalid_request"),
        ("&code=a%20b", 400, "invalid_request"),
        ("&code=%ff", 400, "invalid_request"),
        (
            &format!("&code={}", "x".repeat(2_049)),
            400,
            "invalid_request",
        ),
        ("&code=wrong", 403, "code_refused"),
    ] {
        let mut jar = Jar::default();
        let answer = jar.get(&service, "/auth/oauth/google").await;
        let back = back_of(&answer, &fake);
        fake.clear_requests();
        let answer = jar.get(&service, &format!("{back}{more}")).await;
        assert_eq!((answer.status, answer.error()), (status, error), "{more}");
        assert!(!answer.text.contains("access_denied"));
        let malformed = more.contains("code=a&") || more.contains("%ff");
        assert_eq!(jar.attempts(), usize::from(malformed), "{more}");
        let exchanges = fake.calls("/v1/auth/oauth/exchange");
        assert_eq!(exchanges, usize::from(error == "code_refused"), "{more}");
        assert!(!jar.0.contains_key("__Host-DS"));
    }
}

#[tokio::test]
async fn an_outage_loses_nothing_that_was_there() {
    let fake = fake().start().await;
    let descope = lax(&fake);
    let service = service(&descope);
    let mut jar = Jar::default();
    let answer = jar.get(&service, "/auth/oauth/google").await;
    let path = format!(
        "{}&code={}",
        back_of(&answer, &fake),
        fake.oauth_code("google", "U2")
    );
    jar.get(&service, &path).await;
    assert_eq!(jar.user(&descope).await.as_deref(), Some("U2"));
    let answer = jar.get(&service, "/auth/oauth/google").await;
    let path = format!(
        "{}&code={}",
        back_of(&answer, &fake),
        fake.oauth_code("google", "U1")
    );
    fake.fail_next(1);
    let answer = jar.get(&service, &path).await;
    assert_eq!((answer.status, answer.error()), (503, "unavailable"));
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(
        jar.user(&descope).await.as_deref(),
        Some("U2"),
        "whoever was signed in stays so"
    );
}

#[tokio::test]
async fn whoever_wants_to_stay_signed_in_says_so_at_the_start() {
    let fake = fake().start().await;
    let cookies = SessionCookies::host_prefixed()
        .same_site(SameSite::Lax)
        .life(CookieLife::Chosen);
    let descope = of(&fake, cookies);
    let service = service(&descope);
    let mut remembered = Jar::default();
    for (start, known, stays) in [
        ("/auth/oauth/google?remember=true", false, true),
        ("/auth/oauth/google?remember=0", false, false),
        ("/auth/oauth/google", false, false),
        ("/auth/oauth/google?remember=1", false, true),
        // Who is known already, and says nothing of it.
        ("/auth/oauth/google", true, true),
        ("/auth/oauth/google?remember=0", true, false),
    ] {
        let mut jar = if known { remembered } else { Jar::default() };
        let answer = jar.get(&service, start).await;
        let path = format!(
            "{}&code={}",
            back_of(&answer, &fake),
            fake.oauth_code("google", "U1")
        );
        jar.get(&service, &path).await;
        assert_eq!(jar.0.contains_key("__Host-DSR-R"), stays, "{start}");
        remembered = jar;
    }
}

#[tokio::test]
async fn without_secure_on_loopback_the_cookies_have_plain_names() {
    let fake = fake().start().await;
    let cookies = SessionCookies::new()
        .same_site(SameSite::Lax)
        .danger_insecure_cookies_on_loopback(true);
    let descope = of(&fake, cookies);
    let service = builder(&descope).build().unwrap();
    let mut jar = Jar::default();
    // The jar's own host is another one.
    let request = |path: String, jar: &Jar| {
        let mut request = http::Request::get(path).header("host", "localhost:3000");
        if !jar.0.is_empty() {
            request = request.header("cookie", jar.cookies());
        }
        request
            .body(http_body_util::Full::<bytes::Bytes>::default())
            .unwrap()
    };
    let response =
        tower::ServiceExt::oneshot(service.clone(), request("/oauth/google".into(), &jar));
    let response = response.await.unwrap();
    let lines = set_cookies(response.headers());
    assert!(
        lines[0].starts_with("DSX-") && !lines[0].contains("Secure"),
        "{lines:?}"
    );
    let (pair, _) = lines[0].split_once(';').unwrap();
    let (name, value) = pair.split_once('=').unwrap();
    jar.0.insert(name.into(), value.into());
    let starts = fake.requests();
    let start = starts
        .iter()
        .find(|it| it.path.ends_with("/authorize"))
        .unwrap();
    let query = super::form_urlencoded(start.query.as_deref().unwrap());
    let back = query["redirectURL"]
        .strip_prefix("https://app.example/auth")
        .unwrap();
    let path = format!("{back}&code={}", fake.oauth_code("google", "U1"));
    let response = tower::ServiceExt::oneshot(service, request(path, &jar))
        .await
        .unwrap();
    assert_eq!(response.status(), 303);
    let lines = set_cookies(response.headers());
    assert!(
        lines.iter().any(|line| line.starts_with("DS=")),
        "{lines:?}"
    );
}

/// The cookies of an answer, without their attributes, of which the age is another one later.
fn pairs(headers: &http::HeaderMap) -> Vec<String> {
    let lines = set_cookies(headers);
    let pairs = lines
        .iter()
        .map(|line| line.split(';').next().unwrap().to_owned());
    pairs.collect()
}
