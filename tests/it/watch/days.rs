//! A working day of connections, with renewals and one sign-out.

use tower_descope::SessionEnd;

use super::{ended, opened, pass};
use crate::{
    replicas::Replicas,
    revocation::revocation,
    routes::{LOGOUT, routes},
    support::{
        browser::Browser,
        world::{fake, late},
    },
};

/// Ann's and Bob's sockets at all replicas, eight hours, a page each five minutes at whichever replica is
/// next; at the end Ann signs out.
async fn working_day(number: usize) {
    let replicas = Replicas::with(number, fake(), |builder| builder.revocation(revocation())).await;
    let apps: Vec<_> = replicas.handles.iter().map(late).collect();
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
    for page in 0..96 {
        for _ in 0..30 {
            pass_ten(&replicas).await;
        }
        for browser in &mut people {
            browser.visit(&apps[page % number]).await;
        }
        replicas.settle().await;
        for (person, socket) in &mut sockets {
            assert_eq!(ended(socket).await, None, "{person} after {page} pages");
        }
    }
    let [ann, _] = &mut people;
    let logout = ann.call(&routes(&replicas.handles[0]), LOGOUT, "{}").await;
    assert_eq!(logout.status, 200);
    pass(&replicas.fake, 1).await;
    for (person, socket) in &mut sockets {
        let end = ended(socket).await;
        assert_eq!(end.is_some(), *person == 0, "{end:?}");
        assert_ne!(end, Some(SessionEnd::Expired));
    }
}

async fn pass_ten(replicas: &Replicas) {
    for _ in 0..10 {
        replicas
            .fake
            .clock()
            .advance(std::time::Duration::from_secs(1));
        tokio::task::yield_now().await;
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
