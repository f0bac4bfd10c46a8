//! A session that is renewed on the way reaches the browser, whatever the application answers.

use std::time::Duration;

use tower_descope_proxies::{Answer, COOKIES, Kind, Request, STORED, World};

use crate::{at_each_proxy, setup, world};

at_each_proxy!(
    both_cookies_of_a_renewal_arrive_byte_for_byte_beside_the_application_s_own,
    four_cookies_arrive_likewise,
    cookies_of_four_kilobytes_arrive_too,
    a_renewal_may_take_its_time,
    they_arrive_with_any_answer_of_the_application,
    no_cache_is_allowed_to_keep_them,
    what_brings_no_cookies_is_the_application_s_to_have_stored,
    a_browser_that_lost_the_answer_gets_the_same_cookies_again,
);

const REFRESH: &str = "/v1/auth/refresh";

/// The cookies of an answer that are not the application's.
fn renewed(answer: &Answer) -> Vec<String> {
    let all = answer.all("set-cookie").into_iter();
    let ours = all.filter(|line| !COOKIES.contains(line));
    ours.map(str::to_owned).collect()
}

/// The cookies that the service has handed to the proxy.
fn handed_over(world: &World) -> Vec<String> {
    let heard = world.overheard();
    let lines = heard.split("\r\n").filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let name = name.to_ascii_lowercase();
        let is_cookie = name == "set-cookie" || name.starts_with("x-auth-set-cookie-");
        is_cookie.then(|| value.to_owned())
    });
    lines.collect()
}

async fn both_cookies_of_a_renewal_arrive_byte_for_byte_beside_the_application_s_own(kind: Kind) {
    let world = setup(kind).overheard().start().await;
    let cookies = world.to_renew();
    let answer = world
        .ask(&Request::get("/").field("Cookie", &cookies))
        .await;
    assert_eq!(answer.status(), 200);
    let ours = renewed(&answer);
    assert_eq!(ours.len(), 2, "{answer:?}");
    assert_eq!(ours, handed_over(&world));
    let theirs = answer
        .all("set-cookie")
        .into_iter()
        .filter(|line| COOKIES.contains(line));
    assert_eq!(theirs.collect::<Vec<_>>(), COOKIES);
    let stored = answer.all("cache-control");
    assert!(
        stored.iter().any(|it| it.contains("no-store")),
        "{answer:?}"
    );
    assert_eq!(world.application.seen()[0].all("x-tenant-id"), ["T2acme"]);
    // They are what a browser is signed in with.
    let jar: Vec<_> = ours
        .iter()
        .filter_map(|line| line.split(';').next())
        .collect();
    let again = world
        .ask(&Request::get("/").field("Cookie", &jar.join("; ")))
        .await;
    assert_eq!((again.status(), renewed(&again).len()), (200, 0));
}

async fn four_cookies_arrive_likewise(kind: Kind) {
    // Those of a domain of before are removed.
    let settings = [("FORMER_COOKIE_DOMAIN", "example.test")];
    let world = setup(kind).settings(&settings).overheard().start().await;
    let cookies = world.to_renew();
    let answer = world
        .ask(&Request::get("/").field("Cookie", &cookies))
        .await;
    assert_eq!(answer.status(), 200);
    let ours = renewed(&answer);
    assert_eq!(ours.len(), 4, "{answer:?}");
    assert_eq!(ours, handed_over(&world));
}

async fn cookies_of_four_kilobytes_arrive_too(kind: Kind) {
    let world = setup(kind).overheard().start().await;
    let cookies = world.long_to_renew();
    let answer = world
        .ask(&Request::get("/").field("Cookie", &cookies))
        .await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    let ours = renewed(&answer);
    assert_eq!(ours.len(), 2);
    assert_eq!(ours, handed_over(&world));
    // And with them the next request.
    let jar: Vec<_> = ours
        .iter()
        .filter_map(|line| line.split(';').next())
        .collect();
    let again = world
        .ask(&Request::get("/").field("Cookie", &jar.join("; ")))
        .await;
    assert_eq!(again.status(), 200, "{again:?}");
    assert_eq!(
        world.application.seen().pop().unwrap().all("x-user-id"),
        ["U2wendy"]
    );
}

async fn a_renewal_may_take_its_time(kind: Kind) {
    let world = world(kind).await;
    let request = Request::get("/").field("Cookie", &world.to_renew());
    world.fake.delay_path(REFRESH, Duration::from_secs(1));
    let answer = world.ask(&request).await;
    assert_eq!(
        (answer.status(), renewed(&answer).len()),
        (200, 2),
        "{answer:?}"
    );
}

async fn they_arrive_with_any_answer_of_the_application(kind: Kind) {
    let world = world(kind).await;
    for (target, status) in [("/missing", 404), ("/broken", 500), ("/denied", 403)] {
        let request = Request::get(target).field("Cookie", &world.to_renew());
        let answer = world.ask(&request).await;
        assert_eq!(answer.status(), status);
        assert_eq!(renewed(&answer).len(), 2, "{target}: {answer:?}");
    }
}

/// The fields of an answer by which a cache may keep it, `Cache-Control` apart.
fn for_some_caches(answer: &Answer) -> Vec<&str> {
    let names = STORED.iter().map(|(name, _)| *name);
    let names = names.filter(|name| *name != "cache-control");
    names.filter(|name| !answer.all(name).is_empty()).collect()
}

async fn no_cache_is_allowed_to_keep_them(kind: Kind) {
    let world = world(kind).await;
    let request = Request::get("/stored").field("Cookie", &world.to_renew());
    let answer = world.ask(&request).await;
    assert_eq!((answer.status(), renewed(&answer).len()), (200, 2));
    assert_eq!(for_some_caches(&answer), [""; 0], "{answer:?}");
    let said = answer.all("cache-control");
    // nginx says `no-cache` beside it.
    let theirs = said.iter().filter(|it| **it != "no-cache");
    assert_eq!(theirs.collect::<Vec<_>>(), [&"no-store"], "{answer:?}");
}

async fn what_brings_no_cookies_is_the_application_s_to_have_stored(kind: Kind) {
    let world = world(kind).await;
    let page = |target: &str| {
        let request = Request::get(target);
        request.field("Cookie", world.signed_in().cookies())
    };
    let answer = world.ask(&page("/stored")).await;
    assert_eq!((answer.status(), renewed(&answer).len()), (200, 0));
    // Envoy has no way to tell the two apart.
    let said = if kind == Kind::Envoy {
        "no-store"
    } else {
        "public, s-maxage=600"
    };
    assert_eq!(answer.all("cache-control"), [said], "{answer:?}");
}

async fn a_browser_that_lost_the_answer_gets_the_same_cookies_again(kind: Kind) {
    let world = world(kind).await;
    let request = Request::get("/").field("Cookie", &world.to_renew());
    let first = world.ask(&request).await;
    let second = world.ask(&request).await;
    assert_eq!(renewed(&first), renewed(&second));
    assert_eq!(world.fake.calls(REFRESH), 1);
}
