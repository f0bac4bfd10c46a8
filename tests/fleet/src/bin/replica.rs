//! One replica of a service, as a process of its own: it prints its port, and ends when its standard
//! input does.
//!
//! | variable | |
//! |---|---|
//! | `REPLICA_DESCOPE` | the URL of the fake |
//! | `REPLICA_REDIS` | the URL of the Redis |
//! | `REPLICA_TIMEOUT_MS` | how long a caller waits for Descope |
//! | `REPLICA_KEEP_MS` | how long an answer is kept for repeats |
//! | `REPLICA_RESPONSE_MS` | how long a step at Redis may take |
//! | `REPLICA_STALE_MS` | where it is set, revocation is on: strict, after so long |
//! | `REPLICA_TRACE` | where it is set, everything is logged, to its standard error |

use std::{env, error::Error, io, process, thread, time::Duration};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post, post_service},
};
use tokio::net::TcpListener;
use tower_descope::{
    ActiveTenant, Descope, Mark, RedisSettings, Renewal, Revocation, SelectTenant, SessionRoutes,
    SharedState, TenantLayer, UserId,
};
use tower_descope_fleet::{PROJECT, SECRET};
use tracing_subscriber::filter::LevelFilter;

fn number(name: &str) -> Result<u64, Box<dyn Error>> {
    Ok(env::var(name)?.parse()?)
}

fn descope() -> Result<Descope, Box<dyn Error>> {
    let response_timeout = Duration::from_millis(number("REPLICA_RESPONSE_MS")?);
    let redis = RedisSettings::new(env::var("REPLICA_REDIS")?, SECRET);
    let shared = SharedState::redis(redis.response_timeout(response_timeout));
    let mut builder = Descope::builder(PROJECT)
        .base_url(env::var("REPLICA_DESCOPE")?)
        .timeout(Duration::from_millis(number("REPLICA_TIMEOUT_MS")?))
        .keep_answers(Duration::from_millis(number("REPLICA_KEEP_MS")?))
        .shared_state(shared);
    if env::var_os("REPLICA_STALE_MS").is_some() {
        let stale_after = Duration::from_millis(number("REPLICA_STALE_MS")?);
        builder = builder.revocation(Revocation::strict(stale_after));
    }
    Ok(builder.build()?)
}

async fn page(tenant: ActiveTenant) -> String {
    format!("{}@{}", tenant.user_id(), tenant.id())
}

/// Revokes all sessions of a user.
async fn revoke(State(descope): State<Descope>, Path(user): Path<String>) -> StatusCode {
    let Ok(user) = UserId::new(user) else {
        return StatusCode::BAD_REQUEST;
    };
    match descope.revoke(Mark::user(&user)).await {
        Ok(()) => StatusCode::NO_CONTENT,
        // Here it holds.
        Err(error) if error.is_transient() => StatusCode::ACCEPTED,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

async fn drain(State(descope): State<Descope>) {
    descope.drain().await;
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let level = match env::var_os("REPLICA_TRACE") {
        Some(_) => LevelFilter::TRACE,
        None => LevelFilter::INFO,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .with_writer(io::stderr)
        .init();
    thread::spawn(|| {
        // Whoever started it holds the other end, and lets go of it however it ends.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        process::exit(0);
    });
    let descope = descope()?;
    descope.warm_up().await?;
    // Only what has expired is renewed, so that each call has a request that needs it.
    let renewal = Renewal::new().early(Duration::ZERO);
    let plain = TenantLayer::new(descope.clone());
    let layer = plain.clone().renew(renewal);
    let app = Router::new()
        .route("/", get(page))
        .route_layer(layer)
        .merge(Router::new().route("/plain", get(page)).route_layer(plain))
        .route("/revoke/{user}", post(revoke))
        .route("/select", post_service(SelectTenant::new(descope.clone())))
        .nest_service("/v1/auth", SessionRoutes::new(descope.clone()))
        .route("/drain", post(drain))
        .with_state(descope);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    axum::serve(listener, app).await?;
    Ok(())
}
