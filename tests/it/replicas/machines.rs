//! Access keys over replicas: one exchange for each session's life.

use std::time::Duration;

use tower_descope::{
    AccessKeys, Descope, SharedState, TenantId,
    test_util::{FakeDescope, FakeDescopeBuilder},
};

use crate::support::{App, app, settled, verdict};

const PATH: &str = "/v1/auth/accesskey/exchange";
const KEY: &str = "K2nightlyExportOfTheTests";

fn fake() -> FakeDescopeBuilder {
    FakeDescope::builder().access_key(KEY, |key| {
        key.id("K2night").tenant("T1", |t| t).tenant("T2", |t| t)
    })
}

async fn replica(fake: &FakeDescope, shared: &SharedState, tenant: Option<&str>) -> Descope {
    let mut keys = AccessKeys::new().key_prefix("K2");
    if let Some(tenant) = tenant {
        keys = keys.selected_tenant(TenantId::new(tenant).unwrap());
    }
    let builder = fake.descope_builder().access_keys(keys);
    let descope = builder.shared_state(shared.clone()).build().unwrap();
    descope.warm_up().await.unwrap();
    descope
}

async fn replicas(fake: &FakeDescope, shared: &SharedState) -> (Vec<Descope>, Vec<App>) {
    let mut handles = Vec::new();
    for _ in 0..3 {
        handles.push(replica(fake, shared, None).await);
    }
    let apps = handles.iter().map(app).collect();
    (handles, apps)
}

async fn settle(handles: &[Descope]) {
    for handle in handles {
        handle.drain().await;
    }
}

#[tokio::test]
async fn a_key_is_exchanged_once_for_all_replicas_and_again_before_its_session_ends() {
    let fake = fake().start().await;
    let shared = SharedState::in_memory();
    let (handles, apps) = replicas(&fake, &shared).await;
    for round in 1..4 {
        for app in &apps {
            assert_eq!(verdict(app, KEY).await, "K2night@-");
            // A session that is about to end is renewed on the side.
            fake.wait_for_calls(PATH, round).await;
            settled(&fake).await;
            settle(&handles).await;
        }
        assert_eq!(fake.calls(PATH), round);
        fake.clock().advance(Duration::from_secs(595));
    }
}

#[tokio::test]
async fn a_thousand_requests_at_once_at_three_replicas_exchange_a_key_once() {
    let fake = fake().start().await;
    let shared = SharedState::in_memory();
    let (_handles, apps) = replicas(&fake, &shared).await;
    fake.delay_path(PATH, Duration::from_millis(50));
    let requests: Vec<_> = (0..1_000)
        .map(|number| {
            let app = apps[number % 3].clone();
            tokio::spawn(async move { verdict(&app, KEY).await })
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), "K2night@-");
    }
    assert_eq!(fake.calls(PATH), 1);
}

#[tokio::test]
async fn replicas_that_exchange_with_other_options_share_nothing() {
    let fake = fake().start().await;
    let shared = SharedState::in_memory();

    for (number, (tenant, seen)) in [("T1", "K2night@T1"), ("T2", "K2night@T2")]
        .into_iter()
        .enumerate()
    {
        let handle = replica(&fake, &shared, Some(tenant)).await;
        assert_eq!(verdict(&app(&handle), KEY).await, seen);
        handle.drain().await;
        assert_eq!(fake.calls(PATH), number + 1);
    }
}

#[tokio::test]
async fn while_the_store_is_away_each_replica_exchanges_for_itself() {
    let fake = fake().start().await;
    let shared = SharedState::in_memory();
    let (_handles, apps) = replicas(&fake, &shared).await;
    shared.set_reachable(false);
    for app in &apps {
        assert_eq!(verdict(app, KEY).await, "K2night@-");
    }
    assert_eq!(fake.calls(PATH), 3);
}

#[tokio::test]
async fn a_session_whose_key_was_withdrawn_is_taken_from_no_other_replica() {
    let fake = fake().start().await;
    let shared = SharedState::in_memory();
    let (handles, apps) = replicas(&fake, &shared).await;
    assert_eq!(verdict(&apps[0], KEY).await, "K2night@-");
    settle(&handles).await;
    fake.rotate_keys();
    // A replica that starts now knows the new key alone.
    let late = replica(&fake, &shared, None).await;
    assert_eq!(verdict(&app(&late), KEY).await, "K2night@-");
    assert_eq!(fake.calls(PATH), 2);
}
