//! A WebSocket that ends with its session: it knows its tenant, goes on while the browser renews its
//! session, and is closed with 4401 when the user signs out, wherever that is.
//!
//! ```console
//! cargo run --example live --features ws -- --fake
//! ```
//!
//! `--fake` runs it against an embedded stand-in for Descope, whose sessions live for five seconds, so
//! that there is something to see. Without it the project in `DESCOPE_PROJECT_ID` is asked, and a session
//! has to be in the browser already. `PORT` chooses the port. With `EXAMPLE_CHECK=1` it asks itself and
//! ends, as CI does.

use std::{env, error::Error, time::Duration};

use axum::{
    Router,
    extract::{
        State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade},
    },
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use http::{HeaderValue, header, request::Parts};
use tokio::{net::TcpListener, time::interval};
use tower_descope::{
    ActiveTenant, Descope, DescopeBuilder, Renewal, Revocation, Session, SessionRoutes,
    SessionWatch, TenantLayer,
    test_util::{FakeDescope, SignedIn},
};

#[path = "live/check.rs"]
mod check;
#[path = "shared/choice.rs"]
mod choice;
#[path = "shared/stop.rs"]
mod stop;

/// Who signs in here.
const ANN: &str = "ann@acme.test";

/// The code for "sign in again", of the range that is left to applications (RFC 6455 section 7.4.2).
const SESSION_OVER: u16 = 4401;

#[derive(Clone)]
struct App {
    descope: Descope,
    fake: Option<FakeDescope>,
}

fn router(app: App) -> Router {
    // A WebSocket's handshake is a request that acts: only pages of this origin may open one.
    let layer = TenantLayer::new(app.descope.clone())
        .cookies_same_origin_only()
        .renew(Renewal::new().early(Duration::from_secs(2)));
    let routes = SessionRoutes::new(app.descope.clone());
    Router::new()
        .route("/live", get(live))
        .route("/who", get(who))
        .route_layer(layer)
        .route("/", get(|| async { Html(include_str!("live/page.html")) }))
        .route("/sign-in", get(sign_in))
        .nest_service("/v1/auth", routes)
        .with_state(app)
}

/// What the page asks for each second, so that its session is renewed.
async fn who(session: Session) -> String {
    let left = session.expires_in();
    format!("{}, {:.0?} left of this session", session.user_id(), left)
}

async fn live(
    State(app): State<App>,
    tenant: ActiveTenant,
    parts: Parts,
    upgrade: WebSocketUpgrade,
) -> Response {
    let watch = app.descope.watch(&parts);
    upgrade.on_upgrade(move |socket| serve(socket, tenant, watch))
}

/// Sends what is new in the tenant, and closes the socket when its session is over.
async fn serve(mut socket: WebSocket, tenant: ActiveTenant, mut watch: SessionWatch) {
    let mut news = interval(Duration::from_millis(500));
    let mut number = 0;
    loop {
        tokio::select! {
            end = watch.ended() => {
                let reason = format!("{end:?}").into();
                let frame = CloseFrame { code: SESSION_OVER, reason };
                // The browser may be gone already.
                let _ = socket.send(Message::Close(Some(frame))).await;
                return;
            }
            _ = news.tick() => {
                number += 1;
                let line = format!("{}: {number}", tenant.id());
                if socket.send(Message::text(line)).await.is_err() {
                    return;
                }
            }
            // Also answers pings.
            message = socket.recv() => {
                if !matches!(message, Some(Ok(_))) {
                    return;
                }
            }
        }
    }
}

/// Signs Ann in at the stand-in. A real service has one of the doors that README shows.
async fn sign_in(State(app): State<App>) -> Response {
    let Some(fake) = &app.fake else {
        return "sign in with the front end of your project, whose cookies this server reads"
            .into_response();
    };
    let ann = fake.sign_in_to(ANN, "acme");
    let mut response = Redirect::to("/").into_response();
    for cookie in cookies(&ann) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn cookies(signed_in: &SignedIn) -> impl Iterator<Item = HeaderValue> {
    let tokens = [
        ("DS", signed_in.session_jwt()),
        ("DSR", signed_in.refresh_jwt()),
    ];
    tokens.into_iter().filter_map(|(name, token)| {
        let cookie = format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax");
        HeaderValue::try_from(cookie).ok()
    })
}

fn settings(builder: DescopeBuilder) -> DescopeBuilder {
    // So that a sign-out ends sockets of other replicas, too, once there are any.
    builder.revocation(Revocation::available())
}

async fn connect() -> Result<App, Box<dyn Error>> {
    if !choice::takes_fake(false)? {
        let descope = settings(DescopeBuilder::from_env()?).build()?;
        descope.warm_up().await?;
        return Ok(App {
            descope,
            fake: None,
        });
    }
    let fake = FakeDescope::builder()
        .real_time()
        .session_ttl(Duration::from_secs(5))
        .user(ANN, |user| user.id("U2ann").tenant("acme", |t| t))
        .start()
        .await;
    let builder = fake.descope_builder().leeway(Duration::ZERO);
    Ok(App {
        descope: settings(builder).build()?,
        fake: Some(fake),
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = connect().await?;
    let port = env::var("PORT").map_or(Ok(0), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    println!("open http://{address}, sign in, and sign out after a while; Ctrl-C ends it.");

    let server = axum::serve(listener, router(app.clone()));
    let server = server.with_graceful_shutdown(stop::requested());
    let server = stop::in_time(server.into_future());
    let result = match app.fake.filter(|_| env::var_os("EXAMPLE_CHECK").is_some()) {
        None => server.await.map_err(Into::into),
        Some(fake) => tokio::select! {
            ended = server => ended.map_err(Into::into),
            checked = check::check(address, &fake) => checked,
        },
    };
    // A call that is still under way may bring the only token of a session.
    app.descope.drain().await;
    result
}
