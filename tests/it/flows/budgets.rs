//! What strangers can make the service send.

use std::time::Duration;

use serde_json::json;
use tower_descope::{ErrorKind, FlowRoutes};

use super::{Page, builder, fake, of, of_many, peer, sent};

#[tokio::test]
async fn starts_without_an_address_share_thirty() {
    let fake = fake().start().await;
    let descope = of_many(&fake);
    let service = builder(&descope).build().unwrap();
    for number in 0..31 {
        let answer = Page::new(&fake, service.clone()).start("sign-in").await;
        let expected = if number < 30 { 200 } else { 429 };
        assert_eq!(answer.status, expected, "{number}");
    }
    assert_eq!(sent(&fake, "start"), 30);
}

#[tokio::test]
async fn each_address_has_thirty_calls_at_once() {
    let fake = fake().start().await;
    let descope = of_many(&fake);
    let service = builder(&descope).client_address(peer);
    let service = service
        .forward_client_address("x-forwarded-for")
        .build()
        .unwrap();
    let at = |peer: &str| {
        let mut page = Page::new(&fake, service.clone());
        page.fields.push(("x-peer", peer.to_owned()));
        page.fields
            .push(("x-forwarded-for", "203.0.113.7".to_owned()));
        page
    };
    for _ in 0..30 {
        assert_eq!(at("192.0.2.1").start("sign-in").await.status, 200);
    }
    let answer = at("192.0.2.1").start("sign-in").await;
    assert_eq!(answer.code(), (429, "rate_limited"));
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(at("192.0.2.2").start("sign-in").await.status, 200);
    let call = fake
        .requests()
        .into_iter()
        .rev()
        .find(|it| it.path == "/v1/flow/start")
        .unwrap();
    assert_eq!(
        call.header("x-forwarded-for"),
        Some("192.0.2.2"),
        "replaced, not added to"
    );
}

#[tokio::test]
async fn polls_take_half_of_the_budget_at_most() {
    let fake = fake()
        .flow("long", |f| f.asks_login().polls(100).completes())
        .start()
        .await;
    let descope = fake
        .descope_builder()
        .sign_in_budget(60, 20)
        .build()
        .unwrap();
    let mut page = Page::new(&fake, builder(&descope).build().unwrap());
    page.start("long").await;
    page.next(json!({"email": "ann@example.test"})).await;
    let mut passed = 0;
    for _ in 0..20 {
        passed += usize::from(page.poll().await.status == 200);
    }
    assert_eq!(passed, 10);
    // Somebody else can still sign in.
    let mut other = Page::new(&fake, builder(&descope).build().unwrap());
    assert_eq!(other.start("sign-in").await.status, 200);
    fake.clock().advance(Duration::from_secs(2));
    assert_eq!(page.poll().await.status, 200);
}

#[tokio::test]
async fn settings_out_of_their_bounds_are_refused() {
    let fake = fake().start().await;
    let descope = of(&fake);
    let builder = || FlowRoutes::builder(descope.clone());
    for refused in [
        builder().timeout(Duration::from_secs(4)),
        builder().timeout(Duration::from_secs(121)),
        builder().forward_client_address("x-forwarded-for"),
    ] {
        assert_eq!(
            refused.build().unwrap_err().kind(),
            ErrorKind::InvalidConfig
        );
    }
    for name in [
        "not a name",
        "Authorization",
        "cookie",
        "host",
        "content-length",
        "x-descope-project-id",
    ] {
        let forwarding = builder().client_address(|_| None);
        let refused = forwarding.forward_client_address(name).build().unwrap_err();
        assert!(refused.to_string().contains("x-forwarded-for"), "{refused}");
    }
    let _ = builder().timeout(Duration::from_secs(5)).build().unwrap();
}
