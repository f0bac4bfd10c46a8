//! The audit webhook: what Descope tells of its users, over HTTP.

mod deliveries;
mod refused;
mod replicas;
mod said;

use axum::{Router, routing::any_service};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, request};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tower_descope::{Descope, RevocationWebhook, test_util::FakeDescope};

use crate::{revocation::revocation, support::world::fake};

pub(crate) const SECRET: &str = "the-secret-of-the-connector";
const SIGNATURE: &str = "x-descope-webhook-s256";

/// A service with a webhook, on a port of its own for as long as the test's runtime lives.
struct Hooked {
    fake: FakeDescope,
    descope: Descope,
    hook: Hook,
}

struct Hook {
    url: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Hooked {
    async fn start() -> Self {
        let fake = fake().start().await;
        let builder = fake.descope_builder().revocation(revocation());
        let descope = builder.build().unwrap();
        let hook = Hook::serve(webhook(&descope)).await;
        Self {
            fake,
            descope,
            hook,
        }
    }
}

impl Hook {
    async fn serve(webhook: RevocationWebhook) -> Self {
        let app = Router::new().route("/hooks/descope", any_service(webhook));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks/descope", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { url, client }
    }

    /// Sends a body as the connector does.
    async fn deliver(&self, body: &str) -> Answer {
        self.send(signed(SECRET, body), body).await
    }

    async fn send(&self, request: request::Builder, body: &str) -> Answer {
        let request = request.uri(&self.url).body(Full::from(body.to_owned()));
        let response = self.client.request(request.unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        Answer {
            status: head.status,
            headers: head.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }
}

fn webhook(descope: &Descope) -> RevocationWebhook {
    RevocationWebhook::builder(descope.clone(), SECRET)
        .build()
        .unwrap()
}

fn signed(secret: &str, body: &str) -> request::Builder {
    Request::post("/hooks/descope")
        .header("content-type", "application/json")
        .header(SIGNATURE, FakeDescope::webhook_signature(secret, body))
}

/// The event that somebody was deleted.
pub(crate) fn deleted(user: &str) -> String {
    let event = serde_json::json!([{
        "action": "UserDeleted",
        "actorId": "U9admin",
        "userId": user,
        "occurred": 1_780_949_905_843_u64,
        "tenants": ["T1"],
        "data": {},
    }]);
    event.to_string()
}
