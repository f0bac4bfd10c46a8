//! Runtimes that end, stand still or are not there.

use std::task::{Context, Poll, Waker};

use super::*;

#[test]
fn a_timer_whose_runtime_died_is_replaced_or_made_up_for() {
    let world = World::new(Plan::Keys(vec![jwk("a", ONE)]));
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let first = runtime();
    first.block_on(world.store.warm_up()).unwrap();
    drop(first);
    let second = runtime();
    world.advance(500);
    second.block_on(async {
        assert_eq!(world.settle("a").await, "found");
        world.until_idle(2).await;
        // The timer is back.
        tokio::task::yield_now().await;
        world.advance(500);
        world.until_idle(3).await;
    });
}

#[test]
fn a_runtime_that_ends_during_a_fetch_wedges_nothing() {
    let world = World::new(Plan::Hang);
    let first = tokio::runtime::Runtime::new().unwrap();
    let wait = first.block_on(async { world.get("a") });
    first.shutdown_background();
    let second = tokio::runtime::Runtime::new().unwrap();
    assert_eq!(second.block_on(settle(wait)), "waited, unavailable");
    world.plan(Plan::Keys(vec![jwk("a", ONE)]));
    assert_eq!(
        second.block_on(async { world.settle("a").await }),
        "waited, found"
    );
}

#[test]
fn a_fetch_on_a_runtime_that_nobody_drives_is_given_up() {
    let world = World::new(Plan::Keys(vec![jwk("a", ONE)]));
    let idle = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let waits = {
        let _context = idle.enter();
        [world.get("a"), world.get("b")]
    };
    let second = tokio::runtime::Runtime::new().unwrap();
    let [one, other] = waits;
    second.block_on(async {
        assert_eq!(settle(one).await, "waited, unavailable");
        // The time of the other has run as well.
        let other = tokio::time::timeout(Duration::from_secs(1), settle(other));
        assert_eq!(other.await.unwrap(), "waited, unavailable");
    });
    assert_eq!(
        second.block_on(async { world.settle("a").await }),
        "waited, found"
    );
}

#[test]
fn without_a_runtime_there_is_a_verdict_and_no_panic() {
    let world = World::new(Plan::Keys(vec![jwk("a", ONE)]));
    assert!(matches!(world.get("a"), Lookup::NoRuntime));
    let mut warm_up = std::pin::pin!(world.store.warm_up());
    let Poll::Ready(result) = warm_up
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    else {
        panic!("known at once");
    };
    assert_eq!(result.unwrap_err().kind(), ErrorKind::NoRuntime);

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(world.store.warm_up()).unwrap();
    drop(runtime);
    world.advance(1_000);
    assert!(matches!(world.get("a"), Lookup::Found(_)));
    assert!(matches!(world.get("b"), Lookup::NoRuntime));
}
