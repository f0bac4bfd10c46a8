//! The session that a browser had before somebody signed in: another user's is ended, an older one of
//! the same user is forgotten here, and whatever else stands there holds nobody up.

use std::{future::IntoFuture, time::Duration};

use http::HeaderMap;
use tower_descope::{
    Descope, ErrorKind, RefreshToken, SessionToken,
    cookie::SessionCookies,
    test_util::{Canned, FakeDescope, SignedIn as Login},
};

use super::{adopt, lines, lives};
use crate::{
    routes::LOGOUT,
    support::{
        browser::{Browser, untouched},
        call, moved_to_call, settled,
        world::{EXPIRY, REFRESH, fake, late, renamed_cookies},
    },
};

/// The status of a page of a browser whose session has expired, which writes nothing into it.
async fn page(fake: &FakeDescope, descope: &Descope, browser: &Browser) -> u16 {
    let session = fake.session("U1").expired().token();
    let mut browser = browser.clone();
    browser.jar.insert("DS".into(), session);
    let response = call(&late(descope), browser.get()).await;
    assert!(untouched(&response), "no removal lines");
    response.status().as_u16()
}

fn login(fake: &FakeDescope, name: &str) -> Login {
    fake.sign_in_to(&format!("{name}@example.test"), "T1")
}

#[tokio::test]
async fn a_browser_without_a_session_replaces_nobodys() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let browser = Browser::default();
    let signed_in = adopt(&descope, &browser, &login(&fake, "ann")).await;
    assert_eq!(signed_in.unwrap().replaced(), None);
    settled(&fake).await;
    assert_eq!((fake.calls(LOGOUT), fake.calls(REFRESH)), (0, 0));
}

#[tokio::test]
async fn an_older_session_of_the_same_user_is_forgotten_here_and_left_alone_at_descope() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let old = Browser::of(&fake, &login(&fake, "ann"));
    let mut browser = old.clone();
    let signed_in = adopt(&descope, &old, &login(&fake, "ann")).await.unwrap();
    assert_eq!(signed_in.replaced(), None);
    browser.receive(&signed_in);
    settled(&fake).await;
    assert_eq!(fake.calls(LOGOUT), 0);
    // What is sent with the old cookies, now or after 20 minutes, is refused and writes nothing.
    for after in [0, 60, 1_200] {
        fake.clock().advance(Duration::from_secs(after));
        assert_eq!(page(&fake, &descope, &old).await, 401, "{after}");
        let error = descope.refresh(&RefreshToken::new(&*old.jar["DSR"])).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::SessionEnded);
    }
    assert_eq!(fake.calls(REFRESH), 0);
    fake.clock().advance(EXPIRY);
    assert_eq!(browser.visit(&late(&descope)).await.body(), "U1@T1");
    assert!(lives(&fake, &old.jar["DSR"]).await, "until it expires");
}

#[tokio::test]
async fn a_renewal_that_was_under_way_when_its_user_signed_in_again_writes_nothing() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let mut browser = Browser::of(&fake, &login(&fake, "ann"));
    fake.clock().advance(EXPIRY);
    fake.hang_path(REFRESH, true);
    let renewal = {
        let (app, request) = (late(&descope), browser.get());
        tokio::spawn(async move { call(&app, request).await })
    };
    fake.wait_for_calls(REFRESH, 1).await;
    let signed_in = adopt(&descope, &browser, &login(&fake, "ann"))
        .await
        .unwrap();
    browser.receive(&signed_in);
    let signed_in = browser.clone();
    fake.hang_path(REFRESH, false);
    let response = renewal.await.unwrap();
    assert_eq!(response.status(), 401);
    assert!(untouched(&response));
    browser.keep(response.headers());
    assert_eq!(browser, signed_in);
    fake.clock().advance(EXPIRY);
    assert_eq!(browser.visit(&late(&descope)).await.body(), "U1@T1");
    assert_eq!((fake.calls(REFRESH), fake.calls(LOGOUT)), (2, 0));
}

#[tokio::test]
async fn another_users_session_is_ended_here_and_at_descope_and_not_waited_for() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let bobs = Browser::of(&fake, &login(&fake, "bob"));
    fake.hang_path(LOGOUT, true);
    let signed_in = adopt(&descope, &bobs, &login(&fake, "ann")).await.unwrap();
    assert_eq!(signed_in.replaced().unwrap().as_str(), "U2");
    assert_eq!(lines(&signed_in).len(), 2);
    // At once, though Descope has not answered.
    let error = descope.refresh(&RefreshToken::new(&*bobs.jar["DSR"])).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::SessionEnded);
    fake.wait_for_calls(LOGOUT, 1).await;
    fake.hang_path(LOGOUT, false);
    settled(&fake).await;
    assert!(!lives(&fake, &bobs.jar["DSR"]).await);
    assert_eq!(fake.calls(LOGOUT), 1);
}

#[tokio::test]
async fn descope_is_told_of_another_users_end_as_soon_as_it_can_be_reached() {
    let fake = fake().start().await;
    let descope = fake.descope();
    descope.warm_up().await.unwrap();
    let bobs = Browser::of(&fake, &login(&fake, "bob"));
    let anns = login(&fake, "ann");
    for _ in 0..3 {
        fake.respond_next(LOGOUT, Canned::error(500, "E990500", "oops"));
    }
    let signed_in = adopt(&descope, &bobs, &anns).await.unwrap();
    assert_eq!(signed_in.replaced().unwrap().as_str(), "U2");
    moved_to_call(&fake, LOGOUT, 4).await;
    settled(&fake).await;
    assert!(!lives(&fake, &bobs.jar["DSR"]).await);
    assert!(lives(&fake, anns.refresh_jwt()).await);
}

#[tokio::test]
async fn a_visitors_session_makes_room_for_that_of_who_signs_in() {
    let fake = fake()
        .user("visitor", |user| user.id("V1").anonymous())
        .start()
        .await;
    let descope = fake.descope();
    let mut browser = Browser::in_no_tenant(&fake, "visitor");
    let visitors = browser.jar["DSR"].clone();
    let signed_in = adopt(&descope, &browser, &login(&fake, "ann"))
        .await
        .unwrap();
    assert_eq!(signed_in.replaced().unwrap().as_str(), "V1");
    assert!(!signed_in.session().is_anonymous());
    browser.receive(&signed_in);
    fake.wait_for_calls(LOGOUT, 1).await;
    settled(&fake).await;
    assert!(!lives(&fake, &visitors).await);
    assert_eq!(browser.visit(&late(&descope)).await.body(), "U1@T1");
}

#[tokio::test]
async fn a_user_of_whom_the_browser_shows_nothing_but_a_session_is_named_too() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let browser = Browser::with(login(&fake, "bob").session_jwt(), "");
    let signed_in = adopt(&descope, &browser, &login(&fake, "ann"))
        .await
        .unwrap();
    assert_eq!(signed_in.replaced().unwrap().as_str(), "U2");
    let anns = Browser::with(login(&fake, "ann").session_jwt(), "");
    let signed_in = adopt(&descope, &anns, &login(&fake, "ann")).await.unwrap();
    assert_eq!(signed_in.replaced(), None);
}

#[tokio::test]
async fn five_sessions_of_two_users_under_several_names_are_each_ended_as_is_right() {
    let fake = fake().start().await;
    let builder = fake.descope_builder().cookies(renamed_cookies());
    let descope = builder.build().unwrap();
    let names = ["ann", "bob", "ann", "bob", "ann"];
    let tokens = names.map(|name| login(&fake, name).refresh_jwt().to_owned());
    let mut browser = Browser::default();
    let session = login(&fake, "bob").session_jwt().to_owned();
    browser.jar.insert("DS".into(), session);
    browser.jar.insert("app_refresh".into(), tokens[0].clone());
    browser.jar.insert("DSR".into(), tokens[1..].join("; DSR="));
    let new = login(&fake, "ann");
    let signed_in = adopt(&descope, &browser, &new).await.unwrap();
    assert_eq!(signed_in.replaced().unwrap().as_str(), "U2");
    fake.wait_for_calls(LOGOUT, 2).await;
    settled(&fake).await;
    assert_eq!(fake.calls(LOGOUT), 2, "Bob's, and nothing of Ann's");
    for token in &tokens {
        let error = descope.refresh(&RefreshToken::new(&**token)).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::SessionEnded);
    }
    assert_eq!(fake.calls(REFRESH), 0);
    for (name, token) in names.iter().zip(&tokens) {
        assert_eq!(lives(&fake, token).await, *name == "ann");
    }
    assert!(
        descope
            .refresh(&RefreshToken::new(new.refresh_jwt()))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn nothing_that_stands_in_the_cookies_keeps_anybody_from_signing_in() {
    let fake = fake().start().await;
    let descope = fake.descope();
    descope.warm_up().await.unwrap();
    let fetches = fake.key_fetches();
    let refresh = || fake.refresh("U2");
    // The keys cannot be had: who signs in waits for none of these.
    fake.hang_path(&fake.keys_path(), true);
    for (what, value) in [
        ("garbage", "dark-side".to_owned()),
        ("no base64", "a.b.c".to_owned()),
        ("forged", refresh().signed_by_stranger().token()),
        ("expired", refresh().expired().token()),
        ("another project's", refresh().issuer("P2other").token()),
        ("with an unknown key", refresh().kid("SKunknown").token()),
        ("unsigned", refresh().unsigned().token()),
        ("a session token", fake.session("U2").token()),
        ("from the future", refresh().issued_at(500).token()),
        ("long", "x".repeat(5_000)),
        ("many", vec![refresh().token(); 40].join("; DSR=")),
    ] {
        let mut browser = Browser::with("", &value);
        let session = fake.session("U2").kid("SKunknown").token();
        browser.jar.insert("DS".into(), session);
        let signed_in = adopt(&descope, &browser, &login(&fake, "ann")).await;
        let signed_in = signed_in.unwrap_or_else(|error| panic!("{what}: {error}"));
        browser.receive(&signed_in);
        assert_eq!(
            browser.visit(&late(&descope)).await.body(),
            "U1@T1",
            "{what}"
        );
    }
    assert!(
        fake.key_fetches() <= fetches + 1,
        "one, that nobody waits for"
    );
}

#[tokio::test]
async fn what_could_not_be_judged_for_want_of_its_key_is_forgotten_here() {
    let fake = fake().start().await;
    let descope = fake.descope();
    descope.warm_up().await.unwrap();
    let anns = login(&fake, "ann");
    // Descope has changed its key since, and this side does not know it yet.
    fake.rotate_keys_keeping_old();
    let bobs = login(&fake, "bob");
    let browser = Browser::of(&fake, &bobs);
    fake.hang_path(&fake.keys_path(), true);
    let signed_in = adopt(&descope, &browser, &anns).await.unwrap();
    assert_eq!(signed_in.replaced(), None, "nobody knows whose it was");
    fake.hang_path(&fake.keys_path(), false);
    fake.clock().advance(Duration::from_secs(60));
    let error = descope
        .refresh(&RefreshToken::new(bobs.refresh_jwt()))
        .await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::SessionEnded);
    assert_eq!(fake.calls(REFRESH), 0);
}

#[tokio::test]
async fn predecessors_of_the_pair_that_is_adopted_are_left_alone() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let anns = login(&fake, "ann");
    let mut browser = Browser::of(&fake, &anns);
    let answer = descope
        .refresh(&RefreshToken::new(anns.refresh_jwt()))
        .await;
    let signed_in = descope
        .adopt_answer(&browser.headers(), answer.unwrap())
        .await;
    let signed_in = signed_in.unwrap();
    assert_eq!(signed_in.replaced(), None);
    // A page that was sent before the response landed.
    let mut page = browser.clone();
    let expired = fake.session("U1").expired().token();
    page.jar.insert("DS".into(), expired);
    assert_eq!(page.visit(&late(&descope)).await.body(), "U1@T1");
    browser.receive(&signed_in);
    assert_eq!(page.jar, browser.jar);
    fake.clock().advance(EXPIRY);
    assert_eq!(browser.visit(&late(&descope)).await.body(), "U1@T1");
    settled(&fake).await;
    assert_eq!(fake.calls(LOGOUT), 0);
}

#[tokio::test]
async fn the_pair_that_the_browser_has_may_be_adopted_again() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let anns = login(&fake, "ann");
    let mut browser = Browser::of(&fake, &anns);
    for _ in 0..2 {
        let signed_in = adopt(&descope, &browser, &anns).await.unwrap();
        assert_eq!(signed_in.replaced(), None);
        browser.receive(&signed_in);
    }
    fake.clock().advance(EXPIRY);
    assert_eq!(browser.visit(&late(&descope)).await.body(), "U1@T1");
    assert_eq!(fake.calls(LOGOUT), 0);
}

#[tokio::test]
async fn descopes_word_about_the_old_token_removes_no_cookies_of_a_user_who_signed_in_since() {
    for (status, code) in [(401, "E064001"), (401, "E064006")] {
        for signs_in in [true, false] {
            let fake = fake().start().await;
            let descope = fake.descope();
            let old = Browser::of(&fake, &login(&fake, "ann"));
            if signs_in {
                // From another page, without the old cookies: nothing ends them here.
                let nobody = Browser::default();
                let signed_in = adopt(&descope, &nobody, &login(&fake, "ann")).await;
                assert!(signed_in.is_ok());
            }
            fake.clock().advance(Duration::from_secs(1_200));
            fake.respond_next(REFRESH, Canned::error(status, code, "gone"));
            // The second comes after the keep time, when a token that was used counts as spent too.
            for after in [0, 120] {
                fake.clock().advance(Duration::from_secs(after));
                let response = call(&late(&descope), old.get()).await;
                assert_eq!(response.status(), 401, "{code}");
                let removes = !signs_in && (code == "E064001" || after > 0);
                assert_eq!(untouched(&response), !removes, "{code} {signs_in} {after}");
            }
            assert_eq!(fake.calls(REFRESH), 1, "{code}");
        }
    }
}

#[tokio::test]
async fn with_names_of_the_host_alone_what_a_sibling_planted_has_no_effect_on_the_new_session() {
    let fake = fake().start().await;
    let builder = fake.descope_builder();
    let descope = builder
        .cookies(SessionCookies::host_prefixed())
        .build()
        .unwrap();
    let mut browser = Browser::of(&fake, &login(&fake, "bob"));
    let signed_in = adopt(&descope, &browser, &login(&fake, "ann"))
        .await
        .unwrap();
    browser.receive(&signed_in);
    let planted = login(&fake, "bob");
    browser
        .jar
        .insert("DS".into(), planted.session_jwt().into());
    browser
        .jar
        .insert("DSR".into(), planted.refresh_jwt().into());
    fake.clock().advance(EXPIRY);
    assert_eq!(browser.visit(&late(&descope)).await.body(), "U1@T1");
}

#[tokio::test]
async fn a_sign_in_that_is_given_up_before_it_is_polled_ends_nothing() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let bobs = Browser::of(&fake, &login(&fake, "bob"));
    let anns = login(&fake, "ann");
    let mut headers = HeaderMap::new();
    headers.insert("cookie", bobs.cookies().parse().unwrap());
    let session = SessionToken::new(anns.session_jwt());
    let refresh = RefreshToken::new(anns.refresh_jwt());
    drop(descope.adopt(&headers, session, refresh).into_future());
    settled(&fake).await;
    assert_eq!(fake.calls(LOGOUT), 0);
    assert!(bobs.renews(&descope).await);
}
