//! `jsonwebtoken::decode`, as its documentation shows it: the header for the kid, then the token.

use std::{collections::HashMap, convert::Infallible, future::ready, sync::Arc};

use axum::body::Body;
use http::{Request, Response, StatusCode, header::AUTHORIZATION};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use tower::service_fn;
use tower_descope::test_util::FakeDescope;

use crate::{
    backend::Backend,
    bed::Bed,
    claims::Claims,
    contender::{Contender, service, through},
};

/// Keys and what is asked of a token, made once.
#[derive(Clone)]
pub struct ByHand {
    keys: Arc<HashMap<String, DecodingKey>>,
    validation: Arc<Validation>,
}

impl ByHand {
    pub fn new(fake: &FakeDescope) -> Self {
        let set: JwkSet = serde_json::from_value(fake.jwks()).expect("a key set");
        let key = |jwk: &jsonwebtoken::jwk::Jwk| {
            let kid = jwk.common.key_id.clone().expect("a kid");
            (kid, DecodingKey::from_jwk(jwk).expect("a usable key"))
        };
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[fake.project_id()]);
        validation.set_required_spec_claims(&["exp", "iss"]);
        Self {
            keys: Arc::new(set.keys.iter().map(key).collect()),
            validation: Arc::new(validation),
        }
    }

    pub fn verify(&self, token: &str) -> Option<Claims> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        let key = self.keys.get(&header.kid?)?;
        let data = jsonwebtoken::decode(token, key, &self.validation).ok()?;
        Some(data.claims)
    }

    /// The claims for the request's bearer token go into its extensions; `false` if it has no good
    /// one.
    pub fn admits<B>(&self, request: &mut Request<B>) -> bool {
        let claims = bearer(request).and_then(|token| self.verify(token));
        let good = claims.is_some();
        if let Some(claims) = claims {
            request.extensions_mut().insert(claims);
        }
        good
    }
}

pub fn bearer<B>(request: &Request<B>) -> Option<&str> {
    let field = request.headers().get(AUTHORIZATION)?;
    field.to_str().ok()?.strip_prefix("Bearer ")
}

pub fn refusal() -> Response<Body> {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    response
}

/// For the peers that put [`Claims`] into the extensions.
pub(super) fn permits(request: &Request<()>) -> bool {
    let claims = request.extensions().get::<Claims>();
    claims.is_some_and(Claims::permits)
}

pub(super) fn contender(bed: &Bed, backend: Backend, asks: bool) -> Contender {
    let by_hand = ByHand::new(&bed.fake);
    let inner = service::<Body>(asks, permits);
    let guard = by_hand.clone();
    let service = service_fn(move |mut request: Request<()>| {
        if guard.admits(&mut request) {
            inner(request)
        } else {
            ready(Ok::<_, Infallible>(refusal()))
        }
    });
    let name = match backend {
        Backend::RustCrypto => "jsonwebtoken::decode, RustCrypto",
        _ => "jsonwebtoken::decode",
    };
    Contender::new(name, "11.1.0", backend, through(bed.handle(), service))
        .with_verdict(move |token| by_hand.verify(token).is_some())
}
