//! A Descope that does everything wrong that a server, a network or a clock can do, and what comes
//! of it: for its keys, and for each call.
//!
//! `cargo test --test it faults -- --nocapture` prints a table of faults and outcomes.

mod answers;
mod bomb;
mod calls;
mod clock;
mod doors;
pub(crate) mod hostile;
mod key_sets;
mod keys;
mod retry_after;
mod rotation;
pub(crate) mod rows;
#[cfg(feature = "rustls")]
mod tls;

use std::{future::Future, sync::Arc};

use tokio::{sync::Semaphore, task::JoinSet};

/// How many cases run at a time.
const AT_ONCE: usize = 24;

/// Runs cases beside each other. One that fails says so, and lets the others go on; after the last
/// of them, and what `then` makes of those that passed, it is a failure.
pub(crate) async fn all<T: Send + 'static, C>(
    cases: impl IntoIterator<Item = C>,
    then: impl FnOnce(Vec<T>),
) where
    C: Future<Output = T> + Send + 'static,
{
    let free = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for case in cases {
        let free = free.clone();
        running.spawn(async move {
            let _turn = free.acquire().await.unwrap();
            case.await
        });
    }
    let (mut passed, mut failed) = (Vec::new(), 0);
    while let Some(case) = running.join_next().await {
        match case {
            Ok(shown) => passed.push(shown),
            Err(_) => failed += 1,
        }
    }
    then(passed);
    assert_eq!(failed, 0, "cases that failed");
}
