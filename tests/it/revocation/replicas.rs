//! Marks that several replicas have in common.

use std::time::Duration;

use super::{revocation, user};
use crate::{
    replicas::Replicas,
    support::{app, settled, verdict, world::fake},
};

#[tokio::test]
async fn a_replica_that_was_warmed_up_knows_all_marks_before_anybody_asks_it() {
    let replicas = Replicas::with(2, fake(), |builder| builder.revocation(revocation())).await;
    let fake = &replicas.fake;
    let [ann, bob] = ["U1", "U2"].map(|id| {
        let session = fake.session(id).tenant("T1", |t| t);
        session.active("T1").token()
    });
    replicas.handles[0].revoke(user("U1")).await.unwrap();
    // Longer than it is relied on without news.
    for _ in 0..30 {
        fake.clock().advance(Duration::from_millis(100));
        settled(fake).await;
    }
    for handle in &replicas.handles {
        assert!(handle.revocation_status().unwrap().fresh);
        let app = app(handle);
        assert_eq!(verdict(&app, &bob).await, "U2@T1");
        assert_eq!(verdict(&app, &ann).await, "session_revoked");
    }
}
