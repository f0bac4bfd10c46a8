//! An answer is delivered when the browser shows it, not when it was made.

mod held_up;
mod late;
mod lost;
mod one_account;
mod room;

use std::time::Duration;

use tower_descope::test_util::FakeDescope;

use crate::support::world::REFRESH;

/// Just longer than answers are kept for repeats.
const KEPT: Duration = Duration::from_secs(61);

/// The refresh tokens that were sent to be exchanged, oldest first. None may be sent twice.
fn spent(fake: &FakeDescope) -> Vec<String> {
    let requests = fake.requests().into_iter();
    let refreshes = requests.filter(|request| request.path == REFRESH);
    let tokens: Vec<String> = refreshes
        .map(|request| request.header("authorization").unwrap().to_owned())
        .collect();
    let mut distinct = tokens.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), tokens.len(), "a token was spent twice");
    tokens
}
