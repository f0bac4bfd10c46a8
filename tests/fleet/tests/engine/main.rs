//! The store of shared records on real engines.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code: what cannot go on ends, with a message"
)]

mod cluster;
mod contract;
mod liars;
mod marks;
mod refusals;
mod replicas;
mod server;
mod tls;

use std::time::Duration;

use tower_descope::{
    RedisSettings,
    internals::shared::{Failed, Probe, STEPS},
};
use tower_descope_fleet::{PROJECT, SECRET};

fn settings(url: &str) -> RedisSettings {
    RedisSettings::new(url, SECRET)
}

fn probe(url: &str) -> Probe {
    Probe::new(&settings(url), PROJECT).unwrap()
}

/// One that does not wait for a whole second.
fn impatient(url: &str) -> Probe {
    let settings = settings(url).response_timeout(Duration::from_millis(200));
    Probe::new(&settings, PROJECT).unwrap()
}

/// Makes all steps, each with a record of its own, and returns the first answer that was none of the
/// expected kind of failure.
async fn all_fail(
    probe: &Probe,
    kind: &str,
    steps: &[&str],
) -> Option<(String, Result<String, Failed>)> {
    for (number, step) in (1..).zip(steps) {
        let outcome = probe.make(step, number).await;
        if outcome
            .as_ref()
            .err()
            .is_none_or(|failed| failed.kind != kind)
        {
            return Some(((*step).to_owned(), outcome));
        }
    }
    None
}

async fn all_hold(probe: &Probe) {
    for (number, step) in (1..).zip(STEPS) {
        let outcome = probe.make(step, number).await;
        assert!(outcome.is_ok(), "{step}: {outcome:?}");
    }
}
