//! Who has a session passes, with an identity.

use tower_descope_proxies::{COOKIES, Change, Kind, Request};

use crate::{at_each_proxy, setup, world};

at_each_proxy!(
    who_is_signed_in_passes_and_the_application_knows_who_it_is,
    what_is_said_on_request_arrives_too,
    who_has_chosen_no_tenant_is_said_to_have_none,
    an_answer_of_the_application_passes_as_it_is,
    calls_of_a_session_are_answered_by_the_program,
    the_application_is_asked_for_what_the_client_asked_for,
    a_preflight_passes_for_nobody_where_told_so,
);

async fn who_is_signed_in_passes_and_the_application_knows_who_it_is(kind: Kind) {
    let world = world(kind).await;
    let request = Request::get("/").field("Cookie", world.signed_in().cookies());
    let answer = world.ask(&request).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.body(), "the application's page");
    assert_eq!(answer.all("set-cookie"), COOKIES, "and no other");
    let vary = answer.all("vary").join(", ").to_ascii_lowercase();
    assert!(vary.contains("authorization, cookie"), "{vary}");
    let seen = world.application.seen();
    let [seen] = seen.as_slice() else {
        panic!("once: {seen:?}")
    };
    assert_eq!(seen.all("x-user-id"), ["U2ann"]);
    assert_eq!(seen.all("x-tenant-id"), ["T2acme"]);
    assert_eq!(seen.all("x-tenant-roles"), [ROLES]);
    for name in ["x-tenant-permissions", "x-auth-session"] {
        assert_eq!(seen.all(name), [""; 0], "only on request");
    }
    assert_eq!(seen.all("x-auth-proxy"), [""; 0], "the secret stays here");
}

/// Commas and what is not ASCII within a role are encoded.
const ROLES: &str = "owner,Gr%C3%B6%C3%9Fe%2C%20XL";

async fn what_is_said_on_request_arrives_too(kind: Kind) {
    let settings = [
        ("PERMISSIONS", "true"),
        ("SESSION_HEADER", "X-Auth-Session"),
    ];
    let world = setup(kind).settings(&settings).start().await;
    let signed_in = world.signed_in();
    let request = Request::get("/").field("Cookie", signed_in.cookies());
    assert_eq!(world.ask(&request).await.status(), 200);
    let seen = world.application.seen().pop().unwrap();
    assert_eq!(seen.all("x-tenant-permissions"), ["-"], "none");
    assert_eq!(seen.all("x-auth-session"), [signed_in.session_jwt()]);
}

async fn who_has_chosen_no_tenant_is_said_to_have_none(kind: Kind) {
    let world = world(kind).await;
    let request = Request::get("/").field("Cookie", world.without_tenant().cookies());
    assert_eq!(
        world
            .ask(&request.field("X-Tenant-Id", "T2acme"))
            .await
            .status(),
        200
    );
    let seen = world.application.seen().pop().unwrap();
    assert_eq!(seen.all("x-user-id"), ["U2ann"]);
    assert_eq!(seen.all("x-tenant-id"), ["-"]);
    assert_eq!(seen.all("x-tenant-roles"), ["-"]);
}

async fn an_answer_of_the_application_passes_as_it_is(kind: Kind) {
    let world = world(kind).await;
    let cookies = world.signed_in().cookies().to_owned();
    for (target, status) in [("/missing", 404), ("/broken", 500), ("/denied", 403)] {
        let answer = world
            .ask(&Request::get(target).field("Cookie", &cookies))
            .await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.body(), "the application's page");
        assert_eq!(answer.all("set-cookie"), COOKIES);
        assert_eq!(answer.field("x-descope-rejection"), None);
    }
}

async fn calls_of_a_session_are_answered_by_the_program(kind: Kind) {
    let world = world(kind).await;
    let call = Request::new("POST", "/auth/refresh")
        .field("Cookie", &world.to_renew())
        // By these the program knows a question of the proxy's.
        .field("X-Auth-Proxy", "a guess")
        .field("X-Forwarded-Method", "GET")
        .field("Content-Type", "application/json");
    let answer = world.ask(&call.body(b"{}".to_vec())).await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    assert!(answer.body().contains("sessionExpiration"), "{answer:?}");
    assert_eq!(answer.all("set-cookie").len(), 2);
    assert_eq!(world.application.seen().len(), 0);
    // Without a session, too.
    let call = Request::new("POST", "/auth/logout").field("Content-Type", "application/json");
    assert_eq!(world.ask(&call.body(b"{}".to_vec())).await.status(), 200);
}

async fn the_application_is_asked_for_what_the_client_asked_for(kind: Kind) {
    let world = world(kind).await;
    let cookies = world.signed_in().cookies().to_owned();
    // Paths at which the service itself has something to say are the application's, too.
    let targets = [
        "/healthz?x=%2F..%2F",
        "/readyz",
        "/check",
        "/a%20b/c;d?e=f&g=%C3%B6",
    ];
    for target in targets {
        let request = Request::new("DELETE", target).field("Cookie", &cookies);
        let answer = world.ask(&request.field("X-Mine", "kept")).await;
        assert_eq!(answer.status(), 200, "{target}");
    }
    let seen = world.application.seen();
    let asked: Vec<_> = seen.iter().map(|it| it.uri.as_str()).collect();
    assert_eq!(asked, targets);
    for seen in &seen {
        assert_eq!(seen.method, "DELETE");
        assert_eq!(seen.all("host"), [world.host()]);
        assert_eq!(seen.all("x-mine"), ["kept"]);
        assert_eq!(seen.all("x-user-id"), ["U2ann"]);
    }
}

async fn a_preflight_passes_for_nobody_where_told_so(kind: Kind) {
    let preflight = Request::new("OPTIONS", "/")
        .without_site()
        .field("Origin", "https://spa.example")
        .field("Access-Control-Request-Method", "POST");
    let settings = [("ORIGINS", "https://spa.example")];
    let told = [settings[0], ("PASS_CORS_PREFLIGHT", "true")];
    for (settings, status) in [(&settings[..], 401), (&told, 200)] {
        let world = setup(kind).settings(settings).start().await;
        let answer = world.ask(&preflight).await;
        assert_eq!(answer.status(), status, "{answer:?}");
        let seen = world.application.seen();
        assert_eq!(seen.len(), usize::from(status == 200));
        for seen in seen {
            assert_eq!(seen.method, "OPTIONS");
            assert_eq!(seen.all("x-user-id"), ["-"]);
            assert_eq!(seen.all("x-tenant-id"), ["-"]);
        }
        // What follows brings its own cookies, and is judged by them.
        let follows = Request::new("POST", "/")
            .without_site()
            .field("Origin", "https://spa.example");
        let nobody = world.ask(&follows.clone().body(b"a=b".to_vec())).await;
        assert_eq!(nobody.status(), 401, "{nobody:?}");
        let ann = follows.field("Cookie", world.signed_in().cookies());
        let answer = world.ask(&ann.body(b"a=b".to_vec())).await;
        assert_eq!(answer.status(), 200, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lines_of_the_chapter_answer_preflights_and_nothing_else() {
    for kind in [Kind::Nginx, Kind::Caddy] {
        let world = setup(kind).change(Change::Preflights).start().await;
        let request = |method: &str, origin: &str| {
            let request = Request::new(method, "/orders").without_site();
            let request = request.field("Access-Control-Request-Method", "POST");
            request.field("Origin", origin)
        };
        let origin = "https://spa.example.com";
        let answer = world.ask(&request("OPTIONS", origin)).await;
        assert_eq!(answer.status(), 204, "{answer:?}");
        let told = answer.field("access-control-allow-origin");
        assert_eq!(told, Some(origin));
        let told = answer.field("access-control-allow-credentials");
        assert_eq!(told, Some("true"));
        for other in [
            request("GET", origin),
            request("OPTIONS", "https://evil.example"),
            request("OPTIONS", "https://spa.example.com.evil.example"),
        ] {
            let answer = world.ask(&other).await;
            assert_eq!(answer.status(), 401, "{answer:?}");
            assert_eq!(answer.field("access-control-allow-origin"), None);
        }
        assert_eq!(world.application.seen().len(), 0);
    }
}
