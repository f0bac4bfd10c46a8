//! The beginning of an attempt.

use std::{net::IpAddr, time::Duration};

use http::Method;
use tower_descope::{ErrorKind, RedirectSignIn, sign_in::redirect::RedirectSignInBuilder};

use super::{FORM, Jar, LINK, PUBLIC, builder, fake, form_urlencoded, lax, service};
use crate::support::browser::set_cookies;

/// How many calls but for keys came to the fake.
fn calls(fake: &tower_descope::test_util::FakeDescope) -> usize {
    let keys = fake.keys_path();
    fake.requests().iter().filter(|it| it.path != keys).count()
}

#[tokio::test]
async fn a_link_leads_to_the_identity_provider_and_back_here() {
    let fake = fake().start().await;
    let service = service(&lax(&fake));
    for (path, endpoint, member) in [
        (
            "/auth/sso?tenant=T1",
            "/v1/auth/saml/authorize",
            ("tenant", "T1"),
        ),
        (
            "/auth/oauth/google",
            "/v1/auth/oauth/authorize",
            ("provider", "google"),
        ),
        (
            "/auth/oauth/microsoft?x=1&x=2",
            "/v1/auth/oauth/authorize",
            ("provider", "microsoft"),
        ),
    ] {
        fake.clear_requests();
        let mut jar = Jar::default();
        let answer = jar.get(&service, path).await;
        assert_eq!(answer.status, 303, "{path}");
        assert!(
            answer
                .location()
                .starts_with(&format!("{}/idp/", fake.url()))
        );
        let calls = fake.requests();
        let call = calls.iter().find(|it| it.path == endpoint).expect(path);
        assert_eq!(call.method, Method::POST);
        let project = format!("Bearer {}", fake.project_id());
        assert_eq!(call.header("authorization"), Some(&*project));
        assert_eq!(call.json(), serde_json::json!({}));
        let query = form_urlencoded(call.query.as_deref().unwrap());
        assert_eq!(query[member.0], member.1);
        let back = query["redirectURL"].strip_prefix(&format!("{PUBLIC}/callback?state="));
        assert_eq!(back.map(str::len), Some(22), "{query:?}");
        assert_eq!(query.len(), 2);
        let lines = set_cookies(&answer.headers);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("__Host-DSX-"));
        assert!(
            lines[0].ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600"),
            "{lines:?}"
        );
    }
}

#[tokio::test]
async fn a_form_of_this_site_may_name_an_address() {
    let fake = fake().start().await;
    let service = service(&lax(&fake));
    let mut jar = Jar::default();
    let answer = jar
        .post(&service, "/auth/sso", "email=ann%40example.test&tenant=")
        .await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let call = fake
        .requests()
        .into_iter()
        .find(|it| it.path.ends_with("/authorize"))
        .unwrap();
    let query = form_urlencoded(call.query.as_deref().unwrap());
    assert_eq!(query["tenant"], "ann@example.test");
    let answer = jar.post(&service, "/auth/oauth/google", "remember=1").await;
    assert_eq!(answer.status, 303);
    assert_eq!(jar.attempts(), 2, "one does not undo the other");
}

#[tokio::test]
async fn what_is_malformed_sends_nothing() {
    let fake = fake().start().await;
    let service = service(&lax(&fake));
    let mut jar = Jar::default();
    for path in [
        "/auth/sso",
        "/auth/sso?tenant=",
        "/auth/sso?tenant=T1&tenant=T1",
        "/auth/sso?tenant=T1&return_to=/a&return_to=/b",
        "/auth/sso?tenant=%ff",
        "/auth/sso?tenant=a%0d%0ab",
        "/auth/sso?email=ann%40example.test",
        "/auth/sso?tenant=ann%40example.test",
        "/auth/sso?tenant=T1&email=ann%40example.test",
        "/auth/oauth/google?email=ann%40example.test",
        "/auth/oauth/google?tenant=T1",
    ] {
        let answer = jar.get(&service, path).await;
        assert_eq!(
            (answer.status, answer.error()),
            (400, "invalid_request"),
            "{path}"
        );
    }
    for form in [
        "email=ann",
        "email=@example.test",
        "email=ann@",
        "email=a@b@c",
        "email=ann%40example.test%0a",
        "email=ann%40example.test&email=bob%40example.test",
        &format!("email={}%40example.test", "a".repeat(320)),
    ] {
        let answer = jar.post(&service, "/auth/sso", form).await;
        assert_eq!(
            (answer.status, answer.error()),
            (400, "invalid_request"),
            "{form}"
        );
    }
    let json = [FORM[0], ("content-type", "application/json")];
    let answer = jar
        .ask(&service, Method::POST, "/auth/sso", &json, "{}")
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(calls(&fake), 0);
    assert!(jar.0.is_empty());
}

#[tokio::test]
async fn other_paths_and_methods_are_not_served() {
    let fake = fake().start().await;
    let descope = lax(&fake);
    let all = service(&descope);
    let mut jar = Jar::default();
    for path in [
        "/auth",
        "/auth/",
        "/auth/sso/",
        "/auth/oauth",
        "/auth/oauth/",
        "/auth/oauth/github",
        "/auth/oauth/google/x",
        "/auth/oauth/Google",
        "/auth/callback/",
        "/sso",
    ] {
        assert_eq!(jar.get(&all, path).await.status, 404, "{path}");
    }
    for (method, path, allow) in [
        (Method::PUT, "/auth/sso", "GET, POST"),
        (Method::HEAD, "/auth/oauth/google", "GET, POST"),
        (Method::POST, "/auth/callback", "GET"),
    ] {
        let answer = jar.ask(&all, method, path, FORM, "").await;
        assert_eq!(
            (answer.status, &answer.headers["allow"]),
            (405, &allow.parse().unwrap())
        );
    }
    let only_google = RedirectSignIn::builder(descope, PUBLIC)
        .oauth(["google"])
        .build()
        .unwrap();
    assert_eq!(jar.get(&only_google, "/sso?tenant=T1").await.status, 404);
    assert_eq!(calls(&fake), 0);
}

#[tokio::test]
async fn only_a_page_that_opens_or_a_form_of_this_site_begins_an_attempt() {
    let fake = fake().start().await;
    let service = service(&lax(&fake));
    let mut jar = Jar::default();
    let of = |mode: &'static str, dest: &'static str| {
        vec![
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", mode),
            ("sec-fetch-dest", dest),
        ]
    };
    for fields in [
        of("navigate", "iframe"),
        of("navigate", "frame"),
        of("no-cors", "image"),
        of("cors", "empty"),
        of("navigate", "object"),
        vec![("sec-fetch-dest", "image")],
        vec![("sec-fetch-mode", "cors")],
        vec![
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-mode", "navigate"),
        ],
    ] {
        let answer = jar
            .ask(&service, Method::GET, "/auth/sso?tenant=T1", &fields, "")
            .await;
        assert_eq!(
            (answer.status, answer.error()),
            (403, "cross_site"),
            "{fields:?}"
        );
    }
    let urlencoded = ("content-type", "application/x-www-form-urlencoded");
    for fields in [
        vec![urlencoded],
        vec![urlencoded, ("sec-fetch-site", "cross-site")],
        vec![urlencoded, ("sec-fetch-site", "same-site")],
        vec![urlencoded, ("origin", "https://evil.example")],
    ] {
        let answer = jar
            .ask(&service, Method::POST, "/auth/sso", &fields, "tenant=T1")
            .await;
        assert_eq!(
            (answer.status, answer.error()),
            (403, "cross_site"),
            "{fields:?}"
        );
    }
    for purpose in ["prefetch", "prefetch;prerender"] {
        let mut fields = LINK.to_vec();
        fields.push(("sec-purpose", purpose));
        let answer = jar
            .ask(&service, Method::GET, "/auth/sso?tenant=T1", &fields, "")
            .await;
        // A success would be kept, and given to whoever clicks.
        assert_eq!((answer.status, answer.error()), (503, "prefetch"));
    }
    assert_eq!(calls(&fake), 0);
    assert!(jar.0.is_empty());
    // An old browser says nothing of it.
    let answer = jar
        .ask(&service, Method::GET, "/auth/sso?tenant=T1", &[], "")
        .await;
    assert_eq!(answer.status, 303);
}

#[tokio::test]
async fn descope_s_refusals_are_told_apart_from_its_outages() {
    let fake = fake().approved_domain("other.example").start().await;
    let descope = lax(&fake);
    let service = service(&descope);
    let mut jar = Jar::default();
    let answer = jar.get(&service, "/auth/sso?tenant=T1").await;
    assert_eq!((answer.status, answer.error()), (403, "code_refused"));
    fake.fail_next(1);
    let answer = jar.get(&service, "/auth/sso?tenant=T1").await;
    assert_eq!((answer.status, answer.error()), (503, "unavailable"));
    assert!(answer.headers.contains_key("retry-after"));
    let starts = fake.calls("/v1/auth/saml/authorize");
    assert_eq!(starts, 2, "nothing is repeated after a 503");
    assert!(jar.0.is_empty());
    let with_page = builder(&descope)
        .failure_page("/sign-in?tab=1")
        .build()
        .unwrap();
    let answer = jar.get(&with_page, "/sso?tenant=T1").await;
    assert_eq!(answer.status, 303);
    assert_eq!(
        answer.location(),
        "/sign-in?tab=1&sign_in_error=code_refused"
    );
}

#[tokio::test]
async fn a_hostile_answer_leads_no_browser_away() {
    use tower_descope::test_util::Canned;
    let fake = fake().start().await;
    let service = service(&lax(&fake));
    let long = format!("https://idp.example/{}", "x".repeat(8 * 1024));
    for url in [
        "javascript:alert(1)",
        "http://idp.example/",
        "data:text/html,x",
        "//evil.example",
        "/idp",
        "",
        "https://",
        "https://idp.example/\r\nset-cookie: x=1",
        "https://idp.example/ x",
        &long,
    ] {
        let answer = Canned::json(200, &serde_json::json!({ "url": url }));
        fake.respond_next("/v1/auth/oauth/authorize", answer);
        let answer = Jar::default().get(&service, "/auth/oauth/google").await;
        assert_eq!(
            (answer.status, answer.error()),
            (502, "upstream_invalid"),
            "{url}"
        );
        assert_eq!(answer.location(), "");
    }
    fake.respond_next(
        "/v1/auth/oauth/authorize",
        Canned::json(200, &serde_json::json!({})),
    );
    assert_eq!(
        Jar::default()
            .get(&service, "/auth/oauth/google")
            .await
            .status,
        502
    );
}

#[tokio::test]
async fn strangers_have_a_budget() {
    let fake = fake().start().await;
    let descope = fake
        .descope_builder()
        .sign_in_budget(60, 3)
        .build()
        .unwrap();
    let service = service(&descope);
    let mut jar = Jar::default();
    for _ in 0..3 {
        assert_eq!(jar.get(&service, "/auth/oauth/google").await.status, 303);
    }
    let answer = jar.get(&service, "/auth/oauth/google").await;
    assert_eq!((answer.status, answer.error()), (429, "rate_limited"));
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(calls(&fake), 3);
    fake.clock().advance(Duration::from_secs(1));
    assert_eq!(jar.get(&service, "/auth/oauth/google").await.status, 303);
    let refused = fake
        .descope_builder()
        .sign_in_budget(0, 1)
        .build()
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidConfig);
}

#[tokio::test]
async fn each_address_has_a_budget_of_its_own() {
    let fake = fake().start().await;
    let descope = fake
        .descope_builder()
        .sign_in_budget(10_000, 1_000)
        .build()
        .unwrap();
    let service = builder(&descope)
        .client_address(|request| {
            let field = request.headers.get("x-peer")?.to_str().ok()?;
            field.parse::<IpAddr>().ok()
        })
        .build()
        .unwrap();
    let ask = |peer: &'static str| {
        let service = service.clone();
        async move {
            let mut fields = LINK.to_vec();
            fields.push(("x-peer", peer));
            let mut jar = Jar::default();
            jar.ask(&service, Method::GET, "/oauth/google", &fields, "")
                .await
                .status
        }
    };
    for _ in 0..20 {
        assert_eq!(ask("192.0.2.1").await, 303);
    }
    assert_eq!(ask("192.0.2.1").await, 429);
    assert_eq!(ask("192.0.2.2").await, 303);
}

#[tokio::test]
async fn settings_that_sign_nobody_in_are_refused() {
    let fake = fake().start().await;
    let descope = lax(&fake);
    let none = RedirectSignIn::builder(descope.clone(), PUBLIC).build();
    let builders = [
        RedirectSignIn::builder(descope.clone(), "http://app.example/auth").sso(),
        RedirectSignIn::builder(descope.clone(), "/auth").sso(),
        RedirectSignIn::builder(descope.clone(), PUBLIC).oauth(["a/b"]),
        RedirectSignIn::builder(descope, PUBLIC)
            .sso()
            .failure_page("https://evil.example/"),
    ];
    for refused in builders
        .into_iter()
        .map(RedirectSignInBuilder::build)
        .chain([none])
    {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidConfig);
    }
}
