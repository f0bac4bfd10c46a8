//! Signing out: every genuine token that a request presents, whatever stands beside it.

use std::time::Duration;

use tower_descope::{
    ErrorKind, RefreshToken, SessionRoutes,
    cookie::SessionCookies,
    jwks::KeyCache,
    test_util::{Canned, FakeDescope},
};

use super::{Answer, Browser, LOGOUT, LOGOUT_ALL, fake, routes};
use crate::support::Log;

const UNCONFIRMED: &str = r#"{"everywhere":false}"#;

/// Makes a call with these `DSR` cookies, and with others.
async fn log_out(
    fake: &FakeDescope,
    routes: &SessionRoutes,
    path: &str,
    tokens: &[&str],
    others: &[(&str, &str)],
) -> Answer {
    let mut browser = Browser::signed_out(fake);
    browser.jar.insert("DSR".into(), tokens.join("; DSR="));
    for (name, value) in others {
        browser.jar.insert((*name).into(), (*value).into());
    }
    let answer = browser.call(routes, path, "{}").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(browser.jar.is_empty(), "{:?}", browser.jar.keys());
    answer
}

fn sign_in(fake: &FakeDescope, name: &str) -> String {
    let signed_in = fake.sign_in_to(&format!("{name}@example.test"), "T1");
    signed_in.refresh_jwt().to_owned()
}

/// Whether Descope, asked by a process that knows nothing, still renews with a token.
async fn lives(fake: &FakeDescope, token: &str) -> bool {
    fake.descope()
        .refresh(&RefreshToken::new(token))
        .await
        .is_ok()
}

#[tokio::test]
async fn every_genuine_token_is_signed_out_whatever_stands_beside_it() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    let forged = fake.refresh("U1").signed_by_stranger().token();
    for (what, mine, planted) in [
        (
            "a planted one of another user",
            vec!["ann"],
            vec![sign_in(&fake, "bob")],
        ),
        ("two of one user", vec!["ann", "ann"], vec![]),
        (
            "five values, none of them genuine but one",
            vec!["ann"],
            vec![
                "a".into(),
                "b.c.d".into(),
                forged,
                fake.session("U1").token(),
            ],
        ),
        (
            "five genuine ones",
            vec!["ann", "bob", "ann", "bob", "ann"],
            vec![],
        ),
    ] {
        let mine: Vec<_> = mine.iter().map(|name| sign_in(&fake, name)).collect();
        let tokens: Vec<&str> = planted.iter().chain(&mine).map(|token| &**token).collect();
        let answer = log_out(&fake, &routes, LOGOUT, &tokens, &[]).await;
        assert_eq!(answer.text, "{}", "{what}");
        for token in &mine {
            assert!(!lives(&fake, token).await, "{what}");
        }
    }
}

#[tokio::test]
async fn one_sign_out_that_fails_holds_up_no_other_one() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let routes = routes(&descope);
    let [anns, bobs] = ["ann", "bob"].map(|name| sign_in(&fake, name));
    fake.respond_next(LOGOUT, Canned::error(500, "E990500", "oops"));
    log_out(&fake, &routes, LOGOUT, &[&anns, &bobs], &[]).await;
    assert!(fake.calls(LOGOUT) >= 2);
    // Neither is renewed by this process any more, whichever of them Descope knows of.
    for token in [anns, bobs] {
        let error = descope
            .refresh(&RefreshToken::new(&*token))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SessionEnded);
    }
}

#[tokio::test]
async fn everywhere_is_meant_for_the_user_of_a_host_session_and_else_for_all() {
    let fake = fake().start().await;
    let cookies = SessionCookies::host_prefixed();
    let descope = fake.descope_builder().cookies(cookies).build().unwrap();
    let routes = routes(&descope);
    for (host_session, bob_elsewhere_lives) in [(true, true), (false, false)] {
        let session = fake.session("U1").expired().token();
        let others = [("__Host-DS", &*session)];
        let others = if host_session { &others[..] } else { &[] };
        let [anns, ann_elsewhere] = ["ann", "ann"].map(|name| sign_in(&fake, name));
        let [bobs, bob_elsewhere] = ["bob", "bob"].map(|name| sign_in(&fake, name));
        let answer = log_out(&fake, &routes, LOGOUT_ALL, &[&bobs, &anns], others).await;
        assert_eq!(answer.text, "{}");
        for gone in [&anns, &ann_elsewhere, &bobs] {
            assert!(!lives(&fake, gone).await);
        }
        assert_eq!(lives(&fake, &bob_elsewhere).await, bob_elsewhere_lives);
    }
    // Ann is meant, and no token of hers was presented.
    let session = fake.session("U1").token();
    let bobs = sign_in(&fake, "bob");
    let others = [("__Host-DS", &*session)];
    let answer = log_out(&fake, &routes, LOGOUT_ALL, &[&bobs], &others).await;
    assert_eq!(answer.text, UNCONFIRMED);
    assert!(!lives(&fake, &bobs).await);
}

#[tokio::test]
async fn everywhere_is_confirmed_by_one_call_for_each_user() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    let tokens = ["ann", "ann", "bob"].map(|name| sign_in(&fake, name));
    let [one, two, bobs] = &tokens;
    fake.respond_next(LOGOUT_ALL, Canned::error(500, "E990500", "oops"));
    let answer = log_out(&fake, &routes, LOGOUT_ALL, &[one, two], &[]).await;
    assert_eq!(answer.text, "{}", "one of Ann's two calls ended all");
    assert!(!lives(&fake, one).await && !lives(&fake, two).await);
    fake.respond_next(LOGOUT_ALL, Canned::error(500, "E990500", "oops"));
    let answer = log_out(&fake, &routes, LOGOUT_ALL, &[bobs], &[]).await;
    assert_eq!(answer.text, UNCONFIRMED);
    let nothing = log_out(&fake, &routes, LOGOUT_ALL, &["garbage"], &[]).await;
    assert_eq!(nothing.text, UNCONFIRMED, "nobody's sessions were ended");
}

#[tokio::test]
async fn sixteen_are_signed_out_those_first_that_nobody_can_plant_then_the_newest() {
    let fake = fake().start().await;
    let cookies = SessionCookies::host_prefixed();
    let descope = fake.descope_builder().cookies(cookies).build().unwrap();
    let log = Log::default();
    let _kept = log.up_to(tracing::Level::INFO);
    let own = fake.refresh("U1").issued_at(-1_000).token();
    let planted: Vec<String> = (0..20)
        .map(|n| fake.refresh("U2").issued_at(-100 - n).token())
        .chain((0..20).map(|n| fake.refresh("U2").issued_at(100 + n).token()))
        .collect();
    let tokens: Vec<&str> = planted.iter().map(|token| &**token).collect();
    let others = [("__Host-DSR", &*own)];
    log_out(&fake, &routes(&descope), LOGOUT, &tokens, &others).await;
    let sent: Vec<_> = fake
        .requests()
        .into_iter()
        .filter(|it| it.path == LOGOUT)
        .collect();
    let has = |token: &str| {
        let mut fields = sent
            .iter()
            .filter_map(|request| request.header("authorization"));
        fields.any(|field| field.ends_with(token))
    };
    assert_eq!(sent.len(), 16);
    assert!(has(&own) && planted[..15].iter().all(|token| has(token)));
    assert!(
        log.text()
            .contains("more refresh tokens presented than are signed out")
    );
    assert!(!log.text().contains("eyJ"));
}

#[tokio::test]
async fn of_more_than_sixteen_those_come_first_whose_session_is_known_here() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let old = fake.refresh("U1").issued_at(-100_000).token();
    let answer = descope.refresh(&RefreshToken::new(&*old)).await.unwrap();
    let own = answer.refresh_token().unwrap().expose().to_owned();
    fake.clock().advance(Duration::from_secs(200));
    // A sibling host has set as many as fit, each newer than one's own.
    let planted: Vec<String> = (0..40)
        .map(|n| fake.refresh("U2").issued_at(-n).token())
        .collect();
    let tokens: Vec<&str> = planted
        .iter()
        .map(|token| &**token)
        .chain([&*own])
        .collect();
    log_out(&fake, &routes(&descope), LOGOUT, &tokens, &[]).await;
    assert_eq!(fake.calls(LOGOUT), 16);
    assert!(!lives(&fake, &own).await);
}

#[tokio::test]
async fn an_expired_token_is_not_sent_and_one_of_a_fast_clock_at_descope_is() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    let expired = fake.refresh("U1").expired().token();
    log_out(&fake, &routes, LOGOUT, &[&expired], &[]).await;
    assert_eq!(fake.calls(LOGOUT), 0);
    let ahead = fake.refresh("U1").issued_at(300).token();
    log_out(&fake, &routes, LOGOUT, &[&ahead], &[]).await;
    assert_eq!(fake.calls(LOGOUT), 1);
}

#[tokio::test]
async fn a_token_that_cannot_be_verified_for_want_of_keys_renews_nothing_here_any_more() {
    for typed in [false, true] {
        let fake = fake().start().await;
        let keys = KeyCache::new()
            .ttl(Duration::from_secs(60))
            .stale_window(Duration::ZERO);
        let descope = fake
            .descope_builder()
            .key_cache(keys)
            .keep_answers(Duration::from_secs(300))
            .build()
            .unwrap();
        let token = RefreshToken::new(sign_in(&fake, "ann"));
        let answer = descope.refresh(&token).await.unwrap();
        let newest = answer.refresh_token().unwrap();
        fake.set_jwks_status(500);
        fake.clock().advance(Duration::from_secs(120));
        if typed {
            let error = descope.logout(newest).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::KeysUnavailable);
        } else {
            let tokens = [newest.expose()];
            let answer = log_out(&fake, &routes(&descope), LOGOUT_ALL, &tokens, &[]).await;
            assert_eq!(answer.text, UNCONFIRMED);
        }
        fake.set_jwks_status(200);
        fake.clock().advance(Duration::from_secs(60));
        let error = descope.refresh(newest).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SessionEnded, "typed: {typed}");
    }
}
