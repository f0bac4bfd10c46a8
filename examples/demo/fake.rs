//! The stand-in for Descope, and who is in it.

use std::{
    error::Error,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tower_descope::{RefreshToken, SessionToken, UserId, test_util::FakeDescope};

use crate::{flow, setup::number};

/// How the ids of visitors begin.
const VISITOR: &str = "U2visitor";

/// Two companies, and three people who differ in what they may do there.
pub(crate) async fn start() -> Result<FakeDescope, Box<dyn Error>> {
    let session = number("DEMO_SESSION_SECONDS", 600)?;
    Ok(FakeDescope::builder()
        .real_time()
        .session_ttl(Duration::from_secs(session))
        .tenant("T2acme", "Acme Robotics")
        .tenant("T2beta", "Beta Bakery")
        .user("ann@acme.test", |ann| {
            ann.id("U2ann")
                .name("Ann Archer")
                .tenant("T2acme", |at| at.role("owner").permission("project.create"))
                .tenant("T2beta", |at| at.role("owner").permission("project.create"))
        })
        .user("ben@acme.test", |ben| {
            ben.id("U2ben")
                .name("Ben Osei")
                .tenant("T2acme", |at| {
                    at.role("editor").permission("project.create")
                })
                .tenant("T2beta", |at| at.role("viewer"))
        })
        .user("cleo@beta.test", |cleo| {
            cleo.id("U2cleo")
                .name("Cleo Castillo")
                .tenant("T2beta", |at| {
                    at.role("editor").permission("project.create")
                })
        })
        .flow(flow::FLOW, |flow| flow.asks_login().asks_code())
        .flow("single-sign-on", |flow| {
            flow.screen(TO_ACME)
                .single_sign_on("T2acme")
                .trusts_device()
        })
        .flow("enchanted-link", |flow| {
            flow.asks_login().sends_enchanted_link()
        })
        .flow("magic-link", |flow| flow.asks_login().sends_link())
        .flow(flow::STEP_UP, |flow| flow.asks_code().hides_first_screen())
        .start()
        .await)
}

/// The screen before an identity provider's page.
const TO_ACME: &str =
    r#"<descope-button id="submit" data-type="button">To Acme’s sign-in</descope-button>"#;

/// The tokens of a new visitor, whom nobody has asked to sign in.
pub(crate) fn visitor(fake: &FakeDescope) -> (SessionToken, RefreshToken) {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let id = format!("{VISITOR}{}", COUNT.fetch_add(1, Ordering::Relaxed));
    fake.set_user(&id, |user| user.id(&id).name("Visitor").anonymous());
    let tokens = fake.sign_in(&id);
    (
        SessionToken::new(tokens.session_jwt()),
        RefreshToken::new(tokens.refresh_jwt()),
    )
}

/// The tokens of somebody at the help desk who works in Ann's place.
pub(crate) fn in_anns_place(fake: &FakeDescope) -> (SessionToken, RefreshToken) {
    let tokens = fake.impersonate("ann@acme.test", "U2support", Some("T2acme"));
    (
        SessionToken::new(tokens.session_jwt()),
        RefreshToken::new(tokens.refresh_jwt()),
    )
}

/// Returns `true` for the id of a visitor.
pub(crate) fn is_visitor(user: &UserId) -> bool {
    user.as_str().starts_with(VISITOR)
}
