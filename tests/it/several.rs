//! Several cookies of one name: judged on whose they are, never by position.

use tower_descope::test_util::FakeDescope;

use crate::support::{app, code, send};

/// The verdict on session cookies, which must not depend on their order or on whether they come
/// in one field.
async fn verdict(fake: &FakeDescope, tokens: &[&str]) -> String {
    let app = app(&fake.descope());
    let mut verdicts = Vec::new();
    let mut orders = vec![tokens.to_vec(), tokens.iter().rev().copied().collect()];
    let mut rotated = tokens.to_vec();
    rotated.rotate_left(1);
    orders.push(rotated);
    for order in orders {
        let one_field: Vec<String> = order.iter().map(|token| format!("DS={token}")).collect();
        let joined = one_field.join("; ");
        let fields: Vec<(&str, &str)> = one_field
            .iter()
            .map(|cookie| ("cookie", &**cookie))
            .collect();
        for fields in [vec![("cookie", &*joined)], fields] {
            let response = send(&app, &fields).await;
            verdicts.push(if response.status() == 200 {
                response.into_body()
            } else {
                format!("{} {}", response.status().as_u16(), code(&response))
            });
        }
    }
    verdicts.dedup();
    assert_eq!(verdicts.len(), 1, "order decided: {verdicts:?}");
    verdicts.remove(0)
}

#[tokio::test]
async fn the_youngest_token_of_one_user_counts_and_its_expiry_is_the_verdict() {
    let fake = FakeDescope::start().await;
    let session = || fake.session("U1").tenant("T1", |t| t).tenant("T2", |t| t);
    let old = session()
        .active("T1")
        .issued_at(-300)
        .expires_in(300)
        .token();
    let young = session()
        .active("T2")
        .issued_at(-10)
        .expires_in(590)
        .token();
    assert_eq!(verdict(&fake, &[&old, &young]).await, "U1@T2");

    let ended = session()
        .active("T2")
        .issued_at(-20)
        .expires_in(-10)
        .token();
    assert_eq!(verdict(&fake, &[&old, &ended]).await, "401 expired_token");
}

#[tokio::test]
async fn tokens_of_different_users_contradict_each_other_even_if_one_has_expired() {
    let fake = FakeDescope::start().await;
    let mine = fake.session("U1").expired().token();
    let planted = fake.session("U2").token();
    assert_eq!(
        verdict(&fake, &[&mine, &planted]).await,
        "400 ambiguous_credentials"
    );
}

#[tokio::test]
async fn what_is_not_genuine_neither_wins_nor_locks_out() {
    let fake = FakeDescope::start().await;
    let mine = fake.session("U1").tenant("T1", |t| t).active("T1").token();
    let forged = fake.session("U2").signed_by_stranger().token();
    let refresh = fake.refresh("U2").token();
    let tokens = [&*forged, &*mine, &*refresh, "garbage"];
    assert_eq!(verdict(&fake, &tokens).await, "U1@T1");
    assert_eq!(verdict(&fake, &[&forged, "x"]).await, "401 invalid_token");
}

#[tokio::test]
async fn more_than_four_different_values_are_refused_whatever_they_are() {
    let fake = FakeDescope::start().await;
    let mine = fake.session("U1").token();
    let tokens = [&*mine, "a", "b", "c", "d"];
    assert_eq!(verdict(&fake, &tokens).await, "400 ambiguous_credentials");
    // The same value again is no other value.
    let tokens = [&*mine, &*mine, "a", "b", "c", "c"];
    assert_eq!(verdict(&fake, &tokens).await, "U1@-");
}

#[tokio::test]
async fn twins_of_one_second_are_told_apart_the_same_way_in_any_order() {
    let fake = FakeDescope::start().await;
    let session = || fake.session("U1").tenant("T1", |t| t).tenant("T2", |t| t);
    let (one, two) = (
        session().active("T1").token(),
        session().active("T2").token(),
    );
    verdict(&fake, &[&one, &two]).await;
}
