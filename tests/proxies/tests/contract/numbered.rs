//! The fields with numbers, in which the service hands cookies to a proxy, end at the proxy: a page's script
//! could read them, and not the cookies.

use tower_descope_proxies::{Answer, Kind, Request, World};

use crate::{at_each_proxy, setup};

at_each_proxy!(
    no_answer_shows_a_script_the_tokens_of_a_renewal,
    cookies_of_a_refusal_arrive_all_the_same,
);

/// Not one field but `Set-Cookie` has them.
fn shows_nothing(answer: &Answer, numbered: &str) {
    let shown = answer
        .names()
        .find(|name| name.starts_with("x-auth-set-cookie"));
    assert_eq!(shown, None, "NUMBERED_COOKIES={numbered}: {answer:?}");
}

/// The cookies of somebody who is in no tenant and whose session has to be renewed.
fn nowhere_to_renew(world: &World) -> String {
    format!("DSR={}", world.without_tenant().refresh_jwt())
}

async fn no_answer_shows_a_script_the_tokens_of_a_renewal(kind: Kind) {
    // Whatever the service was told: the words for another proxy, too.
    for numbered in ["both", "only", "off"] {
        let settings = [("NUMBERED_COOKIES", numbered), ("REQUIRE_TENANT", "true")];
        let world = setup(kind).settings(&settings).overheard().start().await;
        let page = |target: &str, cookies: &str| Request::get(target).field("Cookie", cookies);

        let passed = world.ask(&page("/", &world.to_renew())).await;
        assert_eq!(passed.status(), 200);
        shows_nothing(&passed, numbered);
        // A renewal, and then a refusal.
        let refused = world.ask(&page("/", &nowhere_to_renew(&world))).await;
        assert_eq!(refused.status(), 403);
        shows_nothing(&refused, numbered);
        let calls = world.fake.calls("/v1/auth/refresh");
        assert_eq!(calls, 2, "both were renewed");
        // An answer of the program itself, which writes cookies too.
        let refresh = Request::new("POST", "/auth/refresh").field("Cookie", &world.to_renew());
        let refreshed = world.ask(&refresh.body(Vec::new())).await;
        assert_eq!(refreshed.status(), 200, "{refreshed:?}");
        assert!(!refreshed.all("set-cookie").is_empty(), "{refreshed:?}");
        shows_nothing(&refreshed, numbered);
        let over = world.to_renew();
        world.fake.log_out("ann@acme.test");
        let removed = world.ask(&page("/", &over)).await;
        assert_eq!(removed.status(), 401);
        shows_nothing(&removed, numbered);
        let heard = world.overheard().to_ascii_lowercase();
        let said = heard.contains("x-auth-set-cookie-");
        assert_eq!(said, numbered != "off", "the service has sent them");
    }
}

async fn cookies_of_a_refusal_arrive_all_the_same(kind: Kind) {
    let settings = [("REQUIRE_TENANT", "true")];
    let world = setup(kind).settings(&settings).start().await;
    let cookies = nowhere_to_renew(&world);
    let request = Request::get("/").field("Cookie", &cookies);
    let answer = world.ask(&request).await;
    assert_eq!(answer.status(), 403);
    let lines = answer.all("set-cookie");
    assert_eq!(lines.len(), 2, "{answer:?}");
    assert!(lines.iter().all(|line| line.contains("HttpOnly")));
    assert_eq!(answer.all("cache-control"), ["no-store"]);
}
