//! Threads that look up keys at the same time must not slow each other down. The ratio of two
//! threads to one is 1 where there are two idle processors, and nothing is shared but reads.

use std::{
    hint::black_box,
    sync::{Arc, Barrier},
    thread::{self, ScopedJoinHandle},
    time::{Duration, Instant},
};

use tower_descope::SessionToken;

use crate::{
    bed::{Bed, now},
    row::{Bench, Row},
};

/// What thread number so and so does.
type Work = Arc<dyn Fn(usize) + Send + Sync>;

pub(crate) fn bench(bench: &mut Bench, bed: &Bed) {
    let good = bed.session().token();
    // Its key is found, and its signature is refused by its length: nothing else weighs as much as
    // the look-up can.
    let (signed, _) = good.rsplit_once('.').expect("a compact token");
    let cut = format!("{signed}.AA");
    // What this machine makes of two threads that share a key and nothing else.
    let signature = bed.signature_check(&good);
    let signature = move |_: usize| signature();
    let verdict = |token: String| {
        let descope = bed.descope.clone();
        let token = SessionToken::new(token);
        move |_: usize| {
            let _ = black_box(now(descope.verify(&token)));
        }
    };
    let tokens =
        [bed.session(), bed.session().claim("n", 2)].map(|it| SessionToken::new(it.token()));
    let caching = bed.caching.clone();
    let warm = move |thread: usize| {
        let _ = black_box(now(caching.verify(&tokens[thread])));
    };
    let mut rows = Vec::new();
    for (name, work) in [
        ("signature_alone", Arc::new(signature) as Work),
        ("key_found", Arc::new(verdict(cut))),
        ("verified", Arc::new(verdict(good))),
        ("verified_before", Arc::new(warm)),
    ] {
        let one = format!("{name}_on_1_thread");
        rows.push(Row::timed(&one, on_threads(1, &work)));
        rows.push(Row::timed(format!("{name}_on_2_threads"), on_threads(2, &work)).over(one));
    }
    bench.group("keys", rows);
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
                        start.wait();
                        let started = Instant::now();
                        for _ in 0..times {
                            work(thread);
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
