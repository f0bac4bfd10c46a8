use http::{Response, request::Parts};

use crate::{
    error::Error,
    origin,
    rejection::{DefaultRejectionResponse, Rejection, RejectionResponse, send_on},
    return_paths::{ReturnPaths, page_of, page_with},
};

/// Sends people to the sign-in page where programs get the refusal: a shaper for
/// [`TenantLayer`](super::TenantLayer::with_rejection_shaper),
/// [`Require`](crate::Require::with_rejection_shaper) and
/// [`UrlTenant`](crate::UrlTenant::with_rejection_shaper).
///
/// A refusal with status 401, so one that signing in helps against, is answered to a *navigation* by 303 to
/// the page, with the path that was asked for as `return_to` in its query. A navigation is a GET or
/// HEAD that a browser marks so (`Sec-Fetch-Mode: navigate`) or, from browsers that do not, one that accepts
/// HTML by name. Everything else gets the usual response: forms that were sent, scripts, gRPC, and all
/// refusals with another status.
///
/// The page reads `return_to` from a query that anybody can write: follow it by
/// [`ReturnPaths::resolve`]. [`RedirectSignIn`](crate::RedirectSignIn)'s own start pages take it as it
/// is. It is left out where browsers would resolve the path to another place, as with `//evil.example`.
/// In axum a nested router sees the path without its prefix, and so would this: add the layer to the
/// router that nests.
///
/// ```
/// # #[cfg(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::convert::Infallible;
/// use http::{Request, Response};
/// use tower::{ServiceBuilder, ServiceExt};
/// use tower_descope::{SignInPage, TenantLayer, test_util::FakeDescope};
///
/// let fake = FakeDescope::start().await;
/// let service = ServiceBuilder::new()
///     .layer(TenantLayer::new(fake.descope()).with_rejection_shaper(SignInPage::new("/login")?))
///     .service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(String::new())) });
///
/// let page = Request::get("/invoices?page=2").header("sec-fetch-mode", "navigate").body(())?;
/// let response = service.clone().oneshot(page).await?;
/// assert_eq!(response.status(), 303);
/// assert_eq!(response.headers()["location"], "/login?return_to=%2Finvoices%3Fpage%3D2");
///
/// let response = service.oneshot(Request::get("/invoices").body(())?).await?;
/// assert_eq!(response.status(), 401);
/// # Ok(())
/// # }
/// # #[cfg(not(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
/// # fn main() {}
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SignInPage<R = DefaultRejectionResponse> {
    page: ReturnPaths,
    otherwise: R,
}

impl SignInPage {
    /// Sends people to `page`, a path of this site that may have a query.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) if the path is not one of this
    /// site, or has a fragment.
    pub fn new(page: impl AsRef<str>) -> Result<Self, Error> {
        Ok(Self {
            page: ReturnPaths::new(page)?,
            otherwise: DefaultRejectionResponse::default(),
        })
    }
}

impl<R> SignInPage<R> {
    /// Makes all other refusals with a closure or shaper of your own.
    pub fn otherwise<N>(self, shaper: N) -> SignInPage<N> {
        SignInPage {
            page: self.page,
            otherwise: shaper,
        }
    }
}

impl<B: Default, R: RejectionResponse<B>> RejectionResponse<B> for SignInPage<R> {
    fn rejection_response(&mut self, rejection: Rejection, request: &Parts) -> Response<B> {
        let helps = rejection.status() == http::StatusCode::UNAUTHORIZED;
        if !helps || !origin::is_navigation(request.into()) {
            return self.otherwise.rejection_response(rejection, request);
        }
        let here = page_of(&request.uri);
        let return_to = here.as_deref().map(|path| ("return_to", path));
        let mut response = Response::new(B::default());
        send_on(&mut response, page_with(&self.page, return_to.as_slice()));
        response
    }
}
