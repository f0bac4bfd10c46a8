//! How many calls go up to Descope, whatever browsers ask for.

use std::time::Duration;

use tokio::task::JoinHandle;
use tower_descope::{
    SessionRoutes,
    test_util::{Canned, FakeDescope},
};

use super::{Answer, Browser, HISTORY, ME, MY_TENANTS, REFRESH, SELECT, ask, calls, fake, routes};
use crate::support::{
    browser::untouched,
    call,
    world::{EXPIRY, late},
};

const SECOND: Duration = Duration::from_secs(1);

fn send(browser: &Browser, service: &SessionRoutes, path: &str) -> JoinHandle<Answer> {
    let (service, request) = (service.clone(), browser.sdk_request(path, ""));
    tokio::spawn(async move { ask(&service, request).await })
}

/// Gives every task a turn, some of them twice.
async fn turns() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

fn somebody(fake: &FakeDescope, number: usize) -> Browser {
    let user = format!("O{number}");
    let session = fake.session(&user).tenant("T1", |t| t).active("T1");
    let refresh = fake.refresh(&user).tenant("T1", |t| t).active("T1");
    Browser::with(&session.token(), &refresh.token())
}

#[tokio::test]
async fn five_hundred_equal_calls_at_once_are_one() {
    let fake = fake().start().await;
    let descope = fake.descope();
    descope.warm_up().await.unwrap();
    let service = routes(&descope);
    let ann = Browser::ann(&fake);
    for path in [ME, HISTORY] {
        fake.hang_path(path, true);
        let tabs: Vec<_> = (0..500).map(|_| send(&ann, &service, path)).collect();
        fake.wait_for_calls(path, 1).await;
        turns().await;
        fake.hang_path(path, false);
        for tab in tabs {
            let answer = tab.await.unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        assert_eq!(fake.calls(path), 1, "{path}");
    }
}

#[tokio::test]
async fn equal_calls_that_are_given_up_are_one_at_most_and_none_before_it_was_sent() {
    let fake = fake().start().await;
    let descope = fake.descope();
    descope.warm_up().await.unwrap();
    let service = routes(&descope);
    let ann = Browser::ann(&fake);
    // Behind a call that rotates the token.
    fake.hang_path(REFRESH, true);
    let refresh = {
        let (service, request) = (service.clone(), ann.sdk_request(REFRESH, "{}"));
        tokio::spawn(async move { ask(&service, request).await })
    };
    fake.wait_for_calls(REFRESH, 1).await;
    let tabs: Vec<_> = (0..500).map(|_| send(&ann, &service, ME)).collect();
    turns().await;
    for tab in &tabs {
        tab.abort();
    }
    turns().await;
    fake.hang_path(REFRESH, false);
    assert_eq!(refresh.await.unwrap().status, 200);
    descope.drain().await;
    assert_eq!(fake.calls(ME), 0);
    // With nothing in the way the first is sent at once, and the others join it.
    let ann = Browser::ann(&fake);
    let tabs: Vec<_> = (0..500).map(|_| send(&ann, &service, ME)).collect();
    tokio::task::yield_now().await;
    for tab in &tabs {
        tab.abort();
    }
    descope.drain().await;
    assert!(fake.calls(ME) <= 1);
}

#[tokio::test]
async fn a_descope_that_hangs_holds_thirty_calls_a_second_and_not_three_hundred() {
    let fake = fake().start().await;
    let descope = fake.descope();
    descope.warm_up().await.unwrap();
    let service = routes(&descope);
    fake.hang_path(ME, true);
    let before = calls(&fake);
    let others: Vec<_> = (0..300)
        .map(|number| send(&somebody(&fake, number), &service, ME))
        .collect();
    fake.wait_for_calls(ME, 30).await;
    turns().await;
    assert_eq!(calls(&fake) - before, 30);
    let waiting = others.iter().filter(|other| !other.is_finished()).count();
    assert_eq!(waiting, 30);
    fake.hang_path(ME, false);
    let mut refused = 0;
    for other in others {
        let answer = other.await.unwrap();
        if answer.status == 503 {
            refused += 1;
            assert_eq!(answer.error(), "renewal_unavailable");
            assert!(answer.cookies().is_empty());
        } else {
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
    }
    assert_eq!(refused, 270);
    fake.clock().advance(SECOND);
    let answer = send(&somebody(&fake, 1_000), &service, ME).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn one_session_that_asks_all_the_time_leaves_room_for_the_quiet_ones() {
    let fake = fake().start().await;
    let descope = fake.descope();
    descope.warm_up().await.unwrap();
    let service = routes(&descope);
    let busy: Vec<_> = (0..5).map(|number| somebody(&fake, number)).collect();
    for _ in 0..10 {
        for browser in &busy {
            send(browser, &service, ME).await.unwrap();
        }
    }
    for number in 10..22 {
        let answer = send(&somebody(&fake, number), &service, ME).await.unwrap();
        assert_eq!(answer.status, 200, "{number}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_token_that_descope_refuses_goes_up_once_in_ten_seconds() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let app = late(&descope);
    let ann = Browser::ann(&fake);
    fake.clock().advance(EXPIRY);
    descope.warm_up().await.unwrap();
    for path in [REFRESH, ME] {
        for _ in 0..60 {
            fake.respond_next(path, Canned::error(400, "E011001", "no"));
        }
    }
    for stands in [10, 20, 40] {
        fake.clear_requests();
        for _ in 0..50 {
            assert!(untouched(&call(&app, ann.get()).await));
        }
        fake.clock().advance(SECOND * (stands - 1));
        call(&app, ann.get()).await;
        assert_eq!(fake.calls(REFRESH), 1, "for {stands} seconds");
        fake.clock().advance(SECOND);
    }
    // And what spends nothing, by what is asked.
    let service = routes(&descope);
    fake.clear_requests();
    for _ in 0..50 {
        let answer = ask(&service, ann.sdk_request(ME, "")).await;
        assert_eq!(answer.status, 503, "{}", answer.text);
        assert!(answer.cookies().is_empty());
    }
    assert_eq!(fake.calls(ME), 1);
    assert_eq!(
        ask(&service, ann.sdk_request(HISTORY, "")).await.status,
        200
    );
}

#[tokio::test]
async fn what_descope_refused_of_a_token_it_is_asked_again_of_the_next_one() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let service = routes(&descope);
    let mut ann = Browser::ann(&fake);
    for path in [ME, HISTORY] {
        fake.respond_next(path, Canned::error(400, "E011001", "no"));
        let refused = ann.call(&service, path, "").await;
        assert_eq!(refused.status, 503, "{path}");
        let again = ann.call(&service, path, "").await;
        assert_eq!((again.status, fake.calls(path)), (503, 1), "{path}");
        assert_eq!(ann.refresh(&service).await.status, 200);
        let asked = ann.call(&service, path, "").await;
        assert_eq!((asked.status, fake.calls(path)), (200, 2), "{path}");
    }
}

#[tokio::test]
async fn while_descope_asks_to_slow_down_one_refresh_a_second_goes_up() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let (app, service) = (late(&descope), routes(&descope));
    let mut browsers: Vec<_> = (0..40).map(|number| somebody(&fake, number)).collect();
    let first = Browser::ann(&fake);
    fake.clock().advance(EXPIRY);
    descope.warm_up().await.unwrap();
    for _ in 0..5 {
        let canned = Canned::error(429, "E130429", "slow").header("retry-after", "600");
        fake.respond_next(REFRESH, canned);
    }
    assert_eq!(call(&app, first.get()).await.status(), 503);
    for second in 0..4 {
        for browser in &browsers {
            let response = call(&app, browser.get()).await;
            assert_eq!(response.status(), 503);
            assert!(response.headers().contains_key("retry-after"));
            assert!(untouched(&response));
        }
        assert_eq!(fake.calls(REFRESH), 2 + second);
        for (path, body) in [(ME, ""), (MY_TENANTS, r#"{"dct":true}"#), (HISTORY, "")] {
            let answer = ask(&service, browsers[7].sdk_request(path, body)).await;
            assert_eq!((answer.status, fake.calls(path)), (503, 0), "{path}");
        }
        fake.clock().advance(SECOND);
    }
    // Descope is well again: the next second's call says so to everybody.
    let (mut well, mut again) = (0, 0);
    for browser in &mut browsers {
        if browser.visit(&app).await.status() == 200 {
            well += 1;
        }
    }
    for browser in &mut browsers {
        again += usize::from(browser.visit(&app).await.status() == 200);
    }
    assert_eq!((well >= 36, again >= 36), (true, true), "{well} {again}");
    fake.clock().advance(SECOND * 2);
    for browser in &mut browsers {
        assert_eq!(browser.visit(&app).await.status(), 200);
    }
    assert_eq!(
        ask(&service, browsers[7].sdk_request(ME, "")).await.status,
        200
    );
}

#[tokio::test]
async fn a_session_makes_ten_calls_of_a_kind_at_once_and_then_one_a_second() {
    let fake = fake().start().await;
    let descope = fake.descope();
    descope.warm_up().await.unwrap();
    let service = routes(&descope);
    let mut ann = Browser::ann(&fake);
    let tenants = [r#"{"tenant":"T2"}"#, r#"{"tenant":"T1"}"#];
    for (path, limit) in [(SELECT, 10), (ME, 10)] {
        let mut done = 0;
        for turn in 0..30 {
            let body = if path == SELECT {
                tenants[turn % 2]
            } else {
                ""
            };
            let before = ann.jar.clone();
            let answer = ann.call(&service, path, body).await;
            if answer.status == 200 {
                done += 1;
                continue;
            }
            assert_eq!(answer.status, 503, "{path}: {}", answer.text);
            assert!(answer.headers.contains_key("retry-after"), "{path}");
            assert_eq!(ann.jar, before, "{path}");
        }
        assert_eq!((done, fake.calls(path)), (limit, limit), "{path}");
        fake.clock().advance(SECOND);
        let body = if path == SELECT { tenants[0] } else { "" };
        let answer = ann.call(&service, path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        let body = if path == SELECT { tenants[1] } else { "" };
        assert_eq!(ann.call(&service, path, body).await.status, 503, "{path}");
    }
}
