//! Flows: their screens, their ends, and what a call must bring.

use serde_json::{Value, json};

use super::{
    client::{REFRESH, ann, payload, post},
    flow::{Flow, HTML, LOCATION, begin, begin_as},
};
use crate::test_util::{Canned, FakeDescope, FakeFlow, ResponseMethod};

#[tokio::test]
async fn a_flow_goes_from_screen_to_screen_and_ends_with_a_session() {
    let fake = ann()
        .flow("sign-up-or-in", |f| {
            f.screen(HTML).asks_login().screen(HTML).asks_code()
        })
        .start()
        .await;
    let mut flow = begin(&fake, "sign-up-or-in").await;
    assert!(flow.id().starts_with("sign-up-or-in|#|"), "{}", flow.id());
    assert_eq!(flow.shown(), ("1", "screen", "sign-up-or-in.1"));
    assert_eq!(flow.text("status"), "waiting");
    assert_eq!(flow.body["lastAuth"], json!({}));
    assert_eq!(flow.body.get("authInfo"), None);

    flow.submit(json!({})).await;
    assert_eq!(flow.error(), "E011002");
    assert_eq!(flow.shown(), ("1", "screen", "sign-up-or-in.1"));
    flow.submit(json!({"email": "ann@acme.test", "anything": {"else": 1}}))
        .await;
    assert_eq!(flow.error(), "");
    assert_eq!(flow.shown(), ("2", "screen", "sign-up-or-in.2"));
    let last = json!({"loginId": "ann@acme.test", "name": "Ann"});
    assert_eq!(flow.body["lastAuth"], last);

    flow.submit(json!({"code": "000000"})).await;
    assert_eq!((flow.status, flow.error()), (200, "E061102"));
    assert_eq!(
        flow.body["screen"]["state"],
        json!({"errorText": "Wrong code"})
    );
    assert_eq!(flow.shown(), ("2", "screen", "sign-up-or-in.2"));

    flow.submit(json!({"code": FakeDescope::ONE_TIME_CODE}))
        .await;
    assert_eq!(flow.shown(), ("3", "none", ""));
    assert_eq!(flow.text("status"), "completed");
    assert_eq!(flow.body["output"], json!({}));
    assert_eq!(flow.body["lastAuth"]["authMethod"], "otp");
    assert_eq!(flow.claims()["sub"], "U2ann");
    assert_eq!(flow.claims()["amr"], json!(["email"]));
    assert_eq!(flow.auth_info()["firstSeen"], true);
    assert_eq!(flow.auth_info()["user"]["name"], "Ann");
    assert_eq!(flow.auth_info()["trustedDeviceJwt"], "");
    assert_eq!(flow.auth_info().get("knownDeviceJwt"), None);
    let refreshed = post(&fake, REFRESH, flow.refresh_jwt(), json!({})).await;
    assert_eq!(refreshed.claims()["amr"], json!(["email"]));
}

#[tokio::test]
async fn a_start_with_what_was_typed_on_the_first_screen_passes_it() {
    let fake = ann()
        .flow("sign-in", |f| f.asks_login().asks_code())
        .start()
        .await;
    let flow = begin_as(&fake, "sign-in", "new@acme.test").await;
    assert_eq!(flow.shown(), ("2", "screen", "sign-in.2"));
    let flow = begin_as(&fake, "sign-in", "").await;
    assert_eq!(flow.error(), "E011002");
    assert_eq!(flow.shown(), ("1", "screen", "sign-in.1"));
}

#[tokio::test]
async fn whom_the_fake_does_not_know_is_signed_up() {
    let fake = ann()
        .flow("sign-in", |f| f.asks_login().asks_code())
        .start()
        .await;
    for (login_id, method, first_seen) in [
        ("new@acme.test", "email", true),
        ("new@acme.test", "email", false),
        ("+15550100", "sms", true),
    ] {
        let mut flow = begin_as(&fake, "sign-in", login_id).await;
        flow.submit(json!({"code": "123456"})).await;
        assert_eq!(flow.auth_info()["user"]["loginIds"], json!([login_id]));
        assert_eq!(flow.auth_info()["firstSeen"], first_seen);
        assert_eq!(flow.claims()["amr"], json!([method]));
    }
}

#[tokio::test]
async fn a_flow_ends_as_its_script_says() {
    let fake = ann()
        .flow("as-bob", |f| f.asks_login().completes_as("bob@acme.test"))
        .flow("no-session", |f| {
            f.asks_login()
                .output(json!({"a": [1]}))
                .completes_without_session()
        })
        .flow("nobody", |f| {
            f.asks_login().completes_without_authentication()
        })
        .flow("visitor", |f| f.screen(HTML).completes_anonymously())
        .flow("fails", |f| f.asks_login().fails("E102001"))
        .flow("whose", |f| f.screen(HTML).completes())
        .start()
        .await;
    let end = async |id: &str| begin_as(&fake, id, "ann@acme.test").await;

    let flow = end("as-bob").await;
    assert_eq!(flow.auth_info()["user"]["email"], "bob@acme.test");
    assert_eq!(flow.claims()["amr"], json!(["email"]));

    let flow = end("no-session").await;
    assert_eq!(flow.text("status"), "completed");
    assert_eq!(flow.body.get("authInfo"), None);
    assert_eq!(flow.body["output"], json!({"a": [1]}));

    let flow = end("nobody").await;
    assert_eq!(flow.claims()["sub"], "U2ann");
    assert_eq!(flow.claims().get("amr"), None);
    assert_eq!(flow.claims().get("danu"), None);

    let flow = end("visitor").await;
    assert_eq!(flow.claims()["danu"], true);
    assert_eq!(flow.claims().get("amr"), None);
    let other = end("visitor").await;
    assert_ne!(flow.claims()["sub"], other.claims()["sub"]);

    let failed = end("fails").await;
    assert_eq!(failed.code(), (400, "E102001"));
    let mut flow = begin(&fake, "fails").await;
    flow.submit(json!({"loginId": "ann@acme.test"})).await;
    assert_eq!(flow.code(), (400, "E102001"));
    flow.submit(json!({})).await;
    assert_eq!(flow.code(), (400, "E103205"));

    assert_eq!(end("whose").await.code(), (400, "E011002"));
}

#[tokio::test]
async fn a_nonce_is_given_with_each_answer_and_works_once() {
    let fake = ann()
        .flow("sign-in", |f| f.asks_login().asks_code())
        .start()
        .await;
    let mut flow = begin(&fake, "sign-in").await;
    let first = flow.nonce.clone();
    assert!(first.starts_with("1."), "{first}");
    flow.submit(json!({"loginId": "ann@acme.test"})).await;
    assert!(flow.nonce.starts_with("2."), "{}", flow.nonce);
    let second = std::mem::replace(&mut flow.nonce, first.clone());

    for stale in [first.as_str(), "3.nonce000001", "x"] {
        flow.nonce = stale.into();
        flow.submit(json!({"code": "123456"})).await;
        assert_eq!(flow.code(), (400, "E108201"), "{stale}");
        assert_eq!(flow.nonce, stale, "no new one");
    }
    let other = begin(&fake, "sign-in").await;
    flow.nonce = other.nonce;
    flow.submit(json!({"code": "123456"})).await;
    assert_eq!(flow.code(), (400, "E108201"));

    flow.nonce.clone_from(&second);
    flow.submit(json!({"code": "123456"})).await;
    assert_eq!(flow.text("status"), "completed");
    let last = std::mem::replace(&mut flow.nonce, second);
    flow.submit(json!({"code": "123456"})).await;
    assert_eq!(flow.code(), (400, "E108201"), "also when it is over");
    flow.nonce = last;
    flow.submit(json!({"code": "123456"})).await;
    assert_eq!(flow.code(), (400, "E103205"));
    // Another browser, and one that has lost its storage, has none.
    flow.nonce.clear();
    flow.poll().await;
    assert_eq!(flow.code(), (400, "E103202"));
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let fake = ann().flow("sign-in", FakeFlow::asks_login).start().await;
    let none = begin(&fake, "other").await;
    assert_eq!(none.code(), (400, FakeDescope::UNKNOWN_FLOW));
    let mut flow = begin(&fake, "sign-in").await;
    for (body, refusal) in [
        (json!({"flowId": ""}), "E011002"),
        (json!({"flowId": "sign-in", "input": []}), "E011001"),
        (json!([]), "E011001"),
    ] {
        let refused = post(&fake, "/v1/flow/start", "", body).await;
        assert_eq!(refused.code(), (400, refusal));
    }
    for (option, value) in [
        ("options.ssoAppId", json!({"ssoAppId": "x"})),
        ("options.preview", json!({"preview": true})),
        (
            "options.redirectAuth",
            json!({"redirectAuth": {"callbackUrl": "x"}}),
        ),
    ] {
        let body = json!({"flowId": "sign-in", "options": value});
        let refused = post(&fake, "/v1/flow/start", "", body).await;
        assert_eq!(refused.code(), (400, FakeDescope::UNKNOWN_OPTION));
        let said = refused.text("errorDescription");
        assert!(said.contains(&format!("`{option}`")), "{said}");
    }
    let own = std::mem::replace(&mut flow.step, "2".into());
    flow.submit(json!({"loginId": "ann@acme.test"})).await;
    assert_eq!(flow.code(), (400, "E011003"));
    flow.step = own;
    flow.submit(json!({"loginId": "ann@acme.test"})).await;
    assert_eq!(flow.text("status"), "completed");

    let body = json!({"executionId": "sign-in|#|x", "stepId": "1", "interactionId": "submit"});
    let refused = post(&fake, "/v1/flow/next", "", body).await;
    assert_eq!(refused.code(), (400, "E103205"));
    let refused = post(&fake, "/v1/flow/next", "", json!({"executionId": "x"})).await;
    assert_eq!(refused.code(), (400, "E011002"));
}

#[tokio::test]
async fn a_flow_of_a_signed_in_user_goes_on_with_the_sign_in_or_opens_one() {
    for opens in [false, true] {
        let fake = ann()
            .flow("step-up", FakeFlow::asks_code)
            .flow("bob", |f| f.completes_as("bob@acme.test"))
            .flow_opens_family(opens)
            .start()
            .await;
        let ann = fake.sign_in_to("ann@acme.test", "T2acme");
        let mut flow = Flow::start(&fake, ann.refresh_jwt(), json!({"flowId": "step-up"})).await;
        flow.submit(json!({"code": "123456"})).await;
        assert_eq!(flow.claims()["sub"], "U2ann");
        let active = if opens { Value::Null } else { json!("T2acme") };
        assert_eq!(flow.claims()["dct"], active);
        assert_eq!(flow.auth_info()["firstSeen"], false);
        let new = post(&fake, REFRESH, flow.refresh_jwt(), json!({})).await;
        assert_eq!(new.status, 200);
        let old = post(&fake, REFRESH, ann.refresh_jwt(), json!({})).await;
        assert_eq!(old.status, if opens { 200 } else { 400 });

        // Somebody else's session is nobody's to go on with.
        let ann = fake.sign_in("ann@acme.test");
        let flow = Flow::start(&fake, ann.refresh_jwt(), json!({"flowId": "bob"})).await;
        assert_ne!(flow.claims()["sub"], "U2ann");
        let old = post(&fake, REFRESH, ann.refresh_jwt(), json!({})).await;
        assert_eq!(old.status, 200);
        let bad = Flow::start(&fake, "a.b.c", json!({"flowId": "bob"})).await;
        assert_eq!(bad.code(), (401, "E061005"));
    }
}

#[tokio::test]
async fn without_rotation_the_token_that_came_is_kept() {
    let fake = ann()
        .rotation(false)
        .flow("step-up", FakeFlow::asks_code)
        .start()
        .await;
    let ann = fake.sign_in("ann@acme.test");
    let mut flow = Flow::start(&fake, ann.refresh_jwt(), json!({"flowId": "step-up"})).await;
    flow.submit(json!({"code": "123456"})).await;
    assert_eq!(flow.refresh_jwt(), "");
    assert_eq!(flow.claims()["sub"], "U2ann");
}

#[tokio::test]
async fn devices_are_remembered_in_tokens_of_their_own() {
    let build = || ann().flow("sign-in", |f| f.trusts_device().knows_device().asks_login());
    let fake = build().start().await;
    let flow = begin_as(&fake, "sign-in", "ann@acme.test").await;
    for (field, drn) in [("trustedDeviceJwt", "DTD"), ("knownDeviceJwt", "DKD")] {
        let claims = payload(flow.auth_info()[field].as_str().unwrap());
        assert_eq!(claims["drn"], drn);
        assert_eq!(claims["iss"], fake.project_id());
        assert_eq!(claims["sub"], "U2ann");
        assert!(claims["exp"].as_i64() > claims["iat"].as_i64());
    }

    let fake = build()
        .session_response(ResponseMethod::Cookies)
        .refresh_response(ResponseMethod::Cookies)
        .start()
        .await;
    let flow = begin_as(&fake, "sign-in", "ann@acme.test").await;
    for field in [
        "sessionJwt",
        "refreshJwt",
        "trustedDeviceJwt",
        "knownDeviceJwt",
    ] {
        assert_eq!(flow.auth_info()[field], "", "{field}");
    }
    for (index, name) in ["DSR", "DS", "DTD", "DKD"].iter().enumerate() {
        let cookie = &flow.cookies[index];
        assert!(cookie.starts_with(&format!("{name}=ey")), "{cookie}");
    }
}

#[tokio::test]
async fn calls_of_flows_are_recorded_and_fail_on_demand_like_any() {
    let fake = ann().flow("sign-in", FakeFlow::asks_login).start().await;
    let mut flow = begin(&fake, "sign-in").await;
    fake.respond_next("/v1/flow/next", Canned::error(429, "E130429", "slow down"));
    let nonce = flow.nonce.clone();
    flow.submit(json!({"loginId": "ann@acme.test"})).await;
    assert_eq!(flow.code(), (429, "E130429"));
    assert_eq!(flow.nonce, nonce, "it was not used");
    flow.submit(json!({"loginId": "ann@acme.test"})).await;
    assert_eq!(flow.text("status"), "completed");

    let next = fake.requests().pop().unwrap();
    assert_eq!(next.header("x-descope-flow-nonce"), Some(nonce.as_str()));
    assert_eq!(next.json()["executionId"], flow.id());
    assert_eq!(fake.calls("/v1/flow/next"), 2);
    assert_eq!(fake.requests()[0].json()["options"]["location"], LOCATION);
}
