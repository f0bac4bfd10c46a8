//! A machine is its key: whose session an exchange may bring.

use serde_json::{Value, json};
use tower_descope::{
    AccessKey, AccessKeys, ErrorKind, ExchangeOptions,
    test_util::{Canned, FakeDescope},
};

use super::access_keys::{KEY, PATH, World, world};
use crate::support::{code, settled, with_bearer};

/// The session of a key, as Descope makes it.
fn session_of(fake: &FakeDescope, id: &str) -> Value {
    fake.session(id).without("rexp").token().into()
}

/// The session of a key, with a claim more.
fn session_with(fake: &FakeDescope, claim: &str, value: Value) -> Value {
    let session = fake.session("K2m").without("rexp");
    // `without` would take it out again where it is the same claim.
    let session = if claim == "rexp" {
        fake.session("K2m").claim(claim, value)
    } else {
        session.claim(claim, value)
    };
    session.token().into()
}

fn answer(key_id: &Value, session: &Value) -> Canned {
    Canned::json(200, &json!({"keyId": key_id, "sessionJwt": session}))
}

async fn k2_world() -> World {
    world(AccessKeys::new().key_prefix("K2")).await
}

/// Asserts that an answer is refused, both to a request and to a call of one's own.
async fn assert_refused(world: &World, key_id: &Value, session: &Value) {
    world.fake.respond_next(PATH, answer(key_id, session));
    let response = with_bearer(&world.app, KEY).await;
    assert_eq!(response.status(), 503, "{key_id}");
    assert_eq!(code(&response), "exchange_unavailable");
    world.fake.respond_next(PATH, answer(key_id, session));
    let key = AccessKey::new(KEY);
    let options = ExchangeOptions::new();
    let error = world.descope.exchange_access_key(&key, &options).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamInvalid, "{error}");
    // Past the pause after a failure.
    world.advance(20).await;
}

#[tokio::test]
async fn an_answer_that_names_another_key_than_its_session_is_refused() {
    let world = k2_world().await;
    let own = session_of(&world.fake, "K2m");
    let other = session_of(&world.fake, "K2other");
    for (key_id, session) in [
        (json!("K2m"), &other),
        (json!("K2other"), &own),
        (json!("k2m"), &own),
        (json!(7), &own),
        (json!(["K2m"]), &own),
        (json!({}), &own),
        (json!(false), &own),
    ] {
        assert_refused(&world, &key_id, session).await;
    }
    for key_id in [json!("K2m"), json!(null), json!("")] {
        world.fake.respond_next(PATH, answer(&key_id, &own));
        let key = AccessKey::new(KEY);
        let options = ExchangeOptions::new();
        let machine = world.descope.exchange_access_key(&key, &options).await;
        assert_eq!(machine.unwrap().key_id(), "K2m");
    }
    assert_eq!(world.ask(KEY).await, "K2m@-");
}

#[tokio::test]
async fn the_key_s_own_id_counts_where_a_template_overrides_the_subject() {
    let world = k2_world().await;
    let session = world.fake.session("K2m").without("rexp");
    let session = session.claim("sub", "exporter").claim("dsub", "K2m");
    let session = session.token().into();
    assert_refused(&world, &json!("exporter"), &session).await;
    world
        .fake
        .respond_next(PATH, answer(&json!("K2m"), &session));
    assert_eq!(world.ask(KEY).await, "K2m@-");
}

#[tokio::test]
async fn a_session_of_a_person_or_a_visitor_is_no_machine_s() {
    let world = k2_world().await;
    let users = json!(world.fake.session("K2m").token());
    assert_refused(&world, &json!("K2m"), &users).await;
    for (claim, value) in [
        ("rexp", json!(1_800_000_000)),
        ("rexp", json!("")),
        ("danu", json!(true)),
        ("danu", json!(1)),
        ("danu", json!("false")),
        ("danu", json!({})),
    ] {
        let session = session_with(&world.fake, claim, value);
        assert_refused(&world, &json!("K2m"), &session).await;
    }
    for (claim, value) in [
        ("rexp", json!(null)),
        ("danu", json!(null)),
        ("danu", json!(false)),
    ] {
        let session = session_with(&world.fake, claim, value);
        world
            .fake
            .respond_next(PATH, answer(&json!("K2m"), &session));
        let key = AccessKey::new(KEY);
        let options = ExchangeOptions::new();
        let machine = world.descope.exchange_access_key(&key, &options).await;
        assert!(machine.is_ok(), "{claim}");
    }
}

#[tokio::test]
async fn a_known_key_does_not_become_another_and_its_session_stays() {
    let world = k2_world().await;
    assert_eq!(world.ask(KEY).await, "K2m@-");
    // The answer does not say whose it is: only the session before tells.
    let silent = || {
        let other = session_of(&world.fake, "K2other");
        Canned::json(200, &json!({"sessionJwt": other}))
    };
    world.advance(575).await;
    world.fake.respond_next(PATH, silent());
    assert_eq!(world.ask(KEY).await, "K2m@-");
    world.fake.wait_for_calls(PATH, 2).await;
    settled(&world.fake).await;
    for _ in 0..5 {
        assert_eq!(world.ask(KEY).await, "K2m@-");
    }
    // Its time is over: no session is better than another's.
    world.advance(30).await;
    world.fake.respond_next(PATH, silent());
    assert_eq!(world.ask(KEY).await, "exchange_unavailable");
    assert_eq!(world.calls(), 3);
    world.advance(20).await;
    assert_eq!(world.ask(KEY).await, "K2m@-");
}

#[tokio::test]
async fn a_key_that_was_refused_for_a_while_does_not_come_back_as_another() {
    let world = k2_world().await;
    assert_eq!(world.ask(KEY).await, "K2m@-");
    world.advance(600).await;
    let no = json!({"errorCode": "E062803"});
    world.fake.respond_next(PATH, Canned::json(401, &no));
    assert_eq!(world.ask(KEY).await, "invalid_token");
    world.advance(30).await;
    let other = session_of(&world.fake, "K2other");
    let silent = Canned::json(200, &json!({"sessionJwt": other}));
    world.fake.respond_next(PATH, silent);
    assert_eq!(world.ask(KEY).await, "exchange_unavailable");
    world.advance(5).await;
    assert_eq!(world.ask(KEY).await, "K2m@-");
}
