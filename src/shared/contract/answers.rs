//! Answers, and their delivery.

use super::{
    super::record::{Claimed, EndedBy, Ending, Publication, Published, Record},
    Bench, LONG, Replica, SHORT, dead, is_busy, look, name, past, predecessor, publication, sealed,
    taken,
};

pub(crate) async fn an_answer_is_told_to_everybody_whole_and_then_its_tokens(bench: &dyn Bench) {
    let (owner, other) = (Replica::at(bench), Replica::at(bench));
    assert_eq!(owner.claim(name(1)).await, Claimed::Own);
    let answer = Publication {
        keep: SHORT * 10,
        ..publication("a")
    };
    assert_eq!(owner.publish(name(1), &answer).await, Published::Own);
    // An owner whose first word on that was lost.
    assert_eq!(owner.publish(name(1), &answer).await, Published::Own);
    for replica in [&owner, &other] {
        let told = taken(replica.claim(name(1)).await);
        assert_eq!(sealed(Some(told)), "a, whole");
    }
    assert_eq!(sealed(look(bench, name(1)).await), "a, whole");
    bench.pass(past(SHORT * 10)).await;
    let told = taken(other.claim(name(1)).await);
    assert!(matches!(&told, Record::Done(answer) if answer.age >= SHORT * 10));
    assert_eq!(sealed(Some(told)), "a, tokens");
}

pub(crate) async fn an_answer_that_came_long_ago_is_kept_by_its_tokens_alone(bench: &dyn Bench) {
    let answer = Publication {
        age: LONG,
        ..publication("a")
    };
    let replica = Replica::at(bench);
    assert_eq!(replica.publish(name(1), &answer).await, Published::Foreign);
    let told = look(bench, name(1)).await;
    assert!(matches!(&told, Some(Record::Done(answer)) if answer.age >= LONG));
    assert_eq!(sealed(told), "a, tokens");
}

pub(crate) async fn an_answer_is_published_whoever_has_claimed(bench: &dyn Bench) {
    let (owner, late) = (Replica::at(bench), Replica::at(bench));
    assert_eq!(owner.claim(name(1)).await, Claimed::Own);
    let answer = publication("late");
    assert_eq!(late.publish(name(1), &answer).await, Published::Foreign);
    assert_eq!(late.publish(name(2), &answer).await, Published::Foreign);
    for name in [name(1), name(2)] {
        assert_eq!(sealed(look(bench, name).await), "late, whole");
    }
    owner.end(name(1), Ending::Free).await;
    owner.end(name(1), Ending::Rest(LONG)).await;
    assert_eq!(sealed(look(bench, name(1)).await), "late, whole");
}

pub(crate) async fn another_answer_keeps_age_and_delivery_of_the_first(bench: &dyn Bench) {
    let (first, second) = (Replica::at(bench), Replica::at(bench));
    let store = bench.store();
    first.publish(name(1), &publication("first")).await;
    first.publish(name(2), &publication("first")).await;
    assert_eq!(store.deliver(name(2), SHORT).await.unwrap(), None);
    bench.pass(past(SHORT)).await;
    for name in [name(1), name(2)] {
        let published = second.publish(name, &publication("second")).await;
        assert_eq!(published, Published::Foreign);
    }
    let told = look(bench, name(1)).await;
    assert!(matches!(&told, Some(Record::Done(answer)) if answer.age >= SHORT));
    assert_eq!(sealed(told), "second, whole");
    assert_eq!(look(bench, name(2)).await, Some(Record::Late));
}

pub(crate) async fn an_answer_without_delivery_ends_with_its_life(bench: &dyn Bench) {
    let answer = Publication {
        life: SHORT,
        ..publication("a")
    };
    let replica = Replica::at(bench);
    replica.publish(name(1), &answer).await;
    bench.pass(past(SHORT)).await;
    assert_eq!(look(bench, name(1)).await, None);
    assert_eq!(replica.claim(name(1)).await, Claimed::Own);
}

pub(crate) async fn a_delivered_answer_is_late_after_the_keep_time(bench: &dyn Bench) {
    let replica = Replica::at(bench);
    let store = bench.store();
    let answer = Publication {
        life: SHORT,
        ..publication("a")
    };
    replica.publish(name(1), &publication("a")).await;
    replica.publish(name(2), &answer).await;
    assert_eq!(store.deliver(name(1), SHORT).await.unwrap(), None);
    // A delivery gives it the time that it needs.
    assert_eq!(store.deliver(name(2), LONG).await.unwrap(), None);
    bench.pass(past(SHORT)).await;
    assert_eq!(look(bench, name(1)).await, Some(Record::Late));
    assert_eq!(taken(replica.claim(name(1)).await), Record::Late);
    assert_eq!(sealed(look(bench, name(2)).await), "a, whole");
}

pub(crate) async fn a_delivery_is_noted_once_and_tells_the_predecessor(bench: &dyn Bench) {
    let replica = Replica::at(bench);
    let store = bench.store();
    store.link(name(2), name(1), LONG).await.unwrap();
    // Nothing was answered, so nothing was delivered.
    assert_eq!(store.deliver(name(2), LONG).await.unwrap(), None);
    replica.claim(name(2)).await;
    assert_eq!(store.deliver(name(2), LONG).await.unwrap(), None);
    replica.publish(name(2), &publication("a")).await;
    let delivered = store.deliver(name(2), SHORT).await.unwrap();
    assert_eq!(delivered, Some(name(1)));
    let delivered = store.deliver(name(2), LONG).await.unwrap();
    assert_eq!(delivered, None);
    bench.pass(past(SHORT)).await;
    let late = look(bench, name(2)).await;
    assert_eq!(late, Some(Record::Late), "from the first delivery on");
    assert_eq!(predecessor(bench, name(2)).await, Some(name(1)));
}

pub(crate) async fn an_answer_nobody_waits_for_is_late_at_once(bench: &dyn Bench) {
    let replica = Replica::at(bench);
    let answer = Publication {
        delivered: true,
        life: SHORT,
        ..publication("a")
    };
    replica.publish(name(1), &answer).await;
    assert_eq!(look(bench, name(1)).await, Some(Record::Late));
    assert_eq!(bench.store().deliver(name(1), LONG).await.unwrap(), None);
    assert_eq!(taken(replica.claim(name(1)).await), Record::Late);
    bench.pass(past(SHORT)).await;
    assert_eq!(look(bench, name(1)).await, Some(Record::Late));
}

pub(crate) async fn a_late_answer_is_told_to_a_sign_out(bench: &dyn Bench) {
    let replica = Replica::at(bench);
    let answer = Publication {
        delivered: true,
        ..publication("a")
    };
    replica.publish(name(1), &answer).await;
    assert_eq!(look(bench, name(1)).await, Some(Record::Late));
    let told = taken(replica.sign_out(name(1)).await);
    assert!(sealed(Some(told)).starts_with("a, "));
    assert_eq!(look(bench, name(1)).await, Some(dead(EndedBy::SignOut)));
}

pub(crate) async fn a_late_answer_is_told_to_who_looks_back(bench: &dyn Bench) {
    let replica = Replica::at(bench);
    let answer = Publication {
        delivered: true,
        ..publication("a")
    };
    replica.publish(name(1), &answer).await;
    assert_eq!(look(bench, name(1)).await, Some(Record::Late));
    let back = async |name| bench.store().look_back(name).await.unwrap().state;
    assert!(sealed(back(name(1)).await).starts_with("a, "));
    assert_eq!(
        look(bench, name(1)).await,
        Some(Record::Late),
        "it stays so"
    );
    // Of all else it is a look.
    assert_eq!(back(name(2)).await, None);
    replica.claim(name(2)).await;
    is_busy(&back(name(2)).await.unwrap());
    replica.sign_out(name(1)).await;
    assert_eq!(back(name(1)).await, Some(dead(EndedBy::SignOut)));
}

pub(crate) async fn empty_and_large_answers_come_back_as_they_were(bench: &dyn Bench) {
    let replica = Replica::at(bench);
    let all: Vec<u8> = (0..=u8::MAX).collect();
    for (number, sealed) in [Vec::new(), all.repeat(512)].into_iter().enumerate() {
        let answer = Publication {
            whole: sealed.clone(),
            ..publication("a")
        };
        let name = name(u8::try_from(number).unwrap());
        replica.publish(name, &answer).await;
        let told = look(bench, name).await;
        assert!(matches!(told, Some(Record::Done(answer)) if answer.sealed == sealed));
    }
}
