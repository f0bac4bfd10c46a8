//! Renewals: their cookies, in the form in which each proxy passes them on.

use tower_descope::{
    Renewal,
    cookie::{CookieLife, SessionCookies},
    forward::NumberedCookies,
};

use super::{Question, Server, usual};
use crate::support::{
    browser::Browser,
    world::{ALMOST, EXPIRY, REFRESH, fake},
};

#[tokio::test]
async fn both_cookies_come_as_set_cookie_and_numbered_byte_for_byte() {
    for (numbered, plain, own) in [
        (NumberedCookies::Both, 2, 2),
        (NumberedCookies::Only, 0, 2),
        (NumberedCookies::Off, 2, 0),
    ] {
        let fake = fake().start().await;
        let server = Server::start(usual(&fake.descope()).numbered_cookies(numbered)).await;
        let mut ann = Browser::ann(&fake);
        for round in 1..=2 {
            fake.clock().advance(EXPIRY);
            let answer = server.ask(&Question::page(&ann)).await;
            assert_eq!(answer.identity(), ["U1", "T1", "admin"]);
            assert_eq!(answer.cookies().len(), plain, "{numbered:?}");
            assert_eq!(answer.numbered().len(), own, "{numbered:?}");
            assert_eq!(answer.field("cache-control"), Some("no-store"));
            assert_eq!(answer.field("content-length"), Some("0"));
            if numbered == NumberedCookies::Both {
                assert_eq!(answer.numbered(), answer.cookies());
            }
            // What the browser is sent, by either way.
            let lines = if own == 0 {
                answer.cookies()
            } else {
                answer.numbered()
            };
            assert!(
                lines[0].starts_with("DSR=") && lines[1].starts_with("DS="),
                "{lines:?}"
            );
            assert!(
                lines
                    .iter()
                    .all(|line| line.contains("; HttpOnly; SameSite=Strict; Secure"))
            );
            let mut headers = http::HeaderMap::new();
            for line in lines {
                headers.append("set-cookie", line.parse().unwrap());
            }
            ann.keep(&headers);
            assert_eq!(fake.calls(REFRESH), round);
        }
    }
}

/// A refusal may be handed to the browser whole, and a script reads every field but `Set-Cookie`.
#[tokio::test]
async fn a_refusal_shows_the_tokens_of_a_renewal_in_no_field_that_a_script_could_read() {
    for (numbered, plain, own) in [
        (NumberedCookies::Both, 2, 0),
        // nginx hands no field of a refusal on, and can read no others.
        (NumberedCookies::Only, 0, 2),
        (NumberedCookies::Off, 2, 0),
    ] {
        let fake = fake().start().await;
        let builder = usual(&fake.descope()).require_tenant();
        let server = Server::start(builder.numbered_cookies(numbered)).await;
        let nowhere = Browser::in_no_tenant(&fake, "ann@example.test");
        fake.clock().advance(EXPIRY);
        let answer = server.ask(&Question::page(&nowhere)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (403, Some("no_active_tenant"))
        );
        assert_eq!(fake.calls(REFRESH), 1);
        assert_eq!(answer.cookies().len(), plain, "{numbered:?}");
        assert_eq!(answer.numbered().len(), own, "{numbered:?}");
        if numbered != NumberedCookies::Only {
            let tokens = answer.cookies();
            let tokens = tokens
                .iter()
                .map(|line| line.split(['=', ';']).nth(1).unwrap());
            for token in tokens {
                let fields = answer.headers.iter();
                let mut shown = fields.filter(|(name, _)| *name != "set-cookie");
                assert!(shown.all(|(_, value)| !value.to_str().unwrap().contains(token)));
            }
        }
    }
}

#[tokio::test]
async fn a_repeat_with_the_old_cookies_gets_the_same_new_ones_for_one_call() {
    let fake = fake().start().await;
    let server = Server::start(usual(&fake.descope())).await;
    let ann = Browser::ann(&fake);
    fake.clock().advance(EXPIRY);
    let first = server.ask(&Question::page(&ann)).await;
    let repeated = server.ask(&Question::of(&ann, "GET", "/style.css")).await;
    assert_eq!(repeated.cookies(), first.cookies());
    assert_eq!(repeated.numbered(), first.numbered());
    assert_eq!(fake.calls(REFRESH), 1);
}

#[tokio::test]
async fn questions_of_one_browser_at_once_are_one_call() {
    let fake = fake().start().await;
    let server = std::sync::Arc::new(Server::start(usual(&fake.descope())).await);
    let ann = Browser::ann(&fake);
    fake.clock().advance(EXPIRY);
    let asked: Vec<_> = (0..20)
        .map(|number| {
            let question = Question::of(&ann, "GET", &format!("/part/{number}"));
            let server = std::sync::Arc::clone(&server);
            tokio::spawn(async move { server.ask(&question).await })
        })
        .collect();
    for answer in asked {
        let answer = answer.await.unwrap();
        assert_eq!(answer.identity(), ["U1", "T1", "admin"]);
        assert_eq!(answer.numbered().len(), 2);
    }
    assert_eq!(fake.calls(REFRESH), 1);
}

#[tokio::test]
async fn a_session_in_its_last_minute_is_renewed_on_the_way() {
    let fake = fake().start().await;
    let server = Server::start(usual(&fake.descope())).await;
    let ann = Browser::ann(&fake);
    fake.clock().advance(ALMOST);
    let answer = server.ask(&Question::page(&ann)).await;
    assert_eq!(answer.identity(), ["U1", "T1", "admin"]);
    assert_eq!(answer.cookies().len(), 2);
}

#[tokio::test]
async fn no_other_site_has_a_session_renewed_and_no_machine_keeps_cookies() {
    let fake = fake().start().await;
    let server = Server::start(usual(&fake.descope())).await;
    let ann = Browser::ann(&fake);
    fake.clock().advance(EXPIRY);
    let cross = Question::page(&ann).with("sec-fetch-site", "cross-site");
    let answer = server.ask(&cross).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (401, Some("expired_token"))
    );
    let bearer = Question::page(&ann).bearer(&fake.session("U1").expired().token());
    assert_eq!(server.ask(&bearer).await.status, 401);
    assert_eq!(fake.calls(REFRESH), 0);
    // A link that opens a page is the user's doing.
    let link = cross
        .with("sec-fetch-mode", "navigate")
        .with("sec-fetch-dest", "document");
    assert_eq!(server.ask(&link).await.status, 200);
    assert_eq!(fake.calls(REFRESH), 1);
}

#[tokio::test]
async fn without_renewal_an_expired_session_is_a_401() {
    let fake = fake().start().await;
    let builder = tower_descope::ForwardAuth::builder(fake.descope());
    let server = Server::start(builder.proxy_secret(super::SECRET)).await;
    let ann = Browser::ann(&fake);
    fake.clock().advance(EXPIRY);
    let answer = server.ask(&Question::page(&ann)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (401, Some("expired_token"))
    );
    assert_eq!(fake.calls(REFRESH), 0);
}

#[tokio::test]
async fn eight_lines_are_numbered_and_more_are_refused_when_it_is_built() {
    let fake = fake().start().await;
    let eight = || {
        SessionCookies::host_prefixed()
            .former_cookie_scope(Some("example.test"), "/")
            .former_cookie_scope(None, "/app")
    };
    let build = |cookies: SessionCookies, numbered| {
        let descope = fake.descope_builder().cookies(cookies).build().unwrap();
        usual(&descope)
            .renew(Renewal::new())
            .numbered_cookies(numbered)
    };
    let server = Server::start(build(eight(), NumberedCookies::Both)).await;
    let signed_in = fake.sign_in_to("ann@example.test", "T1");
    let mut ann = Browser::with("", "");
    ann.jar
        .insert("__Host-DSR".into(), signed_in.refresh_jwt().into());
    let answer = server.ask(&Question::page(&ann)).await;
    assert_eq!(answer.identity(), ["U1", "T1", "admin"]);
    assert_eq!(answer.numbered(), answer.cookies());
    ann.keep(&answer.headers);
    // The most are sent where a session is over.
    fake.log_out("U1");
    fake.clock().advance(EXPIRY);
    let answer = server.ask(&Question::page(&ann)).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.cookies().len(), 8);
    let server = Server::start(build(eight(), NumberedCookies::Only)).await;
    let only = server.ask(&Question::page(&ann)).await;
    assert_eq!(only.status, 401);
    assert_eq!(only.numbered(), answer.cookies());

    let nine = || eight().life(CookieLife::Chosen);
    for numbered in [NumberedCookies::Both, NumberedCookies::Only] {
        let error = build(nine(), numbered).build().unwrap_err().to_string();
        assert!(error.contains("11 Set-Cookie lines"), "{error}");
        assert!(error.contains("NumberedCookies::Off"), "{error}");
    }
    assert!(build(nine(), NumberedCookies::Off).build().is_ok());
}
