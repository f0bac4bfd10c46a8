//! What other sites, links and strangers try.

use std::collections::BTreeMap;

use http::{Method, Request};
use http_body_util::Full;
use serde_json::json;
use tower::ServiceExt;
use tower_descope::test_util::{Canned, FakeDescope};

use super::{Page, builder, fake, of, sent};

fn page(fake: &FakeDescope) -> Page {
    Page::new(fake, builder(&of(fake)).build().unwrap())
}

/// Bob asks for a link in a page; returns the token of it.
async fn asked_for_a_link(fake: &FakeDescope, page: &mut Page) -> String {
    page.start("by-link").await;
    page.next(json!({"email": "bob@example.test"})).await;
    fake.links().pop().expect("a link was sent").token
}

/// The same page of the flow, in a browser that has nothing of it yet.
fn in_another_browser(page: &Page) -> Page {
    Page {
        jar: BTreeMap::new(),
        nonce: String::new(),
        ..page.clone()
    }
}

#[tokio::test]
async fn a_step_of_somebody_elses_execution_does_not_go_up() {
    let fake = fake().start().await;
    // The attacker goes up to the last step, and plants it in a link.
    let mut attacker = page(&fake);
    attacker.start("sign-in").await;
    attacker.next(json!({"email": "bob@example.test"})).await;
    for signed_in in [false, true] {
        let mut victim = page(&fake);
        if signed_in {
            victim.sign_in("ann@example.test").await;
        }
        let jar = victim.jar.clone();
        let up = sent(&fake, "next");
        for input in [
            json!({"code": "123456"}),
            json!({"exchangeCode": "x"}),
            json!({"exchangeError": "x"}),
            json!({}),
        ] {
            victim.execution.clone_from(&attacker.execution);
            victim.step.clone_from(&attacker.step);
            victim.nonce.clear();
            let answer = victim.next(input).await;
            assert_eq!(answer.code(), (403, "foreign_flow"));
        }
        assert_eq!(sent(&fake, "next"), up);
        assert_eq!(victim.jar, jar);
    }
}

#[tokio::test]
async fn a_start_that_a_link_asks_for_does_not_go_up() {
    let fake = fake().start().await;
    let descope = of(&fake);
    let start = |more: serde_json::Value| {
        let mut body = json!({"flowId": "sign-in", "input": {}, "options": {}});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    let planted = [
        json!({"input": {"exchangeCode": "c", "idpInitiated": true}}),
        json!({"input": {"exchangeCode": "c"}}),
        json!({"input": {"idpInitiated": true}}),
        json!({"options": {"descopeIdpInitiated": true}}),
    ];
    let mut page = page(&fake);
    for more in &planted {
        let answer = page.ask("start", &start(more.clone())).await;
        assert_eq!(answer.code(), (403, "foreign_flow"), "{more}");
    }
    let by_mail = start(json!({"input": {"token": "t"}}));
    assert_eq!(
        page.ask("start", &by_mail).await.code(),
        (403, "foreign_flow")
    );
    assert_eq!(sent(&fake, "start"), 0);
    // Whoever wants such links says so.
    let service = builder(&descope)
        .idp_initiated(true)
        .links_from_other_browsers(true);
    let mut page = Page::new(&fake, service.build().unwrap());
    page.ask("start", &start(planted[0].clone())).await;
    page.ask("start", &by_mail).await;
    assert_eq!(sent(&fake, "start"), 2);
}

#[tokio::test]
async fn the_link_of_a_mail_signs_nobody_in_who_did_not_ask_for_it() {
    let fake = fake()
        .flow("by-link", |f| f.asks_login().sends_link().completes())
        .start()
        .await;
    let mut asking = page(&fake);
    let link = asked_for_a_link(&fake, &mut asking).await;
    let mut victim = in_another_browser(&asking);
    let answer = victim.next(json!({"token": link})).await;
    assert_eq!(answer.code(), (403, "foreign_flow"));
    assert!(victim.jar.is_empty());
    assert_eq!(
        sent(&fake, "next"),
        2,
        "it went up: the browser that asked may be waiting"
    );
    // The session that nobody got is ended, beside the answer.
    fake.wait_for_calls("/v1/auth/logout", 1).await;
}

#[tokio::test]
async fn where_links_may_be_opened_anywhere_who_opens_one_is_signed_in() {
    let fake = fake()
        .flow("by-link", |f| f.asks_login().sends_link().completes())
        .start()
        .await;
    let descope = of(&fake);
    let service = builder(&descope).links_from_other_browsers(true);
    let mut asking = Page::new(&fake, service.build().unwrap());
    let link = asked_for_a_link(&fake, &mut asking).await;
    let mut other = in_another_browser(&asking);
    let answer = other.next(json!({"token": link})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(other.user(&descope).await.as_deref(), Some("U2"));
}

#[tokio::test]
async fn a_link_opened_in_another_browser_tells_it_nothing_of_who_asked() {
    let fake = fake()
        .flow("by-link", |f| {
            f.asks_login().sends_link().asks_code().completes()
        })
        .start()
        .await;
    let mut asking = page(&fake);
    let link = asked_for_a_link(&fake, &mut asking).await;
    let mut other = in_another_browser(&asking);
    let answer = other.next(json!({"token": link})).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json["lastAuth"], json!({}));
    assert!(!answer.json.to_string().contains("bob@example.test"));
}

#[tokio::test]
async fn a_link_opened_in_another_browser_makes_that_no_known_device() {
    let fake = fake().start().await;
    let descope = of(&fake);
    let tokens = fake.sign_in("bob@example.test");
    let device = fake.session("U2").kind("DTD").token();
    let with_session = json!({
        "sessionJwt": tokens.session_jwt(),
        "refreshJwt": tokens.refresh_jwt(),
        "trustedDeviceJwt": device,
    });
    let without_session = json!({"trustedDeviceJwt": device});
    for (auth_info, anywhere, is_known) in [
        (&without_session, false, false),
        (&without_session, true, false),
        (&with_session, true, true),
    ] {
        let service = builder(&descope).links_from_other_browsers(anywhere);
        let mut asking = Page::new(&fake, service.build().unwrap());
        asking.start("sign-in").await;
        let answer = json!({
            "executionId": asking.execution,
            "status": "completed",
            "authInfo": auth_info,
        });
        fake.respond_next("/v1/flow/next", Canned::json(200, &answer));
        let mut other = in_another_browser(&asking);
        let answer = other.next(json!({"token": "of a mail"})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(other.jar.contains_key("__Host-DTD"), is_known);
        assert_eq!(other.jar.contains_key("__Host-DSR"), is_known);
    }
}

#[tokio::test]
async fn only_a_page_of_this_site_calls() {
    let fake = fake().start().await;
    for fields in [
        vec![],
        vec![("sec-fetch-site", "none")],
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
        vec![("origin", "https://evil.example")],
    ] {
        let mut page = page(&fake);
        page.fields = fields
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        assert_eq!(
            page.start("sign-in").await.code(),
            (403, "cross_site"),
            "{fields:?}"
        );
    }
    assert_eq!(sent(&fake, "start"), 0);
}

#[tokio::test]
async fn a_flow_for_nobody_signed_in_never_sees_the_browsers_refresh_token() {
    let fake = fake().start().await;
    let mut page = page(&fake);
    page.sign_in("ann@example.test").await;
    fake.clear_requests();
    page.sign_in("ann@example.test").await;
    let project = format!("Bearer {}", fake.project_id());
    let calls = fake.requests();
    let flows = calls.iter().filter(|it| it.path.starts_with("/v1/flow/"));
    for call in flows {
        assert_eq!(call.header("authorization"), Some(&*project));
    }
}

#[tokio::test]
async fn what_is_no_call_is_refused_in_json() {
    let fake = fake().start().await;
    let service = builder(&of(&fake)).build().unwrap();
    let mut page = Page::new(&fake, service.clone());
    let deep = format!(
        r#"{{"flowId":"f","input":{}1{}}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    let long = format!(r#"{{"flowId":"{}"}}"#, "x".repeat(256 * 1024));
    for (call, body, code) in [
        ("start", "", (400, "invalid_body")),
        ("start", "[]", (400, "invalid_body")),
        ("start", "{}", (400, "invalid_body")),
        (
            "start",
            r#"{"flowId":"a","flowId":"b"}"#,
            (400, "invalid_body"),
        ),
        ("start", &deep, (400, "invalid_body")),
        ("start", &long, (413, "body_too_large")),
        ("next", r#"{"flowId":"sign-in"}"#, (400, "invalid_body")),
        ("other", "{}", (404, "not_found")),
        ("start/", "{}", (404, "not_found")),
    ] {
        let answer = page.post(call, body.to_owned()).await;
        assert_eq!(
            answer.code(),
            code,
            "{call} {}",
            &body[..body.len().min(40)]
        );
    }
    page.project = "P2other".into();
    assert_eq!(page.start("sign-in").await.code(), (400, "other_project"));
    for (method, ty, status) in [
        (Method::GET, "application/json", 405),
        (Method::POST, "text/plain", 415),
    ] {
        let request = Request::builder()
            .method(method)
            .uri("/v1/flow/start")
            .header("host", "app.example")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", ty)
            .body(Full::<bytes::Bytes>::from("{}"))
            .unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status);
    }
    assert_eq!(sent(&fake, "start") + sent(&fake, "next"), 0);
}
