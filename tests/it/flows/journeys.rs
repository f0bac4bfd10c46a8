//! Flows that end well.

use std::time::Duration;

use http::Method;
use serde_json::json;
use tower_descope::{
    cookie::{CookieLife, SessionCookies},
    test_util::FakeDescope,
};

use super::{Page, builder, fake, of, sent, went_up};
use crate::support::browser::set_cookies;

fn page(fake: &FakeDescope) -> Page {
    Page::new(fake, builder(&of(fake)).build().unwrap())
}

#[tokio::test]
async fn somebody_signs_in_by_a_code_and_no_script_sees_a_token() {
    let fake = fake().start().await;
    let mut page = page(&fake);
    let done = page.sign_in("ann@example.test").await;
    assert_eq!(done.status, 200);
    assert_eq!(done.json["status"], "completed");
    let info = &done.json["authInfo"];
    assert_eq!(
        (&info["sessionJwt"], &info["refreshJwt"]),
        (&json!(""), &json!(""))
    );
    assert_eq!(info["user"]["userId"], "U1");
    assert_eq!(info["claims"]["sub"], "U1");
    assert!(info["sessionExpiration"].is_i64());
    for name in [
        "externalToken",
        "idToken",
        "trustedDeviceJwt",
        "knownDeviceJwt",
        "cookieName",
    ] {
        assert!(info.get(name).is_none(), "{name}");
    }
    assert!(page.jar.contains_key("__Host-DS") && page.jar.contains_key("__Host-DSR"));
    assert_eq!(page.user(&of(&fake)).await.as_deref(), Some("U1"));
    assert_eq!((sent(&fake, "start"), sent(&fake, "next")), (1, 2));
}

#[tokio::test]
async fn what_goes_up_is_named_and_comes_as_the_page_sent_it() {
    let fake = fake().start().await;
    let mut page = page(&fake);
    page.fields.push(("origin", "https://app.example".into()));
    page.fields.push(("user-agent", "Mozilla/5.0".into()));
    page.fields.push(("x-forwarded-for", "192.0.2.1".into()));
    page.fields.push(("x-external-rid", "rid".into()));
    page.fields
        .push(("x-descope-trusted-device-token", "a.b.c".into()));
    page.jar.insert("theme".into(), "dark".into());
    let body = r#"{ "flowId" : "sign-in", "options": {"sessionJwt": null, "n": 2}, "input": {} }"#;
    let kept = r#"{ "flowId" : "sign-in", "options": {"n": 2}, "input": {} }"#;
    page.post("start", kept).await;
    let call = went_up(&fake, "start");
    assert_eq!(call.body.as_ref(), kept.as_bytes(), "byte for byte");
    assert_eq!(call.method, Method::POST);
    let header = |name| call.header(name);
    let project = fake.project_id();
    assert_eq!(header("authorization"), Some(&*format!("Bearer {project}")));
    assert_eq!(header("x-descope-project-id"), Some(project));
    assert_eq!(header("x-descope-sdk-name"), Some("web-component"));
    assert_eq!(header("user-agent"), Some("Mozilla/5.0"));
    assert_eq!(header("origin"), Some("https://app.example"));
    for name in [
        "x-descope-external",
        "x-forwarded-for",
        "x-external-rid",
        "x-descope-trusted-device-token",
        "cookie",
        "sec-fetch-site",
    ] {
        assert_eq!(header(name), None, "{name}");
    }
    // A session token of the page's own is taken out.
    fake.clear_requests();
    page.post("start", body.replace("null", "\"x.y.z\"")).await;
    let call = went_up(&fake, "start");
    assert_eq!(call.json()["options"], json!({"n": 2}));
}

#[tokio::test]
async fn an_execution_is_bound_to_the_browser_by_a_cookie_that_shows_nothing_of_it() {
    let fake = fake().start().await;
    let mut page = page(&fake);
    let started = page.start("sign-in").await;
    let lines = set_cookies(&started.headers);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let end = "; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=172800";
    assert!(
        lines[0].starts_with("__Host-DSF-") && lines[0].ends_with(end),
        "{lines:?}"
    );
    let id = page.execution.split("|#|").nth(1).unwrap();
    assert!(!lines[0].contains(id));
    // Two tabs that start at once both go on; of many the newest eight do.
    let first = page.clone();
    for _ in 0..10 {
        fake.clock().advance(Duration::from_secs(1));
        page.start("sign-in").await;
    }
    assert_eq!(page.bindings(), 8);
    let last = page.next(json!({"email": "ann@example.test"})).await;
    assert_eq!(last.status, 200);
    let mut first = Page {
        jar: page.jar.clone(),
        ..first
    };
    let oldest = first.next(json!({"email": "ann@example.test"})).await;
    assert_eq!(oldest.code(), (403, "foreign_flow"));
}

#[tokio::test]
async fn a_poll_that_ends_the_flow_signs_in() {
    let fake = fake().start().await;
    let mut page = page(&fake);
    page.start("poll").await;
    let waiting = page.next(json!({"email": "ann@example.test"})).await;
    assert_eq!(waiting.json["action"], "screen");
    let mut last = page.poll().await;
    assert_eq!(last.json["action"], "poll", "not yet");
    for _ in 0..3 {
        if last.json["status"] == "completed" {
            break;
        }
        last = page.poll().await;
    }
    assert_eq!(last.json["status"], "completed", "{last:?}");
    assert_eq!(page.user(&of(&fake)).await.as_deref(), Some("U1"));
}

#[tokio::test]
async fn a_call_that_the_browser_repeats_gets_the_first_ones_answer() {
    let fake = fake().start().await;
    let mut page = page(&fake);
    page.start("sign-in").await;
    page.next(json!({"email": "ann@example.test"})).await;
    let before = page.clone();
    let body = before.body("submit", &json!({"code": "123456"}));
    let (mut one, mut two) = (before.clone(), before.clone());
    let (first, second) = tokio::join!(one.ask("next", &body), two.ask("next", &body));
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(first.json, second.json);
    assert_eq!(set_cookies(&first.headers), set_cookies(&second.headers));
    assert_eq!(sent(&fake, "next"), 2, "the login, and the code once");
    // Another browser has no share in it, and later it is a call of its own.
    let mut other = before.clone();
    other.jar.clear();
    assert_eq!(other.ask("next", &body).await.code(), (403, "foreign_flow"));
    fake.clock().advance(Duration::from_secs(31));
    let late = before.clone().ask("next", &body).await;
    assert_ne!(late.status, 200, "Descope has its word on the nonce");
    assert_eq!(sent(&fake, "next"), 3);
}

#[tokio::test]
async fn a_refusal_of_descopes_is_passed_on_with_its_reason() {
    let fake = fake()
        .flow("closed", |f| f.asks_login().fails("E102001"))
        .start()
        .await;
    let mut page = page(&fake);
    page.start("sign-in").await;
    page.next(json!({"email": "ann@example.test"})).await;
    let wrong = page.next(json!({"code": "000000"})).await;
    assert_eq!(wrong.status, 200, "the flow stays where it is: {wrong:?}");
    assert_eq!(wrong.cookies(), 0);
    let unknown = page.start("no-such-flow").await;
    assert!((400..500).contains(&unknown.status), "{unknown:?}");
    assert!(unknown.json["errorCode"].as_str().unwrap().starts_with('E'));
    assert!(unknown.json.get("executionId").is_none());
}

#[tokio::test]
async fn a_device_is_known_again_by_cookies_that_outlive_a_sign_out() {
    let fake = fake()
        .flow("trusting", |f| {
            f.asks_login().asks_code().trusts_device().completes()
        })
        .start()
        .await;
    let descope = of(&fake);
    let mut page = page(&fake);
    page.start("trusting").await;
    page.next(json!({"email": "ann@example.test"})).await;
    let done = page.next(json!({"code": "123456"})).await;
    assert_eq!(done.status, 200);
    assert!(page.jar.contains_key("__Host-DTD"), "{:?}", page.jar.keys());
    let pairs: Vec<_> = page
        .jar
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mut headers = http::HeaderMap::new();
    headers.insert("cookie", pairs.join("; ").parse().unwrap());
    let signed_out = descope.sign_out(&headers).await;
    let mut removed = http::HeaderMap::new();
    signed_out.set_cookies(&mut removed);
    page.keep(&removed);
    assert!(!page.jar.contains_key("__Host-DSR") && page.jar.contains_key("__Host-DTD"));
    fake.clear_requests();
    page.start("sign-in").await;
    let call = went_up(&fake, "start");
    let token = page.jar["__Host-DTD"].as_str();
    assert_eq!(call.header("x-descope-trusted-device-token"), Some(token));
    let forgotten = descope.sign_out(&headers).await.forget_device();
    let mut removed = http::HeaderMap::new();
    forgotten.set_cookies(&mut removed);
    page.keep(&removed);
    assert!(!page.jar.contains_key("__Host-DTD"));
}

#[tokio::test]
async fn who_stays_signed_in_is_said_by_the_setting_or_the_flow() {
    let fake = fake()
        .flow("box", |f| {
            f.asks_login()
                .asks_code()
                .output(json!({"rememberMe": true}))
                .completes()
        })
        .start()
        .await;
    let cookies = SessionCookies::host_prefixed().life(CookieLife::Chosen);
    let descope = fake.descope_builder().cookies(cookies).build().unwrap();
    for (service, flow, stays) in [
        (builder(&descope), "box", false),
        (builder(&descope).remember(true), "sign-in", true),
        (builder(&descope).remember_output("rememberMe"), "box", true),
        (
            builder(&descope).remember_output("rememberMe"),
            "sign-in",
            false,
        ),
    ] {
        let mut page = Page::new(&fake, service.build().unwrap());
        page.start(flow).await;
        page.next(json!({"email": "ann@example.test"})).await;
        let done = page.next(json!({"code": "123456"})).await;
        assert_eq!(done.status, 200);
        assert_eq!(page.jar.contains_key("__Host-DSR-R"), stays, "{flow}");
    }
}
