//! The tenant switch, end to end: browser, `SelectTenant`, Descope.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;
use tower_descope::{
    Descope, ErrorKind, RefreshToken, SelectTenant, TenantId,
    cookie::SessionCookies,
    select::ResponseBody,
    test_util::{Canned, FakeDescope, FakeDescopeBuilder, ResponseMethod},
};

const PATH: &str = "/v1/auth/tenant/select";

fn fake() -> FakeDescopeBuilder {
    FakeDescope::builder()
        .tenant("T1", "One")
        .tenant("T2", "Two")
        .tenant("T3", "Three")
        .user("ann@example.test", |user| {
            user.id("U1")
                .tenant("T1", |t| t.role("admin"))
                .tenant("T2", |t| t)
        })
        .user("bob@example.test", |user| user.id("U2").tenant("T1", |t| t))
}

/// A browser: its cookies, and what it sends along.
#[derive(Clone, Debug, Default)]
struct Browser {
    jar: BTreeMap<String, String>,
}

impl Browser {
    fn signed_in(fake: &FakeDescope, login: &str) -> Self {
        let signed_in = fake.sign_in(login);
        let jar = [
            ("DS", signed_in.session_jwt()),
            ("DSR", signed_in.refresh_jwt()),
        ];
        Self {
            jar: jar
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        }
    }

    fn request(&self, body: &str) -> Request<Full<Bytes>> {
        let cookies: Vec<String> = self
            .jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut request = Request::post(PATH)
            .header("host", "app.example")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/json");
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        request.body(Full::from(body.to_owned())).unwrap()
    }

    /// Selects a tenant and keeps the cookies of the answer.
    async fn select(&mut self, service: &SelectTenant, tenant: &str) -> Answer {
        let body = serde_json::json!({ "tenant": tenant }).to_string();
        let answer = ask(service, self.request(&body)).await;
        self.keep(&answer.headers);
        answer
    }

    fn keep(&mut self, headers: &HeaderMap) {
        for cookie in set_cookies(headers) {
            if cookie.max_age == Some(0) {
                self.jar.remove(&cookie.name);
            } else {
                self.jar.insert(cookie.name, cookie.value);
            }
        }
    }
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
    json: serde_json::Value,
}

impl Answer {
    fn error(&self) -> &str {
        self.json["error"].as_str().unwrap_or_default()
    }
}

async fn ask(service: &SelectTenant, request: Request<Full<Bytes>>) -> Answer {
    let response: Response<ResponseBody> = service.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        json: serde_json::from_str(&text).unwrap_or_default(),
        text,
    }
}

#[derive(Debug)]
struct SetCookie {
    name: String,
    value: String,
    max_age: Option<i64>,
    attributes: Vec<String>,
}

fn set_cookies(headers: &HeaderMap) -> Vec<SetCookie> {
    headers
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|line| {
            let line = line.to_str().unwrap();
            let mut parts = line.split("; ");
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            let attributes: Vec<String> = parts.map(str::to_owned).collect();
            let max_age = attributes
                .iter()
                .find_map(|attribute| attribute.strip_prefix("Max-Age="))
                .map(|seconds| seconds.parse().unwrap());
            SetCookie {
                name: name.to_owned(),
                value: value.to_owned(),
                max_age,
                attributes,
            }
        })
        .collect()
}

#[tokio::test]
async fn a_browser_switches_tenants_and_switches_on() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let service = SelectTenant::new(descope.clone());
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
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
        let session = descope.verify(&browser.jar["DS"]).await.unwrap();
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
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
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
                let mut browser = Browser::signed_in(&fake, "ann@example.test");
                let before = browser.jar["DSR"].clone();
                for tenant in ["T2", "T1"] {
                    let answer = browser.select(&service, tenant).await;
                    assert_eq!(answer.status, StatusCode::OK, "{row}: {}", answer.text);
                    let session = descope.verify(&browser.jar["DS"]).await.unwrap();
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
async fn what_is_not_a_same_origin_json_post_never_reaches_descope() {
    let fake = fake().start().await;
    let service = SelectTenant::new(fake.descope());
    let browser = Browser::signed_in(&fake, "ann@example.test");
    let good = r#"{"tenant":"T2"}"#;
    type Change = fn(&mut Request<Full<Bytes>>);
    let cases: [(&str, Change, u16, &str); 12] = [
        (
            "GET",
            |r| *r.method_mut() = Method::GET,
            405,
            "method_not_allowed",
        ),
        (
            "PUT",
            |r| *r.method_mut() = Method::PUT,
            405,
            "method_not_allowed",
        ),
        (
            "cross-site",
            |r| set(r, "sec-fetch-site", "cross-site"),
            403,
            "cross_site",
        ),
        (
            "sibling",
            |r| set(r, "sec-fetch-site", "same-site"),
            403,
            "cross_site",
        ),
        (
            "foreign origin alone",
            |r| {
                r.headers_mut().remove("sec-fetch-site");
                set(r, "origin", "https://evil.example");
            },
            403,
            "cross_site",
        ),
        (
            "null origin alone",
            |r| {
                r.headers_mut().remove("sec-fetch-site");
                set(r, "origin", "null");
            },
            403,
            "cross_site",
        ),
        (
            "a form",
            |r| set(r, "content-type", "application/x-www-form-urlencoded"),
            415,
            "unsupported_media_type",
        ),
        (
            "text",
            |r| set(r, "content-type", "text/plain"),
            415,
            "unsupported_media_type",
        ),
        (
            "no type",
            |r| drop(r.headers_mut().remove("content-type")),
            415,
            "unsupported_media_type",
        ),
        (
            "a large body",
            |r| *r.body_mut() = Full::from("x".repeat(5_000)),
            413,
            "body_too_large",
        ),
        (
            "no JSON",
            |r| *r.body_mut() = Full::from("tenant=T2"),
            400,
            "invalid_body",
        ),
        (
            "a duplicate",
            |r| *r.body_mut() = Full::from(r#"{"tenant":"T2","\u0074enant":"T1"}"#),
            400,
            "invalid_body",
        ),
    ];
    for (what, change, status, error) in cases {
        let mut request = browser.request(good);
        change(&mut request);
        let answer = ask(&service, request).await;
        assert_eq!(
            (answer.status.as_u16(), answer.error()),
            (status, error),
            "{what}"
        );
        assert!(set_cookies(&answer.headers).is_empty(), "{what}");
        if status == 405 {
            assert_eq!(answer.headers["allow"], "POST");
        }
    }
    for body in [
        "{}",
        r#"{"tenant":""}"#,
        r#"{"tenant":null}"#,
        r#"{"tenant":7}"#,
        r#"{"tenant":["T2"]}"#,
        r#"{"tenant":"a\r\nb"}"#,
        "[]",
    ] {
        let answer = ask(&service, browser.request(body)).await;
        assert_eq!(answer.error(), "invalid_body", "{body}");
    }
    assert_eq!(fake.calls(PATH), 0);
}

fn set(request: &mut Request<Full<Bytes>>, name: &'static str, value: &'static str) {
    request.headers_mut().insert(name, value.parse().unwrap());
}

#[tokio::test]
async fn refresh_tokens_are_verified_here_before_anything_goes_up() {
    let fake = fake().start().await;
    let service = SelectTenant::new(fake.descope());
    let stranger = FakeDescope::builder().project_id("P2other").start().await;
    let two_users = format!(
        "{}; DSR={}",
        fake.refresh("U1").token(),
        fake.refresh("U2").token()
    );
    for (what, token, status, error, removed) in [
        ("none", String::new(), 401, "missing_refresh_token", false),
        ("garbage", "garbage".to_owned(), 401, "invalid_token", false),
        (
            "a session token",
            fake.session("U1").token(),
            401,
            "invalid_token",
            false,
        ),
        (
            "another project's",
            stranger.refresh("U1").token(),
            401,
            "invalid_token",
            false,
        ),
        (
            "forged",
            fake.refresh("U1").signed_by_stranger().token(),
            401,
            "invalid_token",
            false,
        ),
        (
            "expired",
            fake.refresh("U1").expired().token(),
            401,
            "expired_token",
            true,
        ),
        ("two users'", two_users, 400, "ambiguous_credentials", false),
    ] {
        let browser = Browser {
            jar: [("DSR".to_owned(), token)].into(),
        };
        let answer = ask(&service, browser.request(r#"{"tenant":"T2"}"#)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.error()),
            (status, error),
            "{what}"
        );
        let removes = set_cookies(&answer.headers)
            .iter()
            .any(|one| one.max_age == Some(0));
        assert_eq!(removes, removed, "{what}");
        if status == 401 {
            assert!(answer.headers.contains_key("www-authenticate"), "{what}");
        }
    }
    assert_eq!(fake.calls(PATH), 0);
}

#[tokio::test]
async fn descopes_refusals_have_their_statuses_and_leave_the_cookies_alone() {
    let json = |status: u16, code: &str| {
        let body = serde_json::json!({
            "errorCode": code, "errorDescription": "<script>", "errorMessage": "secret eyJ",
        });
        Canned::new(status).body(body.to_string())
    };
    for (canned, status, error) in [
        (json(400, "E011001"), 400, "tenant_refused"),
        (json(404, "E011001"), 400, "tenant_refused"),
        (json(422, "E011001"), 400, "tenant_refused"),
        (json(401, "E061005"), 401, "invalid_token"),
        (json(403, "E011001"), 403, "tenant_refused"),
        (
            json(429, "E130429").header("retry-after", "17"),
            429,
            "rate_limited",
        ),
        (json(500, "E011001"), 502, "upstream_invalid"),
        (json(418, "E011001"), 502, "upstream_invalid"),
        (
            Canned::new(302).header("location", "http://127.0.0.1:9/"),
            502,
            "upstream_invalid",
        ),
        (Canned::new(200).body("<html>"), 502, "upstream_invalid"),
        (Canned::new(200), 502, "upstream_invalid"),
        (Canned::new(200).body("{}"), 502, "upstream_invalid"),
        (Canned::new(204), 502, "upstream_invalid"),
    ] {
        let fake = fake().start().await;
        let mut browser = Browser::signed_in(&fake, "ann@example.test");
        let before = browser.jar.clone();
        fake.respond_next(PATH, canned);
        let answer = browser
            .select(&SelectTenant::new(fake.descope()), "T2")
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.error()),
            (status, error),
            "{}",
            answer.text
        );
        assert_eq!(browser.jar, before);
        assert!(!answer.text.contains("<script") && !answer.text.contains("secret"));
        assert_eq!(fake.calls(PATH), 1, "at most one POST");
        if status == 429 {
            assert_eq!(answer.headers["retry-after"], "17");
        }
    }
}

#[tokio::test]
async fn a_tenant_of_others_is_refused_by_descope_and_nothing_is_lost() {
    let fake = fake().start().await;
    let service = SelectTenant::new(fake.descope());
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    let answer = browser.select(&service, "T3").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.error(), "tenant_refused");
    assert_eq!(browser.select(&service, "T2").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_signed_out_session_ends_and_its_cookies_are_removed() {
    let fake = fake().start().await;
    let service = SelectTenant::new(fake.descope());
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    fake.respond_next(PATH, Canned::error(401, "E064001", "logged out"));
    let answer = browser.select(&service, "T2").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.error(), "expired_token");
    assert!(browser.jar.is_empty(), "{:?}", browser.jar);
}

#[tokio::test]
async fn a_reused_token_keeps_its_cookies_until_it_comes_again_after_the_keep_time() {
    let fake = fake().start().await;
    let service = SelectTenant::new(fake.descope());
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    // Another replica rotated the token: its answer is on its way to the browser.
    let elsewhere = SelectTenant::new(fake.descope());
    browser.clone().select(&elsewhere, "T1").await;
    let before = browser.jar.clone();
    let answer = browser.select(&service, "T2").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.text);
    assert_eq!(
        browser.jar, before,
        "a winner's cookies would be here by now"
    );
    fake.clock().advance(Duration::from_secs(61));
    let answer = browser.select(&service, "T2").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(browser.jar.is_empty());
}

#[tokio::test]
async fn an_answer_for_somebody_or_something_else_writes_nothing() {
    let fake = fake().start().await;
    let service = SelectTenant::new(fake.descope());
    let session = |user: &str, tenant: &str| fake.session(user).active(tenant).token();
    let refresh = |user: &str, tenant: &str| fake.refresh(user).active(tenant).token();
    let stranger = FakeDescope::builder()
        .project_id(fake.project_id())
        .start()
        .await;
    let good = (session("U1", "T2"), refresh("U1", "T2"));
    for (what, session_jwt, refresh_jwt) in [
        (
            "another user's session",
            session("U2", "T1"),
            good.1.clone(),
        ),
        (
            "another tenant's session",
            session("U1", "T1"),
            good.1.clone(),
        ),
        (
            "an expired session",
            fake.session("U1").active("T2").expired().token(),
            good.1.clone(),
        ),
        ("a refresh token as session", good.1.clone(), good.1.clone()),
        (
            "a forged session",
            fake.session("U1").active("T2").signed_by_stranger().token(),
            good.1.clone(),
        ),
        ("no session", String::new(), good.1.clone()),
        (
            "another user's refresh token",
            good.0.clone(),
            refresh("U2", "T1"),
        ),
        (
            "another tenant's refresh token",
            good.0.clone(),
            refresh("U1", "T1"),
        ),
        ("a session as refresh token", good.0.clone(), good.0.clone()),
        (
            "a forged refresh token",
            good.0.clone(),
            fake.refresh("U1").active("T2").signed_by_stranger().token(),
        ),
        (
            "a split refresh token",
            good.0.clone(),
            "x\r\nSet-Cookie: evil=1".to_owned(),
        ),
    ] {
        let mut browser = Browser::signed_in(&fake, "ann@example.test");
        let before = browser.jar.clone();
        let body = serde_json::json!({ "sessionJwt": session_jwt, "refreshJwt": refresh_jwt });
        fake.respond_next(PATH, Canned::new(200).body(body.to_string()));
        let answer = browser.select(&service, "T2").await;
        assert_eq!(
            answer.status,
            StatusCode::BAD_GATEWAY,
            "{what}: {}",
            answer.text
        );
        assert_eq!(answer.error(), "upstream_invalid", "{what}");
        assert_eq!(browser.jar, before, "{what}");
    }
    drop(stranger);
}

#[tokio::test]
async fn upstream_cookies_and_scopes_are_not_passed_on() {
    let fake = fake().start().await;
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
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
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
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
async fn a_replayed_request_gets_the_same_answer_and_spends_nothing() {
    let fake = fake().start().await;
    let service = SelectTenant::new(fake.descope());
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    let mut lost = browser.clone();
    browser.select(&service, "T2").await;
    let answer = lost.select(&service, "T2").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(lost.jar, browser.jar, "the same cookies");
    assert_eq!(fake.calls(PATH), 1);
    // The answer was lost and another tenant is wanted: it goes up with the successor.
    let mut lost = Browser::signed_in(&fake, "ann@example.test");
    let mut other = lost.clone();
    lost.select(&service, "T2").await;
    let answer = other.select(&service, "T1").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.json["tenant"], "T1");
}

#[tokio::test]
async fn parallel_selects_of_one_browser_all_succeed_and_none_is_mixed_up() {
    let fake = fake().start().await;
    let service = SelectTenant::new(fake.descope());
    let ann = Browser::signed_in(&fake, "ann@example.test");
    let bob = Browser::signed_in(&fake, "bob@example.test");
    let tasks = (0..20).map(|n| {
        let service = service.clone();
        let (mut browser, tenant, user) = match n % 3 {
            0 => (ann.clone(), "T1", "U1"),
            1 => (ann.clone(), "T2", "U1"),
            _ => (bob.clone(), "T1", "U2"),
        };
        tokio::spawn(async move {
            let answer = browser.select(&service, tenant).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
            assert_eq!(answer.json["claims"]["dct"], tenant);
            assert_eq!(answer.json["user"]["userId"], user);
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_loses_nothing() {
    let fake = fake().start().await;
    let service = SelectTenant::new(fake.descope());
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    fake.hang(true);
    let request = browser.request(r#"{"tenant":"T2"}"#);
    let hung_up = tokio::time::timeout(Duration::from_millis(50), ask(&service, request)).await;
    assert!(hung_up.is_err());
    fake.hang(false);
    let answer = browser.select(&service, "T2").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
}

#[tokio::test]
async fn silence_is_a_504_within_the_deadline_and_keeps_the_cookies() {
    let fake = fake().start().await;
    let descope = fake
        .descope_builder()
        .timeout(Duration::from_millis(150))
        .build()
        .unwrap();
    descope.warm_up().await.unwrap();
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    let before = browser.jar.clone();
    fake.hang(true);
    let answer = browser.select(&SelectTenant::new(descope), "T2").await;
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(answer.error(), "upstream_timeout");
    assert_eq!(browser.jar, before);
    fake.hang(false);
}

#[tokio::test]
async fn a_form_is_answered_with_a_redirect_below_the_configured_prefix() {
    let fake = fake().start().await;
    let service = SelectTenant::new(fake.descope())
        .html_forms("/home")
        .unwrap()
        .return_prefix("/")
        .unwrap();
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    for (form, location) in [
        ("tenant=T2", "/home"),
        ("tenant=T2&return_to=%2Fprojects%3Fp%3D2", "/projects?p=2"),
        ("tenant=T2&return_to=https%3A%2F%2Fevil.example", "/home"),
        ("tenant=T2&return_to=%2F%2Fevil.example", "/home"),
        ("tenant=T2&return_to=%2F%5Cevil.example", "/home"),
        ("tenant=T2&return_to=%2Fa%0D%0Ab", "/home"),
        ("tenant=T3", "/home?select_error=tenant_refused"),
        ("tenant=", "/home?select_error=invalid_body"),
    ] {
        let mut request = browser.request(form);
        set(
            &mut request,
            "content-type",
            "application/x-www-form-urlencoded",
        );
        let answer = ask(&service, request).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{form}");
        assert_eq!(answer.headers["location"], location, "{form}");
        browser.keep(&answer.headers);
    }
    // A form says where it comes from, or is refused.
    let mut request = browser.request("tenant=T2");
    set(
        &mut request,
        "content-type",
        "application/x-www-form-urlencoded",
    );
    request.headers_mut().remove("sec-fetch-site");
    assert_eq!(ask(&service, request).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn sdk_clients_send_the_refresh_token_as_a_header_and_get_tokens_in_the_body() {
    let fake = fake().start().await;
    let service = SelectTenant::new(fake.descope())
        .accept_bearer_refresh(true)
        .session_token_in_answer(true)
        .refresh_token_in_answer(true);
    let signed_in = fake.sign_in("ann@example.test");
    let request = |credential: String| {
        Request::post(PATH)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {credential}"))
            .body(Full::from(r#"{"tenant":"T2"}"#))
            .unwrap()
    };
    let pid = fake.project_id();
    let refresh = signed_in.refresh_jwt();
    let answer = ask(&service, request(format!("{pid}:{refresh}"))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert!(
        answer.json["sessionJwt"]
            .as_str()
            .unwrap()
            .starts_with("eyJ")
    );
    assert!(
        answer.json["refreshJwt"]
            .as_str()
            .unwrap()
            .starts_with("eyJ")
    );
    assert!(
        set_cookies(&answer.headers).is_empty(),
        "no cookie for who sent none"
    );
    for (credential, error) in [
        (pid.to_owned(), "missing_refresh_token"),
        (format!("P2other:{refresh}"), "invalid_token"),
        (format!("{pid}:x"), "invalid_token"),
    ] {
        let answer = ask(&service, request(credential)).await;
        assert_eq!((answer.status.as_u16(), answer.error()), (401, error));
    }
    // With a cookie, the cookie decides alone.
    let browser = Browser::signed_in(&fake, "bob@example.test");
    let mut request = browser.request(r#"{"tenant":"T1"}"#);
    let fresh = fake.sign_in("ann@example.test");
    let credential = format!("Bearer {pid}:{}", fresh.refresh_jwt());
    request
        .headers_mut()
        .insert("authorization", credential.parse().unwrap());
    let answer = ask(&service, request).await;
    assert_eq!(answer.json["user"]["userId"], "U2");
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
    assert_eq!(user.id(), Some("U1"));
    assert_eq!(user.tenants().count(), 2);
    assert!(selection.refresh_token().is_some());
    assert!(!format!("{selection:?}").contains("eyJ"));

    let garbage = RefreshToken::new("garbage");
    let error = descope.select_tenant(&garbage, &tenant).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRefreshToken);
    let expired = RefreshToken::new(fake.refresh("U1").expired().token());
    let error = descope.select_tenant(&expired, &tenant).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionEnded);
    assert!(error.ends_session());
    let other = TenantId::new("T3").unwrap();
    let fresh = RefreshToken::new(fake.sign_in("ann@example.test").refresh_jwt());
    let error = descope.select_tenant(&fresh, &other).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(error.upstream_status(), Some(403));
}
