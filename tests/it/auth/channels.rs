//! Requests that offer or open another protocol: handshakes of sockets, offers of HTTP/2.

use http::{Method, Request, Version};
use tower_descope::test_util::FakeDescope;

use crate::support::{
    App, app_with,
    browser::{Browser, untouched},
    call, code,
    world::{EXPIRY, REFRESH, fake, late, layer},
};

/// A link in a mail.
const LINK: [(&str, &str); 3] = [
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
];

fn link(browser: &Browser, upgrade: &[&str]) -> Request<()> {
    let mut fields = LINK.to_vec();
    fields.push(("connection", "Upgrade, HTTP2-Settings"));
    fields.push(("http2-settings", "AAMAAABkAAQAoAAAAAIAAAAA"));
    fields.extend(upgrade.iter().map(|value| ("upgrade", *value)));
    browser.request(Method::GET, &fields)
}

fn guarded(fake: &FakeDescope) -> App {
    app_with(layer(&fake.descope(), 0).cookies_same_origin_only())
}

#[tokio::test]
async fn an_offer_of_http2_is_no_channel_so_a_link_opens_and_is_renewed() {
    let fake = fake().start().await;
    let app = guarded(&fake);
    for upgrade in [&["h2c"][..], &["H2C"], &["h2c", "h2c"], &["h2c , h2c"], &[]] {
        let mut browser = Browser::ann(&fake);
        let response = call(&app, link(&browser, upgrade)).await;
        assert_eq!(response.body(), "U1@T1", "{upgrade:?}");
        for app in [&app, &late(&fake.descope())] {
            fake.clock().advance(EXPIRY);
            let response = call(app, link(&browser, upgrade)).await;
            assert_eq!(response.body(), "U1@T1", "{upgrade:?}");
            assert!(!untouched(&response), "{upgrade:?}");
            browser.keep(response.headers());
        }
    }
}

#[tokio::test]
async fn every_other_upgrade_acts_and_another_sites_is_refused() {
    let fake = fake().start().await;
    let app = guarded(&fake);
    let browser = Browser::ann(&fake);
    let upgrades = [
        &["websocket"][..],
        &["h2c, websocket"],
        &["websocket,h2c"],
        &["h2c", "websocket"],
        &["h2c/1"],
        &["h2"],
        &["TLS/1.0"],
        &["connect-udp"],
        &["h2c;x"],
        &[""],
        &["h2c,"],
    ];
    for upgrade in upgrades {
        let response = call(&app, link(&browser, upgrade)).await;
        assert_eq!(code(&response), "cross_site", "{upgrade:?}");
    }
    let mut socket = link(&browser, &["h2c"]);
    let key = "dGhlIHNhbXBsZSBub25jZQ==".parse().unwrap();
    socket.headers_mut().insert("sec-websocket-key", key);
    assert_eq!(code(&call(&app, socket).await), "cross_site");
    fake.clock().advance(EXPIRY);
    for upgrade in upgrades {
        let response = call(&late(&fake.descope()), link(&browser, upgrade)).await;
        assert_eq!(code(&response), "expired_token", "{upgrade:?}");
        assert!(untouched(&response));
    }
    assert_eq!(fake.calls(REFRESH), 0);
}

/// A handshake as browsers send it: with `Origin`, and without any `Sec-Fetch-*` field.
fn handshake(browser: &Browser, origin: &str, host: &str) -> Request<()> {
    let fields = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
        ("origin", origin),
    ];
    let mut request = browser.request(Method::GET, &fields);
    request.headers_mut().insert("host", host.parse().unwrap());
    request
}

#[tokio::test]
async fn a_handshake_is_judged_by_origin_and_host_below_localhost_too() {
    let fake = fake().start().await;
    let app = guarded(&fake);
    let browser = Browser::ann(&fake);
    for (origin, host, passes) in [
        ("http://localhost:3000", "localhost:3000", true),
        ("http://acme.localhost:3000", "acme.localhost:3000", true),
        ("http://a.b.LOCALHOST:3000", "A.B.localhost:3000", true),
        ("https://app.example", "app.example", true),
        ("http://evil.localhost:3000", "acme.localhost:3000", false),
        ("http://acme.localhost:3001", "acme.localhost:3000", false),
        ("http://localhost:3000", "acme.localhost:3000", false),
        (
            "http://acme.localhost.evil.example",
            "acme.localhost.evil.example",
            false,
        ),
        ("http://acmelocalhost", "acmelocalhost", false),
        ("http://app.example", "app.example", false),
        // Behind a proxy that does not pass `Host` on.
        ("https://app.example", "127.0.0.1:3000", false),
    ] {
        let response = call(&app, handshake(&browser, origin, host)).await;
        assert_eq!(response.status() == 200, passes, "{origin} to {host}");
        if !passes {
            assert_eq!(code(&response), "cross_site", "{origin} to {host}");
        }
    }
}

#[tokio::test]
async fn a_handshake_through_a_proxy_that_changes_the_host_passes_with_its_origin_listed() {
    let fake = fake().start().await;
    let descope = fake.descope_builder().origins(["https://app.example"]);
    let app = app_with(layer(&descope.build().unwrap(), 0).cookies_same_origin_only());
    let mut browser = Browser::ann(&fake);
    let through = |browser: &Browser| handshake(browser, "https://app.example", "127.0.0.1:3000");
    assert_eq!(call(&app, through(&browser)).await.body(), "U1@T1");
    fake.clock().advance(EXPIRY);
    let renewed = call(&app, through(&browser)).await;
    assert_eq!(renewed.body(), "U1@T1");
    browser.keep(renewed.headers());
    let foreign = handshake(&browser, "https://evil.example", "127.0.0.1:3000");
    assert_eq!(code(&call(&app, foreign).await), "cross_site");
}

/// A call over HTTP/2 that a layer outside of ours made of grpc-web, as its type says by then.
fn translated(browser: &Browser, fields: &[(&str, &str)]) -> Request<()> {
    let mut all = vec![
        ("content-type", "application/grpc+proto"),
        ("te", "trailers"),
    ];
    all.extend_from_slice(fields);
    let mut request = browser.request(Method::POST, &all);
    *request.version_mut() = Version::HTTP_2;
    request
}

#[tokio::test]
async fn a_browsers_call_that_was_translated_from_grpc_web_is_renewed_and_a_native_one_is_not() {
    let fake = fake().start().await;
    let app = guarded(&fake);
    let mut browser = Browser::ann(&fake);
    fake.clock().advance(EXPIRY);
    for fields in [
        &[][..],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
    ] {
        let response = call(&late(&fake.descope()), translated(&browser, fields)).await;
        assert_eq!(response.headers()["grpc-status"], "16", "{fields:?}");
        assert!(untouched(&response), "{fields:?}");
    }
    assert_eq!(fake.calls(REFRESH), 0);
    let own = [
        ("sec-fetch-site", "same-origin"),
        ("origin", "https://app.example"),
    ];
    let response = call(&app, translated(&browser, &own)).await;
    assert_eq!(response.body(), "U1@T1");
    browser.keep(response.headers());
    fake.clock().advance(EXPIRY);
    // With the two layers the other way round the type is grpc-web's still.
    let mut outside = translated(&browser, &own);
    let web = "application/grpc-web+proto".parse().unwrap();
    outside.headers_mut().insert("content-type", web);
    let response = call(&app, outside).await;
    assert_eq!(response.body(), "U1@T1");
    assert!(!untouched(&response));
}
