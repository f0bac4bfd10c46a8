//! Sign-outs everywhere that Descope does not confirm at once: what the other replicas know of them.

use std::time::Duration;

use tower_descope::{DescopeBuilder, Revocation, test_util::Canned};

use super::{BOUND, Replicas};
use crate::{
    routes::{LOGOUT, LOGOUT_ALL, routes},
    sign_in::adopt,
    support::{
        browser::{Browser, untouched},
        world::{EXPIRY, REFRESH, fake, late},
        yield_often,
    },
};

const SECOND: Duration = Duration::from_secs(1);

/// A sign-out everywhere at the first of two replicas, which Descope fails so many times.
async fn signed_out(failures: usize) -> (Replicas, Browser) {
    let replicas = Replicas::strict(2).await;
    let [mut here, there] = [(); 2].map(|()| Browser::ann(&replicas.fake));
    for _ in 0..failures {
        let failure = Canned::error(500, "E990500", "oops");
        replicas.fake.respond_next(LOGOUT_ALL, failure);
    }
    let service = routes(&replicas.handles[0]);
    let answer = here.call(&service, LOGOUT_ALL, "{}").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json["everywhere"], false);
    replicas.tick().await;
    (replicas, there)
}

/// Lets time pass until it has been sent so often.
async fn sent(replicas: &Replicas, times: usize) {
    for _ in 0..60 {
        if replicas.fake.calls(LOGOUT_ALL) >= times {
            break;
        }
        replicas.pass(SECOND).await;
    }
    assert_eq!(replicas.fake.calls(LOGOUT_ALL), times);
}

#[tokio::test]
async fn until_descope_confirms_it_no_replica_renews_an_older_session() {
    let (replicas, mut there) = signed_out(3).await;
    let before = there.clone();
    let apps = replicas.apps();
    for app in [&apps[1], &apps[0], &apps[1]] {
        let refused = there.visit(app).await;
        assert_eq!(refused.status(), 401);
        assert!(untouched(&refused));
    }
    assert_eq!((replicas.refreshes(), &there), (0, &before));
    // It is sent until it counts: what was refused meanwhile is no word of a new sign-in.
    sent(&replicas, 4).await;
    assert_eq!(replicas.fake.calls(LOGOUT), 0);
    // From then on it is Descope's word again: who has signed in since is let in, however the clocks differ.
    let mut new = Browser::ann(&replicas.fake);
    replicas.fake.clock().advance(EXPIRY);
    for app in &replicas.apps() {
        assert_eq!(new.visit(app).await.body(), "U1@T1");
    }
}

#[tokio::test]
async fn what_a_replica_renewed_before_it_had_heard_of_it_is_no_new_sign_in() {
    let replicas = Replicas::strict(2).await;
    let [mut here, mut there] = [(); 2].map(|()| Browser::ann(&replicas.fake));
    for _ in 0..3 {
        let failure = Canned::error(500, "E990500", "oops");
        replicas.fake.respond_next(LOGOUT_ALL, failure);
    }
    let services: Vec<_> = replicas.handles.iter().map(routes).collect();
    here.call(&services[0], LOGOUT_ALL, "{}").await;
    // Another second has begun, and the mark is on its way.
    replicas.fake.clock().advance(SECOND);
    assert_eq!(there.refresh(&services[1]).await.status, 200);
    for app in &replicas.apps() {
        there.visit(app).await;
    }
    sent(&replicas, 4).await;
    assert_eq!(replicas.fake.calls(LOGOUT), 0);
}

#[tokio::test]
async fn a_new_sign_in_at_any_replica_ends_it_at_all() {
    let (replicas, _) = signed_out(20).await;
    replicas.pass(4 * SECOND).await;
    let mut new = Browser::ann(&replicas.fake);
    assert_eq!(new.visit(&replicas.apps()[1]).await.status(), 200);
    replicas.tick().await;
    let tried = replicas.fake.calls(LOGOUT_ALL);
    replicas.pass(30 * SECOND).await;
    assert_eq!(replicas.fake.calls(LOGOUT_ALL), tried);
    assert_eq!(replicas.fake.calls(LOGOUT), 1, "that of its own session");
    replicas.fake.clock().advance(EXPIRY);
    for app in &replicas.apps() {
        assert_eq!(new.visit(app).await.body(), "U1@T1");
    }
    assert_eq!(replicas.fake.calls(REFRESH), 1);
}

#[tokio::test]
async fn it_holds_for_as_long_as_descope_is_away() {
    const LIFE: Duration = Duration::from_secs(300);
    let strict = |builder: DescopeBuilder| {
        builder.revocation(Revocation::strict(BOUND).longest_session(LIFE))
    };
    let replicas = Replicas::with(2, fake().session_ttl(LIFE), strict).await;
    let [mut here, mut there] = [(); 2].map(|()| Browser::ann(&replicas.fake));
    for _ in 0..11 {
        let failure = Canned::error(500, "E990500", "oops");
        replicas.fake.respond_next(LOGOUT_ALL, failure);
    }
    here.call(&routes(&replicas.handles[0]), LOGOUT_ALL, "{}")
        .await;
    // Marks of sessions are forgotten after six minutes, and tried it is after so many again.
    for minutes in (2..=24).step_by(2) {
        for _ in 0..60 {
            replicas.fake.clock().advance(2 * SECOND);
            yield_often().await;
        }
        let mut apps = replicas.apps();
        // One that begins now has to know of it, too.
        let newcomer = replicas.one_more(strict);
        newcomer.warm_up().await.unwrap();
        apps.push(late(&newcomer));
        for app in &apps {
            let refused = there.visit(app).await;
            assert_eq!(refused.status(), 401, "after {minutes} minutes");
        }
    }
    assert_eq!(replicas.refreshes(), 0);
    assert_eq!(replicas.fake.calls(LOGOUT), 0);
    assert!(replicas.fake.calls(LOGOUT_ALL) > 3, "it is tried all along");
}

#[tokio::test]
async fn what_descope_refuses_of_one_ends_no_other() {
    let (replicas, mut there) = signed_out(1).await;
    // Another browser of hers, whose session is over, signs out everywhere at the other replica.
    let refused = Canned::error(401, "E064001", "signed out");
    replicas.fake.respond_next(LOGOUT_ALL, refused);
    for _ in 0..2 {
        let failure = Canned::error(500, "E990500", "oops");
        replicas.fake.respond_next(LOGOUT_ALL, failure);
    }
    let mut other = Browser::ann(&replicas.fake);
    let service = routes(&replicas.handles[1]);
    other.call(&service, LOGOUT_ALL, "{}").await;
    assert_eq!(replicas.fake.calls(LOGOUT_ALL), 2);
    replicas.tick().await;
    for app in &replicas.apps() {
        assert_eq!(there.visit(app).await.status(), 401);
    }
    sent(&replicas, 5).await;
    assert_eq!(replicas.fake.calls(LOGOUT), 0);
}

#[tokio::test]
async fn a_sign_in_right_after_it_is_a_new_one() {
    let replicas = Replicas::strict(2).await;
    let mut here = Browser::ann(&replicas.fake);
    for _ in 0..20 {
        let failure = Canned::error(500, "E990500", "oops");
        replicas.fake.respond_next(LOGOUT_ALL, failure);
    }
    let handle = &replicas.handles[0];
    here.call(&routes(handle), LOGOUT_ALL, "{}").await;
    replicas.fake.clock().advance(SECOND);
    let ann = replicas.fake.sign_in("ann@example.test");
    let signed_in = adopt(handle, &here, &ann).await.unwrap();
    here.receive(&signed_in);
    let tried = replicas.fake.calls(LOGOUT_ALL);
    replicas.pass(30 * SECOND).await;
    assert_eq!(replicas.fake.calls(LOGOUT_ALL), tried);
    for app in &replicas.apps() {
        assert_eq!(here.visit(app).await.status(), 200);
    }
}

#[tokio::test]
async fn one_that_another_replica_has_confirmed_ends_no_later_sign_in() {
    let (replicas, mut there) = signed_out(3).await;
    sent(&replicas, 3).await;
    // She tries again in another browser, at the other replica, and then signs in.
    let service = routes(&replicas.handles[1]);
    let answer = there.call(&service, LOGOUT_ALL, "{}").await;
    assert_eq!(answer.json, serde_json::json!({}));
    let confirmed = replicas.fake.calls(LOGOUT_ALL);
    replicas.pass(SECOND).await;
    let mut new = Browser::ann(&replicas.fake);
    replicas.pass(30 * SECOND).await;
    assert_eq!(replicas.fake.calls(LOGOUT_ALL), confirmed);
    replicas.fake.clock().advance(EXPIRY);
    for app in &replicas.apps() {
        assert_eq!(new.visit(app).await.body(), "U1@T1");
    }
}

#[tokio::test]
async fn an_older_one_that_is_over_ends_no_newer_one() {
    let (replicas, mut there) = signed_out(2).await;
    sent(&replicas, 2).await;
    // Confirmed at the other replica; she signs in, and signs out everywhere once more, at the first.
    there
        .call(&routes(&replicas.handles[1]), LOGOUT_ALL, "{}")
        .await;
    replicas.tick().await;
    replicas.fake.clock().advance(SECOND);
    let [mut new, mut other] = [(); 2].map(|()| Browser::ann(&replicas.fake));
    replicas.fake.clock().advance(SECOND);
    for _ in 0..3 {
        let failure = Canned::error(500, "E990500", "oops");
        replicas.fake.respond_next(LOGOUT_ALL, failure);
    }
    new.call(&routes(&replicas.handles[0]), LOGOUT_ALL, "{}")
        .await;
    sent(&replicas, 7).await;
    // That of the first session went up by itself.
    assert!(replicas.fake.calls(LOGOUT) <= 1);
    assert_eq!(
        other.refresh(&routes(&replicas.handles[1])).await.status,
        401
    );
}
