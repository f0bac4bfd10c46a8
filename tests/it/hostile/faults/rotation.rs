//! Descope changes its key while strangers use up what unknown keys may cost.

use tower_descope::test_util::FakeDescope;

use super::doors::{Caller, Door};
use crate::support::{advance, app, verdict};

#[tokio::test]
async fn a_new_key_under_a_flood_of_unknown_ones_costs_nobody_the_session() {
    for door in [Door::Select, Door::Refresh, Door::Renew] {
        // Rotates refresh tokens: what an answer brings is all that is left.
        let fake = FakeDescope::builder()
            .user("ann@example.test", |user| {
                user.id("U1").tenant("T1", |t| t).tenant("T2", |t| t)
            })
            .start()
            .await;
        let descope = fake.descope();
        let app = app(&descope);
        let caller = Caller::new(&fake, door);
        for n in 0..5 {
            let unknown = fake.session("U1").kid(&format!("SK{n}")).token();
            assert_eq!(verdict(&app, &unknown).await, "invalid_token");
        }
        fake.rotate_keys_keeping_old();
        // No key may be fetched for a while, so nobody can tell whether this answer is genuine.
        for _ in 0..2 {
            let seen = caller.call(&descope).await;
            let told = if door == Door::Select { 502 } else { 503 };
            assert_eq!(seen.status, told, "{door:?}: {seen:?}");
            assert!(seen.cookies.is_empty(), "{door:?}");
            advance(fake.clock(), 2).await;
        }
        advance(fake.clock(), 11).await;
        let seen = caller.call(&descope).await;
        assert!(caller.is_content_with(&seen), "{door:?}: {seen:?}");
    }
}
