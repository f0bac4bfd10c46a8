//! Server functions of Dioxus, which take the tenant as an argument of the server's alone.

// recipe: dioxus
use axum::Router;
use dioxus::{
    prelude::*,
    server::{DioxusRouterExt, FullstackState},
};
use tower_descope::{ActiveTenant, Descope, Rejection, TenantLayer};

#[get("/dioxus/projects", tenant: ActiveTenant)]
pub async fn projects() -> Result<Vec<String>, ServerFnError> {
    Ok(vec![format!("first of {}", tenant.id())])
}

#[post("/dioxus/rename", tenant: ActiveTenant)]
pub async fn rename(name: String) -> Result<String, ServerFnError> {
    tenant.require_role("admin").map_err(refused)?;
    Ok(format!("{name} of {}", tenant.id()))
}

/// A refusal as the error of a server function, with the status of its own.
fn refused(rejection: Rejection) -> ServerFnError {
    ServerFnError::ServerError {
        message: rejection.code().to_owned(),
        code: rejection.status().as_u16(),
        details: None,
    }
}

pub fn app(descope: Descope) -> Router {
    let layer = TenantLayer::new(descope).cookies_same_origin_only();
    Router::new()
        .register_server_functions() // or `serve_dioxus_application(…)`, with the pages
        .with_state(FullstackState::headless())
        .layer(layer)
}
// end of recipe
