//! Signing in by Descope's own component: a page runs it against Descope and hands its tokens over.
//!
//! ```console
//! DESCOPE_PROJECT_ID=P2… cargo run --example page_sign_in
//! ```
//!
//! The page at `/sign-in` has `<descope-wc>`, which talks to Descope from the visitor's own address. At
//! its end a script has two tokens, once, and posts them to `/v1/auth/sign-in`: from then on the session
//! is two `HttpOnly` cookies, the refresh token that the script has seen is spent, and `/` shows who is
//! signed in. What a page has to see to stands in `page_sign_in/page.js`.
//!
//! | variable | effect |
//! |---|---|
//! | `DESCOPE_PROJECT_ID` | the project; its host (`127.0.0.1`) has to be an approved domain there |
//! | `DESCOPE_BASE_URI` | the project's own domain |
//! | `PAGE_FLOW` | the flow, in place of `sign-up-or-in` |
//! | `PAGE_COMPONENT_URL` | where the component's script is, in place of Descope's CDN |
//! | `PAGE_BASE_URL` | which Descope the component asks, in place of the public one or `DESCOPE_BASE_URI` |
//! | `PAGE_STATIC_URL` | where the flow's screens are, in place of Descope's |
//! | `PAGE_CDN_URL` | where the component's own parts are, in place of Descope's CDN |
//!
//! `-- --fake` runs it offline, against an embedded stand-in for Descope. That has no screens for the
//! component, so a call of `curl` is printed in place of a page to look at. `PORT` chooses the port. With
//! `EXAMPLE_CHECK=1` it asks itself and ends, as CI does.

use std::{env, error::Error, sync::Arc};

use axum::{
    Router,
    extract::State,
    response::{Html, IntoResponse},
    routing::get,
};
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;
use tower_descope::{
    Descope, DescopeBuilder, Session, SessionRoutes, TenantLayer,
    cookie::SessionCookies,
    routes::SignIn,
    test_util::{FakeDescope, SignedIn},
};

#[path = "shared/choice.rs"]
mod choice;
#[path = "page_sign_in/page.rs"]
mod page;
#[path = "shared/stop.rs"]
mod stop;

fn app(descope: Descope, component: page::Component) -> Router {
    let layer = TenantLayer::new(descope.clone()).cookies_same_origin_only();
    Router::new()
        .route("/", get(home))
        .route_layer(layer.optional())
        .route("/sign-in", get(sign_in))
        .route("/page.js", get(page::script))
        .with_state(Arc::new(component))
        // It guards itself against other sites; refresh and logout are there, too.
        .nest_service(
            "/v1/auth",
            SessionRoutes::new(descope).sign_in(SignIn::new()),
        )
}

async fn sign_in(State(component): State<Arc<page::Component>>) -> impl IntoResponse {
    ([component.policy()], Html(component.page()))
}

async fn home(session: Option<Session>) -> impl IntoResponse {
    let page = page::home(session.as_ref().map(|session| session.user_id().as_str()));
    ([page::own_policy()], Html(page))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (descope, tokens, _fake) = connect().await?;
    let port = env::var("PORT").map_or(Ok(0), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    match &tokens {
        None => println!("sign in at {url}/sign-in"),
        Some(tokens) => {
            println!("try, in this order:");
            println!(
                "  curl -i -c jar -H 'Content-Type: application/json' -H 'Origin: {url}' \\\n    \
                 -d '{}' {url}/v1/auth/sign-in",
                handed_over(tokens)
            );
            println!("  curl -i -b jar {url}/");
        }
    }
    println!("Ctrl-C ends it.");

    let component = page::Component::from_env(descope.project_id());
    let server = axum::serve(listener, app(descope.clone(), component));
    let server = server.with_graceful_shutdown(stop::requested());
    let server = stop::in_time(server.into_future());
    let result = match tokens.filter(|_| env::var_os("EXAMPLE_CHECK").is_some()) {
        None => server.await.map_err(Into::into),
        Some(tokens) => tokio::select! {
            ended = server => ended.map_err(Into::into),
            checked = check(&url, &tokens) => checked,
        },
    };
    // A call that is still under way may bring the only token of a session.
    descope.drain().await;
    result
}

/// The project that the environment names, or by `--fake` a stand-in, which lives as long as its
/// handle; and the tokens that a page would have of it.
async fn connect() -> Result<(Descope, Option<SignedIn>, Option<FakeDescope>), Box<dyn Error>> {
    // Nobody has cookies of other names from before, and a sibling host could plant them.
    let cookies = SessionCookies::host_prefixed().without_fallbacks();
    if !choice::takes_fake(false)? {
        let descope = DescopeBuilder::from_env()?.cookies(cookies).build()?;
        descope.warm_up().await?;
        return Ok((descope, None, None));
    }
    let fake = FakeDescope::builder()
        .real_time()
        .rotation(true)
        .user("ann@acme.test", |ann| ann.id("U2ann").name("Ann Archer"))
        .start()
        .await;
    let descope = fake.descope_builder().cookies(cookies).build()?;
    let tokens = fake.sign_in("ann@acme.test");
    descope.warm_up().await?;
    Ok((descope, Some(tokens), Some(fake)))
}

/// What the component's `success` event has, among other things.
fn handed_over(tokens: &SignedIn) -> String {
    format!(
        r#"{{"sessionJwt":"{}","refreshJwt":"{}"}}"#,
        tokens.session_jwt(),
        tokens.refresh_jwt()
    )
}

async fn check(url: &str, tokens: &SignedIn) -> Result<(), Box<dyn Error>> {
    let hand_over = |origin: &str| {
        Request::post(format!("{url}/v1/auth/sign-in"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ORIGIN, origin)
            .body(handed_over(tokens))
    };
    // A page of another site would sign people in as somebody whom it chooses.
    let refused = expect(hand_over("https://evil.test")?, StatusCode::FORBIDDEN).await?;
    if refused.headers().contains_key(header::SET_COOKIE) {
        return Err("a refused sign-in wrote cookies".into());
    }
    let answer = expect(hand_over(url)?, StatusCode::OK).await?;
    if answer.body().contains("eyJ") {
        return Err("a script can read a token of the answer".into());
    }
    let cookies: Vec<&str> = answer
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
        .collect();
    let home = Request::get(format!("{url}/"))
        .header(header::COOKIE, cookies.join("; "))
        .body(String::new())?;
    if !expect(home, StatusCode::OK).await?.body().contains("U2ann") {
        return Err("nobody is signed in".into());
    }
    Ok(())
}

/// Sends a request, prints the status, and compares it.
async fn expect(
    request: Request<String>,
    expected: StatusCode,
) -> Result<Response<String>, Box<dyn Error>> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let what = format!("{} {}", request.method(), request.uri().path());
    let (answer, body) = client.request(request).await?.into_parts();
    println!("{what}: {}", answer.status);
    if answer.status != expected {
        return Err(format!("{what}: expected {expected}").into());
    }
    let body = body.collect().await?.to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Response::from_parts(answer, body))
}
