//! Connections that stay open: WebSocket and server-sent events.

use tower_descope_proxies::{COOKIES, Kind, Request};

use crate::{at_each_proxy, world};

at_each_proxy!(
    a_websocket_opens_with_renewed_cookies_on_its_101_and_carries_both_ways,
    a_websocket_of_nobody_is_refused,
    a_websocket_from_another_site_is_refused,
    events_arrive_one_by_one,
);

fn handshake(cookies: &str) -> Request {
    Request::get("/socket")
        .connection("Upgrade")
        .field("Upgrade", "websocket")
        .field("Sec-WebSocket-Version", "13")
        .field("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .field("Cookie", cookies)
}

async fn a_websocket_opens_with_renewed_cookies_on_its_101_and_carries_both_ways(kind: Kind) {
    let world = world(kind).await;
    let request = handshake(&world.to_renew()).field("Origin", "http://app.example.test");
    let mut channel = request.open(world.proxy.port()).await;
    let head = channel.head().await;
    assert_eq!(head.status(), 101, "{head:?}");
    assert_eq!(head.field("upgrade"), Some("websocket"));
    let cookies = head.all("set-cookie");
    assert_eq!(cookies.len(), 4, "{head:?}");
    assert!(COOKIES.iter().all(|own| cookies.contains(own)));
    for word in ["first", "second"] {
        channel.write(word.as_bytes()).await;
        channel.until(word.as_bytes()).await;
    }
    assert_eq!(world.application.seen()[0].all("x-tenant-id"), ["T2acme"]);
}

async fn a_websocket_of_nobody_is_refused(kind: Kind) {
    let world = world(kind).await;
    let mut channel = handshake("theme=dark").open(world.proxy.port()).await;
    assert_eq!(channel.head().await.status(), 401);
    assert_eq!(world.application.seen().len(), 0);
}

async fn a_websocket_from_another_site_is_refused(kind: Kind) {
    let world = world(kind).await;
    // Browsers send no `Sec-Fetch-Site` with it, and `Origin` always; it is no write by its method.
    let request = handshake(world.signed_in().cookies())
        .without_site()
        .field("Origin", "https://evil.example");
    let mut channel = request.open(world.proxy.port()).await;
    assert_eq!(channel.head().await.status(), 403);
    assert_eq!(world.application.seen().len(), 0);
}

async fn events_arrive_one_by_one(kind: Kind) {
    let world = world(kind).await;
    let request = Request::get("/events").field("Cookie", &world.to_renew());
    let mut stream = request.open(world.proxy.port()).await;
    let head = stream.head().await;
    assert_eq!(head.status(), 200);
    assert_eq!(head.all("set-cookie").len(), 4, "{head:?}");
    // The next one is not sent before the one before it has been read here.
    for number in 1..=3 {
        stream.until(format!("event {number}\n").as_bytes()).await;
        assert!(!stream.has(&format!("event {}", number + 1)));
        world.application.next_event();
    }
}
