//! Threads that serve requests at the same time must not slow each other down. The ratio of two
//! threads to one is 1 where there are two idle processors, and nothing is shared but reads.
//!
//! A warm request writes to two places that others may have written to: the count of readers of its
//! bucket in the cache, and the count of its session's clones. Where each thread serves users of its
//! own (`verified_before`) they stay with its processor; where any thread serves any user
//! (`warm_request`) they travel from one to the other.

use std::{
    convert::Infallible,
    hint::black_box,
    sync::{Arc, Barrier},
    thread::{self, ScopedJoinHandle},
    time::{Duration, Instant},
};

use http::Request;
use tower::{Layer, Service, service_fn};
use tower_descope::{SessionToken, TenantLayer};

use crate::{
    bed::{Bed, call, get, handler, now},
    row::{Bench, Row},
};

/// What thread number so and so does, again and again.
type Work = Arc<dyn Fn(usize) -> Box<dyn FnMut()> + Send + Sync>;

/// The users of `warm_request`.
const USERS: usize = 1_000;

pub(crate) fn bench(bench: &mut Bench, bed: &Bed) {
    let good = bed.session().token();
    // Its key is found, and its signature is refused by its length: nothing else weighs as much as
    // the look-up can.
    let (signed, _) = good.rsplit_once('.').expect("a compact token");
    let cut = format!("{signed}.AA");
    // What this machine makes of two threads that share a key and nothing else.
    let signature = Arc::new(bed.signature_check(&good));
    let signature = move |_: usize| {
        let signature = Arc::clone(&signature);
        boxed(move || signature())
    };
    let verdict = |token: String| {
        let descope = bed.descope.clone();
        let token = SessionToken::new(token);
        move |_: usize| {
            let (descope, token) = (descope.clone(), token.clone());
            boxed(move || {
                let _ = black_box(now(descope.verify(&token)));
            })
        }
    };
    let tokens =
        [bed.session(), bed.session().claim("n", 2)].map(|it| SessionToken::new(it.token()));
    let caching = bed.caching.clone();
    let warm = move |thread: usize| {
        let (descope, token) = (caching.clone(), tokens[thread].clone());
        boxed(move || {
            let _ = black_box(now(descope.verify(&token)));
        })
    };
    let session = bed.session();
    let tokens = (0..USERS).map(|n| session.clone().claim("n", n).token());
    let requests: Arc<[_]> = tokens
        .map(|token| get(&[("authorization", &format!("Bearer {token}"))]))
        .collect();
    let bare = requests_of(Arc::clone(&requests), || service_fn(handler));
    let layer = TenantLayer::new(bed.caching.clone());
    let guarded = requests_of(requests, move || layer.layer(service_fn(handler)));
    let mut rows = Vec::new();
    for (name, work) in [
        ("signature_alone", Arc::new(signature) as Work),
        ("key_found", Arc::new(verdict(cut))),
        ("verified", Arc::new(verdict(good))),
        ("verified_before", Arc::new(warm)),
        ("bare_request", Arc::new(bare)),
        ("warm_request", Arc::new(guarded)),
    ] {
        let one = format!("{name}_on_1_thread");
        rows.push(Row::timed(&one, on_threads(1, &work)));
        rows.push(Row::timed(format!("{name}_on_2_threads"), on_threads(2, &work)).over(one));
    }
    bench.group("keys", rows);
}

fn boxed(work: impl FnMut() + 'static) -> Box<dyn FnMut()> {
    Box::new(work)
}

/// Requests of all users in turn; each thread begins with another one.
fn requests_of<S>(
    requests: Arc<[Request<()>]>,
    service: impl Fn() -> S + Send + Sync,
) -> impl Fn(usize) -> Box<dyn FnMut()> + Send + Sync
where
    S: Service<Request<()>, Error = Infallible> + 'static,
{
    move |thread| {
        let (requests, mut service) = (Arc::clone(&requests), service());
        let mut at = thread * USERS / 2;
        boxed(move || {
            at = (at + 7) % USERS;
            let _ = black_box(call(&mut service, requests[at].clone()));
        })
    }
}

/// Each thread does the work `times` times; the slowest says how long it took.
fn on_threads(threads: usize, work: &Work) -> impl FnMut(u64) -> Duration + 'static {
    let work = Arc::clone(work);
    move |times| {
        let start = Barrier::new(threads);
        let (start, work) = (&start, &work);
        thread::scope(|scope| {
            let running: Vec<_> = (0..threads)
                .map(|thread| {
                    scope.spawn(move || {
                        let mut work = work(thread);
                        start.wait();
                        let started = Instant::now();
                        for _ in 0..times {
                            work();
                        }
                        started.elapsed()
                    })
                })
                .collect();
            let took = running.into_iter().map(ScopedJoinHandle::join);
            took.map(|took| took.expect("no panic")).max()
        })
        .unwrap_or_default()
    }
}
