//! The end of a session.

use super::{
    super::record::{Claimed, EndedBy, Ending, Published},
    Bench, LONG, Replica, SHORT, dead, is_busy, look, name, past, predecessor, publication, sealed,
    taken,
};

pub(crate) async fn a_dead_token_is_dead_for_everybody_for_its_time(bench: &dyn Bench) {
    let (owner, other) = (Replica::at(bench), Replica::at(bench));
    for by in [EndedBy::Descope, EndedBy::Reuse] {
        owner.claim(name(1)).await;
        owner.end(name(1), Ending::Dead(by, SHORT)).await;
        owner.claim(name(2)).await;
        owner.end(name(2), Ending::Dead(by, LONG)).await;
        assert_eq!(look(bench, name(2)).await, Some(dead(by)));
        assert_eq!(taken(other.claim(name(2)).await), dead(by));
        assert_eq!(taken(other.sign_out(name(2)).await), dead(by));
        assert_eq!(taken(owner.claim(name(2)).await), dead(by));
        bench.pass(past(SHORT)).await;
        assert_eq!(look(bench, name(1)).await, None);
        bench.forget_all().await;
    }
}

pub(crate) async fn a_death_is_noted_where_there_is_no_record_and_over_no_other(bench: &dyn Bench) {
    let (owner, other) = (Replica::at(bench), Replica::at(bench));
    let death = Ending::Dead(EndedBy::Descope, LONG);
    bench.store().link(name(1), name(9), LONG).await.unwrap();
    other.end(name(1), death).await;
    assert_eq!(look(bench, name(1)).await, Some(dead(EndedBy::Descope)));
    assert_eq!(predecessor(bench, name(1)).await, Some(name(9)));
    owner.claim(name(2)).await;
    other.end(name(2), death).await;
    is_busy(&look(bench, name(2)).await.unwrap());
    owner.publish(name(3), &publication("a")).await;
    other.end(name(3), death).await;
    assert_eq!(sealed(look(bench, name(3)).await), "a, whole");
}

pub(crate) async fn a_sign_out_ends_whatever_there_is(bench: &dyn Bench) {
    let (owner, other) = (Replica::at(bench), Replica::at(bench));
    owner.claim(name(2)).await;
    owner.publish(name(3), &publication("a")).await;
    owner.claim(name(4)).await;
    owner.end(name(4), Ending::Rest(LONG)).await;
    other
        .end(name(5), Ending::Dead(EndedBy::Descope, LONG))
        .await;
    for number in 1..=5 {
        let ending = Ending::Dead(EndedBy::SignOut, LONG);
        other.end(name(number), ending).await;
        let told = look(bench, name(number)).await;
        assert_eq!(told, Some(dead(EndedBy::SignOut)), "{number}");
        // An answer that comes afterwards changes nothing.
        let published = owner.publish(name(number), &publication("late")).await;
        assert_eq!(published, Published::SignedOut, "{number}");
        let told = taken(owner.claim(name(number)).await);
        assert_eq!(told, dead(EndedBy::SignOut), "{number}");
    }
}

pub(crate) async fn a_sign_out_that_claims_leaves_nothing_for_others(bench: &dyn Bench) {
    let (owner, other) = (Replica::at(bench), Replica::at(bench));
    assert_eq!(owner.sign_out(name(1)).await, Claimed::Own);
    assert_eq!(owner.sign_out(name(1)).await, Claimed::Own);
    assert_eq!(taken(other.claim(name(1)).await), dead(EndedBy::SignOut));
    assert_eq!(look(bench, name(1)).await, Some(dead(EndedBy::SignOut)));
    is_busy(&taken(other.sign_out(name(1)).await));
}

pub(crate) async fn a_sign_out_marks_a_claim_and_an_answer(bench: &dyn Bench) {
    let (owner, out) = (Replica::at(bench), Replica::at(bench));
    owner.claim(name(1)).await;
    owner.publish(name(2), &publication("a")).await;
    is_busy(&taken(out.sign_out(name(1)).await));
    let told = taken(out.sign_out(name(2)).await);
    assert_eq!(sealed(Some(told)), "a, whole");
    for name in [name(1), name(2)] {
        let told = taken(Replica::at(bench).claim(name).await);
        assert_eq!(told, dead(EndedBy::SignOut));
        assert_eq!(look(bench, name).await, Some(dead(EndedBy::SignOut)));
    }
    // The owner's call is under way, and its claim goes on.
    assert_eq!(owner.claim(name(1)).await, Claimed::Own);
    is_busy(&taken(out.sign_out(name(1)).await));
}

pub(crate) async fn an_answer_that_comes_after_a_sign_out_is_nobodys(bench: &dyn Bench) {
    let (owner, out) = (Replica::at(bench), Replica::at(bench));
    owner.claim(name(1)).await;
    is_busy(&taken(out.sign_out(name(1)).await));
    let published = owner.publish(name(1), &publication("a")).await;
    assert_eq!(published, Published::SignedOut);
    assert_eq!(taken(owner.claim(name(1)).await), dead(EndedBy::SignOut));
    let told = taken(out.sign_out(name(1)).await);
    assert_eq!(sealed(Some(told)), "a, whole", "it walks on from there");
}

pub(crate) async fn what_descope_ended_an_answer_opens_again(bench: &dyn Bench) {
    let (owner, late) = (Replica::at(bench), Replica::at(bench));
    owner.claim(name(1)).await;
    let death = Ending::Dead(EndedBy::Reuse, LONG);
    owner.end(name(1), death).await;
    let published = late.publish(name(1), &publication("a")).await;
    assert_eq!(published, Published::Foreign);
    assert_eq!(sealed(look(bench, name(1)).await), "a, whole");
    owner.claim(name(2)).await;
    owner.end(name(2), Ending::Rest(LONG)).await;
    let published = late.publish(name(2), &publication("a")).await;
    assert_eq!(published, Published::Foreign);
    assert_eq!(sealed(look(bench, name(2)).await), "a, whole");
}
