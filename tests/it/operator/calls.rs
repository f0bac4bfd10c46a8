//! Calls to Descope that fail: a line for each call, not for each request.

use std::time::Duration;

use tokio::task::JoinSet;
use tower_descope::test_util::Canned;
use tracing::Level;

use super::assert_told_once;
use crate::{
    routes::{ME, MY_TENANTS, routes},
    support::{
        Log,
        browser::Browser,
        settled,
        world::{EXPIRY, REFRESH, fake, late},
    },
};

const FAILED: &str = "a call to descope failed";

#[tokio::test]
async fn an_outage_is_one_line_for_each_failed_call() {
    let (fake, log) = (fake().start().await, Log::default());
    let descope = fake.descope();
    descope.warm_up().await.unwrap();
    let app = late(&descope);
    let mut ann = Browser::ann(&fake);
    fake.clock().advance(EXPIRY);
    descope.warm_up().await.unwrap();
    for _ in 0..3 {
        fake.respond_next(REFRESH, Canned::error(500, "E990500", "oops"));
    }
    let _kept = log.up_to(Level::INFO);
    for second in 1..=3 {
        for _ in 0..200 {
            assert_eq!(ann.visit(&app).await.status(), 503);
        }
        assert_eq!(fake.calls(REFRESH), second);
        assert_eq!(log.lines(FAILED).len(), second, "{}", log.text());
        fake.clock().advance(Duration::from_secs(1));
    }
    assert_eq!(
        log.text().lines().count(),
        3,
        "nothing else: {}",
        log.text()
    );
    assert!(log.text().contains("call=\"refresh\""), "{}", log.text());
    assert!(log.text().contains("status=500"), "{}", log.text());
    assert_eq!(ann.visit(&app).await.status(), 200);
}

#[tokio::test]
async fn a_failed_call_says_how_many_requests_shared_it() {
    let (fake, log) = (fake().start().await, Log::default());
    let descope = fake.descope();
    descope.warm_up().await.unwrap();
    let routes = routes(&descope);
    let ann = Browser::ann(&fake);
    for (path, body) in [(REFRESH, "{}"), (ME, "")] {
        fake.hang_path(path, true);
        fake.respond_next(path, Canned::error(500, "E990500", "oops"));
        let _kept = log.up_to(Level::INFO);
        let mut requests = JoinSet::new();
        for _ in 0..20 {
            let (mut tab, routes) = (ann.clone(), routes.clone());
            requests.spawn(async move { tab.call(&routes, path, body).await.status });
        }
        fake.wait_for_calls(path, 1).await;
        settled(&fake).await;
        fake.hang_path(path, false);
        let statuses = requests.join_all().await;
        assert_eq!(statuses, [503; 20], "{path}");
        assert_eq!(fake.calls(path), 1, "{path}");
    }
    let lines = log.lines(FAILED);
    assert_eq!(lines.len(), 2, "{}", log.text());
    for line in lines {
        assert!(
            line.contains("WARN") && line.contains("requests=20"),
            "{line}"
        );
    }
}

#[tokio::test]
async fn what_descope_refuses_is_no_warning() {
    let (fake, log) = (fake().start().await, Log::default());
    let descope = fake.descope();
    let routes = routes(&descope);
    let mut ann = Browser::ann(&fake);
    fake.respond_next(REFRESH, Canned::error(401, "E062108", "no"));
    let _kept = log.up_to(Level::INFO);
    assert_eq!(ann.refresh(&routes).await.status, 401);
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn a_call_that_is_overdue_is_told_at_its_deadline() {
    let (fake, log) = (fake().start().await, Log::default());
    let descope = fake.descope();
    descope.warm_up().await.unwrap();
    let routes = routes(&descope);
    let mut ann = Browser::ann(&fake);
    fake.hang_path(REFRESH, true);
    let _kept = log.up_to(Level::INFO);
    let passing = async {
        fake.wait_for_calls(REFRESH, 1).await;
        fake.clock().advance(Duration::from_secs(11));
    };
    let (answer, ()) = tokio::join!(ann.refresh(&routes), passing);
    assert_eq!(answer.status, 503);
    assert_told_once(&log, Level::WARN, FAILED, "requests=1");
    fake.hang_path(REFRESH, false);
    descope.drain().await;
}

#[tokio::test]
async fn calls_that_are_held_back_are_told_once_a_minute() {
    let (fake, log) = (fake().start().await, Log::default());
    let descope = fake.descope();
    let routes = routes(&descope);
    let ann = Browser::ann(&fake);
    let _kept = log.up_to(Level::INFO);
    for n in 0..40 {
        let body = format!(r#"{{"ids":["T{n}"]}}"#);
        ann.clone().call(&routes, MY_TENANTS, &body).await;
    }
    assert_told_once(
        &log,
        Level::WARN,
        "calls to descope are held back",
        "asked too often",
    );
}
