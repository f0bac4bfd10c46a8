//! Descope answers with a well-formed key set that has no usable key any more.

use serde_json::json;
use tower_descope::{Descope, test_util::FakeDescope};

use crate::support::{App, app, eventually, settled, verdict, with_bearer};

/// Past the time to live of the keys.
const TTL: u64 = 600;

/// A service with keys, its handle, and a session that outlives the test.
struct World {
    fake: FakeDescope,
    descope: Descope,
    app: App,
    session: String,
}

impl World {
    async fn start() -> Self {
        let fake = FakeDescope::start().await;
        let descope = fake.descope();
        let app = app(&descope);
        let session = fake.session("U1").expires_in(86_400).token();
        assert_eq!(verdict(&app, &session).await, "U1@-");
        Self {
            fake,
            descope,
            app,
            session,
        }
    }

    async fn verdict(&self) -> String {
        verdict(&self.app, &self.session).await
    }

    async fn pass_to_next_fetch(&self) {
        let fetches = self.fake.key_fetches();
        while self.fake.key_fetches() == fetches {
            self.pass(5).await;
        }
    }

    /// Moves the clock, a few seconds at a time, as the timer's tries come.
    async fn pass(&self, seconds: u64) {
        for _ in 0..seconds / 5 {
            self.fake.clock().advance(std::time::Duration::from_secs(5));
            settled(&self.fake).await;
            let descope = self.descope.clone();
            eventually("the fetch ends", move || {
                !descope.key_status().is_fetching()
            })
            .await;
        }
    }
}

fn empty_sets() -> [String; 3] {
    let unknown =
        json!({"kty": "EC", "kid": "new", "alg": "ES999", "crv": "P-999", "x": "", "y": ""});
    let secret = json!({"kty": "oct", "kid": "new", "k": "c2VjcmV0"});
    [
        json!({"keys": []}).to_string(),
        json!({"keys": [unknown]}).to_string(),
        json!({"keys": [secret]}).to_string(),
    ]
}

#[tokio::test]
async fn sets_without_a_usable_key_end_all_sessions_within_two_times_to_live_with_503() {
    for set in empty_sets() {
        let world = World::start().await;
        world.fake.set_jwks_body(Some(set.clone()));
        // One such set is a mishap; nor do more of them end the keys before their time is over.
        world.pass(TTL - 10).await;
        assert_eq!(world.verdict().await, "U1@-", "{set}");
        assert!(world.fake.key_fetches() > 2, "{set}");
        world.pass(TTL).await;
        let response = with_bearer(&world.app, &world.session).await;
        assert_eq!(response.status(), 503, "{set}");
        assert_eq!(
            response.headers()["x-descope-rejection"],
            "keys_unavailable"
        );
        assert!(response.headers().contains_key("retry-after"));
        assert!(!world.descope.key_status().is_usable());
        assert_eq!(world.descope.key_status().count(), 0);

        // A good set brings everybody back.
        world.fake.set_jwks_body(None);
        world.pass(70).await;
        assert_eq!(world.verdict().await, "U1@-", "{set}");
    }
}

#[tokio::test]
async fn a_set_that_is_whole_again_in_between_starts_the_count_anew() {
    let world = World::start().await;
    let [empty, ..] = empty_sets();
    world.fake.set_jwks_body(Some(empty.clone()));
    world.pass(TTL - 50).await;
    world.fake.set_jwks_body(None);
    world.pass(70).await;
    assert!(world.descope.key_status().last_failure().is_none());
    // An outage until the keys are past their time to live, and then the first such set.
    world.fake.set_jwks_status(500);
    world.pass(TTL + 100).await;
    world.fake.set_jwks_status(200);
    world.fake.set_jwks_body(Some(empty));
    world.pass_to_next_fetch().await;
    assert_eq!(world.verdict().await, "U1@-");
    world.pass_to_next_fetch().await;
    assert_eq!(world.verdict().await, "keys_unavailable");
}

#[tokio::test]
async fn answers_that_are_no_key_set_never_end_the_keys() {
    let world = World::start().await;
    let [empty, ..] = empty_sets();
    world.fake.set_jwks_body(Some(empty));
    world.pass(TTL - 50).await;
    assert!(world.fake.key_fetches() > 1);
    for bad in ["", "<html>", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[]"#] {
        world.fake.set_jwks_body(Some(bad.into()));
        world.pass(130).await;
        assert_eq!(world.verdict().await, "U1@-", "{bad:?}");
    }
    for status in [204, 206, 404, 500] {
        world.fake.set_jwks_body(Some(r#"{"keys":[]}"#.into()));
        world.fake.set_jwks_status(status);
        world.pass(130).await;
        assert_eq!(world.verdict().await, "U1@-", "{status}");
    }
}

#[tokio::test]
async fn a_key_that_is_gone_while_others_are_left_is_refused_at_once_with_401() {
    let world = World::start().await;
    world.fake.rotate_keys();
    world.pass(TTL - 100).await;
    assert_eq!(world.verdict().await, "invalid_token");
}
