//! Renewal in the layer as a Tower service: among other layers, over limits, polled and dropped.

use std::convert::Infallible;

use http::{Method, Request, Response};
use tower::{Service, ServiceBuilder, ServiceExt, limit::ConcurrencyLimit};

use crate::{
    support::{app_with, call, code, seen},
    support::{
        browser::{Browser, set_cookies},
        world::{ALMOST, EXPIRY, REFRESH, early, fake, layer},
    },
};

async fn handle(request: Request<()>) -> Result<Response<String>, Infallible> {
    Ok(Response::new(seen(&request)))
}

#[tokio::test]
async fn nested_layers_share_one_call_and_write_each_cookie_once() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let service = ServiceBuilder::new()
        .layer(layer(&descope, 60))
        .layer(layer(&descope, 60).require_tenant())
        .service_fn(handle);
    let browser = Browser::signed_in(&fake, "ann@example.test");
    fake.clock().advance(EXPIRY);
    let response = service.oneshot(browser.get()).await.unwrap();
    assert_eq!(response.body(), "U1@T1");
    assert_eq!(set_cookies(response.headers()).len(), 2);
    assert_eq!(fake.calls(REFRESH), 1);
}

#[tokio::test]
async fn the_guard_of_own_writes_comes_first() {
    let fake = fake().start().await;
    let app = app_with(layer(&fake.descope(), 60).cookies_same_origin_only());
    let browser = Browser::signed_in(&fake, "ann@example.test");
    fake.clock().advance(EXPIRY);
    let post = |site| browser.request(Method::POST, &[("sec-fetch-site", site)]);
    let response = call(&app, post("cross-site")).await;
    assert_eq!(code(&response), "cross_site");
    assert_eq!(fake.calls(REFRESH), 0);
    assert_eq!(call(&app, post("same-origin")).await.body(), "U1@T1");
}

#[tokio::test]
async fn the_service_that_was_polled_ready_is_called_over_limits_and_buffers() {
    let fake = fake().start().await;
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    let mut service = ServiceBuilder::new()
        .layer(layer(&fake.descope(), 60))
        .service(ConcurrencyLimit::new(tower::service_fn(handle), 1));
    for _ in 0..3 {
        fake.clock().advance(EXPIRY);
        let waiting = service.ready().await.unwrap().call(browser.get());
        let second = tokio::time::timeout(std::time::Duration::from_secs(5), service.ready());
        assert!(second.await.is_ok(), "the one permit was given back");
        // Ready and not called, it has the permit now; its clone has none.
        service = service.clone();
        let response = waiting.await.unwrap();
        assert_eq!(response.body(), "U1@T1");
        browser.keep(response.headers());
        // Beside the inner service, too.
        fake.clock().advance(ALMOST);
        let response = service.ready().await.unwrap().call(browser.get());
        browser.keep(response.await.unwrap().headers());
    }
    assert_eq!(fake.calls(REFRESH), 6);

    let service = ServiceBuilder::new()
        .layer(layer(&fake.descope(), 60))
        .buffer(1)
        .service(tower::service_fn(handle));
    for _ in 0..3 {
        fake.clock().advance(EXPIRY);
        let response = service.clone().oneshot(browser.get()).await.unwrap();
        assert_eq!(response.body(), "U1@T1");
        browser.keep(response.headers());
    }
}

#[tokio::test]
async fn the_future_can_be_sent_and_may_be_dropped_at_each_poll() {
    fn sent<T: Send>(value: T) -> T {
        value
    }
    for before in [EXPIRY, ALMOST] {
        let mut finished = false;
        for polls in 1.. {
            let fake = fake().start().await;
            let descope = fake.descope();
            let app = early(&descope);
            let mut browser = Browser::signed_in(&fake, "ann@example.test");
            fake.clock().advance(before);
            let service = ServiceBuilder::new()
                .layer(layer(&descope, 60))
                .service_fn(handle);
            let mut future = Box::pin(sent(service.oneshot(browser.get())));
            let mut left = polls;
            std::future::poll_fn(|cx| {
                left -= 1;
                match future.as_mut().poll(cx) {
                    std::task::Poll::Ready(_) => finished = true,
                    std::task::Poll::Pending if left > 0 => return std::task::Poll::Pending,
                    std::task::Poll::Pending => {}
                }
                std::task::Poll::Ready(())
            })
            .await;
            drop(future);
            // The browser saw nothing of it, and goes on with what it has, now and later.
            for _ in 0..2 {
                assert_eq!(browser.visit(&app).await.body(), "U1@T1", "{polls} polls");
                fake.clock().advance(EXPIRY);
            }
            assert_eq!(browser.visit(&app).await.body(), "U1@T1", "{polls} polls");
            if finished {
                break;
            }
        }
    }
}
