//! `jwks_client_rs`: its own `decode`, behind a few lines of service.

use std::convert::Infallible;

use axum::body::Body;
use http::{Request, Response};
use jwks_client_rs::{JwksClient, source::WebSource};
use tower::service_fn;
use tower_descope::test_util::FakeDescope;

use super::by_hand::{bearer, refusal};
use crate::{
    backend::Backend,
    bed::{Bed, finish, keys_url},
    claims::Claims,
    contender::{Contender, through},
};

pub type Client = JwksClient<WebSource>;

/// With its keys from where the fake serves them.
pub fn client(fake: &FakeDescope) -> Client {
    let url = keys_url(fake).parse().expect("a URL");
    let source = WebSource::builder().build(url).expect("an HTTP client");
    JwksClient::builder().build(source)
}

/// It has no setting for the issuer.
pub async fn verify(client: &Client, token: &str) -> Option<Claims> {
    let no_audience: &[&str] = &[];
    client.decode::<Claims>(token, no_audience).await.ok()
}

pub(super) fn contender(bed: &Bed, asks: bool) -> Contender {
    let client = client(&bed.fake);
    let guard = client.clone();
    let service = service_fn(move |request: Request<()>| {
        let client = guard.clone();
        async move {
            let claims = match bearer(&request) {
                Some(token) => verify(&client, token).await,
                None => None,
            };
            Ok::<Response<Body>, Infallible>(if let Some(claims) = claims {
                assert!(!asks || claims.permits(), "the token permits it");
                Response::default()
            } else {
                refusal()
            })
        }
    });
    let handle = bed.handle();
    Contender::new(
        "jwks_client_rs",
        "0.6.13",
        Backend::AwsLc,
        through(bed.handle(), service),
    )
    .with_verdict(move |token| finish(&handle, verify(&client, token)).is_some())
}
