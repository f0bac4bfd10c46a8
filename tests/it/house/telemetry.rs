//! The counters that an operator sees, by the names that the documentation gives them.

use std::collections::BTreeMap;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tower_descope::test_util::FakeDescope;

use crate::support::{app, send, token, verdict};

#[test]
fn requests_and_key_fetches_are_counted_by_outcome() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let fake = FakeDescope::start().await;
            let app = app(&fake.descope());
            assert_eq!(verdict(&app, &token(&fake)).await, "U1@T1");
            assert_eq!(verdict(&app, &token(&fake)).await, "U1@T1");
            assert_eq!(verdict(&app, "garbage").await, "invalid_token");
            send(&app, &[]).await;
        });
    });
    let counted: BTreeMap<String, u64> = snapshotter
        .snapshot()
        .into_vec()
        .into_iter()
        .map(|(key, _, _, value)| {
            let labels: Vec<&str> = key.key().labels().map(metrics::Label::value).collect();
            let DebugValue::Counter(count) = value else {
                panic!("only counters: {key:?}");
            };
            (format!("{} {}", key.key().name(), labels.join(" ")), count)
        })
        .collect();
    let expected = [
        ("tower_descope_key_fetches_total ok", 1),
        ("tower_descope_requests_total admitted", 2),
        ("tower_descope_requests_total invalid_token", 1),
        ("tower_descope_requests_total missing_token", 1),
    ];
    let expected: BTreeMap<String, u64> = expected
        .map(|(name, count)| (name.to_owned(), count))
        .into();
    assert_eq!(counted, expected);
}
