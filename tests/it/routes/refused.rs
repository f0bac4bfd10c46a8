//! What never goes up.

use http::Method;
use http_body_util::Full;
use tower_descope::test_util::FakeDescope;

use super::{
    Browser, CALLS, HISTORY, LOGOUT, LOGOUT_ALL, ME, MY_TENANTS, REFRESH, TRY_REFRESH, ask, calls,
    fake, routes,
};

#[tokio::test]
async fn what_is_not_listed_is_not_forwarded() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    let ann = Browser::ann(&fake);
    for path in [
        "/v1/auth",
        "/v1/auth/",
        "/v1/auth/me/",
        "/v1/auth//me",
        "/v1/auth/ME",
        "/v1/auth/%6de",
        "/v1/auth/validate",
        "/v1/auth/otp/verify/email",
        "/v1/auth/accesskey/exchange",
        "/v1/flow/start",
        "/v1/mgmt/user",
        "/v2/keys/P1",
        "/me",
        "/v1/authme",
        "/x/v1/auth/me",
    ] {
        for body in ["", "{}"] {
            let answer = ask(&routes, ann.sdk_request(path, body)).await;
            assert_eq!(
                (answer.status, answer.error()),
                (404, "not_found"),
                "{path}"
            );
        }
    }
    for (path, _) in CALLS {
        for method in [Method::PUT, Method::DELETE, Method::OPTIONS, Method::HEAD] {
            let mut request = ann.sdk_request(path, "");
            *request.method_mut() = method.clone();
            let answer = ask(&routes, request).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            let allow = if [ME, HISTORY].contains(&path) {
                "GET"
            } else {
                "POST"
            };
            assert_eq!(answer.headers["allow"], allow, "{path}");
        }
    }
    let answer = ask(&routes, ann.sdk_request(REFRESH, "")).await;
    assert_eq!(answer.status, 405, "a GET changes nothing");
    let answer = ask(&routes, ann.sdk_request(ME, "{}")).await;
    assert_eq!(answer.status, 405);
    assert!(fake.requests().is_empty());
}

#[tokio::test]
async fn other_sites_and_bad_bodies_are_refused_before_anything_else() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    let ann = Browser::ann(&fake);
    for (path, body) in CALLS {
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
        ] {
            let mut request = ann.sdk_request(path, body);
            if name == "origin" {
                request.headers_mut().remove("sec-fetch-site");
            }
            request.headers_mut().insert(name, value.parse().unwrap());
            let answer = ask(&routes, request).await;
            assert_eq!(
                (answer.status, answer.error()),
                (403, "cross_site"),
                "{path} {value}"
            );
            assert!(answer.cookies().is_empty(), "{path} {value}");
        }
    }
    for path in [REFRESH, TRY_REFRESH, LOGOUT, LOGOUT_ALL] {
        for (body, ty, status) in [
            ("[]", Some("application/json"), 400),
            ("null", Some("application/json"), 400),
            ("x", Some("application/json"), 400),
            (" ", Some("application/json"), 400),
            ("{}", Some("text/plain"), 415),
            ("a=1", Some("application/x-www-form-urlencoded"), 415),
            ("--x--", Some("multipart/form-data; boundary=x"), 415),
            ("{}", None, 415),
        ] {
            let mut request = ann.sdk_request(path, "{}");
            *request.body_mut() = Full::from(body);
            request.headers_mut().remove("content-type");
            if let Some(ty) = ty {
                request
                    .headers_mut()
                    .insert("content-type", ty.parse().unwrap());
            }
            let answer = ask(&routes, request).await;
            assert_eq!(answer.status, status, "{path} {body:?} {ty:?}");
            assert!(answer.cookies().is_empty(), "{path} {body:?}");
        }
        let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(20_000));
        let answer = ask(&routes, ann.sdk_request(path, &large)).await;
        assert_eq!(answer.status, 413, "{path}");
    }
    for body in ["{}", "[]", r#"{"dct":true,"ids":["T1"]}"#, r#"{"ids":[7]}"#] {
        let answer = ask(&routes, ann.sdk_request(MY_TENANTS, body)).await;
        assert_eq!(
            (answer.status, answer.error()),
            (400, "invalid_body"),
            "{body}"
        );
    }
    assert!(fake.requests().is_empty(), "nothing changed anything");

    // Bodies of other SDKs, and what the browser SDK adds to its own.
    let odd = r#"{"fpData":{"vsid":"x","vrid":"y"},"externalToken":"z"}"#;
    assert_eq!(
        ask(&routes, ann.sdk_request(REFRESH, odd)).await.status,
        200
    );
    let mut bare = ann.sdk_request(REFRESH, "");
    *bare.method_mut() = Method::POST;
    assert_eq!(ask(&routes, bare).await.status, 200);
}

#[tokio::test]
async fn tokens_that_are_none_go_nowhere() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    let stranger = FakeDescope::builder().project_id("P2other").start().await;
    let (missing, invalid) = ("missing_refresh_token", "invalid_token");
    let forged = fake.refresh("U1").signed_by_stranger().token();
    let access_key = "K2abcdefghijklmnopqrstuvwxyz".to_owned();
    for (what, token, error) in [
        ("garbage", "garbage".to_owned(), missing),
        ("a session token", fake.session("U1").token(), invalid),
        ("another project's", stranger.refresh("U1").token(), missing),
        ("forged", forged, invalid),
        ("an access key", access_key, missing),
    ] {
        let mut browser = Browser::signed_out(&fake);
        browser.jar.insert("DSR".into(), token);
        for (path, body) in CALLS {
            let answer = ask(&routes, browser.sdk_request(path, body)).await;
            match path {
                TRY_REFRESH | LOGOUT | LOGOUT_ALL => {
                    assert_eq!(answer.status, 200, "{what} {path}");
                }
                _ => assert_eq!(
                    (answer.status, answer.error()),
                    (401, error),
                    "{what} {path}"
                ),
            }
        }
    }
    let both = format!(
        "{}; DSR={}",
        fake.refresh("U1").token(),
        fake.refresh("U2").token()
    );
    let mut browser = Browser::signed_out(&fake);
    browser.jar.insert("DSR".into(), both);
    for path in [REFRESH, TRY_REFRESH] {
        let answer = browser.clone().call(&routes, path, "{}").await;
        assert_eq!(
            (answer.status, answer.error()),
            (400, "ambiguous_credentials")
        );
    }
    assert_eq!(calls(&fake), 0);
}
