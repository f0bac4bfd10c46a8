//! GraphQL by async-graphql: the session in the context, guards, errors with codes.

// recipe: async-graphql
use async_graphql::{Context, EmptySubscription, Error, ErrorExtensions, Guard, Object, Schema};
use async_graphql_axum::{GraphQLRequest, GraphQLResponse};
use axum::{Extension, Router, routing::post};
use tower_descope::{ActiveTenant, Descope, Rejection, Session, TenantLayer};

pub type Projects = Schema<Query, Mutation, EmptySubscription>;

/// Takes the session from the request's extensions into the context of the resolvers.
async fn execute(
    Extension(schema): Extension<Projects>,
    session: Session,
    request: GraphQLRequest,
) -> GraphQLResponse {
    schema
        .execute(request.into_inner().data(session))
        .await
        .into()
}

/// The active tenant, for resolvers.
fn tenant(context: &Context<'_>) -> Result<ActiveTenant, Error> {
    let session = context.data::<Session>()?;
    session.active_tenant().map_err(refused)
}

/// A refusal as an error of GraphQL, which clients tell by its code.
fn refused(rejection: Rejection) -> Error {
    Error::new(rejection.description())
        .extend_with(|_, extensions| extensions.set("code", rejection.code()))
}

/// Refuses whoever does not have this role in the active tenant.
struct Role(&'static str);

impl Guard for Role {
    async fn check(&self, context: &Context<'_>) -> Result<(), Error> {
        tenant(context)?.require_role(self.0).map_err(refused)
    }
}

pub struct Query;

#[Object]
impl Query {
    async fn projects(&self, context: &Context<'_>) -> Result<Vec<String>, Error> {
        let tenant = tenant(context)?;
        Ok(vec![format!("first of {}", tenant.id())])
    }
}

pub struct Mutation;

#[Object]
impl Mutation {
    #[graphql(guard = "Role(\"admin\")")]
    async fn rename(&self, context: &Context<'_>, name: String) -> Result<String, Error> {
        Ok(format!("{name} of {}", tenant(context)?.id()))
    }
}

pub fn app(descope: Descope) -> Router {
    let schema = Schema::new(Query, Mutation, EmptySubscription);
    let layer = TenantLayer::new(descope).cookies_same_origin_only();
    Router::new()
        .route("/graphql", post(execute)) // and no `get`: a link would run mutations
        .route_layer(layer)
        .layer(Extension(schema))
}
// end of recipe
