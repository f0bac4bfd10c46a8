//! Sessions that are refused before their time is over, at every replica.

mod everywhere;
mod outages;
mod random;
mod sign_outs;

use std::time::Duration;

use tower_descope::{Descope, DescopeBuilder, Mark, Revocation, SessionToken, UserId};

use super::Replicas;
use crate::support::{App, app, call, code, settled, world::fake, yield_often};

/// How often a replica asks for news.
const TICK: Duration = Duration::from_millis(200);

/// How long nothing may be heard of the others.
const BOUND: Duration = Duration::from_secs(1);

fn strict(builder: DescopeBuilder) -> DescopeBuilder {
    builder.revocation(Revocation::strict(BOUND))
}

fn available(builder: DescopeBuilder) -> DescopeBuilder {
    builder.revocation(Revocation::available())
}

fn user(id: &str) -> Mark {
    Mark::user(&UserId::new(id).unwrap())
}

/// The verdict on the session token of a cookie or of a test: `ok` or the code of the refusal.
async fn verdict(handle: &Descope, token: &str) -> &'static str {
    let verdict = handle.verify(&SessionToken::new(token)).await;
    verdict.map_or_else(|rejection| rejection.code(), |_| "ok")
}

impl Replicas {
    async fn strict(number: usize) -> Self {
        Self::with(number, fake(), strict).await
    }

    /// The services, whose layers renew nothing.
    fn plain_apps(&self) -> Vec<App> {
        self.handles.iter().map(app).collect()
    }

    /// Lets time pass, with all that is done in it.
    async fn pass(&self, span: Duration) {
        const STEP: Duration = Duration::from_millis(50);
        let mut left = span;
        while !left.is_zero() {
            let step = left.min(STEP);
            self.fake.clock().advance(step);
            yield_often().await;
            left -= step;
        }
        settled(&self.fake).await;
    }

    /// Lets every replica ask for news once.
    async fn tick(&self) {
        self.pass(TICK).await;
    }

    /// What each replica says of a session token.
    async fn verdicts(&self, token: &str) -> Vec<&'static str> {
        let mut verdicts = Vec::new();
        for handle in &self.handles {
            verdicts.push(verdict(handle, token).await);
        }
        verdicts
    }

    /// A session token of a user that begins now.
    fn session(&self, user: &str) -> String {
        let session = self.fake.session(user).tenant("T1", |t| t);
        session.active("T1").token()
    }
}
