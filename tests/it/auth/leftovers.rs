//! A cookie that names an unknown key, beside a good one: a leftover, a made-up one, or one's own
//! new session.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower::ServiceExt;
use tower_descope::{Descope, SelectTenant, jwks::KeyCache, test_util::FakeDescope};

use crate::support::{
    App, advance, app, code, send,
    world::{EXPIRY, REFRESH, fake, late},
};

/// How long the keys of `keys_at_hand` serve without being refreshed.
const HARD_LIMIT: u64 = 600 + 3_600;

/// A handle with keys at hand that may fetch again.
async fn keys_at_hand(fake: &FakeDescope) -> Descope {
    // So that no deadline ends what is to be seen.
    let settings = KeyCache::new().fetch_deadline(Duration::from_secs(30));
    let descope = fake.descope_builder().key_cache(settings).build().unwrap();
    descope.warm_up().await.unwrap();
    advance(fake.clock(), 20).await;
    descope
}

/// What the handler saw, or the code of the refusal; in both orders, which decide nothing.
async fn verdict(app: &App, one: &str, other: &str) -> String {
    let mut verdicts = Vec::new();
    for (one, other) in [(one, other), (other, one)] {
        let response = send(app, &[("cookie", &format!("DS={one}; DS={other}"))]).await;
        verdicts.push(if response.status() == 200 {
            response.into_body()
        } else {
            code(&response).to_owned()
        });
    }
    verdicts.dedup();
    assert_eq!(verdicts.len(), 1, "order decided: {verdicts:?}");
    verdicts.remove(0)
}

#[tokio::test]
async fn a_leftover_of_an_unknown_key_costs_no_good_session_while_keys_cannot_be_fetched() {
    let fake = FakeDescope::start().await;
    let app = app(&keys_at_hand(&fake).await);
    fake.set_jwks_status(500);
    let mine = fake.session("U1").expires_in(86_400).token();
    let unknown = |issued_at| fake.session("U1").kid("SKgone").issued_at(issued_at);
    for leftover in [
        unknown(-86_400).expired().token(),
        unknown(-1).token(),
        unknown(0).token(),
        // Beyond the leeway of a minute in the future, it is no session either way.
        unknown(61).token(),
        unknown(86_400).token(),
        fake.session("U2").kid("SKgone").token(),
        fake.session("U1").kid("SKgone").without("iat").token(),
        // Later, but no key could make it a session of this project.
        fake.session("U1")
            .kid("SKgone")
            .issued_at(10)
            .issuer("P2other")
            .token(),
        fake.refresh("U1").kid("SKgone").issued_at(10).token(),
    ] {
        for _ in 0..3 {
            assert_eq!(verdict(&app, &mine, &leftover).await, "U1@-");
        }
    }
    // To the hard limit and no further: past it the good one cannot be judged any more.
    let leftover = unknown(-1).token();
    advance(fake.clock(), HARD_LIMIT - 100).await;
    assert_eq!(verdict(&app, &mine, &leftover).await, "U1@-");
    advance(fake.clock(), 200).await;
    assert_eq!(verdict(&app, &mine, &leftover).await, "keys_unavailable");
}

#[tokio::test]
async fn ones_own_new_session_of_an_unknown_key_is_not_overruled_by_the_old_one() {
    let fake = FakeDescope::start().await;
    let app = app(&keys_at_hand(&fake).await);
    let mine = fake.session("U1").tenant("T1", |t| t).active("T1").token();
    fake.rotate_keys();
    let new = |issued_at| {
        let session = fake.session("U1").tenant("T2", |t| t).active("T2");
        session.issued_at(issued_at).token()
    };
    // The second is as far in the future as a clock that is behind may see it.
    let (new, newer) = (new(1), new(60));
    fake.set_jwks_status(500);
    assert_eq!(verdict(&app, &mine, &new).await, "keys_unavailable");
    assert_eq!(verdict(&app, &mine, &newer).await, "keys_unavailable");
    fake.set_jwks_status(200);
    advance(fake.clock(), 70).await;
    assert_eq!(verdict(&app, &newer, &new).await, "U1@T2");
}

#[tokio::test]
async fn a_good_session_does_not_wait_for_the_key_of_a_leftover() {
    let fake = FakeDescope::start().await;
    let descope = keys_at_hand(&fake).await;
    let app = app(&descope);
    let mine = fake.session("U1").token();
    let leftover = fake.session("U1").kid("SKgone").issued_at(-5).token();
    fake.hang(true);
    assert_eq!(verdict(&app, &mine, &leftover).await, "U1@-");
    assert!(descope.key_status().is_fetching(), "nobody waited for it");
}

#[tokio::test]
async fn a_session_that_has_expired_is_renewed_although_a_leftover_lies_beside_it() {
    let fake = fake().start().await;
    let descope = keys_at_hand(&fake).await;
    let app = late(&descope);
    let ann = fake.sign_in_to("ann@example.test", "T1");
    let leftover = fake.session("U1").kid("SKgone").issued_at(-1).token();
    fake.clock().advance(EXPIRY);
    fake.set_jwks_status(500);
    let cookie = format!("{}; DS={leftover}", ann.cookies());
    let response = send(&app, &[("cookie", &cookie), ("host", "app.example")]).await;
    assert_eq!(response.body(), "U1@T1");
    assert_eq!(fake.calls(REFRESH), 1);
}

#[tokio::test]
async fn a_refresh_token_of_an_unknown_key_beside_a_good_one_is_judged_alike() {
    for (issued_at, status) in [(-1, 200), (1, 503)] {
        let fake = fake().start().await;
        let service = SelectTenant::new(keys_at_hand(&fake).await);
        fake.set_jwks_status(500);
        let ann = fake.sign_in("ann@example.test");
        let unknown = fake
            .refresh("U1")
            .kid("SKgone")
            .issued_at(issued_at)
            .token();
        let request = Request::post("/")
            .header("host", "app.example")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/json")
            .header(
                "cookie",
                format!("DSR={unknown}; DSR={}", ann.refresh_jwt()),
            )
            .body(Full::<Bytes>::from(r#"{"tenant":"T1"}"#))
            .unwrap();
        let response = service.oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "issued at {issued_at}");
    }
}
