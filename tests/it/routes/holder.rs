//! One holder: a refresh cookie beside another user's session.

use tower_descope::{SessionRoutes, cookie::SessionCookies, test_util::FakeDescope};

use super::{
    Answer, Browser, CALLS, HISTORY, LOGOUT, LOGOUT_ALL, ME, MY_TENANTS, REFRESH, SELECT,
    TRY_REFRESH, calls, fake, routes,
};
use crate::support::world::renamed_cookies;

/// The calls that a refresh token is sent for.
fn sending() -> impl Iterator<Item = (&'static str, &'static str)> {
    let logouts = [LOGOUT, LOGOUT_ALL];
    CALLS
        .into_iter()
        .filter(move |(path, _)| !logouts.contains(path))
}

async fn with_cookies(fake: &FakeDescope, cookies: SessionCookies) -> SessionRoutes {
    let descope = fake.descope_builder().cookies(cookies).build().unwrap();
    descope.warm_up().await.unwrap();
    fake.clear_requests();
    routes(&descope)
}

fn jar(fake: &FakeDescope, cookies: &[(&str, &str)]) -> Browser {
    let mut browser = Browser::signed_out(fake);
    for (name, value) in cookies {
        browser.jar.insert((*name).into(), (*value).into());
    }
    browser
}

/// Makes each call with these cookies: each is refused, nothing is sent and nothing written.
async fn all_are_refused(
    fake: &FakeDescope,
    routes: &SessionRoutes,
    browser: &Browser,
    expected: (u16, &str),
) {
    for (path, body) in sending() {
        let mut after = browser.clone();
        let answer = after.call(routes, path, body).await;
        if path == TRY_REFRESH && expected.0 == 401 {
            assert_eq!((answer.status, &*answer.text), (200, "{}"), "{path}");
        } else {
            assert_eq!((answer.status, answer.error()), expected, "{path}");
        }
        assert_eq!(after, *browser, "{path}");
    }
    assert_eq!(calls(fake), 0);
}

async fn whose(routes: &SessionRoutes, browser: &mut Browser) -> Answer {
    browser.call(routes, ME, "").await
}

/// Ann's session, good and expired, and Bob's refresh token.
fn ann_and_bob(fake: &FakeDescope) -> ([String; 2], String) {
    let ann = fake.sign_in_to("ann@example.test", "T1");
    let expired = fake.session("U1").active("T1").expired().token();
    let bob = fake.sign_in_to("bob@example.test", "T1");
    let sessions = [ann.session_jwt().to_owned(), expired];
    (sessions, bob.refresh_jwt().to_owned())
}

#[tokio::test]
async fn beside_a_host_session_a_planted_refresh_token_has_no_effect() {
    let fake = fake().start().await;
    let routes = with_cookies(&fake, SessionCookies::host_prefixed()).await;
    let (sessions, bobs) = ann_and_bob(&fake);
    for session in &sessions {
        let browser = jar(&fake, &[("__Host-DS", session), ("DSR", &bobs)]);
        all_are_refused(&fake, &routes, &browser, (401, "missing_refresh_token")).await;
    }
}

#[tokio::test]
async fn beside_a_planted_refresh_token_ones_own_is_sent() {
    let fake = fake().start().await;
    let routes = with_cookies(&fake, SessionCookies::host_prefixed()).await;
    let ([session, _], bobs) = ann_and_bob(&fake);
    let own = || {
        fake.sign_in_to("ann@example.test", "T1")
            .refresh_jwt()
            .to_owned()
    };
    let beside = format!("{bobs}; DSR={}", own());
    let before = format!("{}; DSR={bobs}", own());
    for cookies in [
        vec![
            ("__Host-DS", &*session),
            ("__Host-DSR", &own()),
            ("DSR", &bobs),
        ],
        vec![("__Host-DSR", &own()), ("DSR", &bobs)],
        // Of one name, for another path: in either order.
        vec![("__Host-DS", &*session), ("DSR", &beside)],
        vec![("__Host-DS", &*session), ("DSR", &before)],
    ] {
        let mut browser = jar(&fake, &cookies);
        let answer = whose(&routes, &mut browser).await;
        assert_eq!(answer.json["userId"], "U1", "{}", answer.text);
        let answer = browser.refresh(&routes).await;
        assert_eq!(answer.json["user"]["userId"], "U1", "{}", answer.text);
        assert_eq!(whose(&routes, &mut browser).await.json["userId"], "U1");
    }
}

#[tokio::test]
async fn a_planted_session_beside_ones_own_host_refresh_token_has_no_effect() {
    let fake = fake().start().await;
    let routes = with_cookies(&fake, SessionCookies::host_prefixed()).await;
    let bobs = fake.session("U2").tenant("T1", |t| t).active("T1");
    for planted in [bobs.token(), bobs.expired().token()] {
        let own = fake.sign_in_to("ann@example.test", "T1");
        let cookies = [("__Host-DSR", own.refresh_jwt()), ("DS", &planted)];
        let mut browser = jar(&fake, &cookies);
        for path in [ME, REFRESH, ME] {
            let body = if path == ME { "" } else { "{}" };
            let answer = browser.call(&routes, path, body).await;
            let user = if path == ME {
                &answer.json
            } else {
                &answer.json["user"]
            };
            assert_eq!(user["userId"], "U1", "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn under_plain_names_another_users_session_beside_a_refresh_token_is_ambiguous() {
    let fake = fake().start().await;
    let routes = with_cookies(&fake, SessionCookies::new()).await;
    let (sessions, bobs) = ann_and_bob(&fake);
    for session in &sessions {
        let browser = jar(&fake, &[("DS", session), ("DSR", &bobs)]);
        all_are_refused(&fake, &routes, &browser, (400, "ambiguous_credentials")).await;
    }
}

#[tokio::test]
async fn an_expired_planted_token_before_ones_own_pair_is_ambiguous_and_removes_nothing() {
    let fake = fake().start().await;
    let cookies = renamed_cookies();
    let routes = with_cookies(&fake, cookies).await;
    let planted = fake.refresh("U2").expired().token();
    let own = fake.sign_in_to("ann@example.test", "T1");
    let cookies = [
        ("app_refresh", &*planted),
        ("DS", own.session_jwt()),
        ("DSR", own.refresh_jwt()),
    ];
    let browser = jar(&fake, &cookies);
    all_are_refused(&fake, &routes, &browser, (400, "ambiguous_credentials")).await;
}

#[tokio::test]
async fn a_session_that_cannot_be_judged_for_want_of_keys_is_a_503_and_nothing_is_sent() {
    let fake = fake().start().await;
    let routes = with_cookies(&fake, SessionCookies::new()).await;
    let own = fake.sign_in_to("ann@example.test", "T1");
    fake.set_jwks_status(500);
    let unknown = fake.session("U2").kid("SKnew").token();
    let browser = jar(&fake, &[("DS", &unknown), ("DSR", own.refresh_jwt())]);
    for (path, body) in sending() {
        let answer = browser.clone().call(&routes, path, body).await;
        assert_eq!(
            (answer.status, answer.error()),
            (503, "keys_unavailable"),
            "{path}"
        );
    }
    assert_eq!(calls(&fake), 0);
}

#[tokio::test]
async fn what_is_no_token_of_this_project_says_nothing_about_the_user() {
    let fake = fake().start().await;
    let routes = with_cookies(&fake, SessionCookies::new()).await;
    let stranger = FakeDescope::builder().project_id("P2other").start().await;
    let other_project = stranger.session("U9").token();
    let garbage = "dark-side".to_owned();
    let many = format!("{garbage}; DS=a; DS=b; DS=c; DS=d; DS={other_project}");
    for foreign in [garbage, other_project, many] {
        let own = fake.sign_in_to("ann@example.test", "T1");
        for (path, body) in sending() {
            let mut browser = jar(&fake, &[("DS", &foreign), ("DSR", own.refresh_jwt())]);
            // The same values beside the refresh token are none either.
            let beside = foreign.replace("DS=", "DSR=");
            let refresh = browser.jar.get_mut("DSR").unwrap();
            *refresh = format!("{refresh}; DSR={beside}");
            let answer = browser.call(&routes, path, body).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        }
        let alone = jar(&fake, &[("DSR", &foreign.replace("DS=", "DSR="))]);
        for path in [REFRESH, SELECT, ME, MY_TENANTS, HISTORY] {
            let (_, body) = CALLS.into_iter().find(|(of, _)| *of == path).unwrap();
            let answer = alone.clone().call(&routes, path, body).await;
            assert_eq!(answer.error(), "missing_refresh_token", "{path}");
        }
    }
    assert_eq!(
        fake.key_fetches(),
        0,
        "no key is fetched for what others sign"
    );
}

#[tokio::test]
async fn a_session_whose_key_the_project_has_no_more_is_no_session() {
    let fake = fake().start().await;
    let routes = with_cookies(&fake, SessionCookies::new()).await;
    let own = fake.sign_in_to("ann@example.test", "T1");
    let old = |user: &str, kid: &str| fake.session(user).kid(kid).token();
    // Then more than would be looked at; and some of another user.
    for kids in [&["a", "b", "c", "d"][..], &["a", "b", "c", "d", "e", "f"]] {
        let gone: Vec<_> = kids
            .iter()
            .map(|kid| old(if *kid < "c" { "U1" } else { "U2" }, kid))
            .collect();
        let gone = gone.join("; DS=");
        let mut browser = jar(&fake, &[("DS", &gone), ("DSR", own.refresh_jwt())]);
        let answer = whose(&routes, &mut browser).await;
        assert_eq!(answer.json["userId"], "U1", "{}", answer.text);
    }
}
