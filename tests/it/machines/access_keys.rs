//! Access keys in place of session tokens: what machines get, and what they cost Descope.

use std::time::Duration;

use http::{Response, StatusCode};
use serde_json::json;
use tower_descope::{
    AccessKey, AccessKeys, Descope, ErrorKind, ExchangeOptions, RejectionKind, SessionToken,
    TenantId,
    test_util::{Canned, FakeDescope, TestClock},
};

use crate::support::{App, advance, app, code, send, verdict, with_bearer};

pub(crate) const PATH: &str = "/v1/auth/accesskey/exchange";
pub(crate) const KEY: &str = "K2abcdefghijklmnopqrstuvwxyz0123456789";

pub(crate) struct World {
    pub(crate) fake: FakeDescope,
    pub(crate) clock: TestClock,
    pub(crate) descope: Descope,
    pub(crate) app: App,
}

pub(crate) fn key(n: usize) -> String {
    format!("K2machine-number-{n:04}")
}

/// A fake that knows `KEY` and a hundred others, and a service that takes access keys.
pub(crate) async fn world(keys: AccessKeys) -> World {
    let clock = TestClock::new();
    let mut builder = FakeDescope::builder()
        .clock(clock.clone())
        .access_key(KEY, |key| key.id("K2m").tenant("T1", |t| t.role("reader")));
    for n in 0..100 {
        builder = builder.access_key(&key(n), |key| key.id(format!("K2m{n}")));
    }
    let fake = builder.start().await;
    let descope = fake.descope_builder().access_keys(keys).build().unwrap();
    descope.warm_up().await.unwrap();
    let app = app(&descope);
    World {
        fake,
        clock,
        descope,
        app,
    }
}

impl World {
    pub(crate) fn calls(&self) -> usize {
        self.fake.calls(PATH)
    }

    pub(crate) async fn ask(&self, key: &str) -> String {
        verdict(&self.app, key).await
    }

    pub(crate) async fn advance(&self, seconds: u64) {
        advance(&self.clock, seconds).await;
    }
}

fn retry_after<B>(response: &Response<B>) -> u64 {
    let value = response.headers().get("retry-after");
    value
        .expect("Retry-After")
        .to_str()
        .unwrap()
        .parse()
        .unwrap()
}

fn refusal(status: u16, code: &str) -> Canned {
    Canned::json(
        status,
        &json!({"errorCode": code, "errorDescription": "no"}),
    )
}

pub(crate) fn tenant() -> TenantId {
    TenantId::new("T1").unwrap()
}

#[tokio::test]
async fn a_key_is_exchanged_once_kept_until_shortly_before_its_session_expires_and_renewed() {
    let world = world(AccessKeys::new().key_prefix("K2")).await;
    for _ in 0..3 {
        assert_eq!(world.ask(KEY).await, "K2m@-");
    }
    assert_eq!(world.calls(), 1);
    world.advance(569).await;
    assert_eq!(world.ask(KEY).await, "K2m@-");
    assert_eq!(world.calls(), 1);
    world.advance(1).await;
    for _ in 0..3 {
        assert_eq!(world.ask(KEY).await, "K2m@-", "the old session goes on");
    }
    world.fake.wait_for_calls(PATH, 2).await;
    world.advance(100).await;
    assert_eq!(world.ask(KEY).await, "K2m@-", "beyond the first one's end");
    assert_eq!(world.calls(), 2);
}

#[tokio::test]
async fn fifty_parallel_requests_are_one_call() {
    let world = world(AccessKeys::new().key_prefix("K2")).await;
    world.fake.delay_path(PATH, Duration::from_millis(50));
    let requests = (0..50).map(|_| {
        let app = world.app.clone();
        tokio::spawn(async move { verdict(&app, KEY).await })
    });
    for request in requests.collect::<Vec<_>>() {
        assert_eq!(request.await.unwrap(), "K2m@-");
    }
    assert_eq!(world.calls(), 1);
}

#[tokio::test]
async fn hanging_up_cancels_nothing() {
    let world = world(AccessKeys::new().key_prefix("K2")).await;
    world.fake.hang_path(PATH, true);
    let app = world.app.clone();
    let request = tokio::spawn(async move { verdict(&app, KEY).await });
    world.fake.wait_for_calls(PATH, 1).await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    world.fake.hang_path(PATH, false);
    assert_eq!(world.ask(KEY).await, "K2m@-");
    assert_eq!(world.calls(), 1);
}

#[tokio::test]
async fn a_refused_key_is_not_asked_about_for_a_while() {
    let world = world(AccessKeys::new().key_prefix("K2")).await;
    let stranger = "K2nobody-knows-this-one";
    let response = with_bearer(&world.app, stranger).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(code(&response), "invalid_token");
    assert_eq!(world.ask(stranger).await, "invalid_token");
    assert_eq!(world.calls(), 1);
    world.advance(29).await;
    assert_eq!(world.ask(stranger).await, "invalid_token");
    assert_eq!(world.calls(), 1);
    world.advance(1).await;
    assert_eq!(world.ask(stranger).await, "invalid_token");
    assert_eq!(world.calls(), 2);
}

#[tokio::test]
async fn a_revoked_key_is_dead_at_the_latest_when_its_session_expires() {
    let world = world(AccessKeys::new().key_prefix("K2")).await;
    assert_eq!(world.ask(KEY).await, "K2m@-");
    // Nobody renews it meanwhile.
    world.advance(600).await;
    world.fake.respond_next(PATH, refusal(401, "E062803"));
    assert_eq!(world.ask(KEY).await, "invalid_token");
    assert_eq!(world.ask(KEY).await, "invalid_token");
    assert_eq!(world.calls(), 2);
}

#[tokio::test]
async fn a_key_that_is_refused_at_its_renewal_is_dead_at_once() {
    let world = world(AccessKeys::new().key_prefix("K2")).await;
    assert_eq!(world.ask(KEY).await, "K2m@-");
    world.advance(580).await;
    world.fake.respond_next(PATH, refusal(403, "E062803"));
    assert_eq!(world.ask(KEY).await, "K2m@-");
    let mut last = String::new();
    for _ in 0..200 {
        last = world.ask(KEY).await;
        if last == "invalid_token" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(last, "invalid_token");
    assert_eq!(world.calls(), 2);
}

#[tokio::test]
async fn past_the_budget_new_keys_wait_and_known_ones_work() {
    let world = world(AccessKeys::new().key_prefix("K2").budget(1, 3)).await;
    assert_eq!(world.ask(KEY).await, "K2m@-");
    assert_eq!(world.ask(&key(0)).await, "K2m0@-");
    assert_eq!(world.ask("K2some-random-string").await, "invalid_token");
    for n in 1..50 {
        let response = with_bearer(&world.app, &key(n)).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(code(&response), "exchange_unavailable");
        assert_eq!(retry_after(&response), 1);
        assert_eq!(world.ask(KEY).await, "K2m@-");
    }
    assert_eq!(world.calls(), 3);
    // Known keys whose sessions have ended do not draw on it either.
    world.advance(600).await;
    for n in 1..=3 {
        assert_eq!(world.ask(&key(n)).await, format!("K2m{n}@-"));
    }
    assert_eq!(world.ask(&key(4)).await, "exchange_unavailable");
    assert_eq!(world.ask(KEY).await, "K2m@-");
    world.advance(1).await;
    assert_eq!(world.ask(&key(4)).await, "K2m4@-");
}

#[tokio::test]
async fn a_429_stops_exchanges_for_as_long_as_it_says() {
    let world = world(AccessKeys::new().key_prefix("K2")).await;
    assert_eq!(world.ask(KEY).await, "K2m@-");
    world
        .fake
        .respond_next(PATH, refusal(429, "E130429").header("retry-after", "17"));
    let response = with_bearer(&world.app, &key(1)).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(code(&response), "exchange_unavailable");
    assert_eq!(retry_after(&response), 17);
    world.advance(7).await;
    let response = with_bearer(&world.app, &key(2)).await;
    assert_eq!(retry_after(&response), 10);
    assert_eq!(world.ask(KEY).await, "K2m@-");
    assert_eq!(world.calls(), 2);
    world.advance(10).await;
    assert_eq!(world.ask(&key(1)).await, "K2m1@-");
}

#[tokio::test]
async fn a_transient_failure_is_503_and_leaves_a_session_in_force() {
    let world = world(AccessKeys::new().key_prefix("K2")).await;
    let machine = |id: &str| world.fake.session(id).without("rexp");
    let forged = machine("K2m3").signed_by_stranger().token();
    let expired = machine("K2m4").expired().token();
    for (n, canned) in [
        Canned::new(500),
        Canned::html(502, "<h1>no</h1>"),
        refusal(503, "E990503"),
        Canned::new(307).header("location", "/elsewhere"),
        Canned::new(200).body("{"),
        Canned::json(200, &json!({"keyId": "K2m"})),
        Canned::json(200, &json!({"sessionJwt": forged})),
        Canned::json(200, &json!({"sessionJwt": expired})),
        Canned::json(
            200,
            &json!({"sessionJwt": world.fake.refresh("K2m").token()}),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        world.fake.respond_next(PATH, canned);
        let response = with_bearer(&world.app, &key(n)).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{n}");
        assert_eq!(code(&response), "exchange_unavailable");
        assert_eq!(retry_after(&response), 1);
        assert_eq!(world.ask(&key(n)).await, "exchange_unavailable");
        assert_eq!(world.calls(), n + 1, "one call, and none for a second");
    }
    world.advance(1).await;
    assert_eq!(world.ask(&key(0)).await, "K2m0@-");

    world.fake.down(true);
    assert_eq!(world.ask(&key(20)).await, "exchange_unavailable");
    world.advance(590).await;
    assert_eq!(
        world.ask(&key(0)).await,
        "K2m0@-",
        "its session still holds"
    );
    world.fake.down(false);
    world.advance(20).await;
    assert_eq!(world.ask(&key(0)).await, "K2m0@-");
}

#[tokio::test]
async fn what_is_no_key_by_its_shape_never_goes_up() {
    let keys = AccessKeys::new().key_prefix("K2").key_length(20..=64);
    let world = world(keys).await;
    let long = format!("K2{}", "x".repeat(63));
    for other in [
        "x",
        "K2tooshort",
        &long,
        "X2abcdefghijklmnopqrstuvwxyz",
        "K2abcdef.ghijklmnopqrstuvwxyz",
        "K2abcdef.ghijklmnopq.rstuvwxyz",
        "P2abc:K2abcdefghijklmnopqrstuvwxyz",
    ] {
        assert_eq!(world.ask(other).await, "invalid_token", "{other}");
    }
    assert_eq!(world.ask(KEY).await, "K2m@-");
    assert_eq!(world.calls(), 1);
}

#[tokio::test]
async fn the_project_id_alone_is_no_key() {
    let fake = FakeDescope::builder()
        .project_id("P2aAc4T2V93bddihGEx2Ryhc8e5Z")
        .start()
        .await;
    let keys = AccessKeys::new().any_shape();
    let descope = fake.descope_builder().access_keys(keys).build().unwrap();
    assert_eq!(
        verdict(&app(&descope), fake.project_id()).await,
        "invalid_token"
    );
    assert_eq!(fake.calls(PATH), 0);
}

#[tokio::test]
async fn a_key_counts_as_a_bearer_token_only_and_only_where_keys_are_taken() {
    let world = world(AccessKeys::new().key_prefix("K2")).await;
    let cookie = format!("DS={KEY}");
    let response = send(&world.app, &[("cookie", &cookie)]).await;
    assert_eq!(code(&response), "missing_token");
    let refresh = format!("DSR={KEY}");
    let response = send(&world.app, &[("cookie", &refresh)]).await;
    assert_eq!(code(&response), "missing_token");
    assert!(world.descope.verify(&SessionToken::new(KEY)).await.is_err());

    let off = world.fake.descope();
    assert_eq!(verdict(&app(&off), KEY).await, "invalid_token");
    let rejection = off.verify_access_key(&AccessKey::new(KEY)).await;
    assert_eq!(rejection.unwrap_err().kind(), RejectionKind::InvalidToken);
    assert_eq!(world.calls(), 0);
}

#[tokio::test]
async fn only_a_refused_connection_is_tried_again() {
    let world = world(AccessKeys::new().key_prefix("K2")).await;
    let options = ExchangeOptions::new();
    let key = AccessKey::new(KEY);
    world.fake.respond_next(PATH, refusal(503, "E990503"));
    let error = world.descope.exchange_access_key(&key, &options).await;
    assert!(error.unwrap_err().is_transient());
    assert_eq!(world.calls(), 1);
    world.fake.down(true);
    // One without a connection from before: that would break in the middle. On the machine's clock,
    // where the second try comes after a pause.
    let fake = &world.fake;
    let builder = Descope::builder(fake.project_id()).base_url(fake.url());
    let descope = builder
        .access_keys(AccessKeys::new().key_prefix("K2"))
        .build()
        .unwrap();
    let exchange = tokio::spawn(async move { descope.exchange_access_key(&key, &options).await });
    tokio::time::sleep(Duration::from_millis(40)).await;
    fake.down(false);
    assert!(exchange.await.unwrap().is_ok());
    assert_eq!(world.calls(), 2);
}

#[test]
fn wrong_settings_are_named_at_build() {
    let builder = Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z");
    let error = builder
        .access_keys(AccessKeys::new().key_prefix("K2").budget(0, 0))
        .build();
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.to_string().contains("budget"), "{error}");
}
