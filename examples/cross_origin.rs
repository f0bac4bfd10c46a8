//! A front end on `https://app.example.com` and its API on another sub-domain, with cookies.
//!
//! ```console
//! cargo run --example cross_origin -- --fake
//! ```
//!
//! Two things are needed, and each is useless without the other:
//!
//! - `DescopeBuilder::origins([…])`: whose pages may *act* with the API's cookies. Without it the
//!   layer and `SelectTenant` refuse them as another site's.
//! - a CORS layer **outside** of ours: whose scripts may *read* the answers, refusals too, and who
//!   answers preflights, which carry no session.
//!
//! `SameSite=Strict`, the default, may stay: sub-domains of one site are the same site. The front
//! end calls `fetch(url, { credentials: "include" })`.
//!
//! `--fake` runs it offline, against an embedded stand-in for Descope; without it the project in
//! `DESCOPE_PROJECT_ID` is asked. `PORT` chooses the port. With `EXAMPLE_CHECK=1` it asks itself and
//! ends, as CI does.

use std::{env, error::Error};

use axum::{
    Router,
    routing::{get, post_service},
};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;
use tower_descope::{
    ActiveTenant, Descope, DescopeBuilder, SelectTenant, TenantLayer, test_util::FakeDescope,
};
use tower_http::cors::CorsLayer;

#[path = "shared/choice.rs"]
mod choice;
#[path = "shared/stop.rs"]
mod stop;

const FRONT_END: &str = "https://app.example.com";

fn app(descope: Descope) -> Router {
    Router::new()
        .route("/projects", get(list).post(add))
        .route_layer(TenantLayer::new(descope.clone()).cookies_same_origin_only())
        .route("/tenant/select", post_service(SelectTenant::new(descope)))
        // Added last, so outermost.
        .layer(cors())
}

fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(HeaderValue::from_static(FRONT_END))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE])
        // Why a request was refused, for scripts.
        .expose_headers([HeaderName::from_static("x-descope-rejection")])
}

async fn list(tenant: ActiveTenant) -> String {
    format!("projects of {}\n", tenant.id())
}

async fn add(tenant: ActiveTenant, name: String) -> String {
    format!("{name} added to {}\n", tenant.id())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (builder, cookies, _fake) = settings().await?;
    let descope = builder.origins([FRONT_END]).build()?;
    descope.warm_up().await?;

    let port = env::var("PORT").map_or(Ok(0), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    println!("try, and then with another origin:");
    println!("  curl -i -b '{cookies}' -H 'Origin: {FRONT_END}' -d cleanup {url}/projects");
    println!("Ctrl-C ends it.");

    let server = axum::serve(listener, app(descope.clone()));
    let server = server.with_graceful_shutdown(stop::requested());
    let server = stop::in_time(server.into_future());
    let result = if env::var_os("EXAMPLE_CHECK").is_none() {
        server.await.map_err(Into::into)
    } else {
        tokio::select! {
            ended = server => ended.map_err(Into::into),
            checked = check(&url, &cookies) => checked,
        }
    };
    // A call that is still under way may bring the only token of a session.
    descope.drain().await;
    result
}

/// The project that the environment names, or by `--fake` a stand-in, which lives as long as its
/// handle; and the cookies of somebody who is signed in to a tenant.
async fn settings() -> Result<(DescopeBuilder, String, Option<FakeDescope>), Box<dyn Error>> {
    if !choice::takes_fake(false)? {
        let cookies = "DS=<session token>; DSR=<refresh token>".to_owned();
        return Ok((DescopeBuilder::from_env()?, cookies, None));
    }
    let fake = FakeDescope::builder()
        .user("ann@acme.test", |user| {
            user.tenant("T2acme", |t| t).tenant("T2globex", |t| t)
        })
        .start()
        .await;
    let cookies = fake
        .sign_in_to("ann@acme.test", "T2acme")
        .cookies()
        .to_owned();
    Ok((fake.descope_builder(), cookies, Some(fake)))
}

async fn check(url: &str, cookies: &str) -> Result<(), Box<dyn Error>> {
    let from = |method: Method, path: &str, origin: &str| {
        Request::builder()
            .method(method)
            .uri(format!("{url}{path}"))
            .header(header::ORIGIN, origin)
            // What browsers say of app.example.com calling api.example.com.
            .header("sec-fetch-site", "same-site")
    };
    let signed_in = |request: http::request::Builder| request.header(header::COOKIE, cookies);
    let sibling = "https://blog.example.com";
    let select = |origin| {
        signed_in(from(Method::POST, "/tenant/select", origin))
            .header(header::CONTENT_TYPE, "application/json")
            .body(r#"{"tenant":"T2globex"}"#.to_owned())
    };
    let preflight = from(Method::OPTIONS, "/projects", FRONT_END)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .body(String::new());
    let write = |origin| signed_in(from(Method::POST, "/projects", origin)).body("cleanup".into());
    let signed_out = from(Method::GET, "/projects", FRONT_END).body(String::new());
    for (what, request, expected) in [
        ("preflight", preflight, StatusCode::OK),
        ("write", write(FRONT_END), StatusCode::OK),
        (
            "write, from a sibling",
            write(sibling),
            StatusCode::FORBIDDEN,
        ),
        (
            "select, from a sibling",
            select(sibling),
            StatusCode::FORBIDDEN,
        ),
        ("select", select(FRONT_END), StatusCode::OK),
        ("signed out", signed_out, StatusCode::UNAUTHORIZED),
    ] {
        let request = request?;
        let readable_by_front_end = request.headers()[header::ORIGIN] == FRONT_END;
        let client = Client::builder(TokioExecutor::new()).build_http();
        let response = client.request(request).await?;
        println!("{what}: {}", response.status());
        if response.status() != expected {
            return Err(format!("{what}: expected {expected}").into());
        }
        // Refusals too must be readable, or the front end sees a network error in place of a 401.
        let allowed = response.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        if readable_by_front_end && allowed.is_none_or(|origin| origin != FRONT_END) {
            return Err(format!("{what}: the front end may not read the answer").into());
        }
    }
    Ok(())
}
