//! A loss of memory, and what all replicas know.

use std::time::Duration;

use super::{
    super::record::Claimed, Bench, LONG, Replica, SHORT, look, name, past, publication, sealed,
    taken,
};

pub(crate) async fn after_a_loss_of_memory_nobody_claims_but_a_sign_out(bench: &dyn Bench) {
    let store = bench.store();
    let careful = Replica {
        quarantine: SHORT * 2,
        ..Replica::at(bench)
    };
    bench.forget_all().await;
    for name in [name(1), name(2)] {
        let claimed = careful.claim(name).await;
        let Claimed::Lost { left } = claimed else {
            panic!("{claimed:?}");
        };
        assert!(!left.is_zero() && left <= SHORT * 2, "{left:?}");
        assert_eq!(look(bench, name).await, None);
    }
    assert_eq!(careful.sign_out(name(1)).await, Claimed::Own);
    // Before it is born it does not settle.
    bench.pass(past(SHORT * 2)).await;
    let claimed = careful.claim(name(2)).await;
    assert!(matches!(claimed, Claimed::Lost { .. }), "{claimed:?}");
    store.tick(None).await.unwrap();
    let claimed = careful.claim(name(2)).await;
    assert!(matches!(claimed, Claimed::Lost { .. }), "{claimed:?}");
    // What is published in the meantime is no loss.
    careful.publish(name(3), &publication("a")).await;
    let told = taken(careful.claim(name(3)).await);
    assert_eq!(sealed(Some(told)), "a, whole");
    bench.pass(past(SHORT * 2)).await;
    assert_eq!(careful.claim(name(2)).await, Claimed::Own);
}

pub(crate) async fn a_birth_is_noted_by_a_tick_alone_and_is_another_after_a_loss(
    bench: &dyn Bench,
) {
    let store = bench.store();
    let first = store.tick(None).await.unwrap();
    bench.pass(SHORT).await;
    let again = store.tick(None).await.unwrap();
    assert_eq!(again.born, first.born);
    assert!(again.age >= SHORT, "{again:?}");
    bench.forget_all().await;
    let replica = Replica::at(bench);
    replica.claim(name(1)).await;
    replica.publish(name(1), &publication("a")).await;
    bench.pass(SHORT).await;
    let lost = store.tick(None).await.unwrap();
    assert!(lost.born != first.born && lost.settles, "{lost:?}");
    assert!(lost.age < SHORT, "{lost:?}");
}

pub(crate) async fn replicas_learn_that_descope_wants_no_calls(bench: &dyn Bench) {
    let store = bench.store();
    assert_eq!(store.tick(None).await.unwrap().slow_down, None);
    store.tick(Some(LONG)).await.unwrap();
    // A shorter time does not shorten it.
    store.tick(Some(SHORT)).await.unwrap();
    bench.pass(past(SHORT)).await;
    let left = store.tick(None).await.unwrap().slow_down.unwrap();
    assert!(left <= LONG && left > SHORT, "{left:?}");
    // It answers again.
    let over = store.tick(Some(Duration::ZERO)).await.unwrap();
    assert_eq!(over.slow_down, None);
    assert_eq!(store.tick(None).await.unwrap().slow_down, None);
    store.tick(Some(SHORT)).await.unwrap();
    bench.pass(past(SHORT)).await;
    assert_eq!(store.tick(None).await.unwrap().slow_down, None);
}
