//! The counters of one replica. A service takes an exporter of the `metrics` crate for this, and has one
//! for the whole process: here each replica has a thread of its own, and a recorder on that.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

/// What is shown, and in which words.
const SHOWN: [(&str, &str, &str); 6] = [
    (
        "tower_descope_shared_claims_total",
        "own",
        "claimed the token and called Descope",
    ),
    (
        "tower_descope_shared_claims_total",
        "busy",
        "found another replica's call under way and waited",
    ),
    (
        "tower_descope_shared_claims_total",
        "answered",
        "took over another replica's answer",
    ),
    (
        "tower_descope_shared_claims_total",
        "memory_lost",
        "held back: Redis has just lost its memory",
    ),
    (
        "tower_descope_shared_claims_total",
        "ended",
        "found that the user has signed out",
    ),
    (
        "tower_descope_renewals_total",
        "renewed",
        "renewed the session",
    ),
];

/// By the name of a counter and its outcome.
type Numbers = BTreeMap<(String, String), Arc<AtomicU64>>;

#[derive(Clone, Default)]
pub(crate) struct Counters(Arc<Mutex<Numbers>>);

impl Counters {
    /// What has been counted since this was asked last, in words.
    pub(crate) fn news(&self) -> Vec<&'static str> {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let news = SHOWN.iter().filter(|(name, outcome, _)| {
            let key = ((*name).to_owned(), (*outcome).to_owned());
            counted.get(&key).is_some_and(|it| it.swap(0, Relaxed) > 0)
        });
        news.map(|(_, _, words)| *words).collect()
    }
}

impl Recorder for Counters {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let outcome = key.labels().find(|label| label.key() == "outcome");
        let outcome = outcome.map_or("", |label| label.value()).to_owned();
        let mut numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = numbers.entry((key.name().to_owned(), outcome)).or_default();
        Counter::from_arc(Arc::clone(counter))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
