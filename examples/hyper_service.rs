//! A bare hyper server behind the layer: no framework, a session in each request's extensions.
//!
//! ```console
//! cargo run --example hyper_service -- --fake
//! ```
//!
//! `--fake` runs it offline, against an embedded stand-in for Descope; without it the project in
//! `DESCOPE_PROJECT_ID` is asked. `PORT` chooses the port. With `EXAMPLE_CHECK=1` it asks itself and
//! ends, as CI does.
//!
//! A service without axum depends on this crate with
//! `default-features = false, features = ["rustls", "aws-lc-rs"]`.

use std::{convert::Infallible, env, error::Error, pin::pin};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tower::ServiceBuilder;
use tower_descope::{ActiveTenant, Descope, TenantLayer, test_util::FakeDescope};

#[path = "shared/choice.rs"]
mod choice;
#[path = "shared/stop.rs"]
mod stop;

/// A refusal is a response too: a service that returned it as its error would make hyper close the
/// connection.
async fn handle(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(match ActiveTenant::from_extensions(request.extensions()) {
        Ok(tenant) => {
            let text = format!("projects of {}, for {}\n", tenant.id(), tenant.user_id());
            Response::new(Full::from(text))
        }
        Err(rejection) => rejection.to_response(),
    })
}

async fn serve(listener: TcpListener, descope: Descope) -> Result<(), Box<dyn Error>> {
    let service = ServiceBuilder::new()
        .layer(TenantLayer::new(descope))
        .service_fn(handle);
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop::requested());
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            () = &mut stop => break,
        };
        let service = TowerToHyperService::new(service.clone());
        let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        let served = connections.watch(served);
        tokio::spawn(async move {
            if let Err(error) = served.await {
                eprintln!("connection ended: {error}");
            }
        });
    }
    // Idle connections are closed, the others once their response is out.
    connections.shutdown().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (descope, fake) = connect().await?;
    let token = match &fake {
        Some(fake) => fake.session("U1").tenant("T1", |t| t).active("T1").token(),
        None => "<a session token>".to_owned(),
    };
    let port = env::var("PORT").map_or(Ok(0), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let url = format!("http://{}/projects", listener.local_addr()?);
    println!("try:\n  curl -i {url}\n  curl -i -H 'Authorization: Bearer {token}' {url}");
    println!("Ctrl-C ends it.");

    let server = stop::in_time(serve(listener, descope.clone()));
    let result = if env::var_os("EXAMPLE_CHECK").is_none() {
        server.await
    } else {
        tokio::select! {
            ended = server => ended,
            checked = check(&url, &token) => checked,
        }
    };
    // A service that only verifies has nothing under way; one that renews sessions may.
    descope.drain().await;
    result
}

/// The project that the environment names, or by `--fake` a stand-in, which lives as long as its
/// handle.
async fn connect() -> Result<(Descope, Option<FakeDescope>), Box<dyn Error>> {
    let (descope, fake) = if choice::takes_fake(false)? {
        let fake = FakeDescope::start().await;
        (fake.descope(), Some(fake))
    } else {
        (Descope::from_env()?, None)
    };
    // A mistyped project id shows here, and the first request need not wait for keys.
    descope.warm_up().await?;
    Ok((descope, fake))
}

async fn check(url: &str, token: &str) -> Result<(), Box<dyn Error>> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let bearer = format!("Bearer {token}");
    for (authorization, expected) in [
        (None, StatusCode::UNAUTHORIZED),
        (Some("Bearer x"), StatusCode::UNAUTHORIZED),
        (Some(&*bearer), StatusCode::OK),
    ] {
        let mut request = Request::get(url);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let response = client.request(request.body(Empty::<Bytes>::new())?).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        let body = String::from_utf8_lossy(&body);
        println!("{status}: {}", body.trim());
        if status != expected {
            return Err(format!("expected {expected}").into());
        }
    }
    Ok(())
}
