//! The metrics that an operator sees, by the names that the documentation gives them.

use std::collections::BTreeMap;

use http::Request;
use metrics_util::{
    CompositeKey,
    debugging::{DebugValue, DebuggingRecorder, Snapshotter},
};
use tower::ServiceExt;
use tower_descope::{
    RefreshToken, Revocation, RevocationWebhook, SessionToken, SharedState,
    test_util::{Canned, FakeDescope},
};

use crate::{
    routes::{ME, routes},
    sign_in::adopt,
    support::{app, browser::Browser, send, token, verdict, world::fake},
    webhook::{SECRET, deleted},
};

#[test]
fn requests_and_key_fetches_are_counted_by_outcome() {
    let snapshotter = recorded(async {
        let fake = FakeDescope::start().await;
        let app = app(&fake.descope());
        assert_eq!(verdict(&app, &token(&fake)).await, "U1@T1");
        assert_eq!(verdict(&app, &token(&fake)).await, "U1@T1");
        assert_eq!(verdict(&app, "garbage").await, "invalid_token");
        send(&app, &[]).await;
    });
    let expected = [
        ("tower_descope_key_fetches_total ok", 1),
        ("tower_descope_requests_total admitted", 2),
        ("tower_descope_requests_total invalid_token", 1),
        ("tower_descope_requests_total missing_token", 1),
    ];
    assert_eq!(counters(&snapshotter), expected.map(named).into());
}

#[test]
fn calls_of_the_routes_are_counted_by_call_and_calls_to_descope_are_timed() {
    let snapshotter = recorded(async {
        let fake = fake().start().await;
        let routes = routes(&fake.descope());
        let mut ann = Browser::ann(&fake);
        assert_eq!(ann.refresh(&routes).await.status, 200);
        assert_eq!(ann.call(&routes, ME, "").await.status, 200);
        fake.respond_next(ME, Canned::error(500, "E990500", "oops"));
        assert_eq!(ann.call(&routes, ME, "").await.status, 503);
    });
    let seen = snapshotter.snapshot().into_vec();
    let mut undescribed = seen.iter().filter(|(_, _, text, _)| text.is_none());
    assert!(undescribed.next().is_none(), "each metric is described");
    let counted: BTreeMap<String, u64> = [
        ("tower_descope_key_fetches_total ok", 1),
        ("tower_descope_session_calls_total me ok", 1),
        (
            "tower_descope_session_calls_total me renewal_unavailable",
            1,
        ),
        ("tower_descope_session_calls_total refresh ok", 1),
    ]
    .map(named)
    .into();
    let of = |wanted: fn(&DebugValue) -> Option<u64>| -> BTreeMap<String, u64> {
        let values = seen
            .iter()
            .filter_map(|(key, _, _, value)| Some((label(key), wanted(value)?)));
        values.collect()
    };
    let counters = of(|value| match value {
        DebugValue::Counter(count) => Some(*count),
        _ => None,
    });
    assert_eq!(counters, counted);
    let histograms = of(|value| match value {
        DebugValue::Histogram(times) => u64::try_from(times.len()).ok(),
        _ => None,
    });
    let timed: BTreeMap<String, u64> = [
        ("tower_descope_upstream_call_seconds keys ok", 1),
        ("tower_descope_upstream_call_seconds me ok", 1),
        ("tower_descope_upstream_call_seconds me unavailable", 1),
        ("tower_descope_upstream_call_seconds refresh ok", 1),
    ]
    .map(named)
    .into();
    assert_eq!(histograms, timed);
}

#[test]
fn sign_ins_are_counted_by_door_and_outcome() {
    let snapshotter = recorded(async {
        let fake = fake().start().await;
        let descope = fake.descope();
        let browser = Browser::signed_out(&fake);
        let ann = fake.sign_in("ann@example.test");
        let _ = adopt(&descope, &browser, &ann).await.unwrap();
        let session = SessionToken::new(ann.session_jwt());
        let refresh = RefreshToken::new("garbage");
        let refused = descope.adopt(&browser.headers(), session, refresh);
        refused.await.unwrap_err();
    });
    let counted = counters(&snapshotter).into_iter();
    let counted = counted.filter(|(name, _)| name.starts_with("tower_descope_sign_ins"));
    let expected = [
        ("tower_descope_sign_ins_total handler invalid_token", 1),
        ("tower_descope_sign_ins_total handler ok", 1),
    ];
    assert_eq!(
        counted.collect::<BTreeMap<_, _>>(),
        expected.map(named).into()
    );
}

#[test]
fn audit_events_are_counted_by_outcome() {
    let snapshotter = recorded(async {
        let fake = fake().start().await;
        let builder = fake.descope_builder();
        let shared = SharedState::in_memory();
        let builder = builder.shared_state(shared.clone());
        let descope = builder.revocation(Revocation::available()).build().unwrap();
        let webhook = RevocationWebhook::builder(descope, SECRET).build().unwrap();
        let send = async |signature: Option<String>, body: &str| {
            let mut request = Request::post("/");
            if let Some(signature) = signature {
                request = request.header("x-descope-webhook-s256", signature);
            }
            let request = request.body(body.to_owned()).unwrap();
            webhook.clone().oneshot(request).await.unwrap().status()
        };
        let sign = |body: &str| Some(FakeDescope::webhook_signature(SECRET, body));
        let list = r#"[
            {"action":"UserDeleted","userId":"U1"},
            {"action":"UserModified","userId":"U1"},
            {"action":"LoginSucceed","userId":"U1"},
            {"action":"UsersDeleted"},
            {"action":"UserDeleted","userId":"U1","projectId":"P2another"}
        ]"#;
        assert_eq!(send(sign(list), list).await, 204);
        assert_eq!(send(sign("{"), "{").await, 204);
        assert_eq!(send(None, list).await, 401);
        shared.set_reachable(false);
        assert_eq!(send(sign(&deleted("U2")), &deleted("U2")).await, 503);
    });
    let counted = counters(&snapshotter).into_iter();
    let counted = counted.filter(|(name, _)| name.starts_with("tower_descope_webhook"));
    let expected = [
        ("tower_descope_webhook_events_total marked", 2),
        ("tower_descope_webhook_events_total other_project", 1),
        ("tower_descope_webhook_events_total refused", 1),
        ("tower_descope_webhook_events_total unavailable", 1),
        ("tower_descope_webhook_events_total unknown", 2),
        ("tower_descope_webhook_events_total unreadable", 1),
    ];
    assert_eq!(
        counted.collect::<BTreeMap<_, _>>(),
        expected.map(named).into()
    );
}

/// What is recorded while a future runs on this thread.
fn recorded(work: impl Future<Output = ()>) -> Snapshotter {
    let recorder = DebuggingRecorder::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    metrics::with_local_recorder(&recorder, || runtime.block_on(work));
    recorder.snapshotter()
}

fn named((name, count): (&str, u64)) -> (String, u64) {
    (name.to_owned(), count)
}

/// A metric's name and its labels.
fn label(key: &CompositeKey) -> String {
    let labels: Vec<&str> = key.key().labels().map(metrics::Label::value).collect();
    format!("{} {}", key.key().name(), labels.join(" "))
}

fn counters(snapshotter: &Snapshotter) -> BTreeMap<String, u64> {
    let metrics = snapshotter.snapshot().into_vec().into_iter();
    let counters = metrics.filter_map(|(key, _, _, value)| match value {
        DebugValue::Counter(count) => Some((label(&key), count)),
        _ => None,
    });
    counters.collect()
}
