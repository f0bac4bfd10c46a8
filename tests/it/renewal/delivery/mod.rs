//! An answer is delivered when the browser shows it, not when it was made.

mod held_up;
mod late;
mod lost;
mod one_account;
mod room;

use std::time::Duration;

use tower_descope::test_util::FakeDescope;

use crate::support::world::{self, REFRESH};

/// Just longer than answers are kept for repeats.
const KEPT: Duration = Duration::from_secs(61);

/// The refresh tokens that were sent to be exchanged, oldest first. None may be sent twice.
fn spent(fake: &FakeDescope) -> Vec<String> {
    world::spent(fake, &[REFRESH])
}
