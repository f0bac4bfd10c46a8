//! The service that was polled ready is the one that is called, at once or after waiting for keys.

use std::time::Duration;

use http::{Request, Response};
use tower::{Service, ServiceBuilder, ServiceExt, limit::ConcurrencyLimit};
use tower_descope::{TenantLayer, test_util::FakeDescope};
use tower_test::mock;

use crate::support::{seen, token};

fn request(token: &str) -> Request<()> {
    Request::get("/")
        .header("authorization", format!("Bearer {token}"))
        .body(())
        .unwrap()
}

async fn handle(request: Request<()>) -> Result<Response<String>, std::convert::Infallible> {
    Ok(Response::new(seen(&request)))
}

#[tokio::test]
async fn over_a_concurrency_limit_of_one_hot_and_cold() {
    let fake = FakeDescope::start().await;
    let limited = ConcurrencyLimit::new(tower::service_fn(handle), 1);
    let mut service = ServiceBuilder::new()
        .layer(TenantLayer::new(fake.descope()))
        .service(limited);
    // The first waits for keys, the others do not.
    for _ in 0..3 {
        let response = service
            .ready()
            .await
            .unwrap()
            .call(request(&token(&fake)))
            .await
            .unwrap();
        assert_eq!(response.body(), "U1@T1");
    }
    // While one waits for keys, the permit that it was polled ready with is free for others.
    let fake = FakeDescope::start().await;
    let limited = ConcurrencyLimit::new(tower::service_fn(handle), 1);
    let mut service = ServiceBuilder::new()
        .layer(TenantLayer::new(fake.descope()))
        .service(limited);
    let waiting = service.ready().await.unwrap().call(request(&token(&fake)));
    let mut waiting = Box::pin(waiting);
    let second = tokio::time::timeout(Duration::from_secs(5), service.ready());
    assert!(second.await.is_ok(), "the one permit was given back");
    // And it is asked for again, once the verdict is in.
    let early = tokio::time::timeout(Duration::from_millis(100), &mut waiting);
    assert!(early.await.is_err(), "another has the permit now");
    drop(service);
    assert_eq!(waiting.await.unwrap().body(), "U1@T1");
}

#[tokio::test]
async fn over_a_buffer_hot_and_cold() {
    let fake = FakeDescope::start().await;
    let service = ServiceBuilder::new()
        .layer(TenantLayer::new(fake.descope()))
        .buffer(1)
        .service(tower::service_fn(handle));
    for _ in 0..3 {
        let response = service
            .clone()
            .oneshot(request(&token(&fake)))
            .await
            .unwrap();
        assert_eq!(response.body(), "U1@T1");
    }
}

#[tokio::test]
async fn a_refused_request_does_not_reach_the_inner_service() {
    let fake = FakeDescope::start().await;
    let (inner, mut handle) = mock::pair::<Request<()>, Response<String>>();
    handle.allow(2);
    let mut service = ServiceBuilder::new()
        .layer(TenantLayer::new(fake.descope()))
        .service(inner);
    let garbage = service.ready().await.unwrap().call(request("garbage"));
    assert_eq!(garbage.await.unwrap().status(), 401);

    let good = service.ready().await.unwrap().call(request(&token(&fake)));
    let good = tokio::spawn(good);
    let (request, send) = handle.next_request().await.unwrap();
    send.send_response(Response::new(seen(&request)));
    assert_eq!(good.await.unwrap().unwrap().body(), "U1@T1");
}

#[tokio::test]
async fn readiness_is_the_inner_services() {
    let fake = FakeDescope::start().await;
    let (inner, mut handle) = mock::pair::<Request<()>, Response<String>>();
    handle.allow(0);
    let mut service = ServiceBuilder::new()
        .layer(TenantLayer::new(fake.descope()))
        .service(inner);
    let ready = tokio::time::timeout(Duration::from_millis(20), service.ready()).await;
    assert!(ready.is_err(), "the inner service is not ready");
    handle.allow(1);
    assert!(service.ready().await.is_ok());
}
