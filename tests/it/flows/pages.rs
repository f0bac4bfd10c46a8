//! The pages of flows, served from this service's origin.

use std::time::Duration;

use axum::{Router, body::Body, routing::any_service};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use serde_json::json;
use tokio::{runtime::Builder, task::JoinHandle};
use tower::ServiceExt;
use tower_descope::{
    sign_in::flow::FlowPages,
    test_util::{Canned, FakeDescope},
};
use tracing::Level;

use super::{fake, of};
use crate::support::Log;

fn pages(fake: &FakeDescope) -> FlowPages {
    let source = format!("{}/pages", fake.url());
    FlowPages::new(of(fake))
        .at("/pages")
        .source(source)
        .unwrap()
}

/// The path of a file, here and at the fake.
fn path_of(fake: &FakeDescope, file: &str) -> String {
    format!("/pages/{}/v2-beta/{file}", fake.project_id())
}

async fn get(pages: &FlowPages, path: &str) -> Response<String> {
    let request = Request::get(path)
        .body(Empty::<bytes::Bytes>::new())
        .unwrap();
    let (head, body) = pages.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Response::from_parts(head, String::from_utf8(body.to_vec()).unwrap())
}

/// A request that is under way.
fn ask(pages: &FlowPages, path: &str) -> JoinHandle<Response<String>> {
    let (pages, path) = (pages.clone(), path.to_owned());
    tokio::spawn(async move { get(&pages, &path).await })
}

async fn hang_up(request: JoinHandle<Response<String>>) {
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
}

/// Asks for pages that are not at hand, for as many as may be fetched.
async fn use_up_misses(fake: &FakeDescope, pages: &FlowPages) -> usize {
    let mut fetched = 0;
    loop {
        let missing = path_of(fake, &format!("missing-{fetched}.html"));
        match get(pages, &missing).await.status().as_u16() {
            404 => fetched += 1,
            429 => return fetched,
            other => panic!("{missing}: {other}"),
        }
    }
}

#[tokio::test]
async fn the_pages_of_this_project_are_served_and_kept_through_an_outage() {
    let fake = fake().start().await;
    let pages = pages(&fake);
    let path = format!("/pages/{}/v2-beta/config.json", fake.project_id());
    let upstream = path
        .strip_prefix("/pages")
        .map(|path| format!("/pages{path}"))
        .unwrap();
    for _ in 0..3 {
        let page = get(&pages, &path).await;
        assert_eq!(page.status(), 200);
        assert_eq!(page.headers()["content-type"], "application/json");
        assert_eq!(page.headers()["x-content-type-options"], "nosniff");
        assert_eq!(
            page.headers()["content-security-policy"],
            "sandbox; default-src 'none'"
        );
        assert!(page.body().contains("sign-in"), "{}", page.body());
    }
    assert_eq!(fake.calls(&upstream), 1);
    fake.clock().advance(Duration::from_secs(61));
    fake.respond_next(&upstream, Canned::json(500, &json!({})));
    assert_eq!(
        get(&pages, &path).await.status(),
        200,
        "the one that was kept"
    );
    assert_eq!(get(&pages, &path).await.status(), 200);
    assert_eq!(
        fake.calls(&upstream),
        2,
        "Descope is left alone for a while"
    );
    fake.clock().advance(Duration::from_secs(11));
    assert_eq!(get(&pages, &path).await.status(), 200);
    assert_eq!(fake.calls(&upstream), 3);
}

#[tokio::test]
async fn nothing_but_the_files_of_this_project_is_fetched() {
    let fake = fake().start().await;
    let pages = pages(&fake);
    let project = fake.project_id();
    for path in [
        "/pages/P2other/v2-beta/config.json".to_owned(),
        format!("/pages/{project}/v1/config.json"),
        format!("/pages/{project}/v2-beta/"),
        format!("/pages/{project}/v2-beta/config.js"),
        format!("/pages/{project}/v2-beta/../config.json"),
        format!("/pages/{project}/v2-beta/a%2fb.html"),
        format!("/pages/{project}/v2-beta/a/b.html"),
        format!("/pages/{project}/v2-beta/..html"),
        format!("/pages/{project}/v2-beta/{}.html", "x".repeat(128)),
        format!("/{project}/v2-beta/config.json"),
    ] {
        assert_eq!(get(&pages, &path).await.status(), 404, "{path}");
    }
    let keys = fake.keys_path();
    assert!(fake.requests().iter().all(|it| it.path == keys));
    let missing = format!("/pages/{project}/v2-beta/none.html");
    for _ in 0..3 {
        assert_eq!(get(&pages, &missing).await.status(), 404);
    }
    assert_eq!(fake.calls(&missing), 1, "that there is none is kept, too");
    let mut refused = 0;
    for number in 0..40 {
        let path = format!("/pages/{project}/v2-beta/none-{number}.html");
        refused += usize::from(get(&pages, &path).await.status() == 429);
    }
    assert_eq!(
        refused, 11,
        "thirty misses at once, of which one was before"
    );
    assert!(
        FlowPages::new(of(&fake))
            .source("http://pages.example")
            .is_err()
    );
}

#[tokio::test]
async fn of_more_than_two_hundred_and_fifty_six_pages_the_oldest_is_kept_no_more() {
    let fake = fake().start().await;
    let pages = pages(&fake);
    let path = |number: usize| format!("/pages/{}/v2-beta/page-{number}.html", fake.project_id());
    let fetch = async |number: usize| {
        // One that is not at hand may be asked for every two seconds.
        fake.clock().advance(Duration::from_secs(2));
        let html = Canned::html(200, format!("<p>{number}</p>"));
        fake.respond_next(&path(number), html);
        assert_eq!(get(&pages, &path(number)).await.status(), 200, "{number}");
    };
    let through_an_outage = async |number: usize| {
        fake.clock().advance(Duration::from_secs(2));
        fake.respond_next(&path(number), Canned::json(500, &json!({})));
        get(&pages, &path(number)).await.status().as_u16()
    };
    for number in 0..256 {
        fetch(number).await;
    }
    for kept in [1, 255] {
        assert_eq!(through_an_outage(kept).await, 200, "all are kept");
    }
    fetch(256).await;
    assert_eq!(through_an_outage(0).await, 502, "but the oldest");
    for kept in [1, 2, 255, 256] {
        assert_eq!(through_an_outage(kept).await, 200, "{kept}");
    }
}

#[tokio::test]
async fn many_requests_at_once_for_a_page_that_is_not_at_hand_are_one_fetch_and_all_get_it() {
    let fake = fake().start().await;
    let pages = pages(&fake);
    let config = path_of(&fake, "config.json");
    fake.hang_path(&config, true);
    let asking: Vec<_> = (0..40).map(|_| ask(&pages, &config)).collect();
    fake.wait_for_calls(&config, 1).await;
    fake.hang_path(&config, false);
    for page in asking {
        let page = page.await.unwrap();
        assert_eq!(page.status(), 200);
        assert!(page.body().contains("sign-in"), "{}", page.body());
    }
    assert_eq!(fake.calls(&config), 1);
    assert_eq!(use_up_misses(&fake, &pages).await, 29, "it was one miss");
}

#[tokio::test]
async fn a_request_that_is_dropped_loses_neither_the_fetch_nor_a_miss() {
    let fake = fake().start().await;
    let pages = pages(&fake);
    let config = path_of(&fake, "config.json");
    fake.hang_path(&config, true);
    let first = ask(&pages, &config);
    fake.wait_for_calls(&config, 1).await;
    hang_up(first).await;
    for _ in 0..40 {
        let other = ask(&pages, &config);
        // So that it has begun to wait.
        tokio::task::yield_now().await;
        hang_up(other).await;
    }
    fake.hang_path(&config, false);
    assert_eq!(get(&pages, &config).await.status(), 200);
    assert_eq!(fake.calls(&config), 1);
    assert_eq!(use_up_misses(&fake, &pages).await, 29);
}

#[tokio::test]
async fn a_fetch_that_fails_answers_all_who_wait_for_it_and_is_logged_once() {
    let log = Log::default();
    let _kept = log.up_to(Level::WARN);
    let fake = fake().start().await;
    let pages = pages(&fake);
    let config = path_of(&fake, "config.json");
    fake.respond_next(&config, Canned::json(500, &json!({})));
    fake.hang_path(&config, true);
    let asking: Vec<_> = (0..20).map(|_| ask(&pages, &config)).collect();
    fake.wait_for_calls(&config, 1).await;
    fake.hang_path(&config, false);
    for page in asking {
        assert_eq!(page.await.unwrap().status(), 502);
    }
    assert_eq!(fake.calls(&config), 1);
    let said = log.lines("a page of a flow cannot be fetched");
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(get(&pages, &config).await.status(), 200, "asked for again");
    assert_eq!(fake.calls(&config), 2);
}

#[test]
fn a_page_whose_fetch_ends_with_its_runtime_is_fetched_by_the_next_request() {
    let runtime = || Builder::new_current_thread().enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    let fake = second.block_on(fake().start());
    let pages = pages(&fake);
    let config = path_of(&fake, "config.json");
    fake.hang_path(&config, true);
    first.block_on(async {
        let _asking = ask(&pages, &config);
        fake.wait_for_calls(&config, 1).await;
    });
    drop(first);
    fake.hang_path(&config, false);
    let page = second.block_on(get(&pages, &config));
    assert_eq!(page.status(), 200);
    assert_eq!(fake.calls(&config), 2);
}

#[tokio::test]
async fn eight_pages_are_fetched_at_once_and_whoever_asks_for_a_ninth_is_to_wait_a_second() {
    let fake = fake().start().await;
    let pages = pages(&fake);
    let config = path_of(&fake, "config.json");
    assert_eq!(get(&pages, &config).await.status(), 200);
    fake.clock().advance(Duration::from_secs(61));
    let page = |number: usize| path_of(&fake, &format!("page-{number}.html"));
    for number in 0..8 {
        fake.hang_path(&page(number), true);
    }
    let mut asking: Vec<_> = (0..8).map(|number| ask(&pages, &page(number))).collect();
    for number in 0..8 {
        fake.wait_for_calls(&page(number), 1).await;
    }
    let ninth = get(&pages, &page(8)).await;
    assert_eq!(ninth.status(), 429);
    assert_eq!(ninth.headers()["retry-after"], "1");
    assert_eq!(ninth.headers()["cache-control"], "no-store");
    // One that somebody fetches is not refused, and one that is kept serves.
    asking.push(ask(&pages, &page(0)));
    tokio::task::yield_now().await;
    assert_eq!(get(&pages, &config).await.status(), 200);
    assert_eq!(fake.calls(&config), 1, "the one that was kept");
    for number in 0..8 {
        fake.hang_path(&page(number), false);
    }
    for page in asking {
        assert_eq!(page.await.unwrap().status(), 404, "there is none");
    }
    assert_eq!(fake.calls(&page(0)), 1);
    assert_eq!(get(&pages, &config).await.status(), 200);
    assert_eq!(fake.calls(&config), 2);
    assert_eq!(get(&pages, &page(8)).await.status(), 404);
    assert_eq!(fake.calls(&page(8)), 1);
}

#[tokio::test]
async fn whoever_asks_for_too_many_pages_is_told_when_to_ask_again() {
    let fake = fake().start().await;
    let pages = pages(&fake);
    assert_eq!(use_up_misses(&fake, &pages).await, 30);
    let other = path_of(&fake, "other.html");
    for (passed, after) in [(0, "2"), (1_500, "1")] {
        fake.clock().advance(Duration::from_millis(passed));
        let refused = get(&pages, &other).await;
        assert_eq!(refused.status(), 429, "after {passed} ms");
        assert_eq!(refused.headers()["retry-after"], after);
    }
    assert_eq!(fake.calls(&other), 0);
    fake.clock().advance(Duration::from_millis(500));
    assert_eq!(get(&pages, &other).await.status(), 404);
    assert_eq!(fake.calls(&other), 1);
}

#[tokio::test]
async fn a_head_says_the_length_of_what_get_brings_wherever_axum_mounts_the_pages() {
    let fake = fake().start().await;
    let source = format!("{}/pages", fake.url());
    let pages = FlowPages::new(of(&fake)).source(source).unwrap();
    let nested = Router::new().nest_service("/pages", pages.clone());
    let any = any_service(pages.at("/pages"));
    let routed = Router::new().route("/pages/{*file}", any);
    let config = path_of(&fake, "config.json");
    for app in [nested, routed] {
        let send = async |method: Method| {
            let request = Request::builder().method(method).uri(&config);
            let request = request.body(Body::empty()).unwrap();
            let response = app.clone().oneshot(request).await.unwrap();
            let (head, body) = response.into_parts();
            (head, body.collect().await.unwrap().to_bytes())
        };
        let (got, body) = send(Method::GET).await;
        assert_eq!((got.status, body.is_empty()), (StatusCode::OK, false));
        let (head, none) = send(Method::HEAD).await;
        assert_eq!((head.status, none.is_empty()), (StatusCode::OK, true));
        assert_eq!(head.headers["content-length"], body.len().to_string());
        for name in ["content-type", "cache-control"] {
            assert_eq!(head.headers[name], got.headers[name]);
        }
    }
}
