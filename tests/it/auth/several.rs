//! Several cookies of one name: judged on whose they are, never by position.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower::ServiceExt;
use tower_descope::{
    Descope, SelectTenant,
    jwks::{JsonWebKeySet, JwksClientError, JwksSource, KeyCache, async_trait, parse_key_set},
    test_util::FakeDescope,
};

use crate::support::{App, advance, app, code, send};

/// The verdict on session cookies, which must not depend on their order or on whether they come
/// in one field.
async fn verdict(fake: &FakeDescope, tokens: &[&str]) -> String {
    let app = app(&fake.descope());
    let mut verdicts = Vec::new();
    let mut orders = vec![tokens.to_vec(), tokens.iter().rev().copied().collect()];
    let mut rotated = tokens.to_vec();
    rotated.rotate_left(1);
    orders.push(rotated);
    for order in orders {
        let one_field: Vec<String> = order.iter().map(|token| format!("DS={token}")).collect();
        let joined = one_field.join("; ");
        let fields: Vec<(&str, &str)> = one_field
            .iter()
            .map(|cookie| ("cookie", &**cookie))
            .collect();
        for fields in [vec![("cookie", &*joined)], fields] {
            let response = send(&app, &fields).await;
            verdicts.push(if response.status() == 200 {
                response.into_body()
            } else {
                format!("{} {}", response.status().as_u16(), code(&response))
            });
        }
    }
    verdicts.dedup();
    assert_eq!(verdicts.len(), 1, "order decided: {verdicts:?}");
    verdicts.remove(0)
}

#[tokio::test]
async fn the_youngest_token_of_one_user_counts_and_its_expiry_is_the_verdict() {
    let fake = FakeDescope::start().await;
    let session = || fake.session("U1").tenant("T1", |t| t).tenant("T2", |t| t);
    let old = session()
        .active("T1")
        .issued_at(-300)
        .expires_in(300)
        .token();
    let young = session()
        .active("T2")
        .issued_at(-10)
        .expires_in(590)
        .token();
    assert_eq!(verdict(&fake, &[&old, &young]).await, "U1@T2");

    let ended = session()
        .active("T2")
        .issued_at(-20)
        .expires_in(-10)
        .token();
    assert_eq!(verdict(&fake, &[&old, &ended]).await, "401 expired_token");
}

#[tokio::test]
async fn tokens_of_different_users_contradict_each_other_even_if_one_has_expired() {
    let fake = FakeDescope::start().await;
    let mine = fake.session("U1").expired().token();
    let planted = fake.session("U2").token();
    assert_eq!(
        verdict(&fake, &[&mine, &planted]).await,
        "400 ambiguous_credentials"
    );
}

#[tokio::test]
async fn what_is_not_genuine_neither_wins_nor_locks_out() {
    let fake = FakeDescope::start().await;
    let mine = fake.session("U1").tenant("T1", |t| t).active("T1").token();
    let forged = fake.session("U2").signed_by_stranger().token();
    let refresh = fake.refresh("U2").token();
    let tokens = [&*forged, &*mine, &*refresh, "garbage"];
    assert_eq!(verdict(&fake, &tokens).await, "U1@T1");
    assert_eq!(verdict(&fake, &[&forged, "x"]).await, "401 invalid_token");
}

#[tokio::test]
async fn more_than_four_different_tokens_of_the_project_are_refused_whatever_they_are() {
    let fake = FakeDescope::start().await;
    let mine = fake.session("U1").token();
    let forged = |()| fake.session("U1").signed_by_stranger().token();
    let [a, b, c, d] = [(); 4].map(forged);
    let tokens = [&*mine, &a, &b, &c, &d];
    assert_eq!(verdict(&fake, &tokens).await, "400 ambiguous_credentials");
    // The same value again is no other value, and what is no token of this project does not count.
    let tokens = [&*mine, &*mine, &a, &b, &c, &c, "d", "e", "f.g.h"];
    assert_eq!(verdict(&fake, &tokens).await, "U1@-");
}

#[tokio::test]
async fn twins_of_one_second_are_told_apart_the_same_way_in_any_order() {
    let fake = FakeDescope::start().await;
    let session = || fake.session("U1").tenant("T1", |t| t).tenant("T2", |t| t);
    let (one, two) = (
        session().active("T1").token(),
        session().active("T2").token(),
    );
    verdict(&fake, &[&one, &two]).await;
}

/// An endpoint that says nothing once told so, and counts who asks.
#[derive(Clone, Default)]
struct Endpoint {
    keys: String,
    silent: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

#[async_trait]
impl JwksSource for Endpoint {
    async fn fetch_keys(&self) -> Result<JsonWebKeySet, JwksClientError> {
        self.asked.fetch_add(1, Relaxed);
        if self.silent.load(Relaxed) {
            pending::<()>().await;
        }
        parse_key_set(self.keys.as_bytes())
    }
}

impl Endpoint {
    fn of(fake: &FakeDescope) -> Self {
        Self {
            keys: fake.jwks().to_string(),
            ..Self::default()
        }
    }

    fn descope(&self, fake: &FakeDescope) -> Descope {
        fake.descope_builder()
            .jwks_source(self.clone())
            .key_cache(KeyCache::new().fetch_deadline(Duration::from_millis(100)))
            .build()
            .unwrap()
    }

    fn hush(&self) {
        self.silent.store(true, Relaxed);
    }

    fn asked(&self) -> usize {
        self.asked.load(Relaxed)
    }
}

async fn is_unavailable(app: &App, cookie: &str) {
    let response = send(app, &[("cookie", cookie)]).await;
    assert_eq!(response.status(), 503);
    assert_eq!(code(&response), "keys_unavailable");
}

#[tokio::test]
async fn several_tokens_without_keys_wait_for_one_fetch_and_no_second() {
    let fake = FakeDescope::start().await;
    let (mine, other) = (fake.session("U1").token(), fake.session("U2").token());
    let unknown = |kid: &str| fake.session("U1").kid(kid).token();
    let (one, two) = (unknown("SKone"), unknown("SKtwo"));
    for cookie in [
        format!("DS={mine}; DS={other}"),
        format!("DS={mine}; DS={one}"),
        format!("DS={one}; DS={two}; DS={mine}; DS={other}"),
    ] {
        let endpoint = Endpoint::of(&fake);
        endpoint.hush();
        is_unavailable(&app(&endpoint.descope(&fake)), &cookie).await;
        assert_eq!(endpoint.asked(), 1);
    }
}

#[tokio::test]
async fn tokens_of_unknown_keys_beside_a_good_one_wait_for_one_fetch_and_no_second() {
    let fake = FakeDescope::start().await;
    let mine = fake.session("U1").issued_at(-10).token();
    // Later ones, which may be this user's new sessions.
    let unknown = |kid: &str| fake.session("U1").kid(kid).token();
    let (one, two) = (unknown("SKone"), unknown("SKtwo"));
    for cookie in [
        format!("DS={mine}; DS={one}; DS={two}"),
        format!("DS={one}; DS={mine}; DS={two}"),
        format!("DS={one}; DS={two}; DS={mine}"),
    ] {
        let endpoint = Endpoint::of(&fake);
        let descope = endpoint.descope(&fake);
        descope.warm_up().await.unwrap();
        // The limiter would allow two.
        advance(fake.clock(), 20).await;
        endpoint.hush();
        let app = app(&descope);
        is_unavailable(&app, &cookie).await;
        assert_eq!(endpoint.asked(), 2);
        let response = send(&app, &[("cookie", &format!("DS={mine}"))]).await;
        assert_eq!(response.status(), 200);
    }
}

#[tokio::test]
async fn several_refresh_tokens_without_keys_wait_for_one_fetch_and_no_second() {
    let fake = FakeDescope::start().await;
    let endpoint = Endpoint::of(&fake);
    endpoint.hush();
    let service = SelectTenant::new(endpoint.descope(&fake));
    let cookie = ["U1", "U2"].map(|user| format!("DSR={}", fake.refresh(user).token()));
    let request = Request::post("/")
        .header("host", "app.example")
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/json")
        .header("cookie", cookie.join("; "))
        .body(Full::<Bytes>::from(r#"{"tenant":"T1"}"#))
        .unwrap();
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(endpoint.asked(), 1);
}

#[tokio::test]
async fn a_token_that_expires_while_another_waits_for_its_key_has_expired() {
    let fake = FakeDescope::start().await;
    let descope = fake.descope();
    descope.warm_up().await.unwrap();
    let app = app(&descope);
    let ending = fake.session("U1").expires_in(20).token();
    let unknown = fake.session("U1").kid("SKunknown").issued_at(1).token();
    fake.hang(true);
    let cookie = format!("DS={ending}; DS={unknown}");
    let request = tokio::spawn(async move { send(&app, &[("cookie", &cookie)]).await });
    fake.wait_for_key_fetches(2).await;
    advance(fake.clock(), 60).await;
    fake.hang(false);
    let response = request.await.unwrap();
    assert_eq!(code(&response), "expired_token");
}
