//! `Require`: whom it admits, what it answers, and where it stands.

mod actor;
mod conditions;
mod equal;
mod placing;
mod servers;
mod sign_in_page;

use std::convert::Infallible;

use http::{Request, Response};
use tower::{ServiceBuilder, util::BoxCloneSyncService};
use tower_descope::{Require, TenantLayer, test_util::FakeDescope};

use crate::support::{App, seen};

/// A guard inside of the layer, over a handler that says what it sees.
fn guarded(fake: &FakeDescope, guard: Require) -> App {
    guarded_by(TenantLayer::new(fake.descope()), guard)
}

fn guarded_by(layer: TenantLayer, guard: Require) -> App {
    BoxCloneSyncService::new(ServiceBuilder::new().layer(layer).service(behind(guard)))
}

/// A guard without any layer.
fn behind(guard: Require) -> App {
    let service =
        ServiceBuilder::new()
            .layer(guard)
            .service_fn(|request: Request<()>| async move {
                Ok::<_, Infallible>(Response::new(seen(&request)))
            });
    BoxCloneSyncService::new(service)
}
