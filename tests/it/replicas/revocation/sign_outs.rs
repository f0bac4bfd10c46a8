//! Marks and sign-outs, while the store is there.

use std::time::Duration;

use axum::{Router, body::Body, routing::get};
use http::StatusCode;
use tower::ServiceExt;
use tower_descope::{
    AccessKeys, Mark, RefreshToken, Revocation, Session, SessionRoutes, SessionToken, TenantId,
    TenantLayer, test_util::FakeDescope,
};

use super::{BOUND, Replicas, TICK, call, code, strict, user};
use crate::{
    routes::{LOGOUT, LOGOUT_ALL},
    support::{
        browser::{Browser, untouched},
        world::{EXPIRY, fake},
    },
};

#[tokio::test]
async fn a_mark_made_at_one_replica_is_known_at_all_after_a_tick() {
    let replicas = Replicas::strict(3).await;
    let (ann, bob) = (replicas.session("U1"), replicas.session("U2"));
    assert_eq!(replicas.verdicts(&ann).await, ["ok"; 3]);
    replicas.handles[0].revoke(user("U1")).await.unwrap();
    assert_eq!(
        replicas.verdicts(&ann).await,
        ["session_revoked", "ok", "ok"],
        "it is asked for no more often than that"
    );
    replicas.tick().await;
    assert_eq!(replicas.verdicts(&ann).await, ["session_revoked"; 3]);
    assert_eq!(replicas.verdicts(&bob).await, ["ok"; 3]);
    for handle in &replicas.handles {
        let status = handle.revocation_status().unwrap();
        assert_eq!((status.marks, status.fresh), (1, true), "{status:?}");
        assert!(status.age.unwrap() <= TICK, "{status:?}");
    }
    // A session that begins a second later is another one.
    replicas.pass(Duration::from_secs(1)).await;
    let later = replicas.session("U1");
    assert_eq!(replicas.verdicts(&later).await, ["ok"; 3]);
    assert_eq!(replicas.verdicts(&ann).await, ["session_revoked"; 3]);
}

#[tokio::test]
async fn marks_of_each_kind_are_told() {
    let replicas = Replicas::strict(2).await;
    let (ann, bob) = (replicas.session("U1"), replicas.session("U2"));
    let elsewhere = replicas.fake.session("U3").tenant("T3", |t| t).token();
    let revoke = async |mark| {
        replicas.handles[0].revoke(mark).await.unwrap();
        replicas.tick().await;
    };
    revoke(Mark::session_token(&SessionToken::new(&*ann))).await;
    assert_eq!(replicas.verdicts(&ann).await, ["session_revoked"; 2]);
    assert_eq!(replicas.verdicts(&bob).await, ["ok"; 2]);
    revoke(Mark::tenant(&TenantId::new("T1").unwrap())).await;
    assert_eq!(replicas.verdicts(&bob).await, ["session_revoked"; 2]);
    assert_eq!(replicas.verdicts(&elsewhere).await, ["ok"; 2]);
    revoke(Mark::everybody()).await;
    assert_eq!(replicas.verdicts(&elsewhere).await, ["session_revoked"; 2]);
    assert_eq!(replicas.handles[1].revocation_status().unwrap().marks, 3);
}

#[tokio::test]
async fn who_signs_out_in_one_browser_is_signed_out_of_its_sessions_at_every_replica() {
    let replicas = Replicas::strict(3).await;
    let ann = Browser::ann(&replicas.fake);
    replicas.pass(Duration::from_secs(1)).await;
    let other_device = Browser::ann(&replicas.fake);
    let routes = SessionRoutes::new(replicas.handles[0].clone()).at("/v1/auth");
    let answer = ann.clone().call(&routes, LOGOUT, "{}").await;
    assert_eq!(answer.status, 200);
    replicas.tick().await;
    // Somebody has copied the cookies before.
    let revoked = replicas.verdicts(&ann.jar["DS"]).await;
    assert_eq!(revoked, ["session_revoked"; 3]);
    assert_eq!(replicas.verdicts(&other_device.jar["DS"]).await, ["ok"; 3]);
    // And none is renewed.
    for app in replicas.apps() {
        let response = ann.clone().visit(&app).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert!(other_device.clone().visit(&app).await.status().is_success());
    }
    assert_eq!(replicas.refreshes(), 0);
}

#[tokio::test]
async fn who_signs_out_everywhere_is_out_in_every_browser_at_every_replica() {
    let replicas = Replicas::strict(3).await;
    let browsers = [Browser::ann(&replicas.fake), Browser::ann(&replicas.fake)];
    let bob = Browser::signed_in(&replicas.fake, "bob@example.test");
    let routes = SessionRoutes::new(replicas.handles[2].clone()).at("/v1/auth");
    let answer = browsers[0].clone().call(&routes, LOGOUT_ALL, "{}").await;
    assert_eq!(answer.status, 200);
    replicas.tick().await;
    for browser in &browsers {
        let verdicts = replicas.verdicts(&browser.jar["DS"]).await;
        assert_eq!(verdicts, ["session_revoked"; 3]);
        for app in replicas.apps() {
            let response = browser.clone().visit(&app).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        }
    }
    assert_eq!(replicas.verdicts(&bob.jar["DS"]).await, ["ok"; 3]);
    replicas.pass(Duration::from_secs(1)).await;
    let again = Browser::ann(&replicas.fake);
    assert_eq!(replicas.verdicts(&again.jar["DS"]).await, ["ok"; 3]);
}

#[tokio::test]
async fn whoever_may_stay_is_renewed_by_one_call_and_goes_on_at_every_replica() {
    let replicas = Replicas::strict(3).await;
    let apps = replicas.apps();
    let old = Browser::ann(&replicas.fake);
    let mut browser = old.clone();
    replicas.pass(EXPIRY).await;
    // Each replica has the answer of this renewal at hand, by its own call or from the store.
    for app in &apps {
        browser = old.clone();
        assert_eq!(browser.visit(app).await.body(), "U1@T1");
        replicas.settle().await;
    }
    assert_eq!(replicas.refreshes(), 1);
    replicas.pass(Duration::from_secs(2)).await;
    replicas.handles[1].revoke(user("U1")).await.unwrap();
    replicas.pass(Duration::from_secs(1)).await;
    let revoked = browser.jar["DS"].clone();
    assert_eq!(replicas.verdicts(&revoked).await, ["session_revoked"; 3]);
    // Whoever comes first is renewed. The others get that, whatever they show.
    for (app, shown) in apps.iter().zip([&browser, &old, &browser]) {
        let mut shown = shown.clone();
        let response = shown.visit(app).await;
        assert_eq!(response.body(), "U1@T1");
        assert_ne!(shown.jar["DS"], revoked);
        assert_eq!(replicas.verdicts(&shown.jar["DS"]).await, ["ok"; 3]);
        replicas.settle().await;
    }
    assert_eq!(replicas.refreshes(), 2);
    let mut newest = browser.clone();
    newest.visit(&apps[0]).await;
    for app in &apps {
        let response = newest.visit(app).await;
        assert_eq!(response.body(), "U1@T1");
        assert!(untouched(&response));
    }
    assert_eq!(replicas.refreshes(), 2);
    replicas.spent();
}

#[tokio::test]
async fn whoever_is_revoked_and_renewed_within_a_second_is_let_in_and_renewed_once_more() {
    let replicas = Replicas::strict(2).await;
    let apps = replicas.apps();
    let mut browser = Browser::ann(&replicas.fake);
    replicas.handles[0].revoke(user("U1")).await.unwrap();
    replicas.tick().await;
    // Of a token of this second nobody can tell whether it is from before the mark.
    assert_eq!(browser.visit(&apps[1]).await.body(), "U1@T1");
    replicas.pass(Duration::from_secs(1)).await;
    for app in [&apps[1], &apps[0], &apps[1]] {
        assert_eq!(browser.visit(app).await.body(), "U1@T1");
        replicas.settle().await;
    }
    assert_eq!(replicas.refreshes(), 2);
    replicas.spent();
}

#[tokio::test]
async fn whoever_may_not_stay_is_let_in_by_none_of_them() {
    let replicas = Replicas::strict(2).await;
    let apps = replicas.apps();
    let mut browser = Browser::ann(&replicas.fake);
    replicas.pass(EXPIRY).await;
    browser.visit(&apps[0]).await;
    replicas.settle().await;
    // Removed at Descope, and revoked here by an operator.
    replicas.fake.log_out("U1");
    replicas.handles[0].revoke(user("U1")).await.unwrap();
    replicas.tick().await;
    for app in [&apps[1], &apps[0], &apps[1]] {
        let response = browser.clone().visit(app).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_sign_out_counts_whose_browser_goes_away_at_once() {
    for path in [LOGOUT, LOGOUT_ALL] {
        let replicas = Replicas::strict(2).await;
        let apps = replicas.apps();
        let mut browser = Browser::ann(&replicas.fake);
        browser.visit(&apps[0]).await;
        let routes = crate::routes::routes(&replicas.handles[0]);
        let mut jar = browser.clone();
        // Polled once, and dropped.
        tokio::select! {
            biased;
            _ = jar.call(&routes, path, "{}") => panic!("other replicas were told in no time"),
            () = std::future::ready(()) => {}
        }
        replicas.settle().await;
        replicas.pass(Duration::from_secs(2)).await;
        assert_eq!(replicas.fake.calls(path), 1, "Descope knows");
        for app in &apps {
            let response = browser.clone().visit(app).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
        }
    }
}

#[tokio::test]
async fn a_straggler_gets_no_session_of_before_the_mark_from_the_store() {
    for may_stay in [true, false] {
        let replicas = Replicas::strict(3).await;
        let apps = replicas.apps();
        let old = Browser::ann(&replicas.fake);
        let mut browser = old.clone();
        replicas.pass(EXPIRY).await;
        assert_eq!(browser.visit(&apps[0]).await.body(), "U1@T1");
        replicas.settle().await;
        let revoked = browser.jar["DS"].clone();
        replicas.pass(Duration::from_secs(1)).await;
        if !may_stay {
            replicas.fake.log_out("U1");
        }
        replicas.handles[1].revoke(user("U1")).await.unwrap();
        replicas.pass(Duration::from_secs(1)).await;
        // The third has never seen the session, and the store has the answer that was lost.
        let mut straggler = old.clone();
        let response = straggler.visit(&apps[2]).await;
        assert_eq!(response.status().is_success(), may_stay, "{response:?}");
        if may_stay {
            assert_ne!(straggler.jar["DS"], revoked);
            assert_eq!(replicas.verdicts(&straggler.jar["DS"]).await, ["ok"; 3]);
        }
        assert_eq!(replicas.refreshes(), 2);
        replicas.spent();
    }
}

#[tokio::test]
async fn a_public_page_takes_whoever_was_revoked_elsewhere_for_nobody() {
    let replicas = Replicas::strict(2).await;
    let ann = Browser::ann(&replicas.fake);
    let handler = get(async |session: Option<Session>| session.is_some().to_string());
    let layer = TenantLayer::new(replicas.handles[1].clone()).optional();
    let app = Router::new().route("/", handler).layer(layer);
    for seen in ["true", "false"] {
        let request = ann.get().map(|()| Body::empty());
        let response = app.clone().oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), 9).await.unwrap();
        assert_eq!(body, seen);
        replicas.handles[0].revoke(user("U1")).await.unwrap();
        replicas.tick().await;
    }
    replicas.shared.set_reachable(false);
    replicas.pass(2 * BOUND).await;
    // Nor is anybody nobody for not being known.
    let bob = Browser::signed_in(&replicas.fake, "bob@example.test");
    let request = bob.get().map(|()| Body::empty());
    let response = app.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_machine_that_was_revoked_gets_no_session_of_before_from_another_replica() {
    const KEY: &str = "K2nightlyExportOfTheTests";
    const PATH: &str = "/v1/auth/accesskey/exchange";
    let fake = FakeDescope::builder().access_key(KEY, |key| key.id("K2night"));
    let replicas = Replicas::with(3, fake, |builder| {
        let keys = AccessKeys::new().key_prefix("K2");
        strict(builder).access_keys(keys)
    });
    let replicas = replicas.await;
    let apps = replicas.plain_apps();
    for app in &apps[..2] {
        assert_eq!(crate::support::verdict(app, KEY).await, "K2night@-");
        replicas.settle().await;
    }
    assert_eq!(replicas.fake.calls(PATH), 1);
    replicas.handles[0].revoke(user("K2night")).await.unwrap();
    replicas.pass(Duration::from_secs(1)).await;
    // The third has seen none, and finds the one that the others share.
    for _ in 0..3 {
        for app in &apps {
            assert_eq!(crate::support::verdict(app, KEY).await, "K2night@-");
            replicas.settle().await;
        }
    }
    assert_eq!(replicas.fake.calls(PATH), 4, "each for itself, and once");
}

#[tokio::test]
async fn revocation_costs_a_request_nothing_and_a_second_five_looks() {
    let replicas = Replicas::strict(1).await;
    let app = &replicas.plain_apps()[0];
    let ann = Browser::ann(&replicas.fake);
    replicas.handles[0].revoke(user("U2")).await.unwrap();
    replicas.tick().await;
    let before = replicas.shared.steps();
    for _ in 0..500 {
        assert_eq!(call(app, ann.get()).await.body(), "U1@T1");
    }
    assert_eq!(replicas.shared.steps(), before);
    replicas.pass(Duration::from_secs(1)).await;
    // And one for what replicas share besides.
    assert_eq!(replicas.shared.steps() - before, 6);
}

/// Whoever uses the settings of another kind of service is told so.
#[tokio::test]
async fn a_refusal_is_a_401_with_its_code() {
    let replicas = Replicas::with(2, fake(), |builder| {
        builder.revocation(Revocation::available())
    });
    let replicas = replicas.await;
    let ann = Browser::ann(&replicas.fake);
    let token: RefreshToken = ann.refresh_token();
    replicas.handles[0].logout_all(&token).await.unwrap();
    replicas.tick().await;
    let response = call(&replicas.plain_apps()[1], ann.get()).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(code(&response), "session_revoked");
}
