//! `axum-jwks`: an extractor.

use std::convert::Infallible;

use ::axum_jwks::{Claims as Extracted, Jwks, ParseTokenClaims, TokenError};
use axum::{body::Body, extract::FromRequestParts, response::IntoResponse};
use http::{Request, Response};
use serde::Deserialize;
use tower::service_fn;

use crate::{
    backend::Backend,
    bed::{Bed, keys_url},
    claims::Claims,
    contender::{Contender, through},
};

#[derive(Deserialize)]
#[serde(transparent)]
struct Token(Claims);

impl ParseTokenClaims for Token {
    type Rejection = TokenError;
}

pub(super) fn contender(bed: &Bed, asks: bool) -> Contender {
    // It has no setting for the issuer.
    let url = keys_url(&bed.fake);
    let jwks = bed.wait(Jwks::from_jwks_url(&url, None, None));
    let jwks = jwks.expect("keys from the fake");

    let state = jwks.clone();
    let service = service_fn(move |request: Request<()>| {
        // axum clones the state for each request, and this peer's extractor once more.
        let state = state.clone();
        async move {
            let (mut parts, ()) = request.into_parts();
            let extracted = Extracted::<Token>::from_request_parts(&mut parts, &state).await;
            Ok::<Response<Body>, Infallible>(match extracted {
                Ok(Extracted(Token(claims))) => {
                    assert!(!asks || claims.permits(), "the token permits it");
                    Response::default()
                }
                Err(error) => error.into_response(),
            })
        }
    });
    Contender::new(
        "axum-jwks",
        "0.12.0",
        Backend::Ring,
        through(bed.handle(), service),
    )
    .with_verdict(move |token| jwks.validate_claims::<Claims>(token).is_ok())
}
