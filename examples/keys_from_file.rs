//! Keys from a file: a `JwksSource` of one's own, with nothing but `tower_descope::jwks`. For
//! machines that may not call out, where something else brings the key set.
//!
//! ```console
//! cargo run --example keys_from_file -- --fake
//! ```
//!
//! `--fake` runs it offline, with the keys of an embedded stand-in for Descope in a temporary file.
//! Without it the project in `DESCOPE_PROJECT_ID` is served, with the keys in `DESCOPE_KEYS_FILE`:
//! what `https://api.descope.com/v2/keys/<project id>` answered. `PORT` chooses the port. With
//! `EXAMPLE_CHECK=1` it asks itself and ends, as CI does.
//!
//! Write the file under another name and rename it, so that no half of it is ever read.
//! `parse_key_set` reads it as Descope's own answer would be read; it is cached likewise, and read
//! anew when a token names an unknown key.

use std::{
    env,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    process,
};

use axum::{Router, routing::get};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;
use tower_descope::{
    ActiveTenant, Descope, DescopeBuilder, TenantLayer,
    jwks::{JsonWebKeySet, JwksClientError, JwksSource, async_trait, parse_key_set, source_error},
    test_util::FakeDescope,
};

#[path = "shared/choice.rs"]
mod choice;
#[path = "shared/stop.rs"]
mod stop;

struct KeysFile {
    path: PathBuf,
}

#[async_trait]
impl JwksSource for KeysFile {
    async fn fetch_keys(&self) -> Result<JsonWebKeySet, JwksClientError> {
        let shown = self.path.display();
        let text = tokio::fs::read(&self.path)
            .await
            .map_err(|error| source_error(format_args!("{shown}: {error}")))?;
        parse_key_set(&text)
    }
}

fn app(descope: Descope) -> Router {
    Router::new()
        .route("/projects", get(projects))
        .route_layer(TenantLayer::new(descope))
}

async fn projects(tenant: ActiveTenant) -> String {
    format!("projects of {}\n", tenant.id())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let temporary = env::temp_dir().join(format!("tower-descope-keys-{}.json", process::id()));
    let (builder, path, fake) = if choice::takes_fake(false)? {
        let fake = FakeDescope::start().await;
        publish(&fake, &temporary)?;
        (fake.descope_builder(), temporary.clone(), Some(fake))
    } else {
        let path = env::var("DESCOPE_KEYS_FILE")
            .map_err(|error| format!("DESCOPE_KEYS_FILE: {error}"))?
            .into();
        (DescopeBuilder::from_env()?, path, None)
    };
    let descope = builder.jwks_source(KeysFile { path }).build()?;
    // A missing or broken file shows here.
    descope.warm_up().await?;

    let token = fake.as_ref().map_or("<a session token>".to_owned(), token);
    let port = env::var("PORT").map_or(Ok(0), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let url = format!("http://{}/projects", listener.local_addr()?);
    println!("try:\n  curl -i -H 'Authorization: Bearer {token}' {url}");
    println!("Ctrl-C ends it.");

    let server = axum::serve(listener, app(descope.clone()));
    let server = server.with_graceful_shutdown(stop::requested());
    let server = stop::in_time(server.into_future());
    let result = match &fake {
        Some(fake) if env::var_os("EXAMPLE_CHECK").is_some() => tokio::select! {
            ended = server => ended.map_err(Into::into),
            checked = check(&url, fake, &temporary) => checked,
        },
        _ => server.await.map_err(Into::into),
    };
    // A service that verifies alone has nothing under way; one that renews sessions may.
    descope.drain().await;
    if fake.is_some() {
        fs::remove_file(&temporary)?;
    }
    result
}

fn token(fake: &FakeDescope) -> String {
    fake.session("U1").tenant("T1", |t| t).active("T1").token()
}

/// Writes the fake's current keys, as whatever distributes keys would.
fn publish(fake: &FakeDescope, path: &Path) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    fs::write(&unfinished, fake.jwks().to_string())?;
    fs::rename(unfinished, path)
}

async fn check(url: &str, fake: &FakeDescope, path: &Path) -> Result<(), Box<dyn Error>> {
    expect(url, &token(fake), StatusCode::OK).await?;

    // A token that names a key not seen before makes the file be read anew.
    fake.rotate_keys();
    publish(fake, path)?;
    expect(url, &token(fake), StatusCode::OK).await?;
    // One that nobody has is refused.
    let unknown = fake.session("U1").kid("unknown").token();
    expect(url, &unknown, StatusCode::UNAUTHORIZED).await?;

    println!("keys fetched from Descope: {}", fake.key_fetches());
    match fake.key_fetches() {
        0 => Ok(()),
        _ => Err("the file alone should have been read".into()),
    }
}

async fn expect(url: &str, token: &str, expected: StatusCode) -> Result<(), Box<dyn Error>> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::get(url).header("authorization", format!("Bearer {token}"));
    let response = client.request(request.body(Empty::<Bytes>::new())?).await?;
    println!("GET /projects: {}", response.status());
    if response.status() == expected {
        Ok(())
    } else {
        Err(format!("expected {expected}").into())
    }
}
