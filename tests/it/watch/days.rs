//! A working day of connections, with renewals and one sign-out.

use std::time::Duration;

use tower_descope::SessionEnd;

use super::{ended, opened, pass};
use crate::{
    replicas::Replicas,
    revocation::revocation,
    routes::{LOGOUT, routes},
    support::{
        browser::Browser,
        world::{REFRESH, fake},
    },
};

/// Ann's and Bob's sockets at all replicas, eight hours, in which their pages renew their sessions a
/// moment before these end, at whichever replica is next; then Ann signs out.
async fn working_day(number: usize) {
    let replicas = Replicas::with(number, fake(), |builder| builder.revocation(revocation())).await;
    let mut people = [
        Browser::ann(&replicas.fake),
        Browser::signed_in(&replicas.fake, "bob@example.test"),
    ];
    let mut sockets = Vec::new();
    for handle in &replicas.handles {
        for (person, browser) in people.iter_mut().enumerate() {
            sockets.push((person, opened(handle, browser).await));
        }
    }
    let services: Vec<_> = replicas.handles.iter().map(routes).collect();
    for renewal in 0..50 {
        // In steps that are shorter than a view may be old.
        for _ in 0..57 {
            for _ in 0..20 {
                replicas.fake.clock().advance(Duration::from_millis(500));
                tokio::task::yield_now().await;
            }
            for (person, socket) in &mut sockets {
                assert_eq!(ended(socket).await, None, "{person} before {renewal}");
            }
        }
        for browser in &mut people {
            let service = &services[renewal % number];
            assert_eq!(browser.call(service, REFRESH, "{}").await.status, 200);
        }
        replicas.settle().await;
    }
    let [ann, _] = &mut people;
    assert_eq!(ann.call(&services[0], LOGOUT, "{}").await.status, 200);
    replicas.settle().await;
    pass(&replicas.fake, 2).await;
    for (person, socket) in &mut sockets {
        let end = ended(socket).await;
        assert_eq!(end.is_some(), *person == 0, "{end:?}");
        assert_ne!(end, Some(SessionEnd::Expired));
    }
}

#[tokio::test]
async fn sockets_live_through_a_working_day_and_end_with_the_sign_out() {
    working_day(1).await;
}

#[tokio::test]
async fn sockets_of_three_replicas_live_through_a_working_day_and_end_with_the_sign_out() {
    working_day(3).await;
}
