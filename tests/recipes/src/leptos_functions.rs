//! Server functions of Leptos, which read the tenant from the request's extensions.

// recipe: leptos
use axum::{Router, http::request::Parts, routing::post};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use tower_descope::{ActiveTenant, Descope, Rejection, TenantLayer};

/// The active tenant of the request that a server function answers, or a page is rendered for.
fn tenant() -> Result<ActiveTenant, ServerFnError> {
    let parts = use_context::<Parts>();
    let parts = parts.ok_or_else(|| ServerFnError::new("outside of a request"))?;
    ActiveTenant::from_extensions(&parts.extensions).map_err(refused)
}

/// A refusal as the error of a server function, which would be answered 500 otherwise.
fn refused(rejection: Rejection) -> ServerFnError {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(rejection.status());
    }
    ServerFnError::new(rejection.code())
}

#[server(endpoint = "projects")]
pub async fn projects() -> Result<Vec<String>, ServerFnError> {
    let tenant = tenant()?;
    Ok(vec![format!("first of {}", tenant.id())])
}

#[server(endpoint = "rename")]
pub async fn rename(name: String) -> Result<String, ServerFnError> {
    let tenant = tenant()?;
    tenant.require_role("admin").map_err(refused)?;
    Ok(format!("{name} of {}", tenant.id()))
}

pub fn app(descope: Descope) -> Router {
    let layer = TenantLayer::new(descope).cookies_same_origin_only();
    Router::new()
        .route("/api/{*function}", post(leptos_axum::handle_server_fns))
        // .leptos_routes(…) here too: a page that is rendered calls its server functions directly
        .route_layer(layer)
}
// end of recipe
