//! Watches where a browser goes to other replicas than the one that it is connected to.

use std::time::Duration;

use tower_descope::{Mark, SessionEnd, UserId};

use super::{ended, opened, pass};
use crate::{
    replicas::Replicas,
    revocation::revocation,
    routes::{LOGOUT, SELECT, routes},
    support::{
        browser::Browser,
        world::{REFRESH, fake},
        yield_often,
    },
};

async fn replicas() -> Replicas {
    Replicas::with(2, fake(), |builder| builder.revocation(revocation())).await
}

#[tokio::test]
async fn a_session_that_another_replica_renewed_goes_on() {
    for renewed_at in [100, 300, 590] {
        let replicas = replicas().await;
        let mut ann = Browser::ann(&replicas.fake);
        let mut watch = opened(&replicas.handles[0], &mut ann).await;
        pass(&replicas.fake, renewed_at).await;
        let other = routes(&replicas.handles[1]);
        assert_eq!(ann.call(&other, REFRESH, "{}").await.status, 200);
        // It has been received.
        assert_eq!(ann.call(&other, crate::routes::ME, "").await.status, 200);
        replicas.settle().await;
        pass(&replicas.fake, 610 - renewed_at).await;
        assert_eq!(ended(&mut watch).await, None, "{renewed_at}");
        pass(&replicas.fake, renewed_at).await;
        assert_eq!(
            ended(&mut watch).await,
            Some(SessionEnd::Expired),
            "{renewed_at}"
        );
    }
}

#[tokio::test]
async fn a_sign_out_at_another_replica_ends_it_whatever_came_between() {
    let replicas = replicas().await;
    let mut ann = Browser::ann(&replicas.fake);
    let mut watch = opened(&replicas.handles[0], &mut ann).await;
    let mut elsewhere = opened(&replicas.handles[0], &mut Browser::ann(&replicas.fake)).await;
    let other = routes(&replicas.handles[1]);
    pass(&replicas.fake, 60).await;
    // Its session and its refresh token are others by now.
    assert_eq!(
        ann.call(&other, SELECT, r#"{"tenant":"T2"}"#).await.status,
        200
    );
    pass(&replicas.fake, 200).await;
    assert_eq!(ended(&mut watch).await, None);
    assert_eq!(ann.call(&other, LOGOUT, "{}").await.status, 200);
    replicas.settle().await;
    // The mark is read, and half a second later it is seen which session it was.
    pass(&replicas.fake, 2).await;
    assert!(ended(&mut watch).await.is_some());
    assert_eq!(ended(&mut elsewhere).await, None);
}

#[tokio::test]
async fn a_watch_that_is_dropped_after_each_glance_ends_all_the_same() {
    for signs_out in [true, false] {
        let replicas = replicas().await;
        let mut ann = Browser::ann(&replicas.fake);
        let mut watch = opened(&replicas.handles[0], &mut ann).await;
        let other = routes(&replicas.handles[1]);
        assert_eq!(ann.call(&other, REFRESH, "{}").await.status, 200);
        let seconds = if signs_out {
            assert_eq!(ann.call(&other, LOGOUT, "{}").await.status, 200);
            replicas.settle().await;
            10
        } else {
            replicas.settle().await;
            1_230
        };
        let mut end = None;
        for _ in 0..seconds {
            // As beside a socket of which there is always something to read.
            for _ in 0..20 {
                end = end.or(tokio::select! {
                    biased;
                    end = watch.ended() => Some(end),
                    () = std::future::ready(()) => None,
                });
                tokio::task::yield_now().await;
            }
            pass(&replicas.fake, 1).await;
        }
        assert!(end.is_some(), "{signs_out}");
    }
}

#[tokio::test]
async fn a_sign_out_is_seen_although_the_store_was_away_when_it_was_asked() {
    let replicas = replicas().await;
    let mut ann = Browser::ann(&replicas.fake);
    let mut watch = opened(&replicas.handles[0], &mut ann).await;
    let other = routes(&replicas.handles[1]);
    pass(&replicas.fake, 60).await;
    assert_eq!(ann.call(&other, REFRESH, "{}").await.status, 200);
    replicas.settle().await;
    assert_eq!(ended(&mut watch).await, None);
    assert_eq!(ann.call(&other, LOGOUT, "{}").await.status, 200);
    replicas.settle().await;
    // The mark is read.
    replicas.fake.clock().advance(Duration::from_millis(250));
    yield_often().await;
    assert_eq!(ended(&mut watch).await, None);
    replicas.shared.set_reachable(false);
    for _ in 0..3 {
        pass(&replicas.fake, 1).await;
        assert_eq!(ended(&mut watch).await, None);
    }
    replicas.shared.set_reachable(true);
    let mut end = None;
    for _ in 0..30 {
        pass(&replicas.fake, 1).await;
        end = end.or(ended(&mut watch).await);
    }
    assert_eq!(end, Some(SessionEnd::SignedOut));
}

#[tokio::test]
async fn a_mark_of_another_replica_ends_it() {
    let replicas = replicas().await;
    let mut watch = opened(&replicas.handles[0], &mut Browser::ann(&replicas.fake)).await;
    let user = UserId::new("U1").unwrap();
    replicas.handles[1].revoke(Mark::user(&user)).await.unwrap();
    pass(&replicas.fake, 1).await;
    assert_eq!(ended(&mut watch).await, Some(SessionEnd::Revoked));
}

#[tokio::test]
async fn while_the_store_is_away_a_session_whose_time_is_over_is_given_half_a_minute() {
    let replicas = replicas().await;
    let mut ann = Browser::ann(&replicas.fake);
    let mut watch = opened(&replicas.handles[0], &mut ann).await;
    replicas.shared.set_reachable(false);
    pass(&replicas.fake, 602).await;
    assert_eq!(ended(&mut watch).await, None);
    for _ in 0..60 {
        pass(&replicas.fake, 1).await;
        if let Some(end) = ended(&mut watch).await {
            assert_eq!(end, SessionEnd::Expired);
            return;
        }
    }
    panic!("it stays open");
}
