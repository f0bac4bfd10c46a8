//! Sign-outs everywhere that Descope does not confirm at once: what the other replicas know of them.

use std::time::Duration;

use tower_descope::test_util::Canned;

use super::Replicas;
use crate::{
    routes::{LOGOUT, LOGOUT_ALL, routes},
    support::{
        browser::{Browser, untouched},
        world::{EXPIRY, REFRESH},
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
    replicas.pass(10 * SECOND).await;
    assert_eq!(replicas.fake.calls(LOGOUT_ALL), 4);
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
    replicas.pass(10 * SECOND).await;
    assert_eq!(replicas.fake.calls(LOGOUT_ALL), 4);
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
