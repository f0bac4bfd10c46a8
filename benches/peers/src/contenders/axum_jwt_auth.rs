//! `axum-jwt-auth`: an extractor.

use std::{convert::Infallible, sync::Arc};

use ::axum_jwt_auth::{Claims as Extracted, Decoder, RemoteJwksDecoder};
use axum::{body::Body, extract::FromRequestParts, response::IntoResponse};
use http::{Request, Response};
use jsonwebtoken_10::{Algorithm, Validation};
use tower::service_fn;

use crate::{
    backend::Backend,
    bed::{Bed, finish, keys_url},
    claims::Claims,
    contender::{Contender, through},
};

/// On aws-lc-rs, which takes a provider installed by hand.
pub(super) fn contender(bed: &Bed, asks: bool) -> Contender {
    on(bed, "axum-jwt-auth", Backend::AwsLc, asks)
}

/// On the backend that it asks for itself.
pub(super) fn as_published(bed: &Bed, asks: bool) -> Contender {
    on(bed, "axum-jwt-auth, RustCrypto", Backend::RustCrypto, asks)
}

fn on(bed: &Bed, name: &'static str, backend: Backend, asks: bool) -> Contender {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_issuer(&[bed.fake.project_id()]);
    validation.set_required_spec_claims(&["exp", "iss"]);
    let remote = RemoteJwksDecoder::builder()
        .jwks_url(keys_url(&bed.fake))
        .validation(validation)
        .build()
        .expect("a good configuration");
    bed.wait(remote.initialize()).expect("keys from the fake");
    let state: Decoder<Claims> = Arc::new(remote);

    let decoder = state.clone();
    let service = service_fn(move |request: Request<()>| {
        let state = state.clone();
        async move {
            let (mut parts, ()) = request.into_parts();
            let extracted = Extracted::<Claims>::from_request_parts(&mut parts, &state).await;
            Ok::<Response<Body>, Infallible>(match extracted {
                Ok(user) => {
                    assert!(!asks || user.claims.permits(), "the token permits it");
                    Response::default()
                }
                Err(error) => error.into_response(),
            })
        }
    });
    let handle = bed.handle();
    Contender::new(name, "0.7.0", backend, through(bed.handle(), service))
        .with_verdict(move |token| finish(&handle, decoder.decode(token)).is_ok())
}
