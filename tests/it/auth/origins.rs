//! Every combination of the fields by which a request says where it comes from, at everything that
//! acts with cookies, against a model written from the policy's words.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Version};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use tower_descope::{
    Descope, ReturnPaths, SelectTenant, SessionRoutes, TenantLayer, test_util::FakeDescope,
};

const APP: &str = "app.example.com";
const LISTED: &str = "https://spa.example.com";
const SELECT: &str = "/v1/auth/tenant/select";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// A field: absent, once, or more than once.
type Field = &'static [&'static str];

const SITES: [Field; 10] = [
    &[],
    &["same-origin"],
    &["none"],
    &["same-site"],
    &["cross-site"],
    &["Same-Origin"],
    &[""],
    &["same-origin, cross-site"],
    &["same-origin", "same-origin"],
    &["none", "cross-site"],
];

const ORIGINS: [Field; 16] = [
    &[],
    &["https://app.example.com"],
    &["https://APP.example.com:443"],
    &["http://app.example.com"],
    &["https://app.example.com:8443"],
    &["https://evil.app.example.com"],
    &["https://example.com"],
    &["https://evil.test"],
    &["https://app.example.com.evil.test"],
    &["https://spa.example.com"],
    &["http://spa.example.com"],
    &["null"],
    &["http://localhost:3000"],
    &["https://app.example.com/"],
    &[""],
    &["https://app.example.com", "https://app.example.com"],
];

const HOSTS: [Field; 6] = [
    &["app.example.com"],
    &["127.0.0.1:3000"],
    &["localhost:3000"],
    &["evil.test"],
    &[],
    &["app.example.com", "app.example.com"],
];

/// Whether a request passes, slowly and in this order: a field that comes twice is refused, what is
/// of the same origin passes, a listed origin passes, another site is refused; and only where the
/// browser did not say so is the origin compared with the host.
fn passes(site: Field, origin: Field, host: Field, absent_is_a_browser: bool) -> bool {
    if site.len() > 1 || origin.len() > 1 {
        return false;
    }
    let (site, origin) = (site.first(), origin.first());
    if site == Some(&"same-origin") {
        return true;
    }
    // Only spellings of ours are in the tables, so that this stays obvious.
    let well_formed = [
        "https://app.example.com",
        "https://APP.example.com:443",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://evil.app.example.com",
        "https://example.com",
        "https://evil.test",
        "https://app.example.com.evil.test",
        "https://spa.example.com",
        "http://spa.example.com",
        "http://localhost:3000",
    ];
    if origin == Some(&LISTED) {
        return true;
    }
    if !matches!(site, None | Some(&"none")) {
        return false;
    }
    let Some(origin) = origin else {
        return site.is_some() || !absent_is_a_browser;
    };
    if !well_formed.contains(origin) || host.len() != 1 {
        return false;
    }
    let by_https = ["https://app.example.com", "https://APP.example.com:443"];
    match host[0] {
        APP => by_https.contains(origin),
        "localhost:3000" => *origin == "http://localhost:3000",
        "evil.test" => *origin == "https://evil.test",
        _ => false,
    }
}

fn headers(site: Field, origin: Field, host: Field) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, values) in [("sec-fetch-site", site), ("origin", origin), ("host", host)] {
        for value in values {
            headers.append(name, value.parse().unwrap());
        }
    }
    headers
}

fn request(
    (method, path): (&Method, &str),
    fields: &HeaderMap,
    ty: Option<&str>,
    body: &str,
) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::from(body.to_owned()));
    *request.method_mut() = method.clone();
    *request.uri_mut() = path.parse().unwrap();
    *request.headers_mut() = fields.clone();
    if let Some(ty) = ty {
        request
            .headers_mut()
            .insert("content-type", ty.parse().unwrap());
    }
    request
}

fn each(mut visit: impl FnMut(Field, Field, Field)) {
    for site in SITES {
        for origin in ORIGINS {
            for host in HOSTS {
                visit(site, origin, host);
            }
        }
    }
}

async fn world() -> (FakeDescope, Descope) {
    let fake = FakeDescope::builder()
        .user("ann@example.test", |ann| ann.id("U1").tenant("T1", |t| t))
        .start()
        .await;
    let descope = fake.descope_builder().origins([LISTED]).build().unwrap();
    (fake, descope)
}

/// Requests without a credential: what is admitted ends in `missing_refresh_token`, so that the
/// status tells how far a request came, and nothing is spent on thousands of them.
#[tokio::test]
async fn select_judges_each_combination_as_the_model_does() {
    let (fake, descope) = world().await;
    let off = SelectTenant::new(descope.clone());
    let on = off.clone().html_forms(ReturnPaths::new("/home").unwrap());
    let mut requests = Vec::new();
    each(|site, origin, host| {
        for method in [Method::POST, Method::GET, Method::PUT, Method::OPTIONS] {
            for ty in [Some(JSON), Some(FORM), Some("text/plain"), None] {
                requests.push((site, origin, host, method.clone(), ty));
            }
        }
    });
    let (mut tried, mut let_in) = (0, 0);
    for (site, origin, host, method, ty) in requests {
        let fields = headers(site, origin, host);
        for (forms, service) in [(false, &off), (true, &on)] {
            let is_form = forms && ty == Some(FORM);
            let body = if ty == Some(FORM) {
                "tenant=T1"
            } else {
                r#"{"tenant":"T1"}"#
            };
            let request = request((&method, SELECT), &fields, ty, body);
            let status = service.clone().oneshot(request).await.unwrap().status();
            let expected = if method != Method::POST {
                405
            } else if !passes(site, origin, host, is_form) {
                403
            } else if is_form {
                303
            } else if ty == Some(JSON) {
                401
            } else {
                415
            };
            assert_eq!(
                status, expected,
                "{method} {ty:?}, forms {forms}: {site:?} {origin:?} {host:?}"
            );
            tried += 1;
            let_in += usize::from([401, 303].contains(&expected));
        }
    }
    assert_eq!(tried, 10 * 16 * 6 * 4 * 4 * 2);
    assert!(let_in > 400, "{let_in}");
    assert_eq!(fake.calls(SELECT), 0);
}

#[tokio::test]
async fn a_handlers_own_check_judges_each_combination_as_the_model_does() {
    let (_fake, descope) = world().await;
    let (mut tried, mut let_in) = (0, 0);
    each(|site, origin, host| {
        let fields = headers(site, origin, host);
        let (parts, _) = request((&Method::POST, "/enter"), &fields, Some(FORM), "").into_parts();
        let verdict = descope.check_same_origin(&parts);
        let expected = passes(site, origin, host, true);
        assert_eq!(verdict.is_ok(), expected, "{site:?} {origin:?} {host:?}");
        if let Err(rejection) = verdict {
            assert_eq!(rejection.code(), "cross_site");
        }
        tried += 1;
        let_in += usize::from(expected);
    });
    assert_eq!(tried, 10 * 16 * 6);
    assert!(let_in > 100, "{let_in}");
}

/// The session routes share the check; a logout that is not this site's is no logout.
#[tokio::test]
async fn the_session_routes_judge_each_combination_as_the_model_does() {
    let (fake, descope) = world().await;
    let routes = SessionRoutes::new(descope).at("/v1/auth");
    let mut requests = Vec::new();
    each(|site, origin, host| {
        for path in ["refresh", "try-refresh", "logout", "logoutall"] {
            for ty in [Some(JSON), Some(FORM), None] {
                requests.push((site, origin, host, path, ty));
            }
        }
    });
    for (site, origin, host, path, ty) in requests {
        let fields = headers(site, origin, host);
        let body = if ty.is_some() { "{}" } else { "" };
        let path = format!("/v1/auth/{path}");
        let request = request((&Method::POST, &path), &fields, ty, body);
        let response = routes.clone().oneshot(request).await.unwrap();
        let expected = if !passes(site, origin, host, false) {
            403
        } else if ty == Some(FORM) {
            415
        } else if path.ends_with("/refresh") {
            401
        } else {
            200
        };
        assert_eq!(
            response.status(),
            expected,
            "{path} {ty:?}: {site:?} {origin:?} {host:?}"
        );
        // What may not act changes nothing in the browser either.
        let removes = response.headers().contains_key("set-cookie");
        assert_eq!(
            removes,
            expected == 200 && path.contains("logout"),
            "{path}"
        );
    }
    let asked = fake.requests();
    let posts = asked.iter().filter(|one| one.method == Method::POST);
    assert_eq!(posts.count(), 0);
}

/// The application's own writes, with a cookie that is good.
#[tokio::test]
async fn the_layer_judges_each_combination_as_the_model_does() {
    let (fake, descope) = world().await;
    descope.warm_up().await.unwrap();
    let token = fake.session("U1").tenant("T1", |t| t).active("T1").token();
    let inner = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
    });
    let app = TenantLayer::new(descope)
        .cookies_same_origin_only()
        .layer(inner);
    let cookie: http::HeaderValue = format!("DS={token}").parse().unwrap();
    let bearer: http::HeaderValue = format!("Bearer {token}").parse().unwrap();
    let mut requests = Vec::new();
    each(|site, origin, host| {
        for method in [Method::POST, Method::DELETE, Method::TRACE, Method::GET] {
            for how in ["cookie", "bearer", "upgrade"] {
                requests.push((headers(site, origin, host), method.clone(), how, {
                    let acts = method != Method::GET || how == "upgrade";
                    how == "bearer" || !acts || passes(site, origin, host, true)
                }));
            }
        }
    });
    for (mut fields, method, how, passes) in requests {
        if how == "bearer" {
            fields.insert("authorization", bearer.clone());
        } else {
            fields.insert("cookie", cookie.clone());
        }
        if how == "upgrade" {
            fields.insert("upgrade", "websocket".parse().unwrap());
        }
        let request = request((&method, "/"), &fields, None, "");
        let status = app.clone().oneshot(request).await.unwrap().status();
        let expected = if passes { 200 } else { 403 };
        assert_eq!(status, expected, "{method} by {how}: {fields:?}");
    }
}

/// HTTP/2 names the host in the request's target.
#[tokio::test]
async fn a_target_with_another_host_than_the_field_is_refused_and_overrides_change_nothing() {
    let (fake, descope) = world().await;
    let select = SelectTenant::new(descope);
    let own = "https://app.example.com";
    for (target, host, origin, expected) in [
        (own, None, own, 401),
        (own, Some(APP), own, 401),
        (own, Some("evil.test"), own, 403),
        (own, Some("evil.test"), "https://evil.test", 403),
        ("https://evil.test", Some(APP), own, 403),
    ] {
        for (name, value) in [
            ("x-forwarded-host", "evil.test"),
            ("forwarded", "host=evil.test"),
            ("x-original-host", "evil.test"),
            ("x-http-method-override", "GET"),
            ("x-method-override", "GET"),
            ("x-forwarded-proto", "http"),
            ("referer", "https://evil.test/"),
            ("access-control-request-method", "POST"),
            ("x-requested-with", "XMLHttpRequest"),
        ] {
            let mut request = Request::post(format!("{target}{SELECT}"))
                .version(Version::HTTP_2)
                .header("origin", origin)
                .header("content-type", JSON)
                .header(name, value);
            if let Some(host) = host {
                request = request.header("host", host);
            }
            let request = request.body(Full::<Bytes>::from(r#"{"tenant":"T1"}"#));
            let response = select.clone().oneshot(request.unwrap()).await.unwrap();
            assert_eq!(response.status(), expected, "{target} {host:?} {name}");
        }
    }
    // No field makes a POST of another method.
    for name in [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
    ] {
        let request = Request::get(format!("{own}{SELECT}?_method=POST"))
            .header("sec-fetch-site", "same-origin")
            .header("content-type", JSON)
            .header(name, "POST")
            .body(Full::<Bytes>::from(r#"{"tenant":"T1"}"#));
        let response = select.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), 405);
    }
    assert_eq!(fake.calls(SELECT), 0);
}
