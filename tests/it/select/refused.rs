//! What is refused here, before anything goes to Descope, and what is let in.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use tower_descope::{ReturnPaths, SelectTenant, test_util::FakeDescope};

use super::{Browser, PATH, ask, fake, set, set_cookies};

type Change = fn(&mut Request<Full<Bytes>>);

#[tokio::test]
async fn what_is_not_a_same_origin_json_post_never_reaches_descope() {
    let fake = fake().start().await;
    let service = SelectTenant::new(fake.descope());
    let browser = Browser::in_no_tenant(&fake, "ann@example.test");
    let good = r#"{"tenant":"T2"}"#;
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
        let mut request = browser.select_request(good);
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
    assert_eq!(fake.calls(PATH), 0);
}

#[tokio::test]
async fn a_body_names_one_tenant_or_goes_nowhere() {
    let fake = fake().start().await;
    let service = SelectTenant::new(fake.descope());
    let browser = Browser::in_no_tenant(&fake, "ann@example.test");
    for body in [
        "{}",
        r#"{"tenant":""}"#,
        r#"{"tenant":null}"#,
        r#"{"tenant":7}"#,
        r#"{"tenant":["T2"]}"#,
        r#"{"tenant":"a\r\nb"}"#,
        "[]",
    ] {
        let answer = ask(&service, browser.select_request(body)).await;
        assert_eq!(answer.error(), "invalid_body", "{body}");
    }
    assert_eq!(fake.calls(PATH), 0);
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
    for (what, token, status, error) in [
        ("none", String::new(), 401, "missing_refresh_token"),
        (
            "garbage",
            "garbage".to_owned(),
            401,
            "missing_refresh_token",
        ),
        (
            "a session token",
            fake.session("U1").token(),
            401,
            "invalid_token",
        ),
        (
            "another project's",
            stranger.refresh("U1").token(),
            401,
            "missing_refresh_token",
        ),
        (
            "forged",
            fake.refresh("U1").signed_by_stranger().token(),
            401,
            "invalid_token",
        ),
        (
            "expired",
            fake.refresh("U1").expired().token(),
            401,
            "expired_token",
        ),
        ("two users'", two_users, 400, "ambiguous_credentials"),
    ] {
        let browser = Browser::with("", &token);
        let answer = ask(&service, browser.select_request(r#"{"tenant":"T2"}"#)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.error()),
            (status, error),
            "{what}"
        );
        assert!(set_cookies(&answer.headers).is_empty(), "{what}");
        if status == 401 {
            assert!(answer.headers.contains_key("www-authenticate"), "{what}");
        }
    }
    assert_eq!(fake.calls(PATH), 0);
}

#[tokio::test]
async fn a_form_is_answered_with_a_redirect_below_the_configured_prefix() {
    let fake = fake().start().await;
    let paths = ReturnPaths::new("/home").unwrap().below("/").unwrap();
    let service = SelectTenant::new(fake.descope()).html_forms(paths);
    let mut browser = Browser::in_no_tenant(&fake, "ann@example.test");
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
        let mut request = browser.select_request(form);
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
    let mut request = browser.select_request("tenant=T2");
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
    let browser = Browser::in_no_tenant(&fake, "bob@example.test");
    let mut request = browser.select_request(r#"{"tenant":"T1"}"#);
    let fresh = fake.sign_in("ann@example.test");
    let credential = format!("Bearer {pid}:{}", fresh.refresh_jwt());
    request
        .headers_mut()
        .insert("authorization", credential.parse().unwrap());
    let answer = ask(&service, request).await;
    assert_eq!(answer.json["user"]["userId"], "U2");
}
