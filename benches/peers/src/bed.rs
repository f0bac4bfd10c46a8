//! What all stand on: one fake Descope, its keys and its tokens.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use aws_lc_rs::{
    rsa::PublicKeyComponents,
    signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Request;
use serde_json::Value;
use tokio::runtime::{Handle, Runtime};
use tower_descope::test_util::{FakeDescope, TokenBuilder};

use crate::backend;

/// The permission that every token has in its active tenant.
pub const PERMISSION: &str = "projects.read";

pub struct Bed {
    pub fake: FakeDescope,
    runtime: Runtime,
}

impl Bed {
    pub fn start() -> Self {
        backend::install();
        // A thread of its own for what peers do in the background, since the measured one never
        // waits.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let fake = runtime.block_on(start_fake());
        Self { fake, runtime }
    }

    pub fn handle(&self) -> Handle {
        self.runtime.handle().clone()
    }

    /// Waits for something that is not measured.
    pub fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// The token of a member of so many tenants, the last of them active.
    pub fn token(&self, tenants: usize) -> String {
        session(&self.fake, "U2Zq8mXkQv1cD4eF5gH6iJ7kL8mN", tenants).token()
    }

    /// The signature check of this very token and nothing else, over a key that was parsed before:
    /// the floor under every verification.
    pub fn raw_check(&self, token: &str) -> impl Fn() + 'static {
        let (signed, signature) = token.rsplit_once('.').expect("a compact token");
        let jwks = self.fake.jwks();
        let member = |name: &str| decode(jwks["keys"][0][name].as_str().expect("an RSA key"));
        let (n, e) = (member("n"), member("e"));
        let key: ParsedPublicKey = PublicKeyComponents { n, e }
            .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            .expect("a usable key");
        let (signed, signature) = (signed.to_owned(), decode(signature));
        move || {
            key.verify_sig(signed.as_bytes(), &signature)
                .expect("a good signature");
        }
    }
}

/// A fake in real time, as services live in it, whose tokens outlive any bench.
pub async fn start_fake() -> FakeDescope {
    FakeDescope::builder()
        .real_time()
        .session_ttl(Duration::from_hours(24))
        .start()
        .await
}

/// Where the fake serves its keys.
pub fn keys_url(fake: &FakeDescope) -> String {
    fake.url() + &fake.keys_path()
}

/// A session of a member of so many tenants, the last of them active.
pub fn session(fake: &FakeDescope, user: &str, tenants: usize) -> TokenBuilder {
    let id = |number: usize| format!("T2Zq8mXkQv1cD4eF5gH6iJ7kL{number:03}");
    (0..tenants)
        .fold(fake.session(user), |session, number| {
            session.tenant(id(number), |tenant| {
                tenant.role("member").permission(PERMISSION)
            })
        })
        .active(id(tenants - 1))
}

/// The token with another kid in its header. Its signature is then as wrong as a stranger's.
pub fn with_kid(token: &str, kid: &str) -> String {
    let (header, rest) = token.split_once('.').expect("a compact token");
    let mut header: Value = serde_json::from_slice(&decode(header)).expect("a JOSE header");
    header["kid"] = kid.into();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

/// A request with this bearer token, or with none.
pub fn request(token: Option<&str>) -> Request<()> {
    let mut request = Request::get("/projects").header("host", "app.example.com");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(()).expect("a good request")
}

/// The future's outcome: at once if it is ready at once, as it must be on any hot path, else after
/// the wait for a network that some peers have there.
pub fn finish<F: Future>(handle: &Handle, future: F) -> F::Output {
    let mut future = pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => output,
        Poll::Pending => handle.block_on(future),
    }
}

fn decode(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(part).expect("base64url")
}
