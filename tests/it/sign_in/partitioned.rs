//! Cookies of pages in frames of other sites: one jar for each site, and nothing left in the common one.

use http::Method;
use tower_descope::{
    Descope, ErrorKind,
    cookie::{CookieLife, SameSite, SessionCookies},
    test_util::FakeDescope,
};

use super::{adopt, lines};
use crate::{
    routes::{LOGOUT, REFRESH, routes},
    support::{
        browser::{Browser, set_cookies, untouched},
        call,
        world::{EXPIRY, fake, late},
    },
};

fn framed() -> SessionCookies {
    SessionCookies::host_prefixed()
        .same_site(SameSite::None)
        .partitioned(true)
        .life(CookieLife::Chosen)
}

fn build(fake: &FakeDescope, cookies: SessionCookies) -> Result<Descope, tower_descope::Error> {
    fake.descope_builder().cookies(cookies).build()
}

/// Asserts that each cookie is set in the site's jar, after its twin was removed from the common one.
fn assert_evicts_twins(lines: &[String], set: &[&str]) {
    let is_partitioned = |line: &String| line.split("; ").any(|part| part == "Partitioned");
    for name in set {
        let of_name = lines
            .iter()
            .filter(|line| line.starts_with(&format!("{name}=")));
        let of_name: Vec<_> = of_name.collect();
        let [twin, cookie] = &of_name[..] else {
            panic!("{name}: {of_name:?}");
        };
        assert!(
            !is_partitioned(twin) && twin.contains("Max-Age=0"),
            "{twin}"
        );
        assert!(
            is_partitioned(cookie) && !cookie.contains("Max-Age=0"),
            "{cookie}"
        );
        for line in [twin, cookie] {
            assert!(
                line.contains("; Secure") && line.contains("SameSite=None"),
                "{line}"
            );
        }
    }
    // All else removes what stands under former names.
    let written = lines.iter().filter(|line| !line.contains("Max-Age=0"));
    assert_eq!(written.count(), set.len());
}

#[tokio::test]
async fn only_cookies_that_frames_of_other_sites_send_are_partitioned() {
    let fake = fake().start().await;
    let lax = framed().same_site(SameSite::Lax);
    let strict = framed().same_site(SameSite::Strict);
    let insecure = SessionCookies::new()
        .same_site(SameSite::None)
        .partitioned(true)
        .danger_insecure_cookies_on_loopback(true);
    for cookies in [lax, strict, insecure] {
        let error = build(&fake, cookies).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    }
    assert!(build(&fake, framed()).is_ok());
    assert!(build(&fake, framed().partitioned(false).same_site(SameSite::Lax)).is_ok());
}

#[tokio::test]
async fn whoever_writes_a_cookie_removes_its_twin_from_the_common_jar() {
    let fake = fake().start().await;
    let descope = build(&fake, framed()).unwrap();
    let all = ["__Host-DSR", "__Host-DSR-R", "__Host-DS"];
    let mut browser = Browser::signed_out(&fake);
    let login = fake.sign_in_to("ann@example.test", "T1");
    let signed_in = adopt(&descope, &browser, &login)
        .remember(true)
        .await
        .unwrap();
    assert_evicts_twins(&lines(&signed_in), &all);
    for name in ["__Host-DS", "__Host-DSR"] {
        let token = if name.ends_with('R') {
            login.refresh_jwt()
        } else {
            login.session_jwt()
        };
        browser.jar.insert(name.into(), token.into());
    }
    browser.jar.insert("__Host-DSR-R".into(), "1".into());
    fake.clock().advance(EXPIRY);
    let response = call(&late(&descope), browser.get()).await;
    assert_eq!(response.body(), "U1@T1");
    assert_evicts_twins(&set_cookies(response.headers()), &all);
    let answer = browser.clone().call(&routes(&descope), REFRESH, "{}").await;
    assert_evicts_twins(&set_cookies(&answer.headers), &all);
}

#[tokio::test]
async fn a_sign_out_removes_the_cookies_from_both_jars() {
    let fake = fake().start().await;
    let descope = build(&fake, framed().session_fallbacks(["app"])).unwrap();
    let mut browser = Browser::signed_out(&fake);
    let login = fake.sign_in_to("ann@example.test", "T1");
    browser
        .jar
        .insert("__Host-DSR".into(), login.refresh_jwt().into());
    let answer = browser.call(&routes(&descope), LOGOUT, "{}").await;
    let lines = set_cookies(&answer.headers);
    for name in ["__Host-DS", "__Host-DSR", "__Host-DSR-R", "app"] {
        let of_name = lines
            .iter()
            .filter(|line| line.starts_with(&format!("{name}=;")));
        let mut partitioned: Vec<_> = of_name.map(|line| line.contains("Partitioned")).collect();
        partitioned.sort_unstable();
        assert_eq!(partitioned, [false, true], "{name}: {lines:?}");
    }
    assert!(lines.iter().all(|line| line.contains("Max-Age=0")));
}

#[tokio::test]
async fn a_page_in_a_frame_of_another_site_is_renewed_only_with_such_cookies() {
    let frame = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "iframe"),
    ];
    let script = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-dest", "empty"),
    ];
    let image = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "no-cors"),
        ("sec-fetch-dest", "image"),
    ];
    let common = || framed().partitioned(false);
    for (what, cookies, method, fields, is_renewed) in [
        ("a frame", framed(), Method::GET, frame, true),
        (
            "a frame, with common cookies",
            common(),
            Method::GET,
            frame,
            false,
        ),
        ("a form in a frame", framed(), Method::POST, frame, false),
        (
            "another site's script",
            framed(),
            Method::GET,
            script,
            false,
        ),
        ("another site's image", framed(), Method::GET, image, false),
    ] {
        let fake = fake().start().await;
        let descope = build(&fake, cookies).unwrap();
        let login = fake.sign_in_to("ann@example.test", "T1");
        let mut browser = Browser::default();
        browser
            .jar
            .insert("__Host-DS".into(), login.session_jwt().into());
        browser
            .jar
            .insert("__Host-DSR".into(), login.refresh_jwt().into());
        fake.clock().advance(EXPIRY);
        let response = call(&late(&descope), browser.request(method, &fields)).await;
        assert_eq!(fake.calls(REFRESH), usize::from(is_renewed), "{what}");
        assert_eq!(untouched(&response), !is_renewed, "{what}");
        assert_eq!(response.status() == 200, is_renewed, "{what}");
    }
}
