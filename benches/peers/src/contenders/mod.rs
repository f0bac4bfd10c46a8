//! The peers, each wired as its documentation says, with its keys from the fake's URL.

mod aliri_tower;
mod axum_jwks;
mod axum_jwt_auth;
mod bare;
pub mod by_hand;
pub mod descope;
pub mod jwks_client;
mod jwt_authorizer;
mod resource_server;

use crate::{bed::Bed, contender::Contender};

/// All of them, the bare service first. With `asks` the service behind each asks for a permission.
pub fn all(bed: &Bed, asks: bool) -> Vec<Contender> {
    vec![
        bare::contender(bed),
        descope::contender(bed, true, asks),
        descope::contender(bed, false, asks),
        by_hand::contender(bed, crate::backend::Backend::AwsLc, asks),
        aliri_tower::contender(bed, asks),
        axum_jwt_auth::contender(bed, asks),
        resource_server::contender(bed, asks),
        jwt_authorizer::contender(bed, asks),
        axum_jwks::contender(bed, asks),
        jwks_client::contender(bed, asks),
        by_hand::contender(bed, crate::backend::Backend::RustCrypto, asks),
        axum_jwt_auth::as_published(bed, asks),
    ]
}
