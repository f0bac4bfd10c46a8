//! Claims, rests and links.

use super::{
    super::record::{Claimed, EndedBy, Ending, Purpose, Record, RecordKind, RecordName},
    Bench, LONG, Replica, SHORT, is_busy, look, name, past, predecessor, publication, sealed,
    taken,
};

pub(crate) async fn a_token_is_claimed_once_and_renewed_by_its_owner(bench: &dyn Bench) {
    let (owner, other) = (Replica::at(bench), Replica::at(bench));
    assert_eq!(look(bench, name(1)).await, None);
    assert_eq!(owner.claim(name(1)).await, Claimed::Own);
    assert_eq!(owner.claim(name(1)).await, Claimed::Own);
    is_busy(&taken(other.claim(name(1)).await));
    is_busy(&look(bench, name(1)).await.unwrap());
    assert_eq!(other.claim(name(2)).await, Claimed::Own, "another token");
}

pub(crate) async fn a_claim_lapses_and_its_renewal_is_none(bench: &dyn Bench) {
    let owner = Replica::at(bench).leasing(SHORT);
    let other = Replica::at(bench);
    assert_eq!(owner.claim(name(1)).await, Claimed::Own);
    bench.pass(past(SHORT)).await;
    assert_eq!(look(bench, name(1)).await, None);
    assert_eq!(other.claim(name(1)).await, Claimed::Own);
    is_busy(&taken(owner.claim(name(1)).await));
}

pub(crate) async fn a_claim_that_is_renewed_lapses_later(bench: &dyn Bench) {
    let owner = Replica::at(bench).leasing(SHORT);
    assert_eq!(owner.claim(name(1)).await, Claimed::Own);
    let owner = owner.leasing(LONG);
    assert_eq!(owner.claim(name(1)).await, Claimed::Own);
    bench.pass(past(SHORT)).await;
    let record = look(bench, name(1)).await.unwrap();
    is_busy(&record);
    // Who polls reckons from the first claim on.
    assert!(
        matches!(record, Record::Busy { age, .. } if age >= SHORT),
        "{record:?}"
    );
}

pub(crate) async fn a_link_changes_no_state_and_outlives_it(bench: &dyn Bench) {
    let replica = Replica::at(bench).leasing(SHORT);
    let store = bench.store();
    replica.claim(name(2)).await;
    store.link(name(2), name(1), LONG).await.unwrap();
    let found = replica.found(name(2), Purpose::Exchange).await;
    assert_eq!(found.state, Claimed::Own);
    assert_eq!(found.predecessor, Some(name(1)));
    assert_eq!(predecessor(bench, name(2)).await, Some(name(1)));
    bench.pass(past(SHORT)).await;
    assert_eq!(look(bench, name(2)).await, None);
    assert_eq!(predecessor(bench, name(2)).await, Some(name(1)));
    // Nor does a state that comes take it away.
    let replica = replica.leasing(LONG);
    replica.claim(name(2)).await;
    replica.publish(name(2), &publication("a")).await;
    assert_eq!(predecessor(bench, name(2)).await, Some(name(1)));
}

pub(crate) async fn a_link_without_a_state_is_no_record(bench: &dyn Bench) {
    let store = bench.store();
    store.link(name(2), name(1), SHORT).await.unwrap();
    assert_eq!(look(bench, name(2)).await, None);
    let owner = Replica::at(bench);
    assert_eq!(owner.claim(name(2)).await, Claimed::Own);
    bench.pass(past(SHORT)).await;
    assert_eq!(predecessor(bench, name(2)).await, None);
    is_busy(&look(bench, name(2)).await.unwrap());
}

pub(crate) async fn a_claim_given_back_is_as_if_it_had_never_been(bench: &dyn Bench) {
    let (owner, other) = (Replica::at(bench), Replica::at(bench));
    let store = bench.store();
    store.link(name(2), name(1), LONG).await.unwrap();
    for name in [name(1), name(2)] {
        owner.claim(name).await;
        owner.end(name, Ending::Free).await;
        owner.end(name, Ending::Free).await;
        assert_eq!(look(bench, name).await, None);
        assert_eq!(other.claim(name).await, Claimed::Own);
    }
    assert_eq!(predecessor(bench, name(2)).await, Some(name(1)));
    // Nor is a sign-out that sent nothing remembered.
    owner.sign_out(name(3)).await;
    owner.end(name(3), Ending::Free).await;
    assert_eq!(other.claim(name(3)).await, Claimed::Own);
}

pub(crate) async fn a_token_at_rest_is_nobodys_but_a_sign_outs(bench: &dyn Bench) {
    let (owner, other) = (Replica::at(bench), Replica::at(bench));
    for name in [name(1), name(2)] {
        owner.claim(name).await;
    }
    owner.end(name(1), Ending::Rest(SHORT)).await;
    owner.end(name(2), Ending::Rest(LONG)).await;
    for replica in [&owner, &other] {
        let told = taken(replica.claim(name(2)).await);
        assert!(
            matches!(told, Record::Rest { left } if left <= LONG),
            "{told:?}"
        );
    }
    assert!(matches!(
        look(bench, name(2)).await,
        Some(Record::Rest { .. })
    ));
    assert_eq!(other.sign_out(name(2)).await, Claimed::Own);
    bench.pass(past(SHORT)).await;
    assert_eq!(look(bench, name(1)).await, None);
    assert_eq!(other.claim(name(1)).await, Claimed::Own);
}

pub(crate) async fn another_attempt_ends_nothing(bench: &dyn Bench) {
    let (owner, other) = (Replica::at(bench), Replica::at(bench));
    owner.claim(name(1)).await;
    for ending in [
        Ending::Free,
        Ending::Rest(LONG),
        Ending::Dead(EndedBy::Descope, LONG),
    ] {
        other.end(name(1), ending).await;
        is_busy(&look(bench, name(1)).await.unwrap());
    }
    assert_eq!(owner.claim(name(1)).await, Claimed::Own);
    for ending in [Ending::Free, Ending::Rest(LONG)] {
        other.end(name(2), ending).await;
        assert_eq!(look(bench, name(2)).await, None);
    }
}

pub(crate) async fn records_of_tokens_and_of_access_keys_are_apart(bench: &dyn Bench) {
    let replica = Replica::at(bench);
    let key = RecordName {
        kind: RecordKind::AccessKey,
        ..name(1)
    };
    assert_eq!(replica.claim(name(1)).await, Claimed::Own);
    assert_eq!(look(bench, key).await, None);
    bench.store().link(key, key, LONG).await.unwrap();
    replica.publish(key, &publication("key")).await;
    assert_eq!(sealed(look(bench, key).await), "key, whole");
    assert_eq!(predecessor(bench, key).await, Some(key));
    is_busy(&look(bench, name(1)).await.unwrap());
}
