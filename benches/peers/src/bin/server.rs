//! The same axum application behind each guard, on loopback: `server TOKENS [COUNT [MILLISECONDS]]`.
//!
//! Writes so many tokens of different users into the file, prints names and ports as one line of JSON,
//! and serves until its standard input ends. All applications are on one thread, so that the one
//! that is loaded has it for itself and each has the same. The fake answers for its keys after so
//! many milliseconds, as an identity provider in another place does.

use std::{env, error::Error, fs, io, thread, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, header::VARY},
    middleware::{Next, from_fn},
    response::Response,
    routing::{get, post},
};
use peers::{
    backend::{self, Backend},
    bed,
    contenders::{
        by_hand::{ByHand, bearer, refusal},
        descope::descope,
        jwks_client,
    },
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot};
use tower::util::MapResponseLayer;
use tower_descope::{TenantLayer, test_util::FakeDescope};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let path = arguments.next().ok_or("a file for the tokens is missing")?;
    let count = arguments.next().map_or(Ok(1_000), |text| text.parse())?;
    let delay = arguments.next().map_or(Ok(0), |text| text.parse())?;

    backend::install();
    let fake = bed::start_fake().await;
    let tokens: Vec<String> = (0..count).map(|n| token(&fake, n)).collect();
    fs::write(path, tokens.join("\n"))?;

    let mut ports = Vec::new();
    for (name, app) in applications(&fake).await? {
        ports.push(json!([name, serve(app).await?]));
    }
    fake.delay_path(&fake.keys_path(), Duration::from_millis(delay));
    println!("{}", Value::Array(ports));

    let (ended, end) = oneshot::channel();
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = ended.send(());
    });
    Ok(end.await?)
}

fn token(fake: &FakeDescope, number: usize) -> String {
    bed::session(fake, &format!("U2Zq8mXkQv1cD4eF5gH6iJ7kL{number:03}"), 3).token()
}

async fn applications(fake: &FakeDescope) -> Result<Vec<(&'static str, Router)>, Box<dyn Error>> {
    let app = || Router::new().route("/projects", get(async || "ok"));
    let mut all = vec![("no auth", app())];
    all.push((
        "a layer that adds Vary",
        app().layer(MapResponseLayer::new(add_vary)),
    ));
    for (name, cached) in [
        ("tower-descope, warm", true),
        ("tower-descope, cold", false),
    ] {
        let descope = descope(fake, cached);
        descope.warm_up().await?;
        all.push((name, app().layer(TenantLayer::new(descope))));
    }
    for (name, backend) in [
        ("jsonwebtoken::decode", Backend::AwsLc),
        ("jsonwebtoken::decode, RustCrypto", Backend::RustCrypto),
    ] {
        let by_hand = ByHand::new(fake);
        let guard = from_fn(move |mut request: Request, next: Next| {
            let by_hand = by_hand.clone();
            async move {
                backend.choose();
                if by_hand.admits(&mut request) {
                    next.run(request).await
                } else {
                    refusal()
                }
            }
        });
        all.push((name, app().layer(guard)));
    }
    let client = jwks_client::client(fake);
    let guard = from_fn(move |request: Request, next: Next| {
        let client = client.clone();
        async move {
            Backend::AwsLc.choose();
            admit_by(&client, request, next).await
        }
    });
    all.push(("jwks_client_rs", app().layer(guard)));
    // For the loader: a new key, and a token by it.
    let fake = fake.clone();
    let rotate = post(async move || {
        fake.rotate_keys_keeping_old();
        token(&fake, 0)
    });
    all.push(("control", Router::new().route("/rotate", rotate)));
    Ok(all)
}

/// What any layer of this kind costs.
fn add_vary(mut response: Response) -> Response {
    let fields = HeaderValue::from_static("Authorization, Cookie");
    response.headers_mut().append(VARY, fields);
    response
}

async fn admit_by(client: &jwks_client::Client, mut request: Request, next: Next) -> Response {
    let claims = match bearer(&request) {
        Some(token) => jwks_client::verify(client, token).await,
        None => None,
    };
    let Some(claims) = claims else {
        return refusal();
    };
    request.extensions_mut().insert(claims);
    next.run(request).await
}

async fn serve(app: Router) -> io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(port)
}
