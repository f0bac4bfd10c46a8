//! A 4xx without an error code of Descope's is the word of some proxy on the way: it settles nothing.

use tower_descope::{
    AccessKeys, ErrorKind, RefreshToken, SelectTenant, SessionRoutes, TenantId, test_util::Canned,
};

use crate::{
    machines::access_keys::{self, KEY},
    routes::{self, LOGOUT, LOGOUT_ALL, REFRESH, SELECT},
    select,
    support::{
        browser::{Browser, untouched},
        code,
        world::{self, EXPIRY, late},
    },
};

fn html(status: u16) -> Canned {
    Canned::html(status, "<h1>eyJ blocked</h1>")
}

#[tokio::test]
async fn an_html_401_or_403_to_a_logout_is_transient_and_the_next_logout_is_sent_again() {
    let fake = routes::fake().start().await;
    let descope = fake.descope();
    for (everywhere, path) in [(false, LOGOUT), (true, LOGOUT_ALL)] {
        for status in [400, 401, 403, 404] {
            let token = RefreshToken::new(fake.sign_in("ann@example.test").refresh_jwt());
            fake.clear_requests();
            fake.respond_next(path, html(status));
            let logout = async || {
                if everywhere {
                    descope.logout_all(&token).await
                } else {
                    descope.logout(&token).await
                }
            };
            let error = logout().await.expect_err("descope never heard of it");
            assert!(error.is_transient(), "{path}: {status}");
            assert_eq!(error.upstream_status(), Some(status));
            assert!(!error.ends_session(), "{path}: {status}");
            // Another replica still takes the session for what it is at Descope: alive.
            assert!(fake.descope().me(&token).await.is_ok(), "{path}: {status}");
            logout().await.unwrap();
            assert_eq!(fake.calls(path), 2, "{path}: {status}");
            assert!(fake.descope().me(&token).await.is_err(), "{path}: {status}");
        }
    }
}

#[tokio::test]
async fn a_401_or_403_with_a_code_to_a_logout_is_success() {
    let fake = routes::fake().start().await;
    let descope = fake.descope();
    for status in [401, 403] {
        let token = RefreshToken::new(fake.sign_in("ann@example.test").refresh_jwt());
        fake.respond_next(LOGOUT, Canned::error(status, "E011001", "invalid"));
        descope.logout(&token).await.unwrap();
    }
}

#[tokio::test]
async fn a_logout_whose_token_descope_calls_invalid_is_success_whatever_the_status() {
    let fake = routes::fake().start().await;
    let descope = fake.descope();
    for status in [400, 401, 403, 404, 422] {
        let token = RefreshToken::new(fake.sign_in("ann@example.test").refresh_jwt());
        fake.respond_next(LOGOUT, Canned::error(status, "E061005", "invalid"));
        descope.logout(&token).await.unwrap();
    }
}

#[tokio::test]
async fn an_html_401_or_403_to_a_logout_route_still_signs_the_browser_out() {
    let fake = routes::fake().start().await;
    let descope = fake.descope();
    let routes = SessionRoutes::new(descope.clone()).at("/v1/auth");
    for path in [LOGOUT, LOGOUT_ALL] {
        for status in [401, 403] {
            let mut ann = Browser::ann(&fake);
            let token = RefreshToken::new(&*ann.jar["DSR"]);
            fake.respond_next(path, html(status));
            let answer = ann.call(&routes, path, "{}").await;
            let unconfirmed = r#"{"everywhere":false}"#;
            let text = if path == LOGOUT { "{}" } else { unconfirmed };
            assert_eq!((answer.status, &*answer.text), (200, text), "{path}");
            assert!(ann.jar.is_empty(), "{path}: {status}");
            assert!(descope.refresh(&token).await.unwrap_err().ends_session());
        }
    }
}

#[tokio::test]
async fn an_html_4xx_to_a_selection_is_a_502_and_keeps_the_cookies() {
    let fake = select::fake().start().await;
    let service = SelectTenant::new(fake.descope());
    for status in [400, 401, 403, 404, 422] {
        let mut ann = Browser::in_no_tenant(&fake, "ann@example.test");
        let before = ann.jar.clone();
        fake.clear_requests();
        let busy = html(status).header("retry-after", "7");
        fake.respond_next(select::PATH, busy);
        let answer = ann.select(&service, "T2").await;
        assert_eq!(
            (answer.status.as_u16(), answer.error()),
            (502, "upstream_invalid"),
            "{status}"
        );
        assert_eq!(answer.headers["retry-after"], "7", "{status}");
        assert!(!answer.headers.contains_key("www-authenticate"), "{status}");
        assert!(!answer.text.contains("eyJ"), "{}", answer.text);
        assert_eq!(ann.jar, before, "{status}");
        assert_eq!(fake.calls(select::PATH), 1, "at most one POST");
        fake.clock().advance(std::time::Duration::from_secs(1));
        assert_eq!(ann.select(&service, "T2").await.status, 200, "{status}");
    }
}

#[tokio::test]
async fn an_html_4xx_to_a_typed_call_is_transient() {
    let fake = routes::fake().start().await;
    let descope = fake.descope();
    let tenant = TenantId::new("T2").unwrap();
    for status in [400, 401, 403, 404, 422] {
        let token = RefreshToken::new(fake.sign_in("ann@example.test").refresh_jwt());
        fake.respond_next(REFRESH, html(status));
        let error = descope.refresh(&token).await.unwrap_err();
        assert!(error.is_transient() && !error.ends_session(), "{status}");
        let token = RefreshToken::new(fake.sign_in("ann@example.test").refresh_jwt());
        fake.respond_next(SELECT, html(status));
        let error = descope.select_tenant(&token, &tenant).await.unwrap_err();
        assert!(error.is_transient() && !error.ends_session(), "{status}");
        // With a code it is Descope's, and final.
        let token = RefreshToken::new(fake.sign_in("ann@example.test").refresh_jwt());
        fake.respond_next(SELECT, Canned::error(status, "E011001", "no"));
        let error = descope.select_tenant(&token, &tenant).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{status}");
        assert!(!error.is_transient(), "{status}");
    }
}

#[tokio::test]
async fn an_html_401_or_403_to_a_renewal_is_a_503_and_keeps_the_cookies() {
    let fake = world::fake().start().await;
    for status in [401, 403] {
        let descope = fake.descope();
        let mut browser = Browser::signed_in(&fake, "ann@example.test");
        let before = browser.clone();
        fake.clock().advance(EXPIRY);
        descope.warm_up().await.unwrap();
        fake.respond_next(REFRESH, html(status));
        let response = browser.visit(&late(&descope)).await;
        assert_eq!(response.status(), 503, "{status}");
        assert_eq!(code(&response), "renewal_unavailable", "{status}");
        assert!(untouched(&response), "{status}");
        assert_eq!(browser, before, "{status}");
    }
}

#[tokio::test]
async fn an_html_401_or_403_to_an_exchange_is_a_503_and_refuses_no_key() {
    let world = access_keys::world(AccessKeys::new().key_prefix("K2")).await;
    for status in [401, 403] {
        world.fake.respond_next(access_keys::PATH, html(status));
        assert_eq!(world.ask(KEY).await, "exchange_unavailable", "{status}");
        world.advance(5).await;
    }
    assert_eq!(world.ask(KEY).await, "K2m@-");
}
