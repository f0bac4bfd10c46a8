//! Refusals of one's own: browsers are sent to a sign-in page and come back to where they were,
//! everybody else gets JSON. `SignInPage` does just this in one line; here it is by hand, as the
//! beginning of more.
//!
//! ```console
//! cargo run --example custom_rejection -- --fake
//! ```
//!
//! `--fake` runs it offline, against an embedded stand-in for Descope; without it the project in
//! `DESCOPE_PROJECT_ID` is asked. `PORT` chooses the port. With `EXAMPLE_CHECK=1` it asks itself and
//! ends, as CI does.

use std::{env, error::Error};

use axum::{
    Router,
    extract::{OriginalUri, Query},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header, request::Parts};
use http_body_util::Empty;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;
use tower_descope::{ActiveTenant, Descope, Rejection, TenantLayer, test_util::FakeDescope};

#[path = "shared/choice.rs"]
mod choice;
#[path = "shared/stop.rs"]
mod stop;

fn app(descope: Descope) -> Router {
    let layer = TenantLayer::new(descope)
        .with_rejection_response(|rejection, request: &Parts| refuse(rejection, request));
    Router::new()
        .route("/projects", get(projects))
        .route_layer(layer)
        .route("/sign-in", get(sign_in))
}

async fn projects(tenant: ActiveTenant) -> String {
    format!("projects of {}\n", tenant.id())
}

/// Only a page that a person asked for is answered by another page; and only if signing in helps.
fn refuse(rejection: Rejection, request: &Parts) -> Response {
    if rejection.status() != StatusCode::UNAUTHORIZED || !wants_page(request) {
        return rejection.into_response();
    }
    // Where the router is nested, `request.uri` has lost its prefix.
    let uri = match request.extensions.get::<OriginalUri>() {
        Some(OriginalUri(uri)) => uri,
        None => &request.uri,
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let next = local_path(path).unwrap_or("/");
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    let mut response = Redirect::to(&format!("/sign-in?next={next}")).into_response();
    // The layer adds the fields that it read itself; this answer depended on one more.
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Accept"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn wants_page(request: &Parts) -> bool {
    let accept = request.headers.get(header::ACCEPT);
    let accept = accept.and_then(|accept| accept.to_str().ok());
    request.method == Method::GET && accept.is_some_and(|accept| accept.contains("text/html"))
}

#[derive(serde::Deserialize)]
struct Next {
    next: Option<String>,
}

/// Checks `next` again: anybody can send a link to this page.
async fn sign_in(Query(Next { next }): Query<Next>) -> String {
    let next = next.as_deref().and_then(local_path).unwrap_or("/");
    format!("sign in here, and go on to {next}\n")
}

/// `next` if it leads to a page of this site. `//evil.test` and `/\evil.test` are other sites,
/// and a line break or a tab, which browsers drop, could hide one of them.
fn local_path(next: &str) -> Option<&str> {
    let second = next.strip_prefix('/')?.bytes().next();
    let local = second != Some(b'/')
        && next.len() <= 2_048
        && !next.contains(|c: char| c == '\\' || c.is_control());
    local.then_some(next)
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
    let url = format!("http://{}", listener.local_addr()?);
    println!("try, or open it in a browser:");
    println!("  curl -i -H 'Accept: text/html' {url}/projects");
    println!("  curl -i {url}/projects");
    println!("  curl -i -H 'Authorization: Bearer {token}' {url}/projects");
    println!("Ctrl-C ends it.");

    let server = axum::serve(listener, app(descope.clone()));
    let server = server.with_graceful_shutdown(stop::requested());
    let server = stop::in_time(server.into_future());
    let result = if env::var_os("EXAMPLE_CHECK").is_none() {
        server.await.map_err(Into::into)
    } else {
        tokio::select! {
            ended = server => ended.map_err(Into::into),
            checked = check(&url, &token) => checked,
        }
    };
    // A call that is still under way may bring the only token of a session.
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

async fn check(url: &str, token: &str) -> Result<(), Box<dyn Error>> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let bearer = format!("Bearer {token}");
    let page = ("accept", "text/html,*/*;q=0.8");
    let json = ("accept", "application/json");
    let signed_in = ("authorization", &*bearer);
    for (path, (name, value), expected) in [
        (
            "/projects?page=2",
            page,
            "303 /sign-in?next=%2Fprojects%3Fpage%3D2",
        ),
        ("/projects", json, "401"),
        ("/projects", signed_in, "200"),
        ("/sign-in?next=//evil.test", page, "200"),
    ] {
        let request = Request::get(format!("{url}{path}")).header(name, value);
        let response = client.request(request.body(Empty::<Bytes>::new())?).await?;
        let mut seen = response.status().as_u16().to_string();
        if let Some(location) = response.headers().get(header::LOCATION) {
            seen = format!("{seen} {}", location.to_str()?);
        }
        println!("{path}: {seen}");
        if seen != expected {
            return Err(format!("{path}: expected {expected}").into());
        }
    }
    for (next, local) in [
        ("/", true),
        ("/projects?page=2#last", true),
        ("//evil.test", false),
        ("/\\evil.test", false),
        ("/\t/evil.test", false),
        ("https://evil.test", false),
        ("", false),
    ] {
        if local_path(next).is_some() != local {
            return Err(format!("{next:?} should be local: {local}").into());
        }
    }
    Ok(())
}
