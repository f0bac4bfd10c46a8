//! Heads that are made late: between Descope's answer and the response's head something else of
//! the same session ended. What is written is the newest by then, or nothing after a logout.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use tower_descope::{SessionRoutes, SessionToken, test_util::FakeDescope};

use super::{Answer, Browser, LOGOUT, ME, REFRESH, SELECT, ask, fake, routes};
use crate::support::eventually;

type Late<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// A call whose answer from Descope has come, but whose response nobody has looked for since.
async fn late<'a>(
    fake: &FakeDescope,
    routes: &'a SessionRoutes,
    ann: &Browser,
    (path, body): (&str, &str),
) -> Late<'a> {
    fake.hang_path(path, true);
    let mut call: Late = Box::pin(ask(routes, ann.sdk_request(path, body)));
    poll_fn(|cx| {
        assert!(call.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    if fake.calls(path) == 0 {
        // Keys are fetched first, by the call itself.
        for _ in 0..500 {
            let polled = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending())).await;
            assert!(polled);
            if fake.calls(path) > 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
    eventually("the call is up", || fake.calls(path) == 1).await;
    fake.hang_path(path, false);
    // This spends nothing, but waits until nothing is up.
    let answer = ann.clone().call(routes, ME, "").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    call
}

#[tokio::test]
async fn a_head_made_after_a_logout_signs_nobody_in() {
    for call in [(REFRESH, "{}"), (SELECT, r#"{"tenant":"T2"}"#)] {
        for rotation in [true, false] {
            let fake = fake().rotation(rotation).start().await;
            let routes = routes(&fake.descope());
            let mut ann = Browser::ann(&fake);
            let late = late(&fake, &routes, &ann, call).await;
            let out = ann.call(&routes, LOGOUT, "{}").await;
            assert_eq!(out.status, 200);
            assert!(ann.jar.is_empty());
            let answer = late.await;
            ann.keep(&answer.headers);
            assert!(ann.jar.is_empty(), "{call:?}: {:?}", answer.cookies());
            assert_eq!(answer.status, 401, "{call:?}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_head_made_after_another_selection_writes_that_ones_cookies() {
    for call in [(REFRESH, "{}"), (SELECT, r#"{"tenant":"T1"}"#)] {
        let fake = fake().start().await;
        let descope = fake.descope();
        let routes = routes(&descope);
        let mut ann = Browser::ann(&fake);
        let late = late(&fake, &routes, &ann, call).await;
        let other = ann.sdk_request(SELECT, r#"{"tenant":"T2"}"#);
        let other = ask(&routes, other).await;
        assert_eq!(other.status, 200, "{}", other.text);
        ann.keep(&other.headers);
        let newest = ann.clone();
        let answer = late.await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        ann.keep(&answer.headers);
        assert_eq!(ann.jar, newest.jar, "{call:?}");
        let session = descope
            .verify(&SessionToken::new(&ann.jar["DS"]))
            .await
            .unwrap();
        assert_eq!(session.active_tenant().unwrap().id(), "T2");
    }
}
