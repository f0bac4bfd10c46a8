//! What other sites and strangers try.

use http::Method;
use tower_descope::test_util::FakeDescope;

use super::{Jar, LINK, back_of, builder, fake, lax, service, through_the_provider};

/// The way back of an attempt that the attacker has begun, with a code of their own account.
async fn attackers_link(fake: &FakeDescope, service: &tower_descope::RedirectSignIn) -> String {
    let mut attacker = Jar::default();
    let answer = attacker.get(service, "/auth/oauth/google").await;
    through_the_provider(fake, answer.location(), "U2").await
}

#[tokio::test]
async fn a_planted_way_back_signs_nobody_in_and_spends_no_code() {
    let fake = fake().start().await;
    let descope = lax(&fake);
    let service = service(&descope);
    let link = attackers_link(&fake, &service).await;
    let code = fake.oauth_code("google", "U2");
    let state = |text: &str| format!("/auth/callback?state={text}&code={code}");
    for path in [
        link.clone(),
        format!("/auth/callback?code={code}"),
        state("AAAAAAAAAAAAAAAAAAAAAA"),
        state(""),
        state("x"),
    ] {
        // Somebody who is signed out, with an attempt of their own under way, and who is signed in.
        let mut victim = Jar::default();
        victim.get(&service, "/auth/oauth/google").await;
        let exchanges = fake.calls("/v1/auth/oauth/exchange");
        let answer = victim.get(&service, &path).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(
            ["no_attempt", "invalid_request"].contains(&answer.error()),
            "{path}"
        );
        assert_eq!(victim.user(&descope).await, None);
        assert_eq!(
            fake.calls("/v1/auth/oauth/exchange"),
            exchanges,
            "nothing went up"
        );
    }
    // The code stays its owner's.
    let mut attacker = Jar::default();
    let answer = attacker.get(&service, "/auth/oauth/google").await;
    let back = back_of(&answer, &fake);
    let answer = attacker.get(&service, &format!("{back}&code={code}")).await;
    assert_eq!(answer.status, 303);
}

#[tokio::test]
async fn a_planted_way_back_changes_nothing_of_whoever_is_signed_in() {
    let fake = fake().start().await;
    let descope = lax(&fake);
    let service = service(&descope);
    let mut victim = Jar::default();
    let answer = victim.get(&service, "/auth/oauth/google").await;
    let back = through_the_provider(&fake, answer.location(), "U1").await;
    victim.get(&service, &back).await;
    let link = attackers_link(&fake, &service).await;
    let answer = victim.get(&service, &link).await;
    assert_eq!((answer.status, answer.location()), (303, "/projects"));
    assert_eq!(victim.user(&descope).await.as_deref(), Some("U1"));
}

#[tokio::test]
async fn a_way_back_in_a_frame_or_as_an_image_is_refused_and_the_attempt_stays() {
    let fake = fake().start().await;
    let service = service(&lax(&fake));
    let mut jar = Jar::default();
    let answer = jar.get(&service, "/auth/oauth/google").await;
    let back = through_the_provider(&fake, answer.location(), "U1").await;
    for (mode, dest) in [
        ("navigate", "iframe"),
        ("no-cors", "image"),
        ("cors", "empty"),
    ] {
        let fields = [LINK[0], ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)];
        let answer = jar.ask(&service, Method::GET, &back, &fields, "").await;
        assert_eq!((answer.status, answer.error()), (403, "cross_site"));
    }
    assert_eq!(jar.get(&service, &back).await.status, 303);
}

#[tokio::test]
async fn the_query_does_not_choose_the_endpoint() {
    let fake = fake().start().await;
    let service = service(&lax(&fake));
    let mut jar = Jar::default();
    let answer = jar.get(&service, "/auth/sso?tenant=T1").await;
    let back = back_of(&answer, &fake);
    let code = fake.oauth_code("google", "U1");
    let answer = jar
        .get(&service, &format!("{back}&code={code}&d=oauth/google"))
        .await;
    assert_eq!((answer.status, answer.error()), (403, "code_refused"));
    assert_eq!(fake.calls("/v1/auth/saml/exchange"), 1);
    assert_eq!(fake.calls("/v1/auth/oauth/exchange"), 0);
}

#[tokio::test]
async fn forty_starts_leave_room_for_one_that_works() {
    let fake = fake().start().await;
    let descope = fake
        .descope_builder()
        .sign_in_budget(1_000, 100)
        .build()
        .unwrap();
    let service = builder(&descope).build().unwrap();
    let mut jar = Jar::default();
    let long = "x".repeat(900);
    for _ in 0..40 {
        let answer = jar
            .get(&service, &format!("/oauth/google?return_to=/{long}"))
            .await;
        assert_eq!(answer.status, 303);
        assert!(jar.cookies().len() < 4_000);
    }
    let answer = jar.get(&service, "/oauth/google").await;
    let back = through_the_provider(&fake, answer.location(), "U1").await;
    let back = format!("{}&once_more=1", back.strip_prefix("/auth").unwrap());
    let answer = jar.get(&service, &back).await;
    // Strict cookies by default: a page that goes on.
    assert_eq!(answer.status, 200);
    assert_eq!(jar.user(&descope).await.as_deref(), Some("U1"));
}

#[tokio::test]
async fn two_tabs_with_two_tenants_end_in_either_order() {
    let fake = fake().start().await;
    let descope = lax(&fake);
    let service = service(&descope);
    for order in [[0, 1], [1, 0]] {
        let mut jar = Jar::default();
        let mut backs = Vec::new();
        for tenant in ["T1", "T2"] {
            let answer = jar
                .get(&service, &format!("/auth/sso?tenant={tenant}"))
                .await;
            backs.push(through_the_provider(&fake, answer.location(), "U1").await);
        }
        for tab in order {
            assert_eq!(jar.get(&service, &backs[tab]).await.status, 303);
            let tenant = jar.tenant(&descope).await;
            assert_eq!(tenant.as_deref(), Some(["T1", "T2"][tab]));
        }
        assert_eq!(jar.attempts(), 0);
    }
}

#[tokio::test]
async fn a_foreign_cookie_of_an_attempt_leads_to_no_other_site() {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let fake = fake().start().await;
    let service = service(&lax(&fake));
    let mut jar = Jar::default();
    let answer = jar.get(&service, "/auth/oauth/google").await;
    let back = back_of(&answer, &fake);
    // Whoever can write this browser's cookies changes the path.
    let (name, value) = jar.0.pop_first().unwrap();
    let text = BASE64_URL_SAFE_NO_PAD.decode(value).unwrap();
    let mut attempt: serde_json::Value = serde_json::from_slice(&text).unwrap();
    attempt["r"] = "//evil.example/".into();
    let value = BASE64_URL_SAFE_NO_PAD.encode(attempt.to_string());
    jar.0.insert(name, value);
    let path = format!("{back}&code={}", fake.oauth_code("google", "U1"));
    let answer = jar.get(&service, &path).await;
    assert_eq!((answer.status, answer.location()), (303, "/projects"));
}
