//! Renewal in the layer: new cookies beside what the inner service answers, whatever that is.

use std::{convert::Infallible, time::Duration};

use http::{HeaderMap, Request, Response, header};
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
use tower_descope::{cookie::SessionCookies, test_util::FakeDescope};

use crate::support::{
    browser::{Browser, set_cookies, untouched},
    seen,
    world::{ALMOST, EXPIRY, REFRESH, fake, late, layer},
};

/// Fields by which some cache keeps a response, whatever `Cache-Control` says.
const OF_VENDORS: [(&str, &str); 10] = [
    ("cdn-cache-control", "max-age=600"),
    ("surrogate-control", "max-age=600"),
    ("cloudflare-cdn-cache-control", "max-age=600"),
    ("vercel-cdn-cache-control", "max-age=600"),
    ("netlify-cdn-cache-control", "public, max-age=600, durable"),
    ("akamai-cache-control", "max-age=600"),
    ("fastly-surrogate-control", "max-age=600"),
    ("some-vendors-cache-control", "max-age=600"),
    ("edge-control", "cache-maxage=10m"),
    ("x-accel-expires", "600"),
];

/// What an inner service that answers with these fields, behind the layer, answers to a browser.
async fn answer(
    fake: &FakeDescope,
    browser: &Browser,
    fields: &[(&'static str, &'static str)],
) -> Response<String> {
    let service = ServiceBuilder::new()
        .layer(layer(&fake.descope(), 60))
        .service_fn(|request: Request<()>| {
            let mut response = Response::builder();
            for (name, value) in fields {
                response = response.header(*name, *value);
            }
            let response = response.body(seen(&request)).unwrap();
            async { Ok::<_, Infallible>(response) }
        });
    service.oneshot(browser.get()).await.unwrap()
}

/// The lines about cookies of the usual scope alone, as a browser tells them from others.
fn of_root(headers: &HeaderMap) -> HeaderMap {
    let lines = headers.get_all(header::SET_COOKIE).iter();
    lines
        .filter(|line| {
            let line = line.to_str().unwrap();
            line.contains("Path=/;") && !line.contains("Domain=")
        })
        .map(|line| (header::SET_COOKIE, line.clone()))
        .collect()
}

#[tokio::test]
async fn no_field_of_any_vendor_lets_a_cache_keep_a_response_with_new_cookies() {
    let fake = fake().start().await;
    let mut fields = OF_VENDORS.to_vec();
    fields.push(("cache-control", "public, s-maxage=600"));
    let browser = Browser::ann(&fake);
    let kept = answer(&fake, &browser, &fields).await;
    for (name, value) in &fields {
        assert_eq!(kept.headers()[*name], *value, "nothing of ours is in it");
    }
    for wait in [EXPIRY, ALMOST] {
        let browser = Browser::ann(&fake);
        fake.clock().advance(wait);
        let response = answer(&fake, &browser, &fields).await;
        assert_eq!(response.body(), "U1@T1");
        assert_eq!(set_cookies(response.headers()).len(), 2);
        let control: Vec<_> = response.headers().get_all("cache-control").iter().collect();
        assert_eq!(control, ["no-store"]);
        for (name, _) in OF_VENDORS {
            assert!(!response.headers().contains_key(name), "{name}");
        }
    }
}

#[tokio::test]
async fn no_cache_keeps_a_response_that_removes_the_cookies_either() {
    let fake = fake().start().await;
    let service = ServiceBuilder::new()
        .layer(layer(&fake.descope(), 60).optional())
        .service_fn(|_: Request<()>| async {
            let response = Response::builder()
                .header("cloudflare-cdn-cache-control", "max-age=600")
                .header("cache-control", "public");
            Ok::<_, Infallible>(response.body(String::new()).unwrap())
        });
    let browser = Browser::ann(&fake);
    fake.clock().advance(EXPIRY);
    fake.log_out("U1");
    let response = service.oneshot(browser.get()).await.unwrap();
    assert!(!untouched(&response));
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert!(
        !response
            .headers()
            .contains_key("cloudflare-cdn-cache-control")
    );
}

#[tokio::test]
async fn old_cookies_that_the_application_clears_elsewhere_hold_no_new_ones_back() {
    for elsewhere in [
        "Path=/app; Max-Age=0",
        "path=/app; max-age=-1",
        "Domain=example; Max-Age=0",
        "Domain=.example; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "Path=/app; expires=Thu, 01-Jan-1970 00:00:01 GMT",
    ] {
        let fake = fake().start().await;
        let service = ServiceBuilder::new()
            .layer(layer(&fake.descope(), 60))
            .service_fn(move |request: Request<()>| async move {
                let response = Response::builder()
                    .header("set-cookie", format!("DS=; {elsewhere}"))
                    .header("set-cookie", format!("DSR=; {elsewhere}"));
                Ok::<_, Infallible>(response.body(seen(&request)).unwrap())
            });
        let mut browser = Browser::ann(&fake);
        for wait in [EXPIRY, ALMOST, EXPIRY, EXPIRY] {
            fake.clock().advance(wait);
            let response = service.clone().oneshot(browser.get()).await.unwrap();
            assert_eq!(response.body(), "U1@T1", "{elsewhere}");
            let lines = set_cookies(response.headers());
            assert_eq!(lines.len(), 4, "{lines:?}");
            browser.keep(&of_root(response.headers()));
        }
    }
}

#[tokio::test]
async fn a_removal_in_our_scope_or_a_cookie_of_our_name_is_the_inner_services_word() {
    for (word, written) in [
        ("DS=; Max-Age=0", "DSR="),
        ("DS=; Path=/; Max-Age=0", "DSR="),
        ("DSR=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "DS="),
        ("DS=a.new.one; Path=/app", "DSR="),
        ("DS=a.new.one; Domain=example", "DSR="),
        ("DSR=a.new.one", "DS="),
    ] {
        let fake = fake().start().await;
        let browser = Browser::ann(&fake);
        fake.clock().advance(EXPIRY);
        let response = answer(&fake, &browser, &[("set-cookie", word)]).await;
        let lines = set_cookies(response.headers());
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(lines[0], word);
        assert!(lines[1].starts_with(written), "{lines:?}");
    }
}

#[tokio::test]
async fn our_own_scope_is_the_configured_one() {
    let fake = fake().start().await;
    let cookies = SessionCookies::new().domain("example.test").path("/app");
    let descope = fake.descope_builder().cookies(cookies).build().unwrap();
    for (word, lines) in [
        ("DS=; Domain=EXAMPLE.test; Path=/app; Max-Age=0", 2),
        ("DS=; Path=/app; Max-Age=0", 2),
        ("DS=; Domain=example.test; Max-Age=0", 2),
        ("DS=; Max-Age=0", 2),
        ("DS=; Path=/; Max-Age=0", 3),
        ("DS=; Domain=app.example.test; Path=/app; Max-Age=0", 3),
    ] {
        let browser = Browser::ann(&fake);
        fake.clock().advance(EXPIRY);
        let service = ServiceBuilder::new().layer(layer(&descope, 60)).service_fn(
            move |_: Request<()>| async move {
                let response = Response::builder().header("set-cookie", word);
                Ok::<_, Infallible>(response.body(String::new()).unwrap())
            },
        );
        let response = service.oneshot(browser.get()).await.unwrap();
        assert_eq!(set_cookies(response.headers()).len(), lines, "{word}");
    }
}

#[tokio::test]
async fn a_renewal_is_written_whatever_the_handler_answers() {
    let fake = fake().start().await;
    for status in [
        101, 200, 204, 206, 301, 303, 304, 400, 401, 403, 404, 429, 500, 502, 503,
    ] {
        for wait in [EXPIRY, ALMOST] {
            let mut browser = Browser::ann(&fake);
            fake.clock().advance(wait);
            let service = ServiceBuilder::new()
                .layer(layer(&fake.descope(), 60))
                .service_fn(move |_: Request<()>| async move {
                    let response = Response::builder().status(status);
                    Ok::<_, Infallible>(response.body(String::new()).unwrap())
                });
            let response = service.oneshot(browser.get()).await.unwrap();
            assert_eq!(response.status(), status);
            assert_eq!(set_cookies(response.headers()).len(), 2, "{status}");
            assert_eq!(response.headers()["cache-control"], "no-store");
            browser.keep(response.headers());
            fake.clock().advance(EXPIRY);
            assert_eq!(browser.visit(&late(&fake.descope())).await.body(), "U1@T1");
        }
    }
}

#[tokio::test]
async fn an_inner_service_that_fails_after_a_renewal_loses_nothing() {
    // Its browser comes back at once, or after longer than answers are kept for repeats.
    for gap in [0, 61] {
        let fake = fake().start().await;
        let descope = fake.descope();
        let service = ServiceBuilder::new()
            .layer(layer(&descope, 60))
            .service(service_fn(|_: Request<()>| async {
                Err::<Response<String>, BoxError>("timed out".into())
            }));
        let mut browser = Browser::ann(&fake);
        fake.clock().advance(EXPIRY);
        assert!(service.oneshot(browser.get()).await.is_err());
        // The browser saw no answer, and shows what it has.
        fake.clock().advance(Duration::from_secs(gap));
        let response = browser.visit(&late(&descope)).await;
        assert_eq!(response.body(), "U1@T1");
        assert_eq!(set_cookies(response.headers()).len(), 2);
        assert_eq!(fake.calls(REFRESH), 1);
        fake.clock().advance(EXPIRY);
        assert_eq!(browser.visit(&late(&descope)).await.body(), "U1@T1");
    }
}
