//! Switching tenants: `SelectTenant` on axum, called with JSON as a front end's `fetch` does.
//!
//! ```console
//! cargo run --example select_tenant -- --fake
//! ```
//!
//! `--fake` runs it offline, against an embedded stand-in for Descope; without it the project in
//! `DESCOPE_PROJECT_ID` is asked. `PORT` chooses the port. With `EXAMPLE_CHECK=1` it asks itself and
//! ends, as CI does.

use std::{env, error::Error};

use axum::{
    Router,
    routing::{get, post_service},
};
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;
use tower_descope::{ActiveTenant, Descope, SelectTenant, TenantLayer, test_util::FakeDescope};

#[path = "shared/choice.rs"]
mod choice;
#[path = "shared/stop.rs"]
mod stop;

fn app(descope: Descope) -> Router {
    Router::new()
        .route("/projects", get(projects))
        // Also protects the app's own writes from other sites' pages; SameSite does not stop all.
        .route_layer(TenantLayer::new(descope.clone()).cookies_same_origin_only())
        // Outside the layer: the session may have expired while the refresh token has not.
        .route("/tenant/select", post_service(SelectTenant::new(descope)))
}

async fn projects(tenant: ActiveTenant) -> String {
    let role = if tenant.has_role("owner") {
        "owner"
    } else {
        "member"
    };
    format!("projects of {}, seen by its {role}\n", tenant.id())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (descope, cookies, _fake) = connect().await?;
    let port = env::var("PORT").map_or(Ok(0), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    println!("try, in this order:");
    println!("  curl -i -b '{cookies}' {url}/projects");
    println!(
        "  curl -i -b '{cookies}' -c jar -H 'Content-Type: application/json' \\\n    \
         -d '{{\"tenant\":\"T2acme\"}}' {url}/tenant/select"
    );
    println!("  curl -i -b jar {url}/projects");
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
/// handle; and the cookies of somebody who has just signed in and belongs to two tenants.
async fn connect() -> Result<(Descope, String, Option<FakeDescope>), Box<dyn Error>> {
    if !choice::takes_fake(false)? {
        let descope = Descope::from_env()?;
        descope.warm_up().await?;
        let cookies = "DS=<session token>; DSR=<refresh token>".to_owned();
        return Ok((descope, cookies, None));
    }
    let fake = FakeDescope::builder()
        .user("ann@acme.test", |user| {
            user.tenant("T2acme", |t| t.role("owner"))
                .tenant("T2globex", |t| t)
        })
        .start()
        .await;
    let descope = fake.descope();
    let cookies = fake.sign_in("ann@acme.test").cookies().to_owned();
    descope.warm_up().await?;
    Ok((descope, cookies, Some(fake)))
}

async fn check(url: &str, cookies: &str) -> Result<(), Box<dyn Error>> {
    // Signed in, but in no tenant yet: the front end shows the picker.
    let projects = Request::get(format!("{url}/projects"));
    expect(projects, cookies, "", StatusCode::FORBIDDEN).await?;

    let answer = expect(
        select(url),
        cookies,
        r#"{"tenant":"T2acme"}"#,
        StatusCode::OK,
    )
    .await?;
    let cookies = new_cookies(&answer);
    let projects = Request::get(format!("{url}/projects"));
    expect(projects, &cookies, "", StatusCode::OK).await?;

    // Somebody else's tenant: refused, and the browser keeps what it has.
    let other = r#"{"tenant":"T2initech"}"#;
    let answer = expect(select(url), &cookies, other, StatusCode::FORBIDDEN).await?;
    if answer.headers().contains_key(header::SET_COOKIE) {
        return Err("a refused selection changed cookies".into());
    }
    // A page of another site: refused before Descope is asked.
    let foreign = select(url).header(header::ORIGIN, "https://evil.test");
    let tenant = r#"{"tenant":"T2globex"}"#;
    expect(foreign, &cookies, tenant, StatusCode::FORBIDDEN).await?;
    Ok(())
}

fn select(url: &str) -> http::request::Builder {
    Request::post(format!("{url}/tenant/select")).header(header::CONTENT_TYPE, "application/json")
}

/// Sends a request with cookies, prints what came back, and compares the status.
async fn expect(
    request: http::request::Builder,
    cookies: &str,
    body: &str,
    expected: StatusCode,
) -> Result<Response<()>, Box<dyn Error>> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = request
        .header(header::COOKIE, cookies)
        .body(body.to_owned())?;
    let what = format!("{} {}", request.method(), request.uri().path());
    let (answer, body) = client.request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    println!(
        "{what}: {}: {}",
        answer.status,
        String::from_utf8_lossy(&body).trim()
    );
    if answer.status != expected {
        return Err(format!("{what}: expected {expected}").into());
    }
    Ok(Response::from_parts(answer, ()))
}

/// What a browser would send next.
fn new_cookies(answer: &Response<()>) -> String {
    let cookies: Vec<&str> = answer
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
        .collect();
    cookies.join("; ")
}
