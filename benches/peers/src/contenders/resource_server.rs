//! `tower-oauth2-resource-server`: a layer. It has no verdict without a request.

use std::{thread, time::Duration};

use axum::body::Body;
use http::StatusCode;
use tower::{Layer, service_fn};
use tower_oauth2_resource_server::{
    server::OAuth2ResourceServer, tenant::TenantConfiguration, validation::ClaimsValidationSpec,
};

use super::by_hand::permits;
use crate::{
    backend::Backend,
    bed::{Bed, keys_url, request},
    claims::Claims,
    contender::{Contender, service, through},
};

pub(super) fn contender(bed: &Bed, asks: bool) -> Contender {
    // With `nbf` it would insist on that claim, which sessions do not have.
    let checks = ClaimsValidationSpec::new()
        .exp(true)
        .iss(bed.fake.project_id());
    let server = bed.wait(async {
        // The issuer of a Descope token is no URL, which this constructor insists on.
        let tenant = TenantConfiguration::builder(bed.fake.url())
            .jwks_url(keys_url(&bed.fake))
            .claims_validation(checks)
            .build()
            .await;
        OAuth2ResourceServer::<Claims>::builder()
            .add_tenant(tenant.expect("a good configuration"))
            .build()
            .await
            .expect("a good configuration")
    });
    let service = server
        .into_layer::<Body>()
        .layer(service_fn(service(asks, permits)));
    let mut call = through(bed.handle(), service);
    // It fetches its keys in the background, and says nothing when they are in.
    let token = bed.token(3);
    for _ in 0..1_000 {
        if call(request(Some(&token))) == StatusCode::OK {
            break;
        }
        thread::sleep(Duration::from_millis(5));
    }
    Contender::new(
        "tower-oauth2-resource-server",
        "0.12.5",
        Backend::AwsLc,
        call,
    )
}
