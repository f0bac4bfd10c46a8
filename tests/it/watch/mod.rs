//! Connections that end with the session of the request that opened them.

mod bodies;
mod days;
mod ends;
mod over_replicas;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Request, Response, StatusCode};
use tower::{ServiceBuilder, ServiceExt};
use tower_descope::{Descope, SessionEnd, SessionWatch, test_util::FakeDescope};

use crate::support::{browser::Browser, world::layer, yield_often};

/// The watch that a handler behind a layer which renews has over a request's session, and the response's
/// cookies in the browser.
async fn opened(descope: &Descope, browser: &mut Browser) -> SessionWatch {
    let (watch, response) = asked(descope, browser.get()).await;
    assert_eq!(response.status(), StatusCode::OK);
    browser.keep(response.headers());
    watch
}

async fn asked(descope: &Descope, request: Request<()>) -> (SessionWatch, Response<()>) {
    let made = Arc::new(Mutex::new(None));
    let (handle, place) = (descope.clone(), Arc::clone(&made));
    let handler = move |request: Request<()>| {
        let (parts, ()) = request.into_parts();
        *place.lock().unwrap() = Some(handle.watch(&parts));
        async { Ok::<_, Infallible>(Response::new(())) }
    };
    let service = ServiceBuilder::new()
        .layer(layer(descope, 60).optional())
        .service_fn(handler);
    let response = service.oneshot(request).await.unwrap();
    let watch = made.lock().unwrap().take().unwrap();
    (watch, response)
}

/// The end of a watch, if it is known without waiting for time to pass.
async fn ended(watch: &mut SessionWatch) -> Option<SessionEnd> {
    tokio::select! {
        biased;
        end = watch.ended() => Some(end),
        () = yield_often() => None,
    }
}

/// Lets time pass in steps that no watch and no tick misses.
async fn pass(fake: &FakeDescope, seconds: u64) {
    for _ in 0..seconds {
        fake.clock().advance(Duration::from_secs(1));
        yield_often().await;
    }
}
