//! A function of AWS Lambda behind the layer.

// recipe: lambda
use std::{convert::Infallible, time::Duration};

use axum::{Router, body::Body, http::Response, routing::get};
use lambda_http::{Error, Request, Service, service_fn, tower::ServiceExt};
use tower_descope::{ActiveTenant, Descope, Renewal, SessionRoutes, TenantLayer};

/// Serves until Lambda ends the process.
pub async fn serve(descope: Descope) -> Result<(), Error> {
    // Before the first request, which would wait for the keys otherwise. Without them the function
    // still starts: it answers 503 until they come, and Lambda need not start it anew.
    if let Err(error) = descope.warm_up().await {
        eprintln!("{error}");
    }
    lambda_http::run(function(descope)).await
}

pub fn function(
    descope: Descope,
) -> impl Service<Request, Response = Response<Body>, Error = Infallible, Future: Send> {
    // What has expired is renewed before its handler runs; nothing is renewed beside one.
    let renewal = Renewal::new().early(Duration::ZERO);
    let layer = TenantLayer::new(descope.clone()).renew(renewal);
    let app = Router::new()
        .route("/projects", get(projects))
        .route_layer(layer.cookies_same_origin_only())
        .nest_service("/v1/auth", SessionRoutes::new(descope.clone()));
    service_fn(move |request: Request| {
        let (app, descope) = (app.clone(), descope.clone());
        async move {
            let response = app.oneshot(request).await;
            // From here on the process is frozen: what is under way would stand still, or be lost.
            descope.drain_within(Duration::from_secs(5)).await;
            response
        }
    })
}
// end of recipe

async fn projects(tenant: ActiveTenant) -> String {
    format!("the projects of {}", tenant.id())
}
