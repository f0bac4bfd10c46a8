//! The sessions that access keys bring: whose they are, of which tenant, and for how long.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tower_descope::{
    AccessKey, AccessKeys, ErrorKind, ExchangeOptions, RejectionKind, SessionToken,
    test_util::{Canned, FakeDescope},
};

use crate::{
    machines::access_keys::{KEY, PATH, key, tenant, world},
    support::{app, eventually, token, verdict},
};

#[tokio::test]
async fn sessions_of_people_pass_as_ever_and_a_token_is_no_key() {
    let world = world(AccessKeys::new().key_prefix("K2").key_length(16..=4_096)).await;
    let good = token(&world.fake);
    assert_eq!(world.ask(&good).await, "U1@T1");
    let expired = world.fake.session("U1").expired().token();
    assert_eq!(world.ask(&expired).await, "expired_token");
    let forged = world.fake.session("U1").signed_by_stranger().token();
    assert_eq!(world.ask(&forged).await, "invalid_token");
    let options = ExchangeOptions::new();
    for text in [&*good, "", "a:b", "K2 with spaces", "K2\r\nx"] {
        let key = AccessKey::new(text);
        let error = world.descope.exchange_access_key(&key, &options).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidAccessKey);
        let rejection = world.descope.verify_access_key(&key).await.unwrap_err();
        assert_eq!(rejection.kind(), RejectionKind::InvalidToken);
    }
    assert_eq!(world.calls(), 0);
}

#[tokio::test]
async fn a_selected_tenant_is_the_active_one_and_claims_stand_below_nsec() {
    let mut claims = Map::new();
    claims.insert("job".to_owned(), json!("export"));
    let keys = AccessKeys::new().key_prefix("K2").selected_tenant(tenant());
    let world = world(keys.custom_claims(claims)).await;
    assert_eq!(world.ask(KEY).await, "K2m@T1");
    let mut requests = world.fake.requests().into_iter();
    let request = requests.rfind(|it| it.path == PATH).unwrap();
    assert_eq!(
        request.json(),
        json!({"loginOptions": {"selectedTenant": "T1", "customClaims": {"job": "export"}}})
    );
    let sent = request.header("authorization").unwrap();
    assert_eq!(sent, format!("Bearer {}:{KEY}", world.fake.project_id()));
    let session = world.descope.verify_access_key(&AccessKey::new(KEY)).await;
    let session = session.unwrap();
    assert!(session.active_tenant().unwrap().has_role("reader"));
    let claims: Value = session.claims().unwrap();
    assert_eq!(claims["nsec"]["job"], "export");
    // Descope refuses the tenant: so does the layer.
    assert_eq!(world.ask(&key(1)).await, "invalid_token");
}

#[tokio::test]
async fn an_answer_for_another_tenant_is_none() {
    // Also one that names the tenant and does not list it.
    for active in ["T2", "T1"] {
        let world = world(AccessKeys::new().key_prefix("K2").selected_tenant(tenant())).await;
        let other = world
            .fake
            .session("K2m")
            .without("rexp")
            .tenant("T2", |t| t)
            .active_without_membership(active)
            .token();
        let answer = Canned::json(200, &json!({"sessionJwt": other}));
        world.fake.respond_next(PATH, answer);
        assert_eq!(world.ask(KEY).await, "exchange_unavailable", "{active}");
    }
}

#[tokio::test]
async fn a_session_without_a_kind_will_do() {
    let world = world(AccessKeys::new().key_prefix("K2")).await;
    let bare = world.fake.session("K2m").without("rexp");
    let bare = bare.without("drn").token();
    let answer = Canned::json(200, &json!({"sessionJwt": bare}));
    world.fake.respond_next(PATH, answer);
    assert_eq!(world.ask(KEY).await, "K2m@-");
}

#[tokio::test]
async fn where_tokens_must_name_their_kind_a_machine_s_session_without_one_is_no_answer() {
    for (names, must, expected) in [
        (true, true, "K2m@-"),
        (false, false, "K2m@-"),
        (false, true, "exchange_unavailable"),
    ] {
        let fake = FakeDescope::builder()
            .access_key(KEY, |key| key.id("K2m"))
            .drn_in_access_key_sessions(names)
            .start()
            .await;
        let descope = fake
            .descope_builder()
            .access_keys(AccessKeys::new().key_prefix("K2"))
            .require_token_kind(must)
            .build()
            .unwrap();
        descope.warm_up().await.unwrap();
        assert_eq!(verdict(&app(&descope), KEY).await, expected);
        let (key, options) = (AccessKey::new(KEY), ExchangeOptions::new());
        match descope.exchange_access_key(&key, &options).await {
            Ok(machine) => assert_eq!(format!("{}@-", machine.key_id()), expected),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::UpstreamInvalid);
                assert!(error.to_string().contains("no_kind"), "{error}");
                assert_eq!(expected, "exchange_unavailable");
            }
        }
    }
}

#[tokio::test]
async fn a_withdrawn_signing_key_ends_a_machine_s_session_and_it_gets_a_new_one() {
    let world = world(AccessKeys::new().key_prefix("K2")).await;
    assert_eq!(world.ask(KEY).await, "K2m@-");
    world.fake.rotate_keys();
    // Past the keys' time to live; the session has still some seconds.
    world.advance(480).await;
    let old = Duration::from_secs(480);
    eventually("new keys", || {
        world
            .descope
            .key_status()
            .age()
            .is_some_and(|age| age < old)
    })
    .await;
    assert_eq!(world.ask(KEY).await, "K2m@-");
    assert_eq!(world.calls(), 2);
}

#[tokio::test]
async fn an_exchange_of_one_s_own_is_typed() {
    let fake = FakeDescope::builder()
        .access_key(KEY, |key| key.id("K2m").tenant("T1", |t| t))
        .start()
        .await;
    let descope = fake.descope();
    let options = ExchangeOptions::new().selected_tenant(tenant());
    let key = AccessKey::new(KEY);
    let machine = descope.exchange_access_key(&key, &options).await.unwrap();
    assert_eq!(machine.key_id(), "K2m");
    assert_eq!(machine.session().active_tenant().unwrap().id(), "T1");
    assert_eq!(machine.expires_at(), machine.session().expires_at());
    let token = machine.session_token().expose();
    assert!(descope.verify(&SessionToken::new(token)).await.is_ok());
    let said = format!(
        "{machine:?} {options:?} {key:?} {:?}",
        AccessKeys::new().key_prefix("K2")
    );
    assert!(!said.contains(KEY) && !said.contains("eyJ"), "{said}");

    let unknown = AccessKey::new("K2nobody-knows-this-one");
    let error = descope.exchange_access_key(&unknown, &options).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(error.upstream_code(), Some("E062803"));
    assert!(!format!("{error:?} {error}").contains("nobody"));
}
