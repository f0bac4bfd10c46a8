//! What the benches stand on: a fake Descope, a handle with its keys, and services.

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    pin::pin,
    task::{Context, Poll, Waker},
};

use aws_lc_rs::{
    rsa::PublicKeyComponents,
    signature::{self, ParsedPublicKey, RsaParameters},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderValue, Request, Response, header::CONTENT_TYPE};
use serde_json::Value;
use tokio::runtime::Runtime;
use tower::Service;
use tower_descope::{
    Descope, DescopeBuilder,
    test_util::{FakeDescope, TokenBuilder},
};

/// The first is the fake's own, and Descope's.
pub(crate) const ALGORITHMS: [&str; 6] = ["RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA"];

/// An access key as long as Descope's.
pub(crate) const ACCESS_KEY: &str =
    "K2zQ8mXkQv1cD4eF5gH6iJ7kL8mNoP9qR0sT1uV2wX3yZ4aB5cD6eF7gH8iJ9kL0mN1oP2qR";

pub(crate) struct Bed {
    pub(crate) fake: FakeDescope,
    /// Verifies each token as if it came for the first time.
    pub(crate) descope: Descope,
    /// Knows the sessions that it has verified before.
    pub(crate) caching: Descope,
    runtime: Runtime,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let fake = FakeDescope::builder().access_key(ACCESS_KEY, |key| {
            (0..3).fold(key, |key, n| {
                key.tenant(tenant_id(n), |tenant| {
                    tenant.role("member").permission("projects.read")
                })
            })
        });
        let fake = runtime.block_on(fake.start());
        for algorithm in &ALGORITHMS[1..] {
            fake.add_key_for(algorithm);
        }
        // Large enough for 200 tenants.
        let handle = |sessions| {
            let builder = fake.descope_builder().max_token_len(65_536);
            warm(&runtime, builder.session_cache(sessions))
        };
        Self {
            descope: handle(0),
            caching: handle(10_000),
            fake,
            runtime,
        }
    }

    /// Another handle on the same fake, with its keys at hand.
    pub(crate) fn warm(&self, builder: DescopeBuilder) -> Descope {
        warm(&self.runtime, builder)
    }

    /// Waits for something that is not on the hot path.
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// A session with three tenants, one of them active.
    pub(crate) fn session(&self) -> TokenBuilder {
        self.tenants(3)
    }

    /// A member of so many tenants, with a role and a permission in each.
    pub(crate) fn tenants(&self, number: usize) -> TokenBuilder {
        self.member_of(number, &["member"], &["projects.read"])
    }

    /// The same with two roles and three permissions in each.
    pub(crate) fn tenants_of_five_strings(&self, number: usize) -> TokenBuilder {
        let permissions = ["projects.read", "projects.write", "billing.read"];
        self.member_of(number, &["member", "editor"], &permissions)
    }

    fn member_of(&self, number: usize, roles: &[&str], permissions: &[&str]) -> TokenBuilder {
        let mut session = self.fake.session("U2Zq8mXkQv1cD4eF5gH6iJ7kL8mN");
        for n in 0..number {
            session = session.tenant(tenant_id(n), |tenant| {
                let tenant = roles.iter().fold(tenant, |tenant, role| tenant.role(*role));
                let permissions = permissions.iter();
                permissions.fold(tenant, |tenant, permission| tenant.permission(*permission))
            });
        }
        session.active(tenant_id(number - 1))
    }

    /// The signature check of this very token and nothing else, over a key that was parsed before:
    /// the floor under every verification.
    pub(crate) fn signature_check(&self, token: &str) -> impl Fn() + Send + Sync + 'static {
        let (signed, signature) = token.rsplit_once('.').expect("a compact token");
        let (header, _) = signed.split_once('.').expect("a compact token");
        let header: Value = serde_json::from_slice(&decode(header)).expect("a header");
        let jwks = self.fake.jwks();
        let keys = jwks["keys"].as_array().expect("a key set");
        let jwk = keys.iter().find(|jwk| jwk["kid"] == header["kid"]);
        let key = parse(jwk.expect("a published key"), &header["alg"]);
        let (signed, signature) = (signed.to_owned(), decode(signature));
        move || {
            key.verify_sig(signed.as_bytes(), &signature)
                .expect("a good signature");
        }
    }
}

pub(crate) fn tenant_id(number: usize) -> String {
    format!("T2Zq8mXkQv1cD4eF5gH6iJ7kL{number:03}")
}

fn warm(runtime: &Runtime, builder: DescopeBuilder) -> Descope {
    let descope = builder.build().expect("a good configuration");
    runtime
        .block_on(descope.warm_up())
        .expect("keys from the fake");
    descope
}

fn decode(part: impl AsRef<[u8]>) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(part).expect("base64url")
}

fn parse(jwk: &Value, algorithm: &Value) -> ParsedPublicKey {
    let member = |name: &str| decode(jwk[name].as_str().expect("a member of the key"));
    let rsa = |algorithm: &'static RsaParameters| {
        let (n, e) = (member("n"), member("e"));
        PublicKeyComponents { n, e }.to_parsed_public_key(algorithm)
    };
    let ec = |algorithm| {
        let point = [&[4], &*member("x"), &*member("y")].concat();
        ParsedPublicKey::new(algorithm, point)
    };
    let key = match algorithm.as_str().expect("an algorithm") {
        "RS256" => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
        "RS512" => rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
        "PS256" => rsa(&signature::RSA_PSS_2048_8192_SHA256),
        "ES256" => ec(&signature::ECDSA_P256_SHA256_FIXED),
        "ES384" => ec(&signature::ECDSA_P384_SHA384_FIXED),
        "EdDSA" => ParsedPublicKey::new(&signature::ED25519, member("x")),
        other => panic!("no check for {other}"),
    };
    key.expect("a usable key")
}

/// A future that must be ready at once.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("left the hot path"),
    }
}

/// Calls a service as a server does: ready first.
pub(crate) fn call<S>(service: &mut S, request: Request<()>) -> S::Response
where
    S: Service<Request<()>, Error = Infallible>,
{
    let ready = service.poll_ready(&mut Context::from_waker(Waker::noop()));
    assert!(ready.is_ready(), "left the hot path");
    let Ok(response) = now(service.call(request));
    response
}

/// The bare service under the layer. Its answer has a header, as answers have.
pub(crate) fn handler(_: Request<()>) -> Ready<Result<Response<String>, Infallible>> {
    let mut response = Response::new(String::new());
    let value = HeaderValue::from_static("text/plain");
    response.headers_mut().insert(CONTENT_TYPE, value);
    ready(Ok(response))
}

/// A request with these fields.
pub(crate) fn get(fields: &[(&str, &str)]) -> Request<()> {
    let request = fields.iter().fold(
        Request::get("/projects").header("host", "app.example.com"),
        |request, (name, value)| request.header(*name, *value),
    );
    request.body(()).expect("good fields")
}
