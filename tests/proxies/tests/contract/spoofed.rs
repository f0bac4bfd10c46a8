//! What clients say of themselves reaches no application.

use tower_descope_proxies::{Kind, Request, Seen, World};

use crate::{at_each_proxy, setup};

at_each_proxy!(
    an_identity_that_a_client_claims_is_overwritten,
    one_that_it_claims_twice_too,
    underscores_are_no_way_around,
    nor_are_other_ways_to_write_a_field,
    a_field_that_the_connection_names_is_not_believed,
    nobody_is_made_somebody_by_a_field,
    a_public_page_is_told_of_nobody,
    no_upgrade_but_to_websocket_is_handed_on,
    what_was_forwarded_is_the_proxy_s_word,
    a_secret_of_the_client_s_gets_nowhere,
);

const IDENTITY: [(&str, &str); 4] = [
    ("X-User-Id", "U2ann"),
    ("X-Tenant-Id", "T2acme"),
    ("X-Tenant-Roles", "owner,Gr%C3%B6%C3%9Fe%2C%20XL"),
    ("X-Tenant-Permissions", "-"),
];

/// Of which the service says nothing here.
const UNSAID: &str = "X-Auth-Session";

/// A value that nobody but a client of these tests sends.
const EVIL: &str = "evil";

/// All names that differ from one in hyphens and underscores alone.
fn twins(name: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for character in name.chars() {
        let also = if character == '-' { "-_" } else { "" };
        all = all
            .iter()
            .flat_map(|it| {
                let each = also.chars().chain(also.is_empty().then_some(character));
                each.map(move |character| format!("{it}{character}"))
            })
            .collect();
    }
    all.retain(|it| it != name);
    all
}

/// The service says all of it.
async fn world(kind: Kind) -> World {
    setup(kind)
        .settings(&[("PERMISSIONS", "true")])
        .start()
        .await
}

fn signed_in(world: &World) -> Request {
    Request::get("/").field("Cookie", world.signed_in().cookies())
}

/// Asks, and returns what the application saw, if it saw anything, of which nothing is the client's.
async fn seen(world: &World, request: &Request) -> Option<Seen> {
    let before = world.application.seen().len();
    let answer = world.ask(request).await;
    let seen = world.application.seen().split_off(before).pop();
    assert_eq!(seen.is_some(), answer.status() == 200, "{answer:?}");
    for (name, value) in seen.iter().flat_map(|seen| &seen.headers) {
        let value = String::from_utf8_lossy(value.as_bytes());
        assert!(!value.contains(EVIL), "{name}: {value}");
    }
    seen
}

/// The identity is the session's, each field once.
fn is_ann(seen: &Seen) {
    for (name, value) in IDENTITY {
        assert_eq!(seen.all(&name.to_ascii_lowercase()), [value], "{name}");
    }
    assert!(seen.all(&UNSAID.to_ascii_lowercase()).is_empty());
}

async fn an_identity_that_a_client_claims_is_overwritten(kind: Kind) {
    let world = world(kind).await;
    for name in IDENTITY.map(|(name, _)| name).into_iter().chain([UNSAID]) {
        for name in [
            name.to_owned(),
            name.to_ascii_lowercase(),
            name.to_ascii_uppercase(),
        ] {
            let request = signed_in(&world).field(&name, EVIL);
            is_ann(&seen(&world, &request).await.unwrap());
        }
    }
}

async fn one_that_it_claims_twice_too(kind: Kind) {
    let world = world(kind).await;
    for (name, value) in IDENTITY {
        let request = signed_in(&world)
            .field(name, value)
            .field(name, EVIL)
            .field(name, EVIL);
        is_ann(&seen(&world, &request).await.unwrap());
    }
}

async fn underscores_are_no_way_around(kind: Kind) {
    let world = world(kind).await;
    for name in IDENTITY.map(|(name, _)| name).into_iter().chain([UNSAID]) {
        for twin in twins(name) {
            let seen = seen(&world, &signed_in(&world).field(&twin, EVIL))
                .await
                .unwrap();
            is_ann(&seen);
            let twin = twin.to_ascii_lowercase();
            assert!(seen.all(&twin).is_empty(), "{twin}");
        }
    }
}

async fn nor_are_other_ways_to_write_a_field(kind: Kind) {
    let world = world(kind).await;
    let names = [
        "X-Tenant-Id ",
        "X-Tenant-Id\t",
        "X-Tenant-Id\0",
        // The end of the field before it, as that was once written.
        " X-Tenant-Id",
        "X-Mine: a\nX-Tenant-Id",
    ];
    for name in names {
        if let Some(seen) = seen(&world, &signed_in(&world).field(name, "T2beta")).await {
            is_ann(&seen);
        }
    }
}

async fn a_field_that_the_connection_names_is_not_believed(kind: Kind) {
    let world = world(kind).await;
    for (name, _) in IDENTITY {
        let request = signed_in(&world).connection(&format!("close, {name}"));
        for request in [request.clone(), request.field(name, EVIL)] {
            let Some(seen) = seen(&world, &request).await else {
                continue;
            };
            // The proxy may take away what the client named, the right value too; an application takes
            // that for a no.
            for (name, value) in IDENTITY {
                let values = seen.all(&name.to_ascii_lowercase());
                assert!(values.is_empty() || values == [value], "{name}: {values:?}");
            }
        }
    }
}

async fn nobody_is_made_somebody_by_a_field(kind: Kind) {
    let world = world(kind).await;
    let mut request = Request::get("/");
    for (name, value) in IDENTITY {
        request = request.field(name, value);
        for twin in twins(name) {
            request = request.field(&twin, value);
        }
    }
    assert!(seen(&world, &request).await.is_none());
    let request = request
        .field("X-Forwarded-Uri", "/auth/")
        .field("X-Original-Uri", "/auth/");
    assert!(seen(&world, &request).await.is_none());
}

async fn what_was_forwarded_is_the_proxy_s_word(kind: Kind) {
    let world = world(kind).await;
    let mut request = signed_in(&world);
    for name in ["Method", "Proto", "Host", "Uri", "For"] {
        let name = format!("X-Forwarded-{name}");
        request = request.field(&name, EVIL).field(&name, EVIL);
        for twin in twins(&name) {
            request = request.field(&twin, EVIL);
        }
    }
    let request = request.field("Forwarded", "for=evil;host=evil");
    let seen = seen(&world, &request).await.unwrap();
    is_ann(&seen);
    for (name, value) in [
        ("proto", "http"),
        ("host", world.host()),
        ("for", "127.0.0.1"),
    ] {
        let name = format!("x-forwarded-{name}");
        assert_eq!(seen.all(&name), [value], "{name}");
    }
}

async fn a_secret_of_the_client_s_gets_nowhere(kind: Kind) {
    let world = world(kind).await;
    let request = signed_in(&world)
        .field("X-Auth-Proxy", EVIL)
        .field("X_Auth_Proxy", EVIL);
    is_ann(
        &seen(&world, &request.field("X-Auth-Proxy", EVIL))
            .await
            .unwrap(),
    );
}

async fn a_public_page_is_told_of_nobody(kind: Kind) {
    let world = world(kind).await;
    let mut request = Request::get("/sign-in");
    for (name, value) in IDENTITY {
        request = request.field(name, value);
        for twin in twins(name) {
            request = request.field(&twin, value);
        }
    }
    let answer = world.ask(&request).await;
    assert_eq!(answer.status(), 200);
    let seen = world.application.seen().pop().unwrap();
    for (name, _) in IDENTITY {
        for name in twins(name).into_iter().chain([name.to_owned()]) {
            assert!(seen.all(&name.to_ascii_lowercase()).is_empty(), "{name}");
        }
    }
}

async fn no_upgrade_but_to_websocket_is_handed_on(kind: Kind) {
    let world = world(kind).await;
    let request = signed_in(&world)
        .connection("close, Upgrade, HTTP2-Settings")
        .field("Upgrade", "h2c")
        .field("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA");
    if let Some(seen) = seen(&world, &request).await {
        assert!(seen.all("upgrade").is_empty(), "{seen:?}");
    }
}
