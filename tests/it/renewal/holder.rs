//! Renewal in the layer: whose cookies count, and a jar in migration from one pair of names to
//! another.

use tower_descope::{
    Descope, SelectTenant,
    cookie::SessionCookies,
    test_util::{FakeDescope, FakeDescopeBuilder},
};

use crate::{
    routes::routes,
    support::{
        app,
        browser::{Browser, untouched},
        code,
        world::{EXPIRY, REFRESH, expired, fake, late, renamed_cookies},
    },
};

async fn with_cookies(fake: &FakeDescope, cookies: SessionCookies) -> Descope {
    let descope = fake.descope_builder().cookies(cookies).build().unwrap();
    descope.warm_up().await.unwrap();
    descope
}

fn jar(cookies: &[(&str, &str)]) -> Browser {
    let cookies = cookies
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    Browser {
        jar: cookies.collect(),
        ..Browser::default()
    }
}

#[tokio::test]
async fn another_users_refresh_token_beside_a_session_renews_nothing() {
    let fake = fake().start().await;
    let bobs = fake.sign_in_to("bob@example.test", "T1");
    let good = fake.session("U1").tenant("T1", |t| t).active("T1").token();
    for (cookies, name) in [
        (SessionCookies::host_prefixed(), "__Host-DS"),
        (SessionCookies::new(), "DS"),
    ] {
        let app = late(&with_cookies(&fake, cookies).await);
        let mut browser = jar(&[(name, &good), ("DSR", bobs.refresh_jwt())]);
        assert_eq!(browser.visit(&app).await.body(), "U1@T1");
        browser.jar.insert(name.into(), expired(&fake, "U1"));
        let response = browser.visit(&app).await;
        assert_eq!(code(&response), "expired_token");
        assert!(untouched(&response));
    }
    assert_eq!(fake.calls(REFRESH), 0);
}

#[tokio::test]
async fn a_planted_session_beside_ones_own_host_refresh_token_is_not_the_page_s_user() {
    let fake = fake().start().await;
    let app = late(&with_cookies(&fake, SessionCookies::host_prefixed()).await);
    let bobs = fake.session("U2").tenant("T1", |t| t).active("T1").token();
    let own = fake.sign_in_to("ann@example.test", "T1");
    let mut browser = jar(&[("__Host-DSR", own.refresh_jwt()), ("DS", &bobs)]);
    for _ in 0..2 {
        assert_eq!(browser.visit(&app).await.body(), "U1@T1");
    }
    assert_eq!(fake.calls(REFRESH), 1);
    // Without a genuine refresh token of one's own the planted one is all there is.
    let forged = fake.refresh("U1").signed_by_stranger().token();
    let mut browser = jar(&[("__Host-DSR", &forged), ("DS", &bobs)]);
    assert_eq!(browser.visit(&app).await.body(), "U2@T1");
}

#[tokio::test]
async fn ones_own_session_under_a_former_name_goes_on_beside_the_new_refresh_token() {
    let fake = fake().start().await;
    let descope = with_cookies(&fake, SessionCookies::host_prefixed()).await;
    let own = fake.sign_in_to("ann@example.test", "T1");
    let bobs = fake.session("U2").tenant("T1", |t| t).active("T1").token();
    let both = format!("{bobs}; DS={}", own.session_jwt());
    for session in [own.session_jwt(), &both] {
        let mut browser = jar(&[("__Host-DSR", own.refresh_jwt()), ("DS", session)]);
        // With renewal and without.
        for app in [late(&descope), app(&descope)] {
            assert_eq!(browser.visit(&app).await.body(), "U1@T1");
        }
    }
    assert_eq!(fake.calls(REFRESH), 0);
}

#[tokio::test]
async fn an_expired_planted_refresh_token_before_ones_own_pair_removes_nothing() {
    let fake = fake().start().await;
    let cookies = renamed_cookies();
    let app = late(&with_cookies(&fake, cookies).await);
    let planted = fake.refresh("U2").expired().token();
    let own = fake.sign_in_to("ann@example.test", "T1");
    for session in [own.session_jwt(), &expired(&fake, "U1")] {
        let cookies = [
            ("app_refresh", &*planted),
            ("DS", session),
            ("DSR", own.refresh_jwt()),
        ];
        let response = jar(&cookies).visit(&app).await;
        assert_eq!(response.status(), 401);
        assert!(untouched(&response));
    }
    assert_eq!(fake.calls(REFRESH), 0);
}

#[tokio::test]
async fn a_foreign_cookie_of_the_same_name_locks_nobody_out() {
    let fake = fake().start().await;
    let stranger = FakeDescope::builder().project_id("P2other").start().await;
    let descope = fake.descope();
    descope.warm_up().await.unwrap();
    let app = late(&descope);
    let fetches = fake.key_fetches();
    let other_project = stranger.session("U9").token();
    let many = format!("a; DS=b; DS=c; DS=d; DS=dark-side; DS={other_project}");
    for foreign in ["dark-side", &other_project, &many] {
        let own = fake.sign_in_to("ann@example.test", "T1");
        let mut browser = jar(&[("DS", foreign), ("DSR", own.refresh_jwt())]);
        assert_eq!(browser.visit(&app).await.body(), "U1@T1");
        // Beside one's own session, too.
        let beside = format!("{foreign}; DS={}", own.session_jwt());
        let mut browser = jar(&[("DS", &beside)]);
        assert_eq!(browser.visit(&app).await.body(), "U1@T1");
        let response = jar(&[("DS", foreign)]).visit(&app).await;
        assert_eq!(code(&response), "missing_token");
    }
    assert_eq!(
        fake.key_fetches(),
        fetches,
        "no key is fetched for what others sign"
    );
}

/// Visits pages, switches tenants and refreshes over six expiries. Each costs one call, and nobody
/// is signed out.
async fn lives_on(fake: &FakeDescope, descope: &Descope, browser: &mut Browser, what: &str) {
    let (app, routes) = (late(descope), routes(descope));
    let select = SelectTenant::new(descope.clone());
    fake.clear_requests();
    for expiry in 1..=6 {
        fake.clock().advance(EXPIRY);
        if expiry == 4 {
            let answer = browser.refresh(&routes).await;
            assert_eq!(answer.status, 200, "{what}, {expiry}: {}", answer.text);
        }
        let tenant = if expiry > 2 { "U1@T2" } else { "U1@T1" };
        for page in 0..2 {
            let response = browser.visit(&app).await;
            assert_eq!(
                response.body(),
                tenant,
                "{what}, expiry {expiry}, page {page}"
            );
        }
        assert_eq!(fake.calls(REFRESH), expiry, "{what}");
        if expiry == 2 {
            let answer = browser.select(&select, "T2").await;
            assert_eq!(answer.status, 200, "{what}: {}", answer.text);
        }
    }
}

/// What it is about, its Descope, the cookies of the service, and where the refresh token moves to.
type World = (
    &'static str,
    fn() -> FakeDescopeBuilder,
    SessionCookies,
    Option<&'static str>,
);

#[tokio::test]
async fn a_jar_in_migration_is_signed_in_throughout() {
    let worlds: [World; 6] = [
        (
            "to host names",
            fake,
            SessionCookies::host_prefixed(),
            Some("__Host-DSR"),
        ),
        (
            "to other names",
            fake,
            renamed_cookies(),
            Some("app_refresh"),
        ),
        (
            "to host names, as the answers say",
            || fake().cookie_names("__Host-DS", "__Host-DSR"),
            SessionCookies::host_prefixed().follow_answer(true),
            Some("__Host-DSR"),
        ),
        (
            "from host names, as the answers say",
            || fake().cookie_names("DS", "DSR"),
            SessionCookies::host_prefixed().follow_answer(true),
            None,
        ),
        (
            "the session's name alone by the answers",
            || fake().cookie_names("DS", ""),
            SessionCookies::host_prefixed().follow_answer(true),
            None,
        ),
        (
            "the refresh token's name alone by the answers",
            || fake().cookie_names("", "DSR"),
            SessionCookies::host_prefixed().follow_answer(true),
            None,
        ),
    ];
    for (what, fake, cookies, refresh) in worlds {
        for rotation in [true, false] {
            let fake = fake().rotation(rotation).start().await;
            let descope = with_cookies(&fake, cookies.clone()).await;
            for names in [&["DS", "DSR"][..], &["__Host-DS", "DSR"], &["DSR"]] {
                let own = fake.sign_in_to("ann@example.test", "T1");
                let token_of = |name: &str| match name {
                    "DSR" => own.refresh_jwt().to_owned(),
                    _ => own.session_jwt().to_owned(),
                };
                let cookies = names.iter().map(|name| ((*name).into(), token_of(name)));
                let mut browser = jar(&[]);
                browser.jar.extend(cookies);
                let what = format!("{what}, rotation {rotation}, {names:?}");
                lives_on(&fake, &descope, &mut browser, &what).await;
                let moved = refresh.is_none_or(|name| browser.jar.contains_key(name));
                assert!(moved, "{what}: {:?}", browser.jar.keys());
            }
        }
    }
}
