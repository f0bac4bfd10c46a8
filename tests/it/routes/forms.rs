//! Empty bodies of whatever type, and plain HTML forms that sign out.

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;
use tower_descope::{ReturnPaths, SelectTenant, SessionRoutes, test_util::Canned};

use super::{Browser, LOGOUT, LOGOUT_ALL, REFRESH, SELECT, TRY_REFRESH, calls, fake, routes};

const URL_ENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=----WebKitFormBoundaryJ3fG";

/// Where a request says that it comes from.
const SAME_ORIGIN: (&str, &str) = ("sec-fetch-site", "same-origin");
const ORIGIN: (&str, &str) = ("origin", "https://app.example");

/// A POST of this type; without a type for an empty one.
fn post(browser: &Browser, path: &str, ty: &str, body: &str) -> Request<Full<Bytes>> {
    let mut request = Request::post(path)
        .header("host", "app.example")
        .header("content-length", body.len())
        .header("cookie", browser.cookies());
    if !ty.is_empty() {
        request = request.header("content-type", ty);
    }
    request.body(Full::from(body.to_owned())).unwrap()
}

fn with(
    mut request: Request<Full<Bytes>>,
    (name, value): (&'static str, &str),
) -> Request<Full<Bytes>> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

async fn answer(routes: &SessionRoutes, request: Request<Full<Bytes>>) -> Response<String> {
    let response = routes.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Response::from_parts(parts, String::from_utf8(bytes.to_vec()).unwrap())
}

fn code(headers: &HeaderMap) -> &str {
    headers
        .get("x-descope-rejection")
        .map_or("", |code| code.to_str().unwrap())
}

fn removes(response: &Response<String>) -> bool {
    response.headers().contains_key(header::SET_COOKIE)
}

/// A multipart form of this encoding, as Chromium sends it.
fn multipart(fields: &[(&str, &str)]) -> String {
    let mut body = String::new();
    for (name, value) in fields {
        body += "------WebKitFormBoundaryJ3fG\r\nContent-Disposition: form-data; name=\"";
        body += name;
        body += "\"\r\n\r\n";
        body += value;
        body += "\r\n";
    }
    body + "------WebKitFormBoundaryJ3fG--\r\n"
}

#[tokio::test]
async fn an_empty_body_is_an_empty_body_whatever_its_type() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    for path in [REFRESH, TRY_REFRESH, LOGOUT, LOGOUT_ALL] {
        for ty in [
            "",
            "application/json",
            "application/xml",
            "application/grpc-web",
            "text/html",
        ] {
            let mut ann = Browser::ann(&fake);
            // Not a browser's: no field says where it comes from.
            let response = answer(&routes, post(&ann, path, ty, "")).await;
            assert_eq!(response.status(), 200, "{path} {ty}");
            ann.keep(response.headers());
            assert_eq!(ann.jar.is_empty(), path.starts_with(LOGOUT), "{path} {ty}");
        }
    }
}

#[tokio::test]
async fn an_empty_body_of_a_forms_type_says_where_it_comes_from_or_is_refused() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    for path in [REFRESH, TRY_REFRESH, LOGOUT, LOGOUT_ALL] {
        for ty in [
            URL_ENCODED,
            MULTIPART,
            "multipart/form-data",
            "text/plain",
            "Text/Plain;charset=UTF-8",
        ] {
            let ann = Browser::ann(&fake);
            fake.clear_requests();
            let empty = || post(&ann, path, ty, "");
            let cross_site = ("sec-fetch-site", "cross-site");
            for request in [
                empty(),
                with(empty(), cross_site),
                with(empty(), ("origin", "https://evil.example")),
            ] {
                let response = answer(&routes, request).await;
                assert_eq!(response.status(), 403, "{path} {ty}");
                assert_eq!(code(response.headers()), "cross_site");
                assert!(!removes(&response), "{path} {ty}");
            }
            assert_eq!(calls(&fake), 0, "{path} {ty}");
            for from in [SAME_ORIGIN, ORIGIN] {
                let ann = Browser::ann(&fake);
                let request = with(post(&ann, path, ty, ""), from);
                let response = answer(&routes, request).await;
                assert_eq!(response.status(), 200, "{path} {ty} {from:?}");
                assert!(removes(&response), "new cookies, or none any more");
            }
        }
    }
}

#[tokio::test]
async fn a_plain_form_signs_out_and_leads_to_its_page() {
    let fake = fake().start().await;
    let paths = ReturnPaths::new("/goodbye").unwrap().below("/app").unwrap();
    let routes = routes(&fake.descope()).html_forms(paths);
    let in_parts = |value| multipart(&[("csrf", "x"), ("return_to", value)]);
    for path in [LOGOUT, LOGOUT_ALL] {
        for (ty, body, location) in [
            (URL_ENCODED, String::new(), "/goodbye"),
            (URL_ENCODED, "csrf=x&csrf=y".into(), "/goodbye"),
            (URL_ENCODED, "return_to=%2Fapp%2Fa".into(), "/app/a"),
            (
                URL_ENCODED,
                "return_to=%2F%2Fevil.example".into(),
                "/goodbye",
            ),
            (URL_ENCODED, "return_to=%2Fadmin".into(), "/goodbye"),
            (MULTIPART, String::new(), "/goodbye"),
            (MULTIPART, multipart(&[]), "/goodbye"),
            (MULTIPART, in_parts("/app/a?b=c"), "/app/a?b=c"),
            (MULTIPART, in_parts("https://evil.example/app"), "/goodbye"),
            (MULTIPART, in_parts("/app\r\nSet-Cookie: x=1"), "/goodbye"),
        ] {
            for from in [SAME_ORIGIN, ORIGIN] {
                let mut ann = Browser::ann(&fake);
                fake.clear_requests();
                let request = with(post(&ann, path, ty, &body), from);
                let response = answer(&routes, request).await;
                assert_eq!(response.status(), 303, "{path} {ty} {body}");
                assert_eq!(response.headers()["location"], location, "{ty} {body}");
                assert_eq!(response.headers()["cache-control"], "no-store");
                assert_eq!(response.body(), "");
                ann.keep(response.headers());
                assert!(ann.jar.is_empty(), "signed out here");
                assert_eq!(fake.calls(path), 1, "and at Descope");
            }
        }
        // Scripts go on getting JSON.
        let ann = Browser::ann(&fake);
        let json = post(&ann, path, "application/json", "{}");
        let response = answer(&routes, json).await;
        assert_eq!(
            (response.status().as_u16(), &**response.body()),
            (200, "{}")
        );
    }
}

#[tokio::test]
async fn a_form_is_told_where_descope_has_not_confirmed_a_sign_out_everywhere() {
    let fake = fake().start().await;
    let paths = ReturnPaths::new("/goodbye?a=b").unwrap();
    let routes = routes(&fake.descope()).html_forms(paths.below("/app").unwrap());
    for (path, location) in [
        (LOGOUT, "/app/a"),
        (LOGOUT_ALL, "/goodbye?a=b&everywhere=false"),
    ] {
        let mut ann = Browser::ann(&fake);
        fake.respond_next(path, Canned::error(500, "E990500", "oops"));
        let request = post(&ann, path, URL_ENCODED, "return_to=%2Fapp%2Fa");
        let response = answer(&routes, with(request, SAME_ORIGIN)).await;
        assert_eq!(response.status(), 303, "{path}");
        assert_eq!(response.headers()["location"], location);
        ann.keep(response.headers());
        assert!(ann.jar.is_empty(), "signed out here");
    }
}

#[tokio::test]
async fn a_form_that_cannot_be_read_leads_back_with_the_code_and_signs_nobody_out() {
    let fake = fake().start().await;
    let paths = ReturnPaths::new("/goodbye").unwrap().below("/").unwrap();
    let routes = routes(&fake.descope()).html_forms(paths);
    let file = multipart(&[("return_to", "/app")]).replace("_to\"", "_to\"; filename=\"x.txt\"");
    let twice = multipart(&[("return_to", "/app"), ("return_to", "/app")]);
    let large = format!("x={}", "x".repeat(20_000));
    for (ty, body, error) in [
        (URL_ENCODED, "return_to=/a&return_to=/b", "invalid_body"),
        (URL_ENCODED, "return_to=%ff", "invalid_body"),
        (URL_ENCODED, &large, "body_too_large"),
        (MULTIPART, &file, "invalid_body"),
        (MULTIPART, &twice, "invalid_body"),
        (MULTIPART, "return_to=/app", "invalid_body"),
        ("multipart/form-data", &twice, "invalid_body"),
    ] {
        for path in [LOGOUT, LOGOUT_ALL] {
            let ann = Browser::ann(&fake);
            let request = with(post(&ann, path, ty, body), SAME_ORIGIN);
            let response = answer(&routes, request).await;
            assert_eq!(response.status(), 303, "{ty} {body}");
            let location = format!("/goodbye?logout_error={error}");
            assert_eq!(response.headers()["location"], location, "{ty} {body}");
            assert!(!removes(&response));
        }
    }
    assert_eq!(calls(&fake), 0);
}

#[tokio::test]
async fn another_sites_form_is_refused_and_forms_work_nowhere_else() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let with_forms = routes(&descope).html_forms(ReturnPaths::new("/goodbye").unwrap());
    for (ty, body) in [
        (URL_ENCODED, "x=1".to_owned()),
        (MULTIPART, multipart(&[("x", "1")])),
    ] {
        for path in [LOGOUT, LOGOUT_ALL] {
            let ann = Browser::ann(&fake);
            let form = || post(&ann, path, ty, &body);
            for request in [
                form(),
                with(form(), ("origin", "null")),
                with(form(), ("sec-fetch-site", "same-site")),
                with(with(form(), ORIGIN), ("sec-fetch-site", "cross-site")),
            ] {
                let response = answer(&with_forms, request).await;
                assert_eq!(
                    response.status(),
                    403,
                    "no redirect for who is no form of ours"
                );
                assert!(!removes(&response));
            }
            let off = answer(&routes(&descope), with(form(), SAME_ORIGIN)).await;
            assert_eq!(off.status(), 415, "forms are not switched on");
            assert!(!removes(&off));
        }
        for path in [REFRESH, TRY_REFRESH, SELECT] {
            let request = with(post(&Browser::ann(&fake), path, ty, &body), SAME_ORIGIN);
            assert_eq!(answer(&with_forms, request).await.status(), 415, "{path}");
        }
    }
    assert_eq!(calls(&fake), 0);
}

#[tokio::test]
async fn a_tenant_is_selected_by_a_multipart_form_too() {
    let fake = fake().start().await;
    let paths = ReturnPaths::new("/home").unwrap().below("/").unwrap();
    let select = SelectTenant::new(fake.descope()).html_forms(paths);
    let routes = routes(&fake.descope()).select_tenant(select);
    let file = multipart(&[("tenant", "T2")]).replace("nt\"", "nt\"; filename=\"T2\"");
    for (body, location) in [
        (multipart(&[("tenant", "T2")]), "/home"),
        (
            multipart(&[("return_to", "/projects"), ("tenant", "T2")]),
            "/projects",
        ),
        (
            multipart(&[("tenant", "T3")]),
            "/home?select_error=tenant_refused",
        ),
        (
            multipart(&[("tenant", "T1"), ("tenant", "T2")]),
            "/home?select_error=invalid_body",
        ),
        (multipart(&[]), "/home?select_error=invalid_body"),
        (String::new(), "/home?select_error=invalid_body"),
        (file, "/home?select_error=invalid_body"),
    ] {
        let mut ann = Browser::ann(&fake);
        let request = with(post(&ann, SELECT, MULTIPART, &body), SAME_ORIGIN);
        let response = answer(&routes, request).await;
        assert_eq!(response.status(), 303, "{body}");
        assert_eq!(response.headers()["location"], location, "{body}");
        ann.keep(response.headers());
        assert!(!ann.jar.is_empty(), "{body}");
    }
    let untold = post(
        &Browser::ann(&fake),
        SELECT,
        MULTIPART,
        &multipart(&[("tenant", "T2")]),
    );
    assert_eq!(answer(&routes, untold).await.status(), 403);
}
