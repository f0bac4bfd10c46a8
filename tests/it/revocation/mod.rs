//! Sessions that are refused before their time is over, in one process.

mod marks;
mod replicas;
mod sign_outs;

use std::time::Duration;

use tower_descope::{
    Descope, Mark, Revocation, UserId,
    test_util::{FakeDescope, FakeDescopeBuilder},
};

use crate::support::world;

/// Which of the two is the same without shared state.
pub(crate) fn revocation() -> Revocation {
    Revocation::strict(Duration::from_secs(1))
}

/// A handle that refuses what was revoked, its fake, and a moment after the sessions of its users began.
async fn handle(fake: FakeDescopeBuilder) -> (FakeDescope, Descope) {
    let fake = fake.start().await;
    let builder = fake.descope_builder().revocation(revocation());
    let descope = builder.build().unwrap();
    (fake, descope)
}

async fn world() -> (FakeDescope, Descope) {
    handle(world::fake()).await
}

pub(crate) fn user(id: &str) -> Mark {
    Mark::user(&UserId::new(id).unwrap())
}
