//! `UrlTenant`: its two meanings, its table of what is read, and that it never lets anybody into a tenant
//! that the token does not name.

mod meanings;
mod nested;
mod never;
mod switch;
mod table;

use std::convert::Infallible;

use http::{Request, Response};
use tower::{Layer, ServiceBuilder, util::BoxCloneSyncService};
use tower_descope::{Require, TenantLayer, UrlTenant, test_util::FakeDescope};

use crate::support::{App, call, code, seen};

/// The layer, and the tenant of the URL inside of it, over a handler that says what it sees.
fn app(fake: &FakeDescope, url_tenant: UrlTenant) -> App {
    app_of(TenantLayer::new(fake.descope()), url_tenant)
}

fn app_of(layer: TenantLayer, url_tenant: UrlTenant) -> App {
    let service = ServiceBuilder::new()
        .layer(layer)
        .layer(url_tenant)
        .service_fn(|request: Request<()>| async move {
            Ok::<_, Infallible>(Response::new(seen(&request)))
        });
    BoxCloneSyncService::new(service)
}

/// The same with a guard inside.
fn guarded(fake: &FakeDescope, url_tenant: UrlTenant, guard: Require) -> App {
    let service = ServiceBuilder::new()
        .layer(url_tenant)
        .layer(guard)
        .service_fn(|request: Request<()>| async move {
            Ok::<_, Infallible>(Response::new(seen(&request)))
        });
    BoxCloneSyncService::new(TenantLayer::new(fake.descope()).layer(service))
}

fn get(uri: &str, token: &str, fields: &[(&str, &[u8])]) -> Request<()> {
    let mut request = Request::get(uri).header("authorization", format!("Bearer {token}"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

/// What the handler saw, or the status and the code of the refusal.
async fn answer(app: &App, request: Request<()>) -> String {
    let response = call(app, request).await;
    if response.status() == 200 {
        return response.into_body();
    }
    format!("{} {}", response.status().as_u16(), code(&response))
}
