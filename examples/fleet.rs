//! Three replicas of a small service behind one port, which share their state in Redis: a browser may go
//! to any of them, and its refresh token is sent once.
//!
//! ```console
//! cargo run --example fleet --features redis -- --fake
//! ```
//!
//! `REDIS_URL` names the Redis; without it one is started here, where `redis-server` or `valkey-server` is
//! installed. `--fake` runs it against an embedded stand-in for Descope, whose sessions live for five
//! seconds, and prints what each replica did. `PORT` chooses the port. With `EXAMPLE_CHECK=1` it asks
//! itself and ends, as CI does.
//!
//! With `--replica` it is one replica, for a container (`examples/fleet/compose.yaml`): the project is
//! the one in `DESCOPE_PROJECT_ID`, Descope is at `DESCOPE_BASE_URL`, and `SHARED_SECRET` is what all
//! replicas have in common.

use std::{env, error::Error, net::SocketAddr, process::ExitCode, thread, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower_descope::{
    Descope, DescopeBuilder, RedisSettings, Renewal, Session, SessionRoutes, SharedState,
    TenantLayer, test_util::FakeDescope,
};

#[path = "fleet/counters.rs"]
mod counters;
#[path = "fleet/engine.rs"]
mod engine;
#[path = "fleet/front.rs"]
mod front;
#[path = "shared/stop.rs"]
mod stop;

use self::{counters::Counters, engine::Engine};

/// Who signs in here.
const ANN: &str = "ann@acme.test";

type Failure = Box<dyn Error + Send + Sync>;

/// What all replicas have alike.
#[derive(Clone)]
struct Settings {
    project: String,
    descope: String,
    redis: String,
    secret: String,
}

#[derive(Clone)]
struct Replica {
    number: usize,
    descope: Descope,
    settings: Settings,
    counters: Counters,
}

/// The handle of a replica: a single machine's, with one more line.
fn builder(settings: &Settings) -> DescopeBuilder {
    let redis = RedisSettings::new(settings.redis.as_str(), settings.secret.as_str());
    Descope::builder(settings.project.as_str())
        .base_url(settings.descope.as_str())
        // The stand-in of the compose file speaks plain HTTP in a network of its own. Not for Descope.
        .danger_plain_http_base_url(true)
        // Both for the eye: renewals at once, and a new Redis that is relied on after some seconds.
        .leeway(Duration::ZERO)
        .timeout(Duration::from_secs(2))
        .shared_state(SharedState::redis(redis))
}

fn app(replica: Replica) -> Router {
    // Only what has expired is renewed, so that reloading shows it.
    let renewal = Renewal::new().early(Duration::ZERO);
    let layer = TenantLayer::new(replica.descope.clone()).renew(renewal);
    let routes = SessionRoutes::new(replica.descope.clone());
    Router::new()
        .route("/who", get(who))
        .route_layer(layer)
        .route("/", get(|| async { Html(include_str!("fleet/page.html")) }))
        .route("/sign-in", get(sign_in))
        .nest_service("/v1/auth", routes)
        .layer(middleware::from_fn_with_state(replica.clone(), tell))
        .with_state(replica)
}

async fn who(State(replica): State<Replica>, session: Session) -> String {
    format!("{}, by replica {}\n", session.user_id(), replica.number)
}

/// Prints what the replica did for a request, and has the next one go to another replica.
async fn tell(
    State(replica): State<Replica>,
    request: axum::extract::Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    for words in replica.counters.news() {
        println!("replica {}: {words}", replica.number);
    }
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

/// Signs Ann in by the stand-in's one-time code, which is the same for everybody. A real service has one
/// of the doors that README shows.
async fn sign_in(State(replica): State<Replica>) -> Result<Response, Response> {
    let failed = |error: Failure| (StatusCode::BAD_GATEWAY, error.to_string()).into_response();
    let tokens = tokens(&replica.settings).await.map_err(failed)?;
    let mut response = Redirect::to("/").into_response();
    for (name, token) in [
        ("DS", tokens.get("sessionJwt")),
        ("DSR", tokens.get("refreshJwt")),
    ] {
        let token = token.and_then(Value::as_str).unwrap_or_default();
        let cookie = format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax");
        let cookie = HeaderValue::from_str(&cookie).map_err(|error| failed(error.into()))?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

async fn tokens(settings: &Settings) -> Result<Value, Failure> {
    ask(settings, "signin", json!({"loginId": ANN})).await?;
    let code = FakeDescope::ONE_TIME_CODE;
    ask(settings, "verify", json!({"loginId": ANN, "code": code})).await
}

/// A call to the stand-in.
async fn ask(settings: &Settings, call: &str, body: Value) -> Result<Value, Failure> {
    let url = format!("{}/v1/auth/otp/{call}/email", settings.descope);
    let request = Request::post(url)
        .header("authorization", format!("Bearer {}", settings.project))
        .header("content-type", "application/json")
        .body(Full::<bytes::Bytes>::from(body.to_string()))?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    if !status.is_success() {
        return Err(format!("the stand-in says {status}").into());
    }
    Ok(serde_json::from_slice(&body)?)
}

/// Serves until it is to stop, and then tells the others all that they are to know.
async fn serve(listener: TcpListener, replica: Replica) -> Result<(), Failure> {
    let descope = replica.descope.clone();
    let server = axum::serve(listener, app(replica)).with_graceful_shutdown(stop::requested());
    stop::in_time(server.into_future()).await?;
    descope.drain().await;
    Ok(())
}

/// A replica on a thread of its own, so that it has counters of its own. Returns where it listens.
async fn start(number: usize, settings: Settings) -> Result<(SocketAddr, Descope), Failure> {
    let (told, started) = tokio::sync::oneshot::channel();
    thread::spawn(move || {
        let counters = Counters::default();
        let _recorder = metrics::set_default_local_recorder(&counters);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let descope = builder(&settings).build()?;
            descope.warm_up().await?;
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let _ = told.send((listener.local_addr()?, descope.clone()));
            let counters = counters.clone();
            let replica = Replica {
                number,
                descope,
                settings,
                counters,
            };
            serve(listener, replica).await
        })
    });
    started
        .await
        .map_err(|_| "a replica did not start: is the Redis there?".into())
}

async fn fleet() -> Result<(), Failure> {
    let engine = Engine::find()?;
    let fake = FakeDescope::builder()
        .real_time()
        .session_ttl(Duration::from_secs(5))
        .user(ANN, |user| user.id("U2ann").tenant("T2acme", |t| t))
        .auto_tenant(true)
        .start()
        .await;
    let settings = Settings {
        project: fake.project_id().to_owned(),
        descope: fake.url(),
        redis: engine.url.clone(),
        secret: "a secret that everybody can read here".to_owned(),
    };
    let (mut addresses, mut descope) = (Vec::new(), None);
    for number in 1..=3 {
        let (address, handle) = start(number, settings.clone()).await?;
        addresses.push(address);
        descope = Some(handle);
    }
    // What a Redis does not know may be what it has forgotten: a new one is not relied on yet.
    while let Some(status) = descope.as_ref().and_then(Descope::shared_status)
        && !status.settling.is_zero()
    {
        println!(
            "the Redis is new: sessions are renewed in {:.0?}",
            status.settling
        );
        tokio::time::sleep(status.settling.min(Duration::from_secs(2))).await;
    }
    let port = env::var("PORT").map_or(Ok(0), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    println!("open {url}, sign in and reload; Ctrl-C ends it.");
    let front = front::serve(listener, addresses);
    if env::var_os("EXAMPLE_CHECK").is_none() {
        tokio::select! {
            () = front => {}
            () = stop::requested() => {}
        }
        // The replicas have heard it, too, and end their calls.
        if let Some(descope) = descope {
            descope.drain().await;
        }
        return Ok(());
    }
    let tokens = tokens(&settings).await?;
    tokio::select! {
        () = front => Err("nobody serves any more".into()),
        checked = front::check(&url, &tokens, &fake) => checked,
    }
}

/// One replica, with its settings by environment.
async fn one() -> Result<(), Failure> {
    let settings = Settings {
        project: env::var("DESCOPE_PROJECT_ID").map_err(|_| "DESCOPE_PROJECT_ID is not set")?,
        descope: env::var("DESCOPE_BASE_URL").map_err(|_| "DESCOPE_BASE_URL is not set")?,
        redis: env::var("REDIS_URL").map_err(|_| "REDIS_URL is not set")?,
        secret: env::var("SHARED_SECRET").map_err(|_| "SHARED_SECRET is not set")?,
    };
    let number = env::var("REPLICA").map_or(Ok(1), |number| number.parse())?;
    let port = env::var("PORT").map_or(Ok(8000), |port| port.parse())?;
    let counters = Counters::default();
    metrics::set_global_recorder(counters.clone()).map_err(|error| error.to_string())?;
    let descope = builder(&settings).build()?;
    descope.warm_up().await?;
    let listener = TcpListener::bind(("0.0.0.0", port)).await?;
    println!("replica {number} listens on port {port}");
    serve(
        listener,
        Replica {
            number,
            descope,
            settings,
            counters,
        },
    )
    .await
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--fake"] => fleet().await,
        ["--replica"] => one().await,
        _ => Err("end the command with `-- --fake` for three replicas and an embedded stand-in for \
                  Descope, whose keys everybody knows, or with `-- --replica` for one replica with the \
                  project in DESCOPE_PROJECT_ID"
            .into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
