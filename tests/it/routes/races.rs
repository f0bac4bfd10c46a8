//! Tabs at once, repeated requests, answers that got lost.

use std::time::Duration;

use tower_descope::SessionToken;

use super::{Browser, CALLS, HISTORY, ME, MY_TENANTS, REFRESH, SELECT, ask, fake, routes};

#[tokio::test]
async fn fifty_refreshes_at_once_are_one_call_and_all_get_the_same_cookies() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    let ann = Browser::ann(&fake);
    let tabs: Vec<_> = (0..50)
        .map(|_| {
            let (mut tab, routes) = (ann.clone(), routes.clone());
            tokio::spawn(async move {
                let answer = tab.refresh(&routes).await;
                assert_eq!(answer.status, 200, "{}", answer.text);
                tab.jar
            })
        })
        .collect();
    let mut jars = Vec::new();
    for tab in tabs {
        jars.push(tab.await.unwrap());
    }
    jars.dedup();
    assert_eq!(jars.len(), 1);
    assert_eq!(fake.calls(REFRESH), 1);
}

#[tokio::test]
async fn a_replayed_post_and_an_older_tab_are_healed_within_the_keep_time() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    let mut ann = Browser::ann(&fake);
    let mut older = ann.clone();
    ann.refresh(&routes).await;
    ann.refresh(&routes).await;
    fake.clear_requests();
    fake.clock().advance(Duration::from_secs(30));
    // What spends nothing goes up with the newest token.
    for (path, body) in [(ME, ""), (MY_TENANTS, r#"{"ids":["T1"]}"#), (HISTORY, "")] {
        let answer = older.call(&routes, path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
    assert_eq!(older.refresh(&routes).await.status, 200);
    assert_eq!(older.jar, ann.jar, "the newest, without a call");
    assert_eq!(fake.calls(REFRESH), 0);
    assert_eq!(
        ann.refresh(&routes).await.status,
        200,
        "and nothing died of it"
    );
}

#[tokio::test]
async fn an_aborted_refresh_is_answered_at_the_next_try() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    let mut ann = Browser::ann(&fake);
    fake.hang_path(REFRESH, true);
    let (request, service) = (ann.sdk_request(REFRESH, "{}"), routes.clone());
    let navigated_away = tokio::spawn(async move { ask(&service, request).await });
    fake.wait_for_calls(REFRESH, 1).await;
    navigated_away.abort();
    assert!(navigated_away.await.is_err());
    fake.hang_path(REFRESH, false);
    assert_eq!(ann.refresh(&routes).await.status, 200);
    assert_eq!(fake.calls(REFRESH), 1);
}

#[tokio::test]
async fn a_refresh_that_races_a_selection_does_not_bring_the_old_tenant_back() {
    for first in [REFRESH, SELECT] {
        let fake = fake().start().await;
        let descope = fake.descope();
        let routes = routes(&descope);
        let ann = Browser::ann(&fake);
        let spawn = |path: &'static str| {
            let (mut browser, routes) = (ann.clone(), routes.clone());
            let body = CALLS.iter().find(|(one, _)| *one == path).unwrap().1;
            tokio::spawn(async move { browser.call(&routes, path, body).await })
        };
        fake.hang_path(first, true);
        let one = spawn(first);
        fake.wait_for_calls(first, 1).await;
        let other = spawn(if first == REFRESH { SELECT } else { REFRESH });
        tokio::time::sleep(Duration::from_millis(50)).await;
        fake.hang_path(first, false);
        let answers = [one.await.unwrap(), other.await.unwrap()];
        for order in [[0, 1], [1, 0]] {
            let mut browser = ann.clone();
            for index in order {
                assert_eq!(answers[index].status, 200, "{}", answers[index].text);
                browser.keep(&answers[index].headers);
            }
            // Reordered on the way, it is healed by the next request.
            browser.refresh(&routes).await;
            let session = descope
                .verify(&SessionToken::new(&browser.jar["DS"]))
                .await
                .unwrap();
            assert_eq!(session.active_tenant().unwrap().id(), "T2", "{first} first");
        }
    }
}
