//! A tonic server with one protected service and one open one: the layer, and in it a guard that asks
//! for a permission, stand around the first alone, so that health checks need no session.
//!
//! ```console
//! cargo run --example tonic_service --features tonic -- --fake
//! ```
//!
//! `--fake` runs it offline, against an embedded stand-in for Descope; without it the project in
//! `DESCOPE_PROJECT_ID` is asked. `PORT` chooses the port. With `EXAMPLE_CHECK=1` it asks itself and
//! ends, as CI does.
//!
//! The two servers at the end are what `tonic-prost-build` makes of a `.proto` file, written by
//! hand so that the example needs no `protoc`.

use std::{env, error::Error};

use http::uri::PathAndQuery;
use tokio::net::TcpListener;
use tonic::{
    Code, Request, Response, Status,
    service::LayerExt,
    transport::{
        Channel, Server,
        server::{Router, TcpIncoming},
    },
};
use tonic_prost::ProstCodec;
use tower_descope::{
    ActiveTenant, Descope, Rejection, Require, TenantLayer, test_util::FakeDescope,
};

use self::generated::{HealthServer, ListReply, ProjectsServer};

#[path = "shared/choice.rs"]
mod choice;
#[path = "shared/stop.rs"]
mod stop;

/// `rpc List(google.protobuf.Empty) returns (ListReply)` of the protected service.
async fn list(request: Request<()>) -> Result<Response<ListReply>, Status> {
    let tenant = ActiveTenant::from_extensions(request.extensions()).map_err(status)?;
    Ok(Response::new(ListReply {
        tenant: tenant.id().to_string(),
        projects: vec!["apollo".to_owned(), "gemini".to_owned()],
    }))
}

/// `rpc Check(google.protobuf.Empty) returns (google.protobuf.Empty)` of the open service.
async fn health(_: Request<()>) -> Result<Response<()>, Status> {
    Ok(Response::new(()))
}

/// A refusal of the handler's own. The layer's are made of headers, and clients see the same codes.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn status(rejection: Rejection) -> Status {
    let code = Code::from_i32(rejection.grpc_code().into());
    Status::new(code, rejection.description())
}

fn server(descope: Descope) -> Router {
    let layer = TenantLayer::new(descope);
    let guard = Require::permission("projects.read");
    Server::builder()
        .add_service(layer.named_layer(guard.named_layer(ProjectsServer)))
        .add_service(HealthServer)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (descope, fake) = connect().await?;
    let token = match &fake {
        Some(fake) => {
            let session = fake.session("U1");
            let session = session.tenant("T1", |t| t.permission("projects.read"));
            session.active("T1").token()
        }
        None => "<a session token>".to_owned(),
    };
    let port = env::var("PORT").map_or(Ok(0), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    println!("try (five zero bytes are an empty message), and then without the token:");
    println!(
        "  printf '\\0\\0\\0\\0\\0' | curl -i --http2-prior-knowledge --data-binary @- --output - \\\n    \
         -H 'Content-Type: application/grpc' -H 'Authorization: Bearer {token}' \\\n    \
         {url}{}",
        generated::LIST
    );
    println!("Ctrl-C ends it.");

    let incoming = TcpIncoming::from(listener);
    let router = server(descope.clone());
    let served = router.serve_with_incoming_shutdown(incoming, stop::requested());
    let served = stop::in_time(served);
    let result = if env::var_os("EXAMPLE_CHECK").is_none() {
        served.await.map_err(Into::into)
    } else {
        tokio::select! {
            ended = served => ended.map_err(Into::into),
            checked = check(url, &token, fake.as_ref()) => checked,
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
    descope.warm_up().await?;
    Ok((descope, fake))
}

async fn check(url: String, token: &str, fake: Option<&FakeDescope>) -> Result<(), Box<dyn Error>> {
    let channel = Channel::from_shared(url)?.connect().await?;
    let without_permission = fake.map_or_else(String::new, |fake| {
        fake.session("U2").tenant("T1", |t| t).active("T1").token()
    });
    for (path, token, expected) in [
        (generated::CHECK, None, Code::Ok),
        (generated::LIST, None, Code::Unauthenticated),
        (generated::LIST, Some("x"), Code::Unauthenticated),
        (
            generated::LIST,
            Some(&*without_permission),
            Code::PermissionDenied,
        ),
        (generated::LIST, Some(token), Code::Ok),
    ] {
        let (code, seen) = match call(channel.clone(), path, token).await {
            Ok(reply) => (Code::Ok, format!("{:?}", reply.into_inner())),
            Err(status) => (status.code(), status.message().to_owned()),
        };
        println!("{path}: {code:?}: {seen}");
        if code != expected {
            return Err(format!("{path}: expected {expected:?}").into());
        }
    }
    Ok(())
}

async fn call(
    channel: Channel,
    path: &'static str,
    token: Option<&str>,
) -> Result<Response<ListReply>, Status> {
    let mut request = Request::new(());
    if let Some(token) = token {
        let bearer = format!("Bearer {token}").parse();
        let bearer = bearer.map_err(|_| Status::invalid_argument("no header value"))?;
        request.metadata_mut().insert("authorization", bearer);
    }
    let mut client = tonic::client::Grpc::new(channel);
    client
        .ready()
        .await
        .map_err(|error| Status::unavailable(error.to_string()))?;
    let codec = ProstCodec::<(), ListReply>::default();
    client
        .unary(request, PathAndQuery::from_static(path), codec)
        .await
}

/// What `tonic-prost-build` would write.
mod generated {
    use std::{
        convert::Infallible,
        future::Future,
        pin::Pin,
        task::{Context, Poll},
    };

    use http::{Request, Response};
    use prost::Message;
    use tonic::{
        Status,
        body::Body,
        server::{Grpc, NamedService},
    };
    use tonic_prost::ProstCodec;
    use tower::{Service, service_fn};

    pub(super) const LIST: &str = "/projects.v1.Projects/List";
    pub(super) const CHECK: &str = "/health.v1.Health/Check";

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct ListReply {
        #[prost(string, tag = "1")]
        pub(super) tenant: String,
        #[prost(string, repeated, tag = "2")]
        pub(super) projects: Vec<String>,
    }

    #[derive(Clone, Debug)]
    pub(super) struct ProjectsServer;

    #[derive(Clone, Debug)]
    pub(super) struct HealthServer;

    impl NamedService for ProjectsServer {
        const NAME: &'static str = "projects.v1.Projects";
    }

    impl NamedService for HealthServer {
        const NAME: &'static str = "health.v1.Health";
    }

    type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    impl Service<Request<Body>> for ProjectsServer {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = Answer;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<Body>) -> Answer {
            match request.uri().path() {
                LIST => unary(super::list, request),
                _ => unimplemented(),
            }
        }
    }

    impl Service<Request<Body>> for HealthServer {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = Answer;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<Body>) -> Answer {
            match request.uri().path() {
                CHECK => unary(super::health, request),
                _ => unimplemented(),
            }
        }
    }

    fn unary<M, F>(handler: fn(tonic::Request<()>) -> F, request: Request<Body>) -> Answer
    where
        M: Message + Default + 'static,
        F: Future<Output = Result<tonic::Response<M>, Status>> + Send + 'static,
    {
        Box::pin(async move {
            let mut grpc = Grpc::new(ProstCodec::<M, ()>::default());
            Ok(grpc.unary(service_fn(handler), request).await)
        })
    }

    fn unimplemented() -> Answer {
        Box::pin(async { Ok(Status::unimplemented("").into_http()) })
    }
}
