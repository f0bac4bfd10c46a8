//! The pages of flows, served from this service's origin.

use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use serde_json::json;
use tower::ServiceExt;
use tower_descope::{
    sign_in::flow::FlowPages,
    test_util::{Canned, FakeDescope},
};

use super::{fake, of};

fn pages(fake: &FakeDescope) -> FlowPages {
    let source = format!("{}/pages", fake.url());
    FlowPages::new(of(fake))
        .at("/pages")
        .source(source)
        .unwrap()
}

async fn get(pages: &FlowPages, path: &str) -> Response<String> {
    let request = Request::get(path)
        .body(Empty::<bytes::Bytes>::new())
        .unwrap();
    let (head, body) = pages.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Response::from_parts(head, String::from_utf8(body.to_vec()).unwrap())
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
