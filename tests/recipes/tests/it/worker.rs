use tower_descope::{AccessKey, AccessKeys, Descope, TenantId, test_util::FakeDescope};
use tower_descope_recipes::worker::{Message, work};

const KEY: &str = "K2exporterOfTwoTenants";

/// A fake that knows the key, and a handle under which every key acts in this tenant.
async fn in_tenant(tenant: &str) -> (FakeDescope, Descope) {
    let fake = FakeDescope::builder()
        .access_key(KEY, |key| {
            let key = key.id("K2exporter").tenant("T1", |t| t.role("writer"));
            key.tenant("T2", |t| t)
        })
        .start()
        .await;
    let tenant = TenantId::new(tenant).unwrap();
    let keys = AccessKeys::new().key_prefix("K2").selected_tenant(tenant);
    let descope = fake.descope_builder().access_keys(keys).build().unwrap();
    (fake, descope)
}

fn message(key: &str) -> Message {
    Message {
        key: AccessKey::new(key),
        text: "an export".to_owned(),
    }
}

#[tokio::test]
async fn a_message_is_worked_off_for_the_tenant_of_its_key() {
    let (fake, descope) = in_tenant("T1").await;
    for _ in 0..3 {
        let done = work(&descope, &message(KEY)).await.unwrap();
        assert_eq!(done, "an export for T1");
    }
    assert_eq!(fake.calls("/v1/auth/accesskey/exchange"), 1);
}

#[tokio::test]
async fn a_key_without_the_role_in_that_tenant_is_refused() {
    let (_fake, descope) = in_tenant("T2").await;
    let refused = work(&descope, &message(KEY)).await.unwrap_err();
    assert_eq!(refused.code(), "missing_role");
}

#[tokio::test]
async fn a_made_up_key_is_refused() {
    let (_fake, descope) = in_tenant("T1").await;
    let refused = work(&descope, &message("K2madeUpByAStranger")).await;
    assert_eq!(refused.unwrap_err().code(), "invalid_token");
}
