//! Several runtimes in one process, and one without timers.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use tokio::runtime::{Builder, Runtime};
use tower_descope::{SessionToken, jwks::KeyCache, test_util::FakeDescope};

use crate::support::token;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn keys_are_fetched_on_one_runtime_while_another_that_fetched_before_stands_still() {
    let (first, second) = (runtime(), runtime());
    let fake = first.block_on(FakeDescope::start());
    // So long that nobody waits for its end by accident.
    let keys = KeyCache::new().fetch_deadline(Duration::from_secs(30));
    let descope = fake.descope_builder().key_cache(keys).build().unwrap();
    let verify = |token: String| {
        let descope = descope.clone();
        async move { descope.verify(&SessionToken::new(token)).await }
    };
    first.block_on(verify(token(&fake))).unwrap();
    // From now on nobody drives the first one; it lives on.
    fake.rotate_keys_keeping_old();
    second.block_on(verify(token(&fake))).unwrap();
    assert_eq!(fake.key_fetches(), 2);
    drop(first);
}

/// As the documentation of the handle says, and tokio's message names the remedy.
#[test]
fn a_runtime_without_timers_panics_as_documented_and_spoils_nothing() {
    let whole = runtime();
    let fake = whole.block_on(FakeDescope::start());
    let descope = fake.descope();
    let session = SessionToken::new(token(&fake));
    let without = Builder::new_current_thread().enable_io().build().unwrap();
    let verified = catch_unwind(AssertUnwindSafe(|| {
        without.block_on(descope.verify(&session)).is_ok()
    }));
    let panic = verified.unwrap_err();
    let message = panic.downcast_ref::<String>().map(String::as_str);
    let message = message.or_else(|| panic.downcast_ref::<&str>().copied());
    assert!(message.unwrap().contains("enable_time"), "{message:?}");
    drop(without);
    // The handle is as good as before on a runtime that has them.
    whole.block_on(descope.verify(&session)).unwrap();
    // Where nothing has to be waited for, no timer is needed.
    let without = Builder::new_current_thread().build().unwrap();
    without.block_on(descope.verify(&session)).unwrap();
}
