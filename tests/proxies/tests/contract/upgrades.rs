//! What a client wants a connection to become: WebSocket reaches the application, and nothing beside it.

use tower_descope_proxies::{Kind, Request, World};

use crate::{at_each_proxy, world};

at_each_proxy!(
    another_upgrade_beside_websocket_reaches_no_guarded_page,
    another_upgrade_beside_websocket_reaches_no_public_page,
    websocket_is_known_however_it_is_written,
);

/// The fields `Upgrade` of a request, one a line.
const BESIDE: [&[&str]; 7] = [
    &["h2c", "websocket"],
    &["websocket", "h2c"],
    &["h2c, websocket"],
    &["websocket, h2c"],
    &["h2c", "WebSocket", "h2c"],
    &["", "h2c", "websocket"],
    &["h2c,websocket", "websocket"],
];

/// Asks as a client that wants a tunnel does, and returns what the application was asked to upgrade to,
/// if it was asked.
async fn upgrades(world: &World, request: &Request, lines: &[&str]) -> Option<Vec<String>> {
    world.application.forget();
    let mut request = request.clone();
    for line in lines {
        request = request.field("Upgrade", line);
    }
    let request = request
        .connection("Upgrade, HTTP2-Settings")
        .field("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA")
        .field("Sec-WebSocket-Version", "13")
        .field("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    // The connection may stay open behind the answer.
    let answer = request.open(world.proxy.port()).await.head().await;
    let seen = world.application.seen().pop();
    assert_eq!(seen.is_some(), answer.status() == 200, "{answer:?}");
    let seen = seen?;
    let all = seen.all("upgrade").into_iter();
    Some(all.map(str::to_owned).collect())
}

async fn none_but_websocket(world: &World, request: &Request) {
    for lines in BESIDE {
        if let Some(upgrades) = upgrades(world, request, lines).await {
            assert!(
                upgrades.is_empty() || upgrades == ["websocket"],
                "of {lines:?} the application saw {upgrades:?}"
            );
        }
    }
}

async fn another_upgrade_beside_websocket_reaches_no_guarded_page(kind: Kind) {
    let world = world(kind).await;
    let request = Request::get("/").field("Cookie", world.signed_in().cookies());
    none_but_websocket(&world, &request).await;
}

async fn another_upgrade_beside_websocket_reaches_no_public_page(kind: Kind) {
    let world = world(kind).await;
    none_but_websocket(&world, &Request::get("/sign-in")).await;
}

async fn websocket_is_known_however_it_is_written(kind: Kind) {
    let world = world(kind).await;
    let cookies = world.signed_in().cookies().to_owned();
    let guarded = Request::get("/").field("Cookie", &cookies);
    for request in [guarded, Request::get("/sign-in")] {
        for word in ["websocket", "WebSocket", "WEBSOCKET"] {
            let upgrades = upgrades(&world, &request, &[word]).await.unwrap();
            assert_eq!(upgrades.len(), 1, "{word}: {upgrades:?}");
            assert!(
                upgrades[0].eq_ignore_ascii_case("websocket"),
                "{upgrades:?}"
            );
        }
    }
}
