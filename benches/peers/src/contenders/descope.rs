//! tower-descope itself.

use axum::body::Body;
use tower::{Layer, service_fn};
use tower_descope::{ActiveTenant, Descope, SessionToken, TenantLayer, test_util::FakeDescope};

use crate::{
    backend::Backend,
    bed::{Bed, PERMISSION, finish},
    contender::{Contender, service, through},
};

/// The handle, with its cache of verified sessions on (as by default) or off.
pub fn descope(fake: &FakeDescope, cached: bool) -> Descope {
    // Large enough for 200 tenants.
    let mut builder = fake.descope_builder().max_token_len(65_536);
    if !cached {
        builder = builder.session_cache(0);
    }
    builder.build().expect("a good configuration")
}

pub(super) fn contender(bed: &Bed, cached: bool, asks: bool) -> Contender {
    let descope = descope(&bed.fake, cached);
    bed.wait(descope.warm_up()).expect("keys from the fake");
    let permits = |request: &http::Request<()>| {
        ActiveTenant::from_extensions(request.extensions())
            .is_ok_and(|tenant| tenant.has_permission(PERMISSION))
    };
    let service =
        TenantLayer::new(descope.clone()).layer(service_fn(service::<Body>(asks, permits)));
    let name = if cached {
        "tower-descope, warm"
    } else {
        "tower-descope, cold"
    };
    let handle = bed.handle();
    Contender::new(
        name,
        "this commit",
        Backend::AwsLc,
        through(bed.handle(), service),
    )
    .with_verdict(move |token| finish(&handle, descope.verify(&SessionToken::new(token))).is_ok())
}
