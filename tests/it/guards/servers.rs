//! Guards behind a real server of hyper's.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tower::ServiceBuilder;
use tower_descope::{ActiveTenant, Require, TenantLayer, UrlTenant, test_util::FakeDescope};

#[tokio::test]
async fn hyper_serves_guards_and_tenants_of_the_url() {
    let fake = FakeDescope::start().await;
    let service = ServiceBuilder::new()
        .layer(TenantLayer::new(fake.descope()))
        .layer(UrlTenant::after("/t/").membership_suffices())
        .layer(Require::role("owner"))
        .service_fn(|request: Request<Incoming>| async move {
            let tenant = ActiveTenant::from_extensions(request.extensions()).unwrap();
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(tenant.id().to_string())))
        });
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(service.clone());
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move {
                let _ = connection.await;
            });
        }
    });
    let session = fake
        .session("U1")
        .tenant("T1", |t| t)
        .tenant("T2", |t| t.role("owner"));
    let bearer = format!("Bearer {}", session.active("T1").token());
    let client = Client::builder(TokioExecutor::new()).build_http();
    for (path, status, body) in [
        ("/t/T2/projects", 200, "T2"),
        ("/t/T1/projects", 403, "missing_role"),
        ("/t/T9/projects", 403, "tenant_mismatch"),
        ("/projects", 400, "tenant_not_named"),
    ] {
        let request = Request::get(format!("{url}{path}")).header("authorization", &bearer);
        let response = client
            .request(request.body(Empty::<Bytes>::new()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), status, "{path}");
        let text = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(text.contains(body), "{path}: {text}");
    }
    server.abort();
}
