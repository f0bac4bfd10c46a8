//! The requests' way in: through the layer, or to a router that knows nothing of sign-in.

use axum::{Router, body::Body, routing};
use http::Request;
use tower::{Layer, Service, service_fn};
use tower_descope::{Descope, SessionToken, TenantLayer};

use crate::{
    bed::{Bed, call, get, handler, now},
    row::Row,
};

/// The baseline: a whole 404 of axum, in process.
pub(crate) const NOT_FOUND: &str = "axum_404";

/// A whole 404 of axum for these fields, which it does not read.
pub(crate) fn not_found(name: &str, fields: &[(&str, &str)]) -> Row {
    let mut router = Router::<()>::new().route("/", routing::get(|| async {}));
    let request = get(fields);
    Row::with_input(
        name,
        move || request.clone().map(|()| Body::empty()),
        move |request: Request<Body>| now(router.call(request)),
    )
}

/// A request with these fields through a layer.
pub(crate) fn through(name: &str, layer: &TenantLayer, fields: &[(&str, &str)]) -> Row {
    let mut service = layer.layer(service_fn(handler));
    let request = get(fields);
    Row::with_input(
        name,
        move || request.clone(),
        move |request| call(&mut service, request),
    )
}

/// A handle that fetches no more keys for tokens of unknown ones: the fake's clock stands still, so
/// that what may be fetched at once is spent for good.
pub(crate) fn without_fetches(bed: &Bed, descope: Descope) -> Descope {
    let unknown = SessionToken::new(bed.session().kid("unknown").token());
    for _ in 0..5 {
        let verdict = bed.wait(descope.verify(&unknown));
        verdict.expect_err("nobody has this key");
    }
    descope
}
