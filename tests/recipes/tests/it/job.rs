use std::time::Duration;

use axum::{Router, routing::get};
use tower_descope::{
    AccessKey, ActiveTenant, Descope, ErrorKind, TenantId, TenantLayer, test_util::FakeDescope,
};
use tower_descope_recipes::job::{JobSession, export};

const KEY: &str = "K2nightlyExportOfAllProjects";
const EXCHANGE: &str = "/v1/auth/accesskey/exchange";

async fn fake() -> FakeDescope {
    FakeDescope::builder()
        .access_key(KEY, |key| {
            let key = key.id("K2night").tenant("T1", |t| t.role("writer"));
            key.tenant("T2", |t| t)
        })
        .session_ttl(Duration::from_secs(600))
        .start()
        .await
}

fn job(descope: &Descope, tenant: &str) -> JobSession {
    let tenant = TenantId::new(tenant).unwrap();
    JobSession::new(descope.clone(), AccessKey::new(KEY), tenant)
}

/// Another service of the project, at a port of its own until the test's runtime ends.
async fn projects(descope: &Descope) -> String {
    async fn projects(tenant: ActiveTenant) -> String {
        format!("{} asks for {}", tenant.user_id(), tenant.id())
    }
    let app = Router::new()
        .route("/projects", get(projects))
        .route_layer(TenantLayer::new(descope.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/projects")
}

#[tokio::test]
async fn a_job_asks_another_service_as_the_machine_of_a_tenant() {
    let fake = fake().await;
    let url = projects(&fake.descope()).await;
    let descope = fake.descope();
    let (first, second) = (job(&descope, "T1"), job(&descope, "T2"));
    assert_eq!(export(&first, &url).await.unwrap(), "K2night asks for T1");
    assert_eq!(export(&second, &url).await.unwrap(), "K2night asks for T2");
}

#[tokio::test]
async fn a_session_is_used_until_shortly_before_its_end() {
    let fake = fake().await;
    let job = job(&fake.descope(), "T1");
    let (one, other) = tokio::join!(job.get(), job.get());
    assert_eq!(one.unwrap().key_id(), other.unwrap().key_id());
    fake.clock().advance(Duration::from_secs(500));
    job.get().await.unwrap();
    assert_eq!(fake.calls(EXCHANGE), 1);
    fake.clock().advance(Duration::from_secs(50));
    let renewed = job.get().await.unwrap();
    assert_eq!(fake.calls(EXCHANGE), 2);
    assert!(renewed.session().expires_in() > Duration::from_secs(500));
}

#[tokio::test]
async fn an_outage_is_to_be_tried_again_and_a_refusal_is_not() {
    let fake = fake().await;
    let descope = fake.descope();
    let first = job(&descope, "T1");
    fake.fail_next(1);
    let error = first.get().await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(first.get().await.is_ok());
    let error = job(&descope, "T3").get().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(!error.is_transient(), "{error}");
    assert!(!format!("{error} {error:?}").contains(KEY));
}
