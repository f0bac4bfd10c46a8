//! Forward-auth as a program to deploy: it tells nginx, Caddy, HAProxy, Envoy or Traefik of each request
//! whether it may pass and whose it is, for an application that is written in any language.
//!
//! ```console
//! PROXY_SECRET=$(openssl rand -hex 32) DESCOPE_PROJECT_ID=P2… cargo run --release --example forward_auth
//! ```
//!
//! | path | what answers |
//! |---|---|
//! | `/auth/…` | `SessionRoutes`: `refresh`, `tenant/select`, `logout`, `me`, …; the proxy passes these on to browsers |
//! | `/healthz` | 200 while the process runs |
//! | `/readyz` | 200 while sessions can be verified and, with Redis, the shared state can be reached; else 503 |
//! | every other one | `ForwardAuth`, which the proxy asks |
//!
//! A request with `X-Auth-Proxy` or `X-Forwarded-Method` is a question of the proxy's, whatever its path:
//! a proxy that puts the client's own path into its question must not be answered by `/healthz`.
//!
//! | variable | effect |
//! |---|---|
//! | `DESCOPE_PROJECT_ID` | the project; needed |
//! | `DESCOPE_BASE_URI`, `DESCOPE_PUBLIC_KEY` | the project's own domain; its key, where it is not to be fetched |
//! | `LISTEN` | address and port; default `127.0.0.1:4180` |
//! | `PROXY_SECRET` | what the proxy sends in `X-Auth-Proxy`, 16 bytes or more; needed |
//! | `FORMER_PROXY_SECRET` | the one before, while it is being changed |
//! | `WITHOUT_PROXY_SECRET` | `true`, in place of the two, where nobody but the proxy reaches this service |
//! | `RENEW` | `false`: an expired session is 401; default `true` |
//! | `REQUIRE_TENANT` | `true`: a session without an active tenant is 403 |
//! | `OPTIONAL` | `true`: whoever has no session passes, with `-` in every field |
//! | `PASS_CORS_PREFLIGHT` | `true`: preflights pass, with `-` in every field, for an application that answers them |
//! | `PERMISSIONS` | `true`: answers have `X-Tenant-Permissions` |
//! | `SESSION_HEADER` | the field with the session token, such as `X-Auth-Session`; default none |
//! | `NUMBERED_COOKIES` | `only` for nginx, `off` for the others; default `both`, whose refusals nginx passes on without cookies |
//! | `SIGN_IN_URL` | the page of `X-Auth-Location`: a path, or a URL |
//! | `RETURN_HOSTS` | hosts to come back to from there, with commas between them |
//! | `RETURN_PARAMETER` | that page's parameter; default `return_to` |
//! | `REDIRECTS` | `true`: who opens a page without a session is redirected there |
//! | `COOKIE_NAMES` | `host` (default): `__Host-DS`, and `DS` is read; `plain`: `DS` |
//! | `COOKIE_DOMAIN` | with `plain`: one session for all hosts below it |
//! | `FORMER_COOKIE_DOMAIN` | the domain that the cookies once had: those are removed |
//! | `COOKIE_SAME_SITE` | `strict` (default), `lax` or `none` |
//! | `ORIGINS` | other origins whose pages may act with cookies, with commas between them |
//! | `ACCESS_KEY_PREFIX` | how the access keys of machines begin; default: none are taken |
//! | `PAGE_SIGN_IN` | `true`: opens `/auth/sign-in`, for a page with Descope's component |
//! | `FORMS_PAGE` | a path: `/auth/logout` and `/auth/tenant/select` take HTML forms, and lead there or to `return_to` |
//! | `REDIS_URL`, `SHARED_SECRET` | state that replicas share; needs `--features redis` |
//! | `RUST_LOG` | how much is logged: `warn`, `info` (default) or `debug` |
//!
//! `-- --fake` runs it offline, against an embedded stand-in for Descope, at a free port. With
//! `EXAMPLE_CHECK=1` it asks itself and ends, as CI does. `examples/forward_auth/Dockerfile` makes an
//! image of it.

use std::{env, error::Error, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{net::TcpListener, time::timeout};
use tower::ServiceExt;
use tower_descope::{Descope, DescopeBuilder, ForwardAuth, SessionRoutes, test_util::FakeDescope};

#[path = "forward_auth/check.rs"]
mod check;
#[path = "shared/choice.rs"]
mod choice;
#[path = "shared/log.rs"]
mod log;
#[path = "forward_auth/settings.rs"]
mod settings;
#[path = "shared/stop.rs"]
mod stop;

use self::settings::Settings;

/// How long a look for keys may take that a health check causes.
const PATIENCE: Duration = Duration::from_secs(2);

fn app(descope: Descope, forward_auth: ForwardAuth, routes: SessionRoutes) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready).with_state(descope))
        .nest_service("/auth", routes)
        .fallback_service(forward_auth.clone())
        .layer(middleware::from_fn_with_state(forward_auth, ask))
}

/// Leads every question of the proxy's to forward-auth.
async fn ask(State(forward_auth): State<ForwardAuth>, request: Request, next: Next) -> Response {
    let fields = request.headers();
    let is_question =
        fields.contains_key("x-auth-proxy") || fields.contains_key("x-forwarded-method");
    if !is_question {
        return next.run(request).await;
    }
    match forward_auth.oneshot(request).await {
        Ok(answer) => answer.into_response(),
        Err(never) => match never {},
    }
}

async fn ready(State(descope): State<Descope>) -> (StatusCode, &'static str) {
    if !descope.key_status().is_usable() {
        // Nobody may have asked yet: not before this says that they can.
        let _ = timeout(PATIENCE, descope.warm_up()).await;
    }
    if !descope.key_status().is_usable() {
        (StatusCode::SERVICE_UNAVAILABLE, "no keys\n")
    } else if descope.shared_status().is_some_and(|it| !it.reachable) {
        (StatusCode::SERVICE_UNAVAILABLE, "no shared state\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (builder, settings, fake) = connect().await?;
    log::init()?;
    let descope = settings.descope(builder)?;
    let forward_auth = settings.forward_auth(descope.clone())?;
    let routes = settings.routes(descope.clone());
    // A mistyped project id shows here. An outage is no reason not to start: `/readyz` says when it ends.
    if let Err(error) = descope.warm_up().await {
        eprintln!("not ready yet: {error}");
    }
    let listener = TcpListener::bind(settings.listen())
        .await
        .map_err(|error| format!("LISTEN: {}: {error}", settings.listen()))?;
    let url = format!("http://{}", listener.local_addr()?);
    println!("the proxy asks {url}/check; Ctrl-C ends it.");

    let server = axum::serve(listener, app(descope.clone(), forward_auth, routes));
    let server = server.with_graceful_shutdown(stop::requested());
    let server = stop::in_time(server.into_future());
    let result = match fake.filter(|_| env::var_os("EXAMPLE_CHECK").is_some()) {
        None => server.await.map_err(Into::into),
        Some(fake) => tokio::select! {
            ended = server => ended.map_err(Into::into),
            checked = check::run(&url, &fake) => checked,
        },
    };
    // A call that is still under way may bring the only token of a session.
    descope.drain().await;
    result
}

/// The project that the environment names, or by `--fake` a stand-in, which lives as long as its handle.
async fn connect() -> Result<(DescopeBuilder, Settings, Option<FakeDescope>), Box<dyn Error>> {
    if !choice::takes_fake(false)? {
        let settings = Settings::new(|name| env::var(name))?;
        return Ok((DescopeBuilder::from_env()?, settings, None));
    }
    let fake = FakeDescope::builder()
        .real_time()
        .rotation(true)
        .user("ann@acme.test", |ann| {
            ann.id("U2ann").tenant("T2acme", |t| t.role("tenant admin"))
        })
        .start()
        .await;
    let settings = check::settings()?;
    Ok((fake.descope_builder(), settings, Some(fake)))
}
