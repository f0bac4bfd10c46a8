//! Renewal over replicas: each token goes up once, whoever is asked.

use std::time::Duration;

use http::{Response, StatusCode};
use serde_json::json;
use tower_descope::{TenantId, test_util::Canned};

use super::Replicas;
use crate::{
    routes::{LOGOUT, ME, SELECT, routes},
    support::{
        advance,
        browser::{Browser, untouched},
        call, settled,
        world::{ALMOST, EXPIRY, REFRESH, fake},
    },
};

#[tokio::test]
async fn a_storm_of_requests_at_three_replicas_refreshes_each_session_once() {
    const SESSIONS: usize = 100;
    const REQUESTS: usize = 30;
    let replicas = Replicas::start(3, fake()).await;
    let apps = replicas.apps();
    let browsers: Vec<_> = (0..SESSIONS)
        .map(|_| Browser::ann(&replicas.fake))
        .collect();
    replicas.fake.clock().advance(EXPIRY);
    let mut requests = Vec::new();
    for number in 0..REQUESTS {
        for browser in &browsers {
            let (app, request) = (apps[number % 3].clone(), browser.get());
            requests.push(tokio::spawn(async move { call(&app, request).await }));
        }
    }
    let mut answers = Vec::new();
    for request in requests {
        answers.push(request.await.unwrap());
    }
    for response in &answers {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.body(), "U1@T1");
    }
    assert_eq!(replicas.spent().len(), SESSIONS);
    // All that a browser was sent is one session, whichever replica sent it.
    for (number, browser) in browsers.iter().enumerate() {
        let mut sent: Vec<_> = answers
            .iter()
            .skip(number)
            .step_by(SESSIONS)
            .map(|response| {
                let mut browser = browser.clone();
                browser.keep(response.headers());
                browser.jar["DSR"].clone()
            })
            .collect();
        sent.dedup();
        assert_eq!(sent.len(), 1);
    }
}

#[tokio::test]
async fn a_browser_goes_from_replica_to_replica_for_a_day() {
    let replicas = Replicas::start(3, fake()).await;
    let apps = replicas.early_apps();
    let mut browser = Browser::ann(&replicas.fake);
    for hour in 0..24 {
        for (number, app) in apps.iter().enumerate() {
            assert_eq!(browser.visit(app).await.body(), "U1@T1", "{hour} {number}");
            let pause = [ALMOST, EXPIRY, Duration::from_secs(1)][(hour + number) % 3];
            replicas.fake.clock().advance(pause);
        }
        replicas.fake.clock().advance(Duration::from_secs(3_000));
    }
    replicas.spent();
}

#[tokio::test]
async fn stragglers_at_replicas_that_never_saw_the_session_get_the_newest_without_a_call() {
    let replicas = Replicas::start(3, fake()).await;
    let apps = replicas.apps();
    let old = Browser::ann(&replicas.fake);
    let mut browser = old.clone();
    // Three rotations, all at the first replica.
    for _ in 0..3 {
        replicas.fake.clock().advance(EXPIRY);
        assert_eq!(browser.visit(&apps[0]).await.body(), "U1@T1");
    }
    replicas.settle().await;
    // What the browser has presented is delivered, so only the last predecessor is no latecomer.
    let calls = replicas.refreshes();
    let mut late = old.clone();
    let response = late.visit(&apps[1]).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(untouched(&response), "the newer cookies stay");
    assert_eq!(replicas.refreshes(), calls);
    replicas.spent();
}

#[tokio::test]
async fn whoever_lost_answers_gets_the_newest_from_any_replica() {
    for pause in [1, 59, 61, 3_600] {
        let replicas = Replicas::start(3, fake()).await;
        let apps = replicas.apps();
        let mut browser = Browser::ann(&replicas.fake);
        replicas.fake.clock().advance(EXPIRY);
        // The answer is lost on its way.
        call(&apps[0], browser.get()).await;
        replicas.settle().await;
        replicas.fake.clock().advance(Duration::from_secs(pause));
        for app in [&apps[1], &apps[2], &apps[0]] {
            assert_eq!(browser.clone().visit(app).await.body(), "U1@T1", "{pause}");
        }
        let response = browser.visit(&apps[2]).await;
        assert!(!untouched(&response));
        replicas.fake.clock().advance(EXPIRY);
        assert_eq!(browser.visit(&apps[1]).await.body(), "U1@T1");
        replicas.spent();
    }
}

/// Has one replica make a call that takes as long as these steps of the clock in seconds, and another one
/// asked with the same cookies then, which has to wait for it; returns the first one's response. In the steps
/// for which `is_away` returns `true`, counted from one, the store cannot be reached.
async fn claimed_meanwhile(steps: &[u64], is_away: impl Fn(usize) -> bool) -> Response<String> {
    let replicas = Replicas::start(2, fake()).await;
    let apps = replicas.apps();
    let browser = Browser::ann(&replicas.fake);
    replicas.fake.clock().advance(EXPIRY);
    replicas.fake.hang_path(REFRESH, true);
    let (app, request) = (apps[0].clone(), browser.get());
    let first = tokio::spawn(async move { call(&app, request).await });
    replicas.fake.wait_for_calls(REFRESH, 1).await;
    for (number, step) in (1..).zip(steps) {
        replicas.shared.set_reachable(!is_away(number));
        advance(replicas.fake.clock(), *step).await;
        settled(&replicas.fake).await;
    }
    let (app, request) = (apps[1].clone(), browser.get());
    let second = tokio::spawn(async move { call(&app, request).await });
    settled(&replicas.fake).await;
    assert_eq!(replicas.refreshes(), 1, "{steps:?}");
    replicas.fake.hang_path(REFRESH, false);
    let first = first.await.unwrap();
    // The next look is soon.
    advance(replicas.fake.clock(), 1).await;
    assert_eq!(second.await.unwrap().status(), StatusCode::OK, "{steps:?}");
    replicas.spent();
    first
}

#[tokio::test]
async fn a_claim_stands_while_its_call_is_listened_to() {
    for (number, pauses) in [vec![5], vec![9], vec![9, 9, 9, 9, 9]].iter().enumerate() {
        let first = claimed_meanwhile(pauses, |_| false).await;
        // Who has waited for longer than a call may take was told so.
        let is_told = number == 2;
        assert_eq!(first.status() == StatusCode::OK, !is_told);
    }
}

#[tokio::test]
async fn a_claim_stands_though_the_store_was_away_when_it_was_to_be_renewed() {
    // The deadline of a call is ten seconds, and a claim is made for five more.
    claimed_meanwhile(&[1; 17], |second| [10, 15].contains(&second)).await;
}

#[tokio::test]
async fn whoever_loses_one_answer_after_the_other_stays_signed_in() {
    for pause in [61, 700, 3_600] {
        for pattern in [[0, 1, 2, 0, 1, 2], [0, 0, 1, 1, 2, 2], [0, 0, 0, 0, 0, 1]] {
            let replicas = Replicas::start(3, fake()).await;
            let apps = replicas.apps();
            let mut browser = Browser::ann(&replicas.fake);
            replicas.fake.clock().advance(EXPIRY);
            for number in pattern {
                let response = call(&apps[number], browser.get()).await;
                assert_eq!(response.body(), "U1@T1", "{pause} {pattern:?}");
                replicas.settle().await;
                replicas.fake.clock().advance(Duration::from_secs(pause));
                // As every second.
                advance(replicas.fake.clock(), 1).await;
                settled(&replicas.fake).await;
                replicas.settle().await;
            }
            for app in &apps {
                assert_eq!(
                    browser.visit(app).await.body(),
                    "U1@T1",
                    "{pause} {pattern:?}"
                );
                replicas.fake.clock().advance(EXPIRY);
            }
            replicas.spent();
        }
    }
}

#[tokio::test]
async fn an_answer_lost_on_friday_is_made_up_for_on_monday_by_another_replica() {
    let replicas = Replicas::start(2, fake()).await;
    let apps = replicas.apps();
    let mut browser = Browser::ann(&replicas.fake);
    replicas.fake.clock().advance(EXPIRY);
    call(&apps[0], browser.get()).await;
    replicas.settle().await;
    replicas
        .fake
        .clock()
        .advance(Duration::from_secs(3 * 86_400));
    assert_eq!(browser.visit(&apps[1]).await.body(), "U1@T1");
    assert_eq!(replicas.spent().len(), 2, "the successor went up");
}

#[tokio::test]
async fn what_is_kept_here_is_looked_at_once_more_before_it_goes_out() {
    let replicas = Replicas::start(2, fake()).await;
    let apps = replicas.apps();
    let mut browser = Browser::ann(&replicas.fake);
    replicas.fake.clock().advance(EXPIRY);
    let old = browser.clone();
    browser.visit(&apps[0]).await;
    // Another tab goes to another tenant, at the other replica.
    let refresh = browser.refresh_token();
    let tenant = TenantId::new("T2").unwrap();
    let other = &replicas.handles[1];
    let newest = other.select_tenant(&refresh, &tenant).await.unwrap();
    replicas.settle().await;
    // The first has an answer at hand that has been replaced by then.
    replicas.fake.clock().advance(Duration::from_secs(1));
    let mut straggler = old.clone();
    straggler.visit(&apps[0]).await;
    let newest = newest.refresh_token().unwrap().expose();
    assert_eq!(straggler.jar["DSR"], newest);
    replicas.spent();
}

#[tokio::test]
async fn an_early_renewal_that_meets_another_replica_s_waits_for_nothing_and_fails_nothing() {
    let replicas = Replicas::start(2, fake()).await;
    let apps = replicas.early_apps();
    let browser = Browser::ann(&replicas.fake);
    // Due for every user, however the moments are spread.
    replicas.fake.clock().advance(Duration::from_secs(575));
    replicas.fake.hang_path(REFRESH, true);
    let (app, request) = (apps[0].clone(), browser.get());
    let first = tokio::spawn(async move { call(&app, request).await });
    replicas.fake.wait_for_calls(REFRESH, 1).await;
    let response = call(&apps[1], browser.get()).await;
    assert_eq!(response.body(), "U1@T1");
    assert!(untouched(&response));
    // It leaves nothing that would refuse a tenant selection a moment later.
    let refresh = browser.refresh_token();
    let tenant = TenantId::new("T2").unwrap();
    let other = replicas.handles[1].clone();
    let selection = tokio::spawn(async move { other.select_tenant(&refresh, &tenant).await });
    settled(&replicas.fake).await;
    replicas.fake.hang_path(REFRESH, false);
    assert_eq!(first.await.unwrap().body(), "U1@T1");
    assert!(selection.await.unwrap().is_ok());
    replicas.spent();
}

#[tokio::test]
async fn ordinary_requests_ask_the_store_nothing() {
    let replicas = Replicas::start(2, fake()).await;
    let apps = replicas.early_apps();
    let browser = Browser::ann(&replicas.fake);
    let before = replicas.shared.steps();
    for _ in 0..500 {
        for app in &apps {
            assert_eq!(call(app, browser.get()).await.body(), "U1@T1");
        }
    }
    assert_eq!(replicas.shared.steps(), before);
}

#[tokio::test]
async fn without_rotation_nothing_is_claimed() {
    let fake = fake().rotation(false).start().await;
    let shared = tower_descope::SharedState::in_memory();
    let builder = fake.descope_builder().rotation(false);
    let descope = builder.shared_state(shared.clone()).build().unwrap();
    let app = crate::support::world::late(&descope);
    let mut browser = Browser::ann(&fake);
    fake.clock().advance(EXPIRY);
    assert_eq!(browser.visit(&app).await.body(), "U1@T1");
    assert_eq!(shared.steps(), 0);
}

#[tokio::test]
async fn an_answer_with_the_refresh_token_that_was_sent_replaces_nothing() {
    let replicas = Replicas::start(2, fake()).await;
    let (fake, apps) = (&replicas.fake, replicas.apps());
    let services: Vec<_> = replicas.handles.iter().map(routes).collect();
    let mut ann = Browser::ann(fake);
    let sent = ann.jar["DSR"].clone();
    let answer = || {
        let session = fake.session("U1").tenant("T1", |t| t).active("T1");
        Canned::json(
            200,
            &json!({ "sessionJwt": session.token(), "refreshJwt": sent }),
        )
    };
    for round in 0..4 {
        fake.clock().advance(EXPIRY);
        fake.respond_next(REFRESH, answer());
        let response = ann.visit(&apps[round % 2]).await;
        assert_eq!(response.body(), "U1@T1", "{round}");
        assert_eq!((replicas.refreshes(), &ann.jar["DSR"]), (round + 1, &sent));
        fake.respond_next(SELECT, answer());
        let selected = ann.call(&services[round % 2], SELECT, r#"{"tenant":"T1"}"#);
        assert_eq!(selected.await.status, 200, "{round}");
        // The keep time of what was replaced would be over.
        fake.clock().advance(Duration::from_secs(120));
        for service in &services {
            assert_eq!(ann.call(service, ME, "").await.status, 200, "{round}");
        }
    }
    fake.clear_requests();
    assert_eq!(ann.call(&services[1], LOGOUT, "{}").await.status, 200);
    assert_eq!(fake.calls(LOGOUT), 1);
}

#[tokio::test]
async fn the_moments_of_early_renewals_are_spread_over_half_of_the_window() {
    let users = 40;
    let mut fake = fake();
    for number in 0..users {
        let id = format!("U2spread{number}");
        fake = fake.user(&format!("{number}@example.test"), |user| {
            user.id(id).tenant("T1", |t| t)
        });
    }
    let replicas = Replicas::start(1, fake).await;
    let app = &replicas.early_apps()[0];
    let mut browsers: Vec<_> = (0..users)
        .map(|number| Browser::signed_in(&replicas.fake, &format!("{number}@example.test")))
        .collect();
    let mut renewed = Vec::new();
    replicas.fake.clock().advance(Duration::from_secs(535));
    for _ in 0..8 {
        for browser in &mut browsers {
            browser.visit(app).await;
        }
        renewed.push(replicas.refreshes());
        replicas.fake.clock().advance(Duration::from_secs(5));
    }
    assert_eq!((renewed[0], renewed[7]), (0, users), "{renewed:?}");
    let at_once = renewed.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(at_once <= Some(users / 2), "{renewed:?}");
}

#[tokio::test]
async fn a_straggler_gets_the_newest_however_often_the_session_has_gone_on_within_the_keep_time() {
    let replicas = Replicas::start(2, fake()).await;
    let apps = replicas.apps();
    let old = Browser::ann(&replicas.fake);
    let mut token = old.refresh_token();
    for number in 0..30 {
        let tenant = TenantId::new(["T2", "T1"][number % 2]).unwrap();
        let answer = replicas.handles[0]
            .select_tenant(&token, &tenant)
            .await
            .unwrap();
        token = answer.refresh_token().unwrap().clone();
        replicas.fake.clock().advance(Duration::from_secs(1));
    }
    replicas.settle().await;
    let mut straggler = old.clone();
    straggler.jar.remove("DS");
    assert_eq!(straggler.visit(&apps[1]).await.body(), "U1@T1");
    assert_eq!(straggler.jar["DSR"], token.expose());
    replicas.spent();
}
