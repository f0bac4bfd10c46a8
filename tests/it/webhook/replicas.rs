//! Deliveries to one of several replicas.

use std::time::Duration;

use super::{Hook, deleted, webhook};
use crate::{
    replicas::Replicas,
    revocation::revocation,
    support::{App, app, settled, verdict, world::fake},
};
use http::{StatusCode, header};

struct Fleet {
    replicas: Replicas,
    apps: Vec<App>,
    /// Of the first replica.
    hook: Hook,
}

impl Fleet {
    async fn start() -> Self {
        let replicas = Replicas::with(3, fake(), |builder| builder.revocation(revocation())).await;
        let hook = Hook::serve(webhook(&replicas.handles[0])).await;
        Self {
            apps: replicas.handles.iter().map(app).collect(),
            replicas,
            hook,
        }
    }

    /// A token of a user who is active in `T1`.
    fn token(&self, user: &str) -> String {
        let session = self.replicas.fake.session(user).tenant("T1", |t| t);
        session.active("T1").token()
    }

    /// The verdicts of all replicas on a token.
    async fn verdicts(&self, token: &str) -> Vec<String> {
        let mut seen = Vec::new();
        for app in &self.apps {
            seen.push(verdict(app, token).await);
        }
        seen
    }

    /// Lets the clock go on, so that each replica reads what is new.
    async fn pass(&self, time: Duration) {
        const STEP: Duration = Duration::from_millis(100);
        let mut passed = Duration::ZERO;
        while passed < time {
            self.replicas.fake.clock().advance(STEP);
            settled(&self.replicas.fake).await;
            passed += STEP;
        }
    }
}

fn all(verdict: &str) -> Vec<String> {
    vec![verdict.to_owned(); 3]
}

#[tokio::test]
async fn what_one_replica_is_told_all_refuse() {
    let fleet = Fleet::start().await;
    let token = fleet.token("U1");
    assert_eq!(fleet.verdicts(&token).await, all("U1@T1"));
    assert_eq!(fleet.hook.deliver(&deleted("U1")).await.status, 204);
    fleet.pass(Duration::from_millis(400)).await;
    assert_eq!(fleet.verdicts(&token).await, all("session_revoked"));
}

#[tokio::test]
async fn while_the_others_cannot_be_told_it_is_to_come_again() {
    let fleet = Fleet::start().await;
    let [ann, bob] = ["U1", "U2"].map(|user| fleet.token(user));
    fleet.replicas.shared.set_reachable(false);
    for _ in 0..3 {
        let answer = fleet.hook.deliver(&deleted("U1")).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        let after = answer.headers[header::RETRY_AFTER].to_str().unwrap();
        assert!((1..=60).contains(&after.parse().unwrap()), "{after}");
        assert!(answer.body.is_empty());
    }
    // Whoever was told knows already.
    assert_eq!(
        fleet.verdicts(&ann).await,
        ["session_revoked", "U1@T1", "U1@T1"]
    );
    fleet.replicas.shared.set_reachable(true);
    fleet.pass(Duration::from_secs(2)).await;
    assert_eq!(fleet.hook.deliver(&deleted("U1")).await.status, 204);
    fleet.pass(Duration::from_millis(400)).await;
    assert_eq!(fleet.verdicts(&ann).await, all("session_revoked"));
    assert_eq!(fleet.verdicts(&bob).await, all("U2@T1"));
}
