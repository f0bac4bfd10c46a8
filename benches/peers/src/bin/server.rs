//! The same axum application behind each guard, on loopback: `server TOKENS [COUNT [MILLISECONDS]]`.
//!
//! Writes so many tokens of different users into the file, prints names and ports as one line of JSON,
//! and serves until its standard input ends. All applications are on one thread, so that the one
//! that is loaded has it for itself and each has the same. The fake answers for its keys after so
//! many milliseconds, as an identity provider in another place does.

use std::{convert::Infallible, env, error::Error, fs, io, thread, time::Duration};

use axum::{
    Router, ServiceExt,
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
use tower::{Layer, Service, util::MapResponseLayer};
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

    let ports = serve_all(&fake).await?;
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

async fn serve_all(fake: &FakeDescope) -> Result<Vec<Value>, Box<dyn Error>> {
    let app = || Router::new().route("/projects", get(async || "ok"));
    let vary = MapResponseLayer::new(add_vary);
    let mut ports = vec![
        serve("no auth", app()).await?,
        serve("a layer that adds Vary", app().layer(vary)).await?,
    ];
    let layer = async |cached| {
        let descope = descope(fake, cached);
        descope.warm_up().await.map(|()| TenantLayer::new(descope))
    };
    let warm = app().layer(layer(true).await?);
    ports.push(serve("tower-descope, warm", warm).await?);
    let outermost = layer(true).await?.layer(app());
    ports.push(serve("tower-descope outermost, warm", outermost).await?);
    let cold = app().layer(layer(false).await?);
    ports.push(serve("tower-descope, cold", cold).await?);
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
        ports.push(serve(name, app().layer(guard)).await?);
    }
    let client = jwks_client::client(fake);
    let guard = from_fn(move |request: Request, next: Next| {
        let client = client.clone();
        async move {
            Backend::AwsLc.choose();
            admit_by(&client, request, next).await
        }
    });
    ports.push(serve("jwks_client_rs", app().layer(guard)).await?);
    // For the loader: a new key, and a token by it.
    let fake = fake.clone();
    let rotate = post(async move || {
        fake.rotate_keys_keeping_old();
        token(&fake, 0)
    });
    let control = Router::new().route("/rotate", rotate);
    ports.push(serve("control", control).await?);
    Ok(ports)
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

/// Its name and port.
async fn serve<S>(name: &str, app: S) -> io::Result<Value>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move { axum::serve(listener, app.into_make_service()).await });
    Ok(json!([name, port]))
}
