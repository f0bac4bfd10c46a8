//! A request that waits, for keys, a renewal or an exchange, holds nothing of the inner service.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Waker},
    time::Duration,
};

use http::{Request, Response};
use tower::{
    BoxError, Layer, Service, ServiceExt,
    buffer::Buffer,
    limit::{ConcurrencyLimit, GlobalConcurrencyLimitLayer, RateLimit, rate::Rate},
    load_shed::LoadShed,
    util::BoxCloneService,
};

use self::bed::{Bed, Door, Strict, WAITS, Wait};
use crate::support::{
    code,
    world::{ALMOST, EXPIRY, REFRESH, fake, layer},
};

mod bed;

type Inner = BoxCloneService<Request<()>, Response<String>, BoxError>;
type Answer = Pin<Box<dyn Future<Output = Result<Response<String>, BoxError>> + Send>>;

/// How many requests wait; more than any limit inside.
const WAITING: usize = 8;

async fn ready<S: Service<Request<()>>>(service: &mut S) -> &mut S
where
    S::Error: std::fmt::Debug,
{
    let ready = poll_fn(|cx| service.poll_ready(cx));
    let ready = tokio::time::timeout(Duration::from_secs(5), ready).await;
    ready.expect("ready without waiting for others").unwrap();
    service
}

fn is_pending(answer: &mut Answer) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    answer.as_mut().poll(&mut cx).is_pending()
}

async fn nothing_is_held(name: &str, inner: impl Fn() -> Inner) {
    for wait in WAITS {
        let bed = Bed::new(wait).await;
        let mut service = bed.layer.layer(inner());
        let mut waiting = Vec::new();
        for _ in 0..WAITING {
            let call = ready(&mut service).await.call(bed.waiting());
            let mut answer: Answer = Box::pin(call);
            assert!(is_pending(&mut answer), "{name}, {wait:?}");
            waiting.push(answer);
        }
        for _ in 0..WAITING {
            let good = ready(&mut service).await.call(bed.good());
            let good = tokio::time::timeout(Duration::from_secs(5), good).await;
            let good = good.expect("waits for nobody").unwrap();
            assert_eq!(good.body(), "U2@T1", "{name}, {wait:?}");
        }
        for answer in &mut waiting {
            assert!(is_pending(answer), "{name}, {wait:?}");
        }
        // Readied and not called, as it would be by a server: its place is its own, not theirs.
        drop(service);
        bed.answer();
        for answer in waiting {
            let answer = answer.await.unwrap();
            assert!(
                answer.body().starts_with("U1"),
                "{name}, {wait:?}: {answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn no_permit_of_a_concurrency_limit_is_held_across_a_wait() {
    nothing_is_held("ConcurrencyLimit", || {
        BoxCloneService::new(ConcurrencyLimit::new(Strict::default(), 1))
    })
    .await;
}

#[tokio::test]
async fn no_permit_of_a_global_concurrency_limit_is_held_across_a_wait() {
    nothing_is_held("GlobalConcurrencyLimitLayer", || {
        BoxCloneService::new(GlobalConcurrencyLimitLayer::new(1).layer(Strict::default()))
    })
    .await;
}

#[tokio::test]
async fn no_slot_of_a_buffer_is_held_across_a_wait() {
    nothing_is_held("Buffer", || {
        BoxCloneService::new(Buffer::new(Strict::default(), 1))
    })
    .await;
    nothing_is_held("Buffer over RateLimit", || {
        let rate = Rate::new(1_000, Duration::from_secs(1));
        BoxCloneService::new(Buffer::new(RateLimit::new(Strict::default(), rate), 1))
    })
    .await;
}

#[tokio::test]
async fn nobody_is_shed_because_others_wait() {
    nothing_is_held("LoadShed", || {
        let limited = ConcurrencyLimit::new(Strict::default(), 1);
        BoxCloneService::new(LoadShed::new(limited))
    })
    .await;
}

#[tokio::test]
async fn what_poll_ready_fails_with_after_a_wait_is_the_responses_error() {
    for wait in WAITS {
        let bed = Bed::new(wait).await;
        let inner = Strict::default();
        let broken = Arc::clone(&inner.broken);
        let mut service = bed.layer.layer(inner);
        let mut answer: Answer = Box::pin(ready(&mut service).await.call(bed.waiting()));
        assert!(is_pending(&mut answer));
        broken.store(true, Relaxed);
        bed.answer();
        let error = answer.await.unwrap_err();
        assert_eq!(error.to_string(), "out of order", "{wait:?}");
    }
}

#[tokio::test]
async fn after_its_wait_a_request_is_refused_without_the_inner_service_and_passes_only_with_it() {
    let bed = Bed::new(Wait::Keys).await;
    let door = Door {
        open: Arc::new(AtomicBool::new(true)),
        waker: Arc::default(),
    };
    let mut service = bed.layer.layer(door.clone());
    let made_up = bed.fake.session("U1").kid("SKmadeup").token();
    let made_up = Request::get("/").header("authorization", format!("Bearer {made_up}"));
    let refused = service.call(made_up.body(()).unwrap());
    let passing = tokio::spawn(service.call(bed.waiting()));
    door.open.store(false, Relaxed);
    bed.answer();
    let refused = refused.await.unwrap();
    assert_eq!(code(&refused), "invalid_token");
    // By now the keys are there for the other, too.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!passing.is_finished(), "the inner service is not ready");
    door.open();
    assert_eq!(passing.await.unwrap().unwrap().body(), "U1@T1");
}

#[tokio::test]
async fn a_response_that_waits_for_an_early_renewal_holds_nothing_either() {
    let fake = fake().start().await;
    let descope = fake.descope();
    descope.warm_up().await.unwrap();
    let inner = ConcurrencyLimit::new(Strict::default(), 1);
    let mut service = layer(&descope, 60).layer(inner);
    let ann = fake.sign_in("ann@example.test");
    fake.clock().advance(ALMOST);
    fake.hang_path(REFRESH, true);
    let request = || {
        let request = Request::get("/").header("host", "app.example");
        request.header("cookie", ann.cookies()).body(()).unwrap()
    };
    let mut answer: Answer = Box::pin(ready(&mut service).await.call(request()));
    assert!(is_pending(&mut answer), "waits for its cookies");
    let other = fake.session("U2").active("T1").token();
    let other = Request::get("/").header("authorization", format!("Bearer {other}"));
    let other = ready(&mut service).await.call(other.body(()).unwrap());
    assert_eq!(other.await.unwrap().body(), "U2@T1");
    fake.hang_path(REFRESH, false);
    fake.clock().advance(EXPIRY);
    assert_eq!(answer.await.unwrap().status(), 200);
    assert!(service.ready().await.is_ok());
}
