//! The layer that puts a [`Session`](crate::Session) into each request, or refuses it.
//!
//! [`TenantLayer`] does this with each request:
//!
//! 1. It takes the session token from `Authorization: Bearer`, else from the session cookie. A
//!    bearer token that is present decides alone; other schemes are left to others.
//! 2. It verifies the token: at once where the key is at hand, else after one shared fetch.
//! 3. It puts the [`Session`](crate::Session) into the request's extensions and calls the inner
//!    service, or answers with a refusal ([`Rejection`](crate::Rejection)): 400, 401, 403 or 503,
//!    with a challenge where one fits, small JSON where the body type can hold it, and the code in
//!    the header `x-descope-rejection`. gRPC calls are refused trailers-only.
//!    With [`TenantLayer::renew`] a session that is missing or has expired is renewed before that.
//! 4. It adds `Vary: Authorization, Cookie` to every answer, since every answer depended on them.
//!
//! The service that is called was polled ready, as tower asks. A request whose verdict is there at
//! once is given to the one that was polled ready for it. One that has to wait, for keys, a new
//! session or the exchange of an access key, gives its place back meanwhile: the service is dropped,
//! with the permit of a `ConcurrencyLimit` or the slot of a `Buffer`, and a clone of it is polled
//! ready once the verdict is in. What that fails with is the response's error; a refusal does not
//! ask for it. So nobody with a good token waits for strangers with made-up keys, however small a
//! limit *inside* of the layer is. A limit *outside* of it counts the requests that wait inside:
//! keep [`KeyCache::waiting_for_keys`](crate::jwks::KeyCache::waiting_for_keys) below it. As ever in
//! tower, whoever polls a service ready should call it soon or drop it: until then it keeps a place
//! inside, which a request that has waited may need. Nothing is boxed unless a request waits or a
//! renewal is due.
//!
//! Unknown paths should answer 404, not 401: in axum add the layer by `Router::route_layer`.
//!
//! # Example
//!
//! ```
//! # #[cfg(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::convert::Infallible;
//!
//! use http::{Request, Response, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_descope::{ActiveTenant, TenantLayer, test_util::FakeDescope};
//!
//! async fn handle(request: Request<()>) -> Result<Response<String>, Infallible> {
//!     Ok(match ActiveTenant::from_extensions(request.extensions()) {
//!         Ok(tenant) => Response::new(format!("projects of {}", tenant.id())),
//!         Err(rejection) => rejection.to_response(),
//!     })
//! }
//!
//! let fake = FakeDescope::start().await; // or Descope::from_env() against the real one
//! let service = ServiceBuilder::new()
//!     .layer(TenantLayer::new(fake.descope()))
//!     .service_fn(handle);
//!
//! let token = fake.session("U1").tenant("T1", |t| t).active("T1").token();
//! let request = Request::get("/projects")
//!     .header("authorization", format!("Bearer {token}"))
//!     .body(())?;
//! let response = service.clone().oneshot(request).await?;
//! assert_eq!(response.into_body(), "projects of T1");
//!
//! let response = service.oneshot(Request::get("/projects").body(())?).await?;
//! assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
//! assert_eq!(response.headers()["www-authenticate"], "Bearer");
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
//! # fn main() {}
//! ```

mod future;
mod layer;
mod service;
mod sign_in_page;
#[cfg(test)]
mod tests;

pub use self::{
    future::ResponseFuture, layer::TenantLayer, service::TenantService, sign_in_page::SignInPage,
};
pub use crate::rejection::{DefaultRejectionResponse, RejectionResponse};
