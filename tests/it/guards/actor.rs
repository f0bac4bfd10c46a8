//! Who really acted: in the session, in spans and in events.

use http::{Request, Response};
use serde_json::json;
use tower::{ServiceBuilder, ServiceExt};
use tower_descope::{
    SelectTenant, SessionToken, TenantLayer, UrlTenant,
    test_util::{FakeDescope, SignedIn, TokenBuilder},
};
use tracing::{Instrument, Level, field::Empty, info_span};

use crate::support::{Log, browser::Browser, seen, world};

async fn actor(token: TokenBuilder) -> (bool, Option<String>) {
    let session = token.verify().await.unwrap();
    (
        session.is_impersonated(),
        session.actor().map(|id| id.to_string()),
    )
}

#[tokio::test]
async fn the_actor_is_an_id_that_may_stand_in_a_log_or_none() {
    let fake = FakeDescope::start().await;
    let long = "x".repeat(257);
    for (act, expected) in [
        (json!({"sub": "U9"}), Some("U9")),
        (json!("U9"), Some("U9")),
        // The outermost acts; within are those who did before (RFC 8693 section 4.1).
        (json!({"act": {"sub": "U7"}, "sub": "U9"}), Some("U9")),
        (json!({"sub": "U\u{39}"}), Some("U9")),
        (json!({"sub": "U9\r\nforged=line"}), None),
        (json!({"sub": "\u{1b}[2J"}), None),
        (json!({"sub": ""}), None),
        (json!({"sub": long}), None),
        (json!({"sub": 9}), None),
        (json!({"user": "U9"}), None),
        (json!(["U9"]), None),
        (json!(true), None),
    ] {
        let token = fake.session("U1").claim("act", act.clone());
        let expected = (true, expected.map(str::to_owned));
        assert_eq!(actor(token).await, expected, "{act}");
    }
    assert_eq!(actor(fake.session("U1")).await, (false, None));
    assert_eq!(
        actor(fake.session("U1").claim("act", json!(null))).await,
        (false, None)
    );
}

/// What the span of a request has in the log at its end.
async fn span_of(fake: &FakeDescope, path: &str, token: &TokenBuilder) -> String {
    let log = Log::default();
    let _guard = log.up_to(Level::INFO);
    let service = ServiceBuilder::new()
        .layer(TenantLayer::new(fake.descope()))
        .layer(UrlTenant::after("/t/").membership_suffices().or_active())
        .service_fn(|request: Request<()>| async move {
            tracing::info!("in the handler");
            Ok::<_, std::convert::Infallible>(Response::new(seen(&request)))
        });
    let request = Request::get(path).header("authorization", format!("Bearer {}", token.token()));
    let span = info_span!(
        "request",
        user.id = Empty,
        tenant.id = Empty,
        actor.id = Empty
    );
    let answer = service
        .oneshot(request.body(()).unwrap())
        .instrument(span)
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let lines = log.lines("in the handler");
    assert_eq!(lines.len(), 1);
    lines[0].clone()
}

#[tokio::test]
async fn a_span_tells_who_acts_and_in_which_tenant() {
    let fake = FakeDescope::start().await;
    let ann = || {
        fake.session("U1")
            .tenant("T1", |t| t)
            .tenant("T2", |t| t)
            .active("T1")
    };
    let line = span_of(&fake, "/x", &ann()).await;
    assert!(line.contains("user.id=U1 tenant.id=T1"), "{line}");
    assert!(!line.contains("actor.id"), "{line}");
    let line = span_of(&fake, "/x", &ann().impersonated_by("U9")).await;
    assert!(
        line.contains("user.id=U1 tenant.id=T1 actor.id=U9"),
        "{line}"
    );
    let hostile = ann().impersonated_by("U9\r\nuser.id=U2");
    let line = span_of(&fake, "/x", &hostile).await;
    assert!(!line.contains("actor.id") && !line.contains("U2"), "{line}");
    // The tenant of the URL is the one that is acted in.
    let line = span_of(&fake, "/t/T2/x", &ann()).await;
    assert!(line.contains("tenant.id=T2"), "{line}");
}

async fn selected(fake: &FakeDescope, signed_in: &SignedIn, tenant: &str) -> String {
    let log = Log::default();
    let _guard = log.up_to(Level::INFO);
    let browser = Browser::of(fake, signed_in);
    let select = SelectTenant::new(fake.descope());
    let response = select.oneshot(browser.switch(tenant)).await.unwrap();
    assert_eq!(response.status(), 200);
    let lines = log.lines("tenant selected");
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].clone()
}

#[tokio::test]
async fn a_selection_tells_the_tenant_before_and_who_acts() {
    let fake = world::fake().start().await;
    let line = selected(&fake, &fake.sign_in_to("ann@example.test", "T1"), "T2").await;
    assert!(
        line.contains("tenant.id=T2 tenant.before=T1 user.id=U1"),
        "{line}"
    );
    assert!(!line.contains("actor.id"), "{line}");
    let line = selected(&fake, &fake.sign_in("ann@example.test"), "T2").await;
    assert!(!line.contains("tenant.before"), "{line}");
    let impersonated = fake.impersonate("ann@example.test", "U2", Some("T2"));
    let line = selected(&fake, &impersonated, "T1").await;
    assert!(
        line.contains("tenant.id=T1 tenant.before=T2 user.id=U1 actor.id=U2"),
        "{line}"
    );
}

#[tokio::test]
async fn without_rotation_the_tenant_before_is_that_of_the_session() {
    let fake = world::fake().rotation(false).start().await;
    let mut browser = Browser::of(&fake, &fake.sign_in_to("ann@example.test", "T1"));
    let select = SelectTenant::new(fake.descope());
    let response = select.clone().oneshot(browser.switch("T2")).await.unwrap();
    browser.keep(response.headers());
    let log = Log::default();
    let _guard = log.up_to(Level::INFO);
    select.oneshot(browser.switch("T1")).await.unwrap();
    let line = log.text();
    assert!(line.contains("tenant.id=T1 tenant.before=T2"), "{line}");
}

#[tokio::test]
async fn an_impersonated_session_stays_one_when_it_is_renewed() {
    let fake = world::fake().start().await;
    let descope = fake.descope();
    let tokens = fake.impersonate("ann@example.test", "U2", None);
    let session = descope
        .verify(&SessionToken::new(tokens.session_jwt()))
        .await
        .unwrap();
    assert_eq!(
        (session.user_id(), session.actor().unwrap().as_str()),
        (&"U1".parse().unwrap(), "U2")
    );
    let refresh = tower_descope::RefreshToken::new(tokens.refresh_jwt());
    let renewed = descope.refresh(&refresh).await.unwrap();
    assert_eq!(renewed.session().actor().unwrap(), "U2");
    // Her own is hers.
    let own = SessionToken::new(fake.sign_in("ann@example.test").session_jwt());
    assert!(!descope.verify(&own).await.unwrap().is_impersonated());
}
