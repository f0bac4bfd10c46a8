//! `jwt-authorizer`: a layer for axum 0.7.

use std::sync::Arc;

use ::jwt_authorizer::{IntoLayer, JwtAuthorizer, Validation};
use axum_07::body::Body;
use http::Request;
use jsonwebtoken_9::TokenData;
use tower::{Layer, service_fn};

use crate::{
    backend::Backend,
    bed::{Bed, finish, keys_url},
    claims::Claims,
    contender::{Contender, service, through},
};

pub(super) fn contender(bed: &Bed, asks: bool) -> Contender {
    let authorizer = JwtAuthorizer::<Claims>::from_jwks_url(&keys_url(&bed.fake))
        .validation(Validation::new().iss(&[bed.fake.project_id()]).nbf(true))
        .build();
    let authorizer = Arc::new(bed.wait(authorizer).expect("a good configuration"));
    let permits = |request: &Request<()>| {
        let data = request.extensions().get::<TokenData<Claims>>();
        data.is_some_and(|data| data.claims.permits())
    };
    let inner = service_fn(service::<Body>(asks, permits));
    let service = Arc::clone(&authorizer).into_layer().layer(inner);
    let handle = bed.handle();
    Contender::new(
        "jwt-authorizer",
        "0.15.0",
        Backend::Ring,
        through(bed.handle(), service),
    )
    .with_verdict(move |token| finish(&handle, authorizer.check_auth(token)).is_ok())
}
