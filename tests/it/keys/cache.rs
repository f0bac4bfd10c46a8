//! The key cache as its users feel it: outages, floods, rotations. All by counting fetches and by
//! moving a clock.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use tower_descope::{
    ErrorKind, RefreshToken, SessionToken, sign_in::CodeRecipient, test_util::FakeDescope,
};

use crate::support::{Log, advance, app, child, eventually, in_child, token, verdict, with_bearer};

const TTL: u64 = 600;
const COOL_DOWN: u64 = 10;
const STALE: u64 = 3_600;

#[tokio::test]
async fn a_hundred_first_requests_cost_one_fetch() {
    let fake = FakeDescope::start().await;
    let app = app(&fake.descope());
    let token = token(&fake);
    let requests = (0..100).map(|_| {
        let (app, token) = (app.clone(), token.clone());
        tokio::spawn(async move { verdict(&app, &token).await })
    });
    for request in requests.collect::<Vec<_>>() {
        assert_eq!(request.await.unwrap(), "U1@T1");
    }
    assert_eq!(fake.key_fetches(), 1);
}

/// No resolver knows the name, or none should be asked.
#[tokio::test]
async fn a_base_url_below_localhost_is_reached_on_this_machine_without_a_resolver() {
    let fake = FakeDescope::start().await;
    for host in ["acme.localhost", "A.b.LOCALHOST", "localhost"] {
        let url = fake.url().replace("127.0.0.1", host);
        assert_ne!(url, fake.url());
        let builder = fake.descope_builder().danger_plain_http_base_url(false);
        let descope = builder.base_url(url).build().unwrap();
        descope.warm_up().await.unwrap();
        assert_eq!(verdict(&app(&descope), &token(&fake)).await, "U1@T1");
        let refresh = RefreshToken::new(fake.refresh("U1").token());
        descope.refresh(&refresh).await.unwrap();
    }
}

#[tokio::test]
async fn a_thousand_unknown_kids_cost_no_more_than_the_limiter_allows() {
    let fake = FakeDescope::start().await;
    let app = app(&fake.descope());
    assert_eq!(verdict(&app, &token(&fake)).await, "U1@T1");
    for n in 0..1_000 {
        let bogus = fake.session("U1").kid(&format!("SK{n}")).token();
        assert_eq!(verdict(&app, &bogus).await, "invalid_token");
    }
    assert!(
        fake.key_fetches() <= 2,
        "burst of 2, the first one spent: {}",
        fake.key_fetches()
    );
    assert_eq!(verdict(&app, &token(&fake)).await, "U1@T1");
}

#[tokio::test]
async fn a_rotated_key_works_on_its_first_use_or_within_the_cool_down() {
    let fake = FakeDescope::start().await;
    let app = app(&fake.descope());
    assert_eq!(verdict(&app, &token(&fake)).await, "U1@T1");
    fake.rotate_keys();
    assert_eq!(
        verdict(&app, &token(&fake)).await,
        "U1@T1",
        "a token in the bucket"
    );
    // Again at once: the bucket is empty, and the last fetch, a moment ago, lacked the key.
    fake.rotate_keys();
    assert_eq!(verdict(&app, &token(&fake)).await, "invalid_token");
    advance(fake.clock(), COOL_DOWN + 1).await;
    assert_eq!(verdict(&app, &token(&fake)).await, "U1@T1");
}

#[tokio::test]
async fn a_removed_key_is_refused_in_time_on_an_idle_replica_too() {
    let fake = FakeDescope::start().await;
    let app = app(&fake.descope());
    let old = fake.session("U1").expires_in(86_400).token();
    assert_eq!(verdict(&app, &old).await, "U1@-");
    fake.rotate_keys();
    let fetches = fake.key_fetches();
    // Nobody asks anything; the timer refreshes.
    advance(fake.clock(), TTL + COOL_DOWN).await;
    fake.wait_for_key_fetches(fetches + 1).await;
    eventually("the removed key is refused", {
        let descope = fake.clone();
        move || descope.key_fetches() > fetches
    })
    .await;
    let mut refused = false;
    for _ in 0..100 {
        refused = verdict(&app, &old).await == "invalid_token";
        if refused {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(refused);
}

#[tokio::test]
async fn an_outage_is_invisible_until_the_hard_limit_and_over_at_the_first_good_answer() {
    let fake = FakeDescope::start().await;
    let app = app(&fake.descope());
    let token = fake.session("U1").expires_in(86_400).token();
    assert_eq!(verdict(&app, &token).await, "U1@-");
    fake.fail_always(Some(500));
    for _ in 0..((TTL + STALE) / 300) - 1 {
        advance(fake.clock(), 300).await;
        assert_eq!(verdict(&app, &token).await, "U1@-");
    }
    advance(fake.clock(), 600).await;
    let response = with_bearer(&app, &token).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
    assert!(!response.headers().contains_key("www-authenticate"));
    assert_eq!(
        response.headers()["x-descope-rejection"],
        "keys_unavailable"
    );

    fake.fail_always(None);
    advance(fake.clock(), COOL_DOWN + 1).await;
    assert_eq!(verdict(&app, &token).await, "U1@-");
}

#[tokio::test]
async fn without_any_keys_requests_are_answered_503_and_fetches_are_few() {
    let fake = FakeDescope::start().await;
    fake.fail_always(Some(500));
    let descope = fake.descope();
    let app = app(&descope);
    for _ in 0..50 {
        assert_eq!(with_bearer(&app, &token(&fake)).await.status(), 503);
    }
    assert!(fake.key_fetches() <= 2, "{}", fake.key_fetches());
    let status = descope.key_status();
    assert!(!status.is_usable());
    assert_eq!(status.count(), 0);
    assert!(status.last_failure().is_some());

    fake.fail_always(None);
    advance(fake.clock(), COOL_DOWN + 1).await;
    assert_eq!(verdict(&app, &token(&fake)).await, "U1@T1");
    assert!(descope.key_status().is_usable());
    assert_eq!(descope.key_status().count(), 1);
}

#[tokio::test]
async fn a_hung_key_endpoint_delays_nobody_whose_key_is_at_hand() {
    let fake = FakeDescope::start().await;
    let app = app(&fake.descope());
    assert_eq!(verdict(&app, &token(&fake)).await, "U1@T1");
    fake.hang(true);
    let bogus = fake.session("U1").kid("SKunknown").token();
    let mut waiting = Box::pin(with_bearer(&app, &bogus));
    let still = tokio::time::timeout(Duration::from_millis(30), &mut waiting).await;
    assert!(still.is_err(), "the unknown key is being fetched");
    for _ in 0..100 {
        // Done at once: one poll is enough.
        let token = token(&fake);
        let response = with_bearer(&app, &token);
        let response = tokio::time::timeout(Duration::from_secs(2), response).await;
        assert_eq!(response.expect("not held up").status(), 200);
    }
    fake.hang(false);
    let response = waiting.await;
    assert!([401, 503].contains(&response.status().as_u16()));
}

#[tokio::test]
async fn hanging_up_cancels_no_fetch() {
    let fake = FakeDescope::start().await;
    let app = app(&fake.descope());
    fake.hang(true);
    let leader = token(&fake);
    let mut request = Box::pin(with_bearer(&app, &leader));
    let pending = tokio::time::timeout(Duration::from_millis(30), &mut request).await;
    assert!(pending.is_err());
    drop(request);
    fake.hang(false);
    assert_eq!(verdict(&app, &token(&fake)).await, "U1@T1");
    assert_eq!(fake.key_fetches(), 1);
}

#[tokio::test]
async fn one_bad_key_is_skipped_and_a_bad_set_never_replaces_a_good_one() {
    let fake = FakeDescope::start().await;
    let descope = fake.descope();
    let app = app(&descope);
    let mut keys = fake.jwks()["keys"].as_array().unwrap().clone();
    keys.insert(
        0,
        serde_json::json!({"kty": "oct", "kid": "x", "k": "AAAA"}),
    );
    keys.insert(
        0,
        serde_json::json!({"kty": "RSA", "kid": "weak", "n": "AQAB", "e": "AQAB"}),
    );
    keys.insert(0, serde_json::json!(7));
    fake.set_jwks_body(Some(serde_json::json!({ "keys": keys }).to_string()));
    let token = fake.session("U1").expires_in(86_400).token();
    assert_eq!(verdict(&app, &token).await, "U1@-");
    assert_eq!(descope.key_status().count(), 1);
    for bad in [
        "",
        "{}",
        "[]",
        "<html>",
        r#"{"keys":[]}"#,
        r#"{"keys":{}}"#,
        "{\"keys\":[",
    ] {
        let before = fake.key_fetches();
        fake.set_jwks_body(Some(bad.to_owned()));
        advance(fake.clock(), COOL_DOWN + 1).await;
        let unknown = fake.session("U1").kid("SKx").expires_in(86_400).token();
        let verdict_on_unknown = verdict(&app, &unknown).await;
        assert_eq!(verdict_on_unknown, "keys_unavailable", "{bad:?}");
        assert!(fake.key_fetches() > before);
        assert_eq!(verdict(&app, &token).await, "U1@-", "{bad:?}");
    }
}

#[tokio::test]
async fn warming_up_fetches_once_and_names_the_url_when_it_fails() {
    let fake = FakeDescope::start().await;
    let descope = fake.descope();
    descope.warm_up().await.unwrap();
    descope.warm_up().await.unwrap();
    assert_eq!(fake.key_fetches(), 1);

    let wrong = fake
        .descope_builder()
        .base_url("http://127.0.0.1:9")
        .build()
        .unwrap();
    let error = wrong.warm_up().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeysUnavailable);
    let message = error.to_string();
    assert!(message.contains("http://127.0.0.1:9"), "{message}");
    assert!(message.contains("DESCOPE_PROJECT_ID"), "{message}");
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fake = runtime.block_on(FakeDescope::start());
    let descope = fake.descope();
    // The keys are there, so that it is the calls that need one.
    let of_calls = fake.descope();
    runtime.block_on(of_calls.warm_up()).unwrap();
    let token = RefreshToken::new(fake.refresh("U1").token());
    let (ann, headers) = (CodeRecipient::email("ann@example.test"), HeaderMap::new());
    let errors = [
        at_once(descope.warm_up()).unwrap_err(),
        at_once(of_calls.refresh(&token)).unwrap_err(),
        at_once(of_calls.me(&token)).unwrap_err(),
        at_once(of_calls.logout(&token)).unwrap_err(),
        at_once(of_calls.send_code(&ann)).unwrap_err(),
        at_once(of_calls.verify_code(&headers, &ann, "123456").into_future()).unwrap_err(),
    ];
    assert_eq!(errors.map(|error| error.kind()), [ErrorKind::NoRuntime; 6]);
}

/// What becomes of a future that is polled once.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(result) => result,
        std::task::Poll::Pending => panic!("known at once"),
    }
}

#[test]
fn without_a_runtime_the_log_is_told_once_a_minute() {
    // In a process of its own: which events are wanted is decided once per process.
    if !in_child() {
        child::<&str>(
            "keys::cache::without_a_runtime_the_log_is_told_once_a_minute",
            &[],
        );
        return;
    }
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("tower_descope=warn")
        .with_writer(log.clone())
        .finish();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fake = runtime.block_on(FakeDescope::start());
    let (descope, token) = (fake.descope(), SessionToken::new(token(&fake)));
    tracing::subscriber::with_default(subscriber, || {
        for minute in 1..=3 {
            for _ in 0..10 {
                let mut verdict = std::pin::pin!(descope.verify(&token));
                let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                assert!(verdict.as_mut().poll(&mut context).is_ready());
            }
            let told = log.text().matches("outside of a tokio runtime").count();
            assert_eq!(told, minute);
            fake.clock().advance(Duration::from_secs(60));
        }
    });
}

#[tokio::test]
async fn a_static_key_is_exclusive_and_never_fetches() {
    let fake = FakeDescope::start().await;
    let descope = fake
        .descope_builder()
        .public_key(fake.jwks()["keys"][0].to_string())
        .build()
        .unwrap();
    let app = app(&descope);
    assert_eq!(verdict(&app, &token(&fake)).await, "U1@T1");
    let unknown = fake.session("U1").kid("SKother").token();
    assert_eq!(verdict(&app, &unknown).await, "invalid_token");
    assert_eq!(fake.key_fetches(), 0);
}

#[tokio::test]
async fn the_key_request_says_who_asks_and_carries_no_secret() {
    let fake = FakeDescope::start().await;
    fake.descope().warm_up().await.unwrap();
    let requests = fake.requests();
    let [request] = requests.as_slice() else {
        panic!("one request");
    };
    assert_eq!(request.path, format!("/v2/keys/{}", fake.project_id()));
    let header = |name: &str| request.header(name).unwrap_or_default().to_owned();
    assert_eq!(
        header("authorization"),
        format!("Bearer {}", fake.project_id())
    );
    assert_eq!(header("x-descope-project-id"), fake.project_id());
    assert_eq!(header("x-descope-sdk-name"), "rust-tower-descope");
}
