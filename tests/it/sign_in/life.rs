//! How long browsers keep the cookies: with the refresh token, with the browser, or as was chosen.

use std::time::Duration;

use http::{HeaderMap, Method};
use tower::ServiceExt;
use tower_descope::{
    Descope, ErrorKind, SelectTenant, SessionRoutes,
    cookie::{CookieLife, SessionCookies},
    sign_in::CodeRecipient,
    test_util::{FakeDescope, SignedIn as Login},
};

use super::{adopt, head};
use crate::{
    routes::{LOGOUT, REFRESH, TRY_REFRESH, routes},
    support::{
        browser::{Browser, set_cookies},
        call,
        world::{EXPIRY, fake, late},
    },
};

const REMEMBERED: &str = "DSR-R";

fn with_life(fake: &FakeDescope, life: CookieLife) -> Descope {
    let builder = fake.descope_builder();
    builder
        .cookies(SessionCookies::new().life(life))
        .build()
        .unwrap()
}

fn login(fake: &FakeDescope) -> Login {
    fake.sign_in_to("ann@example.test", "T1")
}

/// The names of the cookies that a response sets: those that outlive the browser, and the others.
fn set(headers: &HeaderMap) -> [Vec<String>; 2] {
    let mut names = [Vec::new(), Vec::new()];
    for line in set_cookies(headers) {
        let name = line.split('=').next().unwrap().to_owned();
        if !line.contains("Max-Age=0") {
            names[usize::from(!line.contains("Max-Age="))].push(name);
        }
    }
    names.map(|mut names| {
        names.sort();
        names
    })
}

/// What each way of writing a session's cookies sets, one after another in one browser.
async fn every_writer(
    fake: &FakeDescope,
    descope: &Descope,
    browser: &mut Browser,
) -> Vec<[Vec<String>; 2]> {
    let mut seen = Vec::new();
    fake.clock().advance(EXPIRY);
    let response = browser.visit(&late(descope)).await;
    assert_eq!(response.body(), "U1@T1");
    seen.push(set(response.headers()));
    for path in [REFRESH, TRY_REFRESH] {
        fake.clock().advance(EXPIRY);
        let answer = browser.call(&routes(descope), path, "{}").await;
        assert_eq!(answer.status, 200);
        seen.push(set(&answer.headers));
    }
    let service = SelectTenant::new(descope.clone());
    let response = service.oneshot(browser.switch("T2")).await.unwrap();
    browser.keep(response.headers());
    seen.push(set(response.headers()));
    let select = r#"{"tenant":"T1"}"#;
    let path = "/v1/auth/tenant/select";
    let answer = browser.call(&routes(descope), path, select).await;
    assert_eq!(answer.status, 200);
    seen.push(set(&answer.headers));
    // A step-up: the same user signs in once more, and nobody asks how long.
    let signed_in = adopt(descope, browser, &login(fake)).await.unwrap();
    browser.receive(&signed_in);
    seen.push(set(&head(&signed_in)));
    // And one by which the session goes on.
    let refreshed = descope.refresh(&browser.refresh_token()).await.unwrap();
    let adopt = descope.adopt_answer(&browser.headers(), refreshed);
    let signed_in = adopt.await.unwrap();
    browser.receive(&signed_in);
    seen.push(set(&head(&signed_in)));
    seen
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn each_life_is_kept_by_all_that_write_the_session_s_cookies() {
    let outlive = || [names(&["DS", "DSR"]), names(&[])];
    let end_with_browser = || [names(&[]), names(&["DS", "DSR"])];
    let remembered = || [names(&["DS", "DSR", REMEMBERED]), names(&[])];
    for (life, remember, expected) in [
        (CookieLife::RefreshToken, None, outlive()),
        (CookieLife::RefreshToken, Some(false), outlive()),
        (CookieLife::BrowserSession, None, end_with_browser()),
        (CookieLife::BrowserSession, Some(true), end_with_browser()),
        (CookieLife::Chosen, None, end_with_browser()),
        (CookieLife::Chosen, Some(false), end_with_browser()),
        (CookieLife::Chosen, Some(true), remembered()),
    ] {
        let fake = fake().start().await;
        let descope = with_life(&fake, life);
        let mut browser = Browser::signed_out(&fake);
        let mut adopt = adopt(&descope, &browser, &login(&fake));
        if let Some(remember) = remember {
            adopt = adopt.remember(remember);
        }
        let signed_in = adopt.await.unwrap();
        browser.receive(&signed_in);
        assert_eq!(set(&head(&signed_in)), expected, "{life:?} {remember:?}");
        for seen in every_writer(&fake, &descope, &mut browser).await {
            assert_eq!(seen, expected, "{life:?} {remember:?}");
        }
        let answer = browser.call(&routes(&descope), LOGOUT, "{}").await;
        assert!(browser.jar.is_empty());
        let removed = set_cookies(&answer.headers);
        let is_removed = removed.iter().any(|line| line.starts_with("DSR-R=;"));
        assert_eq!(is_removed, life == CookieLife::Chosen);
    }
}

#[tokio::test]
async fn the_cookie_of_who_stays_signed_in_is_written_as_the_refresh_cookie_is() {
    let fake = fake().start().await;
    let cookies = SessionCookies::new()
        .life(CookieLife::Chosen)
        .domain("app.example.test")
        .former_cookie_scope(None, "/");
    let descope = fake.descope_builder().cookies(cookies).build().unwrap();
    let adopt = adopt(&descope, &Browser::default(), &login(&fake)).remember(true);
    let lines = set_cookies(&head(&adopt.await.unwrap()));
    let of = |start: &str| {
        let found = lines.iter().find(|line| line.starts_with(start));
        found
            .unwrap_or_else(|| panic!("{start}: {lines:?}"))
            .clone()
    };
    let (refresh, remembered) = (of("DSR=e"), of("DSR-R=1;"));
    assert_eq!(
        refresh.split_once(';').unwrap().1,
        remembered.split_once(';').unwrap().1
    );
    assert!(remembered.contains("Domain=app.example.test") && remembered.contains("HttpOnly"));
    let evicted = of("DSR-R=;");
    assert!(!evicted.contains("Domain") && evicted.contains("Max-Age=0"));
}

#[tokio::test]
async fn the_choice_stays_where_its_name_may_stand_wherever_the_answer_puts_the_refresh_cookie() {
    let fake = fake()
        .cookie_names("DS", "DSR")
        .cookie_domain("example.com");
    let fake = fake.start().await;
    let cookies = SessionCookies::host_prefixed()
        .former_cookie_scope(Some("example.com"), "/")
        .follow_answer(true)
        .life(CookieLife::Chosen);
    let descope = fake.descope_builder().cookies(cookies).build().unwrap();
    let (headers, ann) = (HeaderMap::new(), CodeRecipient::email("ann@example.test"));
    descope.send_code(&ann).await.unwrap();
    let adopt = descope.verify_code(&headers, &ann, FakeDescope::ONE_TIME_CODE);
    let lines = set_cookies(&head(&adopt.remember(true).await.unwrap()));
    let starts = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
    assert_eq!(starts("DSR=e"), 1, "{lines:?}");
    assert_eq!(starts("__Host-DSR-R=1; "), 1, "{lines:?}");
    for line in &lines {
        // Of a name that begins so browsers take no other.
        let written = line.starts_with("__Host-") && !line.contains("Max-Age=0");
        assert!(!written || !line.contains("Domain="), "{line}");
    }
}

#[tokio::test]
async fn only_the_value_that_is_written_counts_as_remembered() {
    let fake = fake().start().await;
    let descope = with_life(&fake, CookieLife::Chosen);
    for (value, outlives) in [
        ("1", true),
        ("0", false),
        ("", false),
        ("true", false),
        ("11", false),
        ("1 1", false),
    ] {
        let mut browser = Browser::of(&fake, &login(&fake));
        browser.jar.insert(REMEMBERED.into(), value.into());
        fake.clock().advance(EXPIRY);
        let response = call(&late(&descope), browser.get()).await;
        let [long, short] = set(response.headers());
        assert_eq!(long.is_empty(), !outlives, "{value:?}");
        assert_eq!(short.is_empty(), outlives, "{value:?}");
    }
}

#[tokio::test]
async fn what_another_user_chose_and_what_was_lost_is_not_taken_over() {
    let fake = fake().start().await;
    let descope = with_life(&fake, CookieLife::Chosen);
    let remembered = async |name: &str| {
        let mut browser = Browser::default();
        let login = fake.sign_in_to(&format!("{name}@example.test"), "T1");
        let adopt = adopt(&descope, &browser, &login).remember(true);
        browser.receive(&adopt.await.unwrap());
        browser
    };
    // Bob was remembered; Ann did not ask for it.
    let mut browser = remembered("bob").await;
    let signed_in = adopt(&descope, &browser, &login(&fake)).await.unwrap();
    assert_eq!(set(&head(&signed_in)), [names(&[]), names(&["DS", "DSR"])]);
    browser.receive(&signed_in);
    assert!(!browser.jar.contains_key(REMEMBERED), "and it is removed");
    // A cookie of nobody whom the browser shows.
    let mut browser = Browser::default();
    browser.jar.insert(REMEMBERED.into(), "1".into());
    let signed_in = adopt(&descope, &browser, &login(&fake)).await.unwrap();
    assert_eq!(set(&head(&signed_in)), [names(&[]), names(&["DS", "DSR"])]);
    // The same user says otherwise now.
    let mut browser = remembered("ann").await;
    let adopting = adopt(&descope, &browser, &login(&fake)).remember(false);
    browser.receive(&adopting.await.unwrap());
    assert!(!browser.jar.contains_key(REMEMBERED));
    // It got lost: the session becomes one of the browser's, and stays so.
    let mut browser = remembered("ann").await;
    browser.jar.remove(REMEMBERED);
    for _ in 0..2 {
        fake.clock().advance(EXPIRY);
        let response = browser.visit(&late(&descope)).await;
        assert_eq!(set(response.headers()), [names(&[]), names(&["DS", "DSR"])]);
    }
}

#[tokio::test]
async fn a_step_up_that_does_not_come_through_leaves_what_was_chosen() {
    let fake = fake().start().await;
    let descope = with_life(&fake, CookieLife::Chosen);
    let mut browser = Browser::default();
    let remembering = adopt(&descope, &browser, &login(&fake)).remember(true);
    browser.receive(&remembering.await.unwrap());
    let stale = login(&fake);
    fake.clock().advance(Duration::from_secs(301));
    let error = adopt(&descope, &browser, &stale).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotASignIn);
    fake.clock().advance(EXPIRY);
    let response = browser.visit(&late(&descope)).await;
    assert_eq!(
        set(response.headers()),
        [names(&["DS", "DSR", REMEMBERED]), names(&[])]
    );
}

#[tokio::test]
async fn a_sign_out_removes_what_was_chosen_by_every_way() {
    let fake = fake().start().await;
    let descope = with_life(&fake, CookieLife::Chosen);
    let routes = SessionRoutes::new(descope.clone()).at("/v1/auth");
    for everywhere in [false, true] {
        let mut browser = Browser::signed_out(&fake);
        let adopting = adopt(&descope, &browser, &login(&fake)).remember(true);
        browser.receive(&adopting.await.unwrap());
        let mut typed = browser.clone();
        let mut response = HeaderMap::new();
        let signed_out = if everywhere {
            descope.sign_out_everywhere(&typed.headers()).await
        } else {
            descope.sign_out(&typed.headers()).await
        };
        signed_out.set_cookies(&mut response);
        typed.keep(&response);
        let path = if everywhere {
            "/v1/auth/logoutall"
        } else {
            LOGOUT
        };
        browser.call(&routes, path, "{}").await;
        assert!(typed.jar.is_empty() && browser.jar.is_empty());
    }
    // And Descope's word that the session is over.
    let mut browser = Browser::default();
    let adopting = adopt(&descope, &browser, &login(&fake)).remember(true);
    browser.receive(&adopting.await.unwrap());
    fake.log_out("U1");
    fake.clock().advance(EXPIRY);
    assert_eq!(browser.visit(&late(&descope)).await.status(), 401);
    assert!(browser.jar.is_empty());
}

#[tokio::test]
async fn a_name_that_says_that_somebody_stays_signed_in_is_taken() {
    let fake = fake().start().await;
    let cookies = || SessionCookies::new().life(CookieLife::Chosen);
    for (cookies, is_legal) in [
        (cookies(), true),
        (cookies().session_name("DSR-R"), false),
        (cookies().session_fallbacks(["DSR-R"]), false),
        (cookies().refresh_fallbacks(["DSR-R"]), false),
        (
            cookies().refresh_name("r").refresh_fallbacks(["DSR-R"]),
            true,
        ),
        (SessionCookies::new().session_name("DSR-R"), true),
    ] {
        let shown = format!("{cookies:?}");
        let built = fake.descope_builder().cookies(cookies).build();
        match built {
            Ok(_) => assert!(is_legal, "{shown}"),
            Err(error) => {
                assert!(!is_legal, "{shown}: {error}");
                assert_eq!(error.kind(), ErrorKind::InvalidConfig);
                assert!(error.to_string().contains("DSR-R"), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_page_alone_writes_nothing_about_what_was_chosen() {
    let fake = fake().start().await;
    let descope = with_life(&fake, CookieLife::Chosen);
    let mut browser = Browser::default();
    let adopting = adopt(&descope, &browser, &login(&fake)).remember(true);
    browser.receive(&adopting.await.unwrap());
    let page = browser.request(Method::GET, &[]);
    let response = call(&late(&descope), page).await;
    assert!(set_cookies(response.headers()).is_empty());
}
