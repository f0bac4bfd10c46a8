//! The stand-in for Descope, and who is in it.

use std::{error::Error, time::Duration};

use tower_descope::test_util::FakeDescope;

use crate::number;

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
        .start()
        .await)
}
