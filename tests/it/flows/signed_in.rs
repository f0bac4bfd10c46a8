//! Flows for somebody who is signed in.

use serde_json::json;
use tower_descope::{
    FlowRoutes,
    cookie::{CookieLife, SessionCookies},
    test_util::FakeDescope,
};

use super::{Page, builder, fake, of, sent, went_up};
use crate::support::browser::set_cookies;

fn service(fake: &FakeDescope) -> FlowRoutes {
    builder(&of(fake))
        .signed_in_flows(["step-up", "theft"])
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_step_up_gets_the_refresh_token_of_who_is_signed_in_and_goes_on_with_theirs() {
    for rotates in [true, false] {
        let fake = fake().rotation(rotates).start().await;
        let descope = of(&fake);
        let mut page = Page::new(
            &fake,
            builder(&descope)
                .signed_in_flows(["step-up"])
                .build()
                .unwrap(),
        );
        page.sign_in("ann@example.test").await;
        let before = page.jar["__Host-DSR"].clone();
        fake.clear_requests();
        let started = page.start("step-up").await;
        assert_eq!(started.status, 200, "{started:?}");
        let call = went_up(&fake, "start");
        let credential = format!("Bearer {}:{before}", fake.project_id());
        assert_eq!(call.header("authorization"), Some(&*credential));
        let done = page.next(json!({"code": "123456"})).await;
        assert_eq!(done.status, 200, "{done:?}");
        assert_eq!(done.json["status"], "completed");
        assert_eq!(page.user(&descope).await.as_deref(), Some("U1"));
        assert_eq!(page.jar["__Host-DSR"] != before, rotates);
        descope.drain().await;
        assert_eq!(fake.calls("/v1/auth/logout"), 0, "nobody was signed out");
    }
}

#[tokio::test]
async fn who_stays_signed_in_does_so_after_a_step_up_that_says_nothing_of_it() {
    for (rotates, by_output) in [(true, false), (false, false), (true, true)] {
        let fake = fake().rotation(rotates).start().await;
        let cookies = SessionCookies::host_prefixed().life(CookieLife::Chosen);
        let descope = fake.descope_builder().cookies(cookies).build().unwrap();
        let mut page = Page::new(&fake, builder(&descope).remember(true).build().unwrap());
        page.sign_in("ann@example.test").await;
        assert!(page.jar.contains_key("__Host-DSR-R"));
        let mut service = builder(&descope).signed_in_flows(["step-up"]);
        if by_output {
            service = service.remember_output("rememberMe");
        }
        page.service = service.build().unwrap();
        page.start("step-up").await;
        let done = page.next(json!({"code": "123456"})).await;
        assert_eq!(done.status, 200, "{done:?}");
        assert!(page.jar.contains_key("__Host-DSR-R"), "{rotates}");
        let lines = set_cookies(&done.headers);
        let session = lines.iter().find(|line| line.starts_with("__Host-DS="));
        assert!(session.unwrap().contains("Max-Age"), "{lines:?}");
    }
}

#[tokio::test]
async fn whose_session_is_missing_or_over_goes_on_without() {
    let fake = fake().start().await;
    let mut page = Page::new(&fake, service(&fake));
    page.start("step-up").await;
    let call = went_up(&fake, "start");
    let project = format!("Bearer {}", fake.project_id());
    assert_eq!(call.header("authorization"), Some(&*project));
    page.jar
        .insert("__Host-DSR".into(), fake.refresh("U1").expired().token());
    fake.clear_requests();
    page.start("step-up").await;
    let call = went_up(&fake, "start");
    assert_eq!(call.header("authorization"), Some(&*project));
}

#[tokio::test]
async fn a_flow_that_ends_with_another_user_changes_nothing() {
    let fake = fake()
        .flow("theft", |f| f.asks_code().completes_as("bob@example.test"))
        .start()
        .await;
    let descope = of(&fake);
    let mut page = Page::new(&fake, service(&fake));
    page.sign_in("ann@example.test").await;
    let jar = page.jar.clone();
    page.start("theft").await;
    let done = page.next(json!({"code": "123456"})).await;
    assert_eq!(done.code(), (403, "other_user"), "{done:?}");
    let session = |jar: &std::collections::BTreeMap<String, String>| {
        (jar["__Host-DS"].clone(), jar["__Host-DSR"].clone())
    };
    assert_eq!(session(&page.jar), session(&jar));
    assert_eq!(page.user(&descope).await.as_deref(), Some("U1"));
}

#[tokio::test]
async fn the_session_token_goes_along_where_that_is_asked_for() {
    let fake = fake().start().await;
    let descope = of(&fake);
    let service = builder(&descope)
        .signed_in_flows(["step-up"])
        .session_token_in_flows(true);
    let mut page = Page::new(&fake, service.build().unwrap());
    page.sign_in("ann@example.test").await;
    fake.clear_requests();
    page.start("step-up").await;
    let call = went_up(&fake, "start");
    assert_eq!(
        call.json()["options"]["sessionJwt"],
        page.jar["__Host-DS"].as_str()
    );
    assert_eq!(sent(&fake, "start"), 1);
}

#[tokio::test]
async fn ends_without_a_session_or_without_a_sign_in_are_told_apart() {
    let fake = fake()
        .flow("none", |f| f.asks_login().completes_without_session())
        .flow("nobody", |f| {
            f.asks_login().completes_without_authentication()
        })
        .flow("visit", |f| f.asks_login().completes_anonymously())
        .start()
        .await;
    let descope = of(&fake);
    for (flow, allow, status, code) in [
        ("none", false, 200, ""),
        ("nobody", false, 403, "not_a_sign_in"),
        ("visit", false, 403, "anonymous_session"),
        ("visit", true, 200, ""),
    ] {
        let service = builder(&descope).allow_anonymous(allow).build().unwrap();
        let mut page = Page::new(&fake, service);
        page.start(flow).await;
        let done = page.next(json!({"email": "ann@example.test"})).await;
        assert_eq!(done.code(), (status, code), "{flow}: {done:?}");
        let signed_in = page.jar.contains_key("__Host-DSR");
        assert_eq!(signed_in, flow == "visit" && allow);
    }
}
