//! The store is away, or forgets.

use std::time::Duration;

use http::StatusCode;
use tower_descope::{ErrorKind, RejectionKind, SessionToken};

use super::{BOUND, Replicas, TICK, available, call, code, strict, user, verdict};
use crate::support::{
    Log, app,
    browser::{Browser, untouched},
    world::fake,
    yield_often,
};

const STEP: Duration = Duration::from_millis(50);

#[tokio::test]
async fn once_nothing_was_heard_for_too_long_everybody_is_told_to_come_again() {
    let replicas = Replicas::strict(2).await;
    let apps = replicas.apps();
    let ann = Browser::ann(&replicas.fake);
    replicas.shared.set_reachable(false);
    let mut served = Duration::ZERO;
    loop {
        let response = call(&apps[0], ann.get()).await;
        if response.status() != StatusCode::OK {
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(code(&response), "revocation_unavailable");
            assert_eq!(response.headers()["retry-after"], "1");
            assert!(untouched(&response));
            break;
        }
        served += STEP;
        replicas.pass(STEP).await;
    }
    // What was heard last was written some time before.
    assert!(
        served <= BOUND + STEP && served + 2 * TICK >= BOUND,
        "{served:?}"
    );
    replicas.pass(Duration::from_secs(20)).await;
    for app in &apps {
        assert_eq!(
            call(app, ann.get()).await.status(),
            StatusCode::SERVICE_UNAVAILABLE
        );
    }
    assert!(!replicas.handles[0].revocation_status().unwrap().fresh);
    // Whoever has no session is told so as ever.
    let stranger = call(&apps[0], Browser::default().get()).await;
    assert_eq!(code(&stranger), "missing_token");
    replicas.shared.set_reachable(true);
    replicas.pass(Duration::from_secs(2)).await;
    for app in &apps {
        assert_eq!(call(app, ann.get()).await.body(), "U1@T1");
    }
}

/// Whatever lasts how long: a session that was revoked at one replica is served by none past the bound.
#[tokio::test]
async fn what_was_revoked_while_the_store_was_away_is_served_by_nobody_past_the_bound() {
    for away in [100, 300, 450, 700, 1_000, 1_500, 5_000] {
        let replicas = Replicas::strict(3).await;
        replicas.pass(Duration::from_secs(2)).await;
        let ann = replicas.session("U1");
        replicas.shared.set_reachable(false);
        let error = replicas.handles[0].revoke(user("U1")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SharedStateUnavailable);
        let mut since = Duration::ZERO;
        while since < Duration::from_millis(away + 3_000) {
            if since >= Duration::from_millis(away) {
                replicas.shared.set_reachable(true);
            }
            replicas.pass(STEP).await;
            since += STEP;
            let verdicts = replicas.verdicts(&ann).await;
            assert_eq!(verdicts[0], "session_revoked");
            let is_served = verdicts.contains(&"ok");
            assert!(
                !is_served || since <= BOUND,
                "away for {away} ms, after {since:?}: {verdicts:?}"
            );
        }
        assert_eq!(replicas.verdicts(&ann).await, ["session_revoked"; 3]);
    }
}

#[tokio::test]
async fn whoever_chose_to_serve_is_served_and_told_once() {
    let replicas = Replicas::with(2, fake(), available).await;
    let app = &replicas.plain_apps()[0];
    let ann = Browser::ann(&replicas.fake);
    replicas.pass(TICK).await;
    let log = Log::default();
    let guard = log.errors();
    replicas.shared.set_reachable(false);
    for _ in 0..10 {
        replicas.pass(Duration::from_secs(1)).await;
        assert_eq!(call(app, ann.get()).await.body(), "U1@T1");
    }
    drop(guard);
    let lines = log.lines("revocation marks cannot be learned of");
    assert_eq!(lines.len(), 1, "{}", log.text());
    assert!(lines[0].contains("served=true"), "{}", lines[0]);
    assert!(!replicas.handles[0].revocation_status().unwrap().fresh);
    // What was marked here holds here all the while.
    let error = replicas.handles[0].revoke(user("U1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SharedStateUnavailable);
    assert_eq!(
        call(app, ann.get()).await.status(),
        StatusCode::UNAUTHORIZED
    );
    let others = replicas.session("U1");
    assert_eq!(verdict(&replicas.handles[1], &others).await, "ok");
    replicas.shared.set_reachable(true);
    replicas.pass(2 * TICK).await;
    assert_eq!(replicas.verdicts(&others).await, ["session_revoked"; 2]);
}

#[tokio::test]
async fn who_signs_out_while_the_store_is_away_is_out_everywhere_when_it_is_back() {
    let replicas = Replicas::strict(3).await;
    let ann = Browser::ann(&replicas.fake);
    replicas.shared.set_reachable(false);
    replicas.pass(Duration::from_secs(30)).await;
    replicas.handles[1]
        .logout_all(&ann.refresh_token())
        .await
        .unwrap();
    replicas.pass(Duration::from_secs(90)).await;
    replicas.shared.set_reachable(true);
    replicas.pass(Duration::from_secs(2)).await;
    let verdicts = replicas.verdicts(&ann.jar["DS"]).await;
    assert_eq!(verdicts, ["session_revoked"; 3]);
}

#[tokio::test]
async fn a_process_that_ends_tells_first_what_it_has_marked() {
    let replicas = Replicas::strict(2).await;
    let ann = replicas.session("U1");
    replicas.shared.set_reachable(false);
    let last = replicas.handles[0].clone();
    last.revoke(user("U1")).await.unwrap_err();
    replicas.shared.set_reachable(true);
    // At once, and not at the next look at the log.
    last.drain().await;
    replicas.pass(Duration::from_secs(2)).await;
    assert_eq!(verdict(&replicas.handles[1], &ann).await, "session_revoked");
    replicas.shared.set_reachable(false);
    last.revoke(user("U2")).await.unwrap_err();
    replicas.shared.set_reachable(true);
    let steps = replicas.shared.steps();
    last.drain().await;
    assert!(replicas.shared.steps() > steps);
}

#[tokio::test]
async fn what_the_store_forgot_it_is_told_anew_and_a_newcomer_knows_all() {
    let replicas = Replicas::strict(3).await;
    let ids = ["U1", "U2", "U3"];
    let tokens = ids.map(|id| replicas.session(id));
    let stranger = replicas.session("U9");
    for (handle, id) in replicas.handles.iter().zip(ids) {
        handle.revoke(user(id)).await.unwrap();
    }
    replicas.tick().await;
    let log = Log::default();
    let guard = log.errors();
    replicas.shared.lose_memory();
    // It asks before anybody has noticed.
    let newcomer = replicas.one_more(strict);
    for _ in 0..80 {
        for token in &tokens {
            let verdict = verdict(&newcomer, token).await;
            assert!(["revocation_unavailable", "session_revoked"].contains(&verdict));
        }
        replicas.pass(STEP).await;
    }
    drop(guard);
    let lost = log.lines("lost its memory").len();
    assert!(lost >= 3, "{}", log.text());
    for token in &tokens {
        assert_eq!(verdict(&newcomer, token).await, "session_revoked");
        assert_eq!(replicas.verdicts(token).await, ["session_revoked"; 3]);
    }
    assert_eq!(verdict(&newcomer, &stranger).await, "ok");
    assert_eq!(newcomer.revocation_status().unwrap().marks, 3);
}

#[tokio::test]
async fn one_replica_that_is_left_tells_all_that_it_has_learned() {
    let mut replicas = Replicas::strict(2).await;
    let ann = replicas.session("U1");
    replicas.handles[0].revoke(user("U1")).await.unwrap();
    replicas.tick().await;
    // Who made the mark is gone.
    drop(replicas.handles.remove(0));
    replicas.shared.lose_memory();
    replicas.pass(Duration::from_secs(2)).await;
    let newcomer = replicas.one_more(strict);
    newcomer.warm_up().await.unwrap();
    assert_eq!(verdict(&newcomer, &ann).await, "session_revoked");
}

#[tokio::test]
async fn a_replica_that_begins_serves_nobody_until_it_knows_all() {
    let replicas = Replicas::strict(1).await;
    let (ann, bob) = (replicas.session("U1"), replicas.session("U2"));
    replicas.handles[0].revoke(user("U1")).await.unwrap();
    let log = Log::default();
    let guard = log.errors();
    let cold = replicas.one_more(strict);
    // It waits for keys, and asks for marks at the end.
    assert_eq!(verdict(&cold, &ann).await, "revocation_unavailable");
    yield_often().await;
    assert_eq!(verdict(&cold, &ann).await, "session_revoked");
    assert_eq!(verdict(&cold, &bob).await, "ok");
    drop(guard);
    assert_eq!(log.text(), "", "nothing is wrong with that");

    let warm = replicas.one_more(strict);
    warm.warm_up().await.unwrap();
    // However long nobody comes.
    replicas.pass(Duration::from_secs(100)).await;
    assert_eq!(verdict(&warm, &ann).await, "session_revoked");
    assert_eq!(verdict(&warm, &bob).await, "ok");
}

#[tokio::test]
async fn a_replica_that_begins_while_the_store_is_away_says_so() {
    let replicas = Replicas::strict(1).await;
    let bob = replicas.session("U2");
    replicas.shared.set_reachable(false);
    let cold = replicas.one_more(strict);
    assert!(cold.warm_up().await.unwrap_err().is_transient());
    let log = Log::default();
    let guard = log.errors();
    for _ in 0..5 {
        let refused = cold.verify(&SessionToken::new(&*bob)).await.unwrap_err();
        assert_eq!(refused.kind(), RejectionKind::RevocationUnavailable);
        assert_eq!(refused.retry_after(), Some(Duration::from_secs(1)));
        replicas.pass(BOUND).await;
    }
    drop(guard);
    let lines = log.lines("revocation marks cannot be learned of");
    assert_eq!(lines.len(), 1, "{}", log.text());
    replicas.shared.set_reachable(true);
    replicas.pass(Duration::from_secs(2)).await;
    assert_eq!(
        call(&app(&cold), {
            let browser = Browser::signed_in(&replicas.fake, "bob@example.test");
            browser.get()
        })
        .await
        .body(),
        "U2@T1"
    );
}
