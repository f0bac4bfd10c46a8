//! An OpenAPI document by aide, which takes from a handler's arguments that it needs a session.

// recipe: aide
use aide::{
    NoApi, OperationInput,
    axum::{
        ApiRouter,
        routing::{get, post},
    },
    generate::GenContext,
    openapi::{
        ApiKeyLocation, OpenApi, Operation, ReferenceOr, Response, SecurityScheme, StatusCode,
    },
};
use axum::{Json, Router, extract::FromRequestParts, http::request::Parts};
use tower_descope::{ActiveTenant, Descope, Rejection, TenantLayer};

/// The active tenant as an argument that documents itself.
pub struct Tenant(pub ActiveTenant);

impl<S: Sync> FromRequestParts<S> for Tenant {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        ActiveTenant::from_extensions(&parts.extensions).map(Self)
    }
}

impl OperationInput for Tenant {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        // One of the two will do: each is a requirement of its own.
        for scheme in ["bearer", "cookie"] {
            let requirement = [(scheme.to_owned(), Vec::new())];
            operation.security.push(requirement.into_iter().collect());
        }
        let responses = operation.responses.get_or_insert_default();
        for (status, meaning) in [
            (401, "no session, or one that has ended"),
            (403, "no tenant is selected, or a right is missing in it"),
            (503, "the session cannot be judged just now; try again"),
        ] {
            let mut response = Response::default();
            meaning.clone_into(&mut response.description);
            let response = ReferenceOr::Item(response);
            responses
                .responses
                .insert(StatusCode::Code(status), response);
        }
    }
}

pub fn app(descope: Descope) -> Router {
    let mut document = OpenApi::default();
    let router = ApiRouter::new()
        .api_route("/projects", get(projects))
        .api_route("/invoices", post(invoices))
        .route_layer(TenantLayer::new(descope))
        .api_route("/prices", get(prices))
        .finish_api_with(&mut document, |document| {
            document
                .title("Projects")
                .security_scheme("bearer", bearer())
                .security_scheme("cookie", cookie())
        });
    router.route("/openapi.json", axum::routing::get(async || Json(document)))
}

fn bearer() -> SecurityScheme {
    SecurityScheme::Http {
        scheme: "bearer".to_owned(),
        bearer_format: Some("JWT".to_owned()),
        description: None,
        extensions: Default::default(),
    }
}

fn cookie() -> SecurityScheme {
    SecurityScheme::ApiKey {
        location: ApiKeyLocation::Cookie,
        name: "DS".to_owned(), // as the `SessionCookies` of your handle say it
        description: None,
        extensions: Default::default(),
    }
}

async fn invoices(Tenant(tenant): Tenant) -> Result<String, NoApi<Rejection>> {
    tenant.require_permission("invoice.write")?;
    Ok(format!("an invoice of {}", tenant.id()))
}
// end of recipe

async fn projects(Tenant(tenant): Tenant) -> String {
    format!("the projects of {}", tenant.id())
}

async fn prices() -> &'static str {
    "for everybody"
}
