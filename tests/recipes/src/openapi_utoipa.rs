//! An OpenAPI document by utoipa, which says of each route whether it needs a session.

// recipe: utoipa
use axum::{Json, Router, routing::get};
use tower_descope::{ActiveTenant, Descope, Rejection, TenantLayer};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Response,
        security::{
            ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
        },
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

#[derive(OpenApi)]
#[openapi(info(title = "Projects"), modifiers(&Sessions))]
struct Document;

/// The two ways to send a session: as a machine does, and as a browser does.
struct Sessions;

impl Modify for Sessions {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = Http::new(HttpAuthScheme::Bearer);
        // The session cookie's name, as the `SessionCookies` of your handle say it.
        let cookie = ApiKey::Cookie(ApiKeyValue::new("DS"));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    }
}

/// Puts the layer around `routes`, and that a session is needed into the document of each.
fn signed_in(mut routes: OpenApiRouter, layer: TenantLayer) -> OpenApiRouter {
    for path in routes.get_openapi_mut().paths.paths.values_mut() {
        let operations = [
            &mut path.get,
            &mut path.put,
            &mut path.post,
            &mut path.patch,
            &mut path.delete,
        ];
        for operation in operations.into_iter().flatten() {
            let either = ["bearer", "cookie"]
                .map(|scheme| SecurityRequirement::new::<_, [String; 0], String>(scheme, []));
            operation.security = Some(either.into());
            for (status, meaning) in [
                ("401", "no session, or one that has ended"),
                ("403", "no tenant is selected, or a right is missing in it"),
                ("503", "the session cannot be judged just now; try again"),
            ] {
                let responses = &mut operation.responses.responses;
                let response = || Response::new(meaning).into();
                responses.entry(status.to_owned()).or_insert_with(response);
            }
        }
    }
    routes.route_layer(layer)
}

pub fn app(descope: Descope) -> Router {
    let private = OpenApiRouter::new()
        .routes(routes!(projects))
        .routes(routes!(invoices));
    let (router, document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(prices))
        .merge(signed_in(private, TenantLayer::new(descope)))
        .split_for_parts();
    router.route("/openapi.json", get(async || Json(document)))
}
// end of recipe

#[utoipa::path(get, path = "/projects", responses((status = 200)))]
async fn projects(tenant: ActiveTenant) -> String {
    format!("the projects of {}", tenant.id())
}

#[utoipa::path(post, path = "/invoices", responses((status = 200)))]
async fn invoices(tenant: ActiveTenant) -> Result<String, Rejection> {
    tenant.require_permission("invoice.write")?;
    Ok(format!("an invoice of {}", tenant.id()))
}

#[utoipa::path(get, path = "/prices", responses((status = 200)))]
async fn prices() -> &'static str {
    "for everybody"
}
