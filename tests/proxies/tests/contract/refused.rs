//! Who has no session, or not the right one, is told why by the proxy, and the application hears nothing.

use tower_descope_proxies::{Answer, Kind, Request, World};

use crate::{at_each_proxy, setup, world};

at_each_proxy!(
    who_is_not_signed_in_is_told_so,
    who_opens_a_page_without_a_session_is_led_to_the_sign_in,
    no_word_of_the_clients_leads_a_browser_elsewhere,
    a_session_that_is_over_is_removed_from_the_browser,
    who_has_chosen_no_tenant_is_told_so,
    a_write_from_another_site_is_refused,
    contradicting_credentials_are_refused,
    more_cookies_than_are_read_are_refused,
    who_cannot_be_judged_now_is_told_to_come_again,
);

/// A refusal with its code, about which the application has not been asked.
fn is_refused(world: &World, answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status(), status, "{answer:?}");
    assert_eq!(
        answer.field("x-descope-rejection"),
        Some(code),
        "{answer:?}"
    );
    assert!(answer.body().contains(code), "{answer:?}");
    assert!(!answer.body().contains("application's page"));
    assert_eq!(world.application.seen().len(), 0);
}

async fn who_is_not_signed_in_is_told_so(kind: Kind) {
    let world = world(kind).await;
    let answer = world.ask(&Request::get("/")).await;
    is_refused(&world, &answer, 401, "missing_token");
    let challenge = answer.field("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer"), "{challenge}");
}

async fn who_opens_a_page_without_a_session_is_led_to_the_sign_in(kind: Kind) {
    // nginx makes the redirect itself.
    let redirects = if kind == Kind::Nginx { "false" } else { "true" };
    let settings = [("SIGN_IN_URL", "/sign-in"), ("REDIRECTS", redirects)];
    let world = setup(kind).settings(&settings).start().await;
    let opened = |request: Request| {
        let request = request.field("Sec-Fetch-Mode", "navigate");
        request.field("Sec-Fetch-Dest", "document")
    };
    let answer = world
        .ask(&opened(Request::get("/orders?of=may&by=ann")))
        .await;
    assert_eq!(answer.status(), 302, "{answer:?}");
    let location = "/sign-in?return_to=%2Forders%3Fof%3Dmay%26by%3Dann";
    assert_eq!(answer.field("location"), Some(location));
    let script = Request::get("/orders").field("Sec-Fetch-Mode", "cors");
    let form = opened(Request::new("POST", "/orders").body(b"a=b".to_vec()));
    for request in [script, form] {
        is_refused(&world, &world.ask(&request).await, 401, "missing_token");
    }
}

async fn no_word_of_the_clients_leads_a_browser_elsewhere(kind: Kind) {
    for sign_in in ["/sign-in", ""] {
        let redirects = if kind == Kind::Nginx || sign_in.is_empty() {
            "false"
        } else {
            "true"
        };
        let mut settings = vec![("REDIRECTS", redirects)];
        if !sign_in.is_empty() {
            settings.push(("SIGN_IN_URL", sign_in));
        }
        let world = setup(kind).settings(&settings).start().await;
        for mode in [
            "navigate https://evil.test/x.js?",
            "navigate  https://evil.test/",
            "GET navigate https://evil.test/",
            "navigate",
        ] {
            let request = Request::get("/assets/app.js").field("Sec-Fetch-Mode", mode);
            let request = request.field("Sec-Fetch-Dest", "document");
            let answer = world.ask(&request).await;
            let location = answer.field("location").unwrap_or_default();
            assert!(!location.contains("evil.test"), "{mode}: {answer:?}");
            assert!(
                location.is_empty() || location.starts_with("/sign-in?"),
                "{answer:?}"
            );
            assert_eq!(
                answer.all("cache-control"),
                ["no-store"],
                "{mode}: {answer:?}"
            );
        }
    }
}

async fn a_session_that_is_over_is_removed_from_the_browser(kind: Kind) {
    let world = world(kind).await;
    let cookies = world.to_renew();
    world.fake.log_out("ann@acme.test");
    let answer = world
        .ask(&Request::get("/").field("Cookie", &cookies))
        .await;
    is_refused(&world, &answer, 401, "missing_token");
    let removed = answer.all("set-cookie");
    assert_eq!(removed.len(), 2, "{answer:?}");
    for line in removed {
        assert!(line.contains("Max-Age=0"), "{line}");
    }
}

async fn who_has_chosen_no_tenant_is_told_so(kind: Kind) {
    let world = setup(kind)
        .settings(&[("REQUIRE_TENANT", "true")])
        .start()
        .await;
    let request = Request::get("/").field("Cookie", world.without_tenant().cookies());
    let answer = world.ask(&request).await;
    is_refused(&world, &answer, 403, "no_active_tenant");
}

async fn a_write_from_another_site_is_refused(kind: Kind) {
    let world = world(kind).await;
    let request = Request::new("POST", "/")
        .without_site()
        .field("Cookie", world.signed_in().cookies())
        .field("Origin", "https://evil.example")
        .field("Sec-Fetch-Site", "cross-site")
        // What the client says of the method is not asked.
        .field("X-Forwarded-Method", "GET")
        .body(b"a=b".to_vec());
    let answer = world.ask(&request).await;
    is_refused(&world, &answer, 403, "cross_site");
}

async fn contradicting_credentials_are_refused(kind: Kind) {
    let world = world(kind).await;
    let token = world.signed_in();
    let bearer = format!("Bearer {}", token.session_jwt());
    let request = Request::get("/").field("Authorization", &bearer);
    let answer = world
        .ask(&request.field("Authorization", "Bearer another"))
        .await;
    // nginx takes no field `Authorization` twice; Envoy makes one of two.
    assert!([400, 401].contains(&answer.status()), "{answer:?}");
    assert_eq!(world.application.seen().len(), 0);
}

async fn more_cookies_than_are_read_are_refused(kind: Kind) {
    let world = world(kind).await;
    let mut request = Request::get("/").field("Cookie", world.signed_in().cookies());
    for name in ["a", "b", "c"] {
        request = request.field("Cookie", &format!("{name}={}", "x".repeat(25_000)));
    }
    let answer = world.ask(&request).await;
    // HAProxy has no room for them.
    if kind == Kind::Haproxy {
        assert_eq!(answer.status(), 400, "{answer:?}");
        assert_eq!(world.application.seen().len(), 0);
    } else {
        is_refused(&world, &answer, 400, "headers_too_large");
    }
}

async fn who_cannot_be_judged_now_is_told_to_come_again(kind: Kind) {
    let world = world(kind).await;
    let cookies = world.to_renew();
    world.fake.fail_always(Some(503));
    let answer = world
        .ask(&Request::get("/").field("Cookie", &cookies))
        .await;
    assert_eq!(answer.status(), 503);
    assert!(answer.field("retry-after").is_some(), "{answer:?}");
    assert_eq!(answer.all("set-cookie"), [""; 0], "cookies stay");
    assert_eq!(world.application.seen().len(), 0);
    // Envoy keeps nothing of an answer with 5xx.
    if kind != Kind::Envoy {
        is_refused(&world, &answer, 503, "renewal_unavailable");
    }
}
