use http::Extensions;

use super::session::Session;
use crate::rejection::{Rejection, RejectionKind};

/// Whoever visits a page that serves people before they sign in, too: a shop with a cart, a form that
/// is saved on the way.
///
/// Descope gives an *anonymous* user a session of its own ([`Session::is_anonymous`]), in which nobody
/// has signed in. [`TenantLayer::allow_anonymous`](crate::TenantLayer::allow_anonymous) lets requests with
/// such a session pass, and a handler that names `Visitor` (as an axum extractor, feature `axum`) is
/// the only one to get it: `Session` and `ActiveTenant` are about somebody who has signed in. Without
/// any session a `Visitor` is refused as a `Session` is, and `Option<Visitor>` is `None`.
///
/// ```
/// # #[cfg(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use http::{Request, Response};
/// use tower::{ServiceBuilder, ServiceExt};
/// use tower_descope::{Rejection, TenantLayer, Visitor, test_util::FakeDescope};
///
/// async fn cart(request: Request<()>) -> Result<Response<String>, Rejection> {
///     Ok(Response::new(match Visitor::from_extensions(request.extensions())? {
///         Visitor::Anonymous(session) => format!("cart of visitor {}", session.user_id()),
///         Visitor::SignedIn(session) => format!("cart of {}", session.user_id()),
///     }))
/// }
///
/// let fake = FakeDescope::start().await;
/// let service = ServiceBuilder::new()
///     .layer(TenantLayer::new(fake.descope()).allow_anonymous())
///     .service_fn(cart);
/// let token = fake.session("U1").anonymous().token();
/// let request = Request::get("/cart").header("authorization", format!("Bearer {token}")).body(())?;
/// assert_eq!(service.oneshot(request).await?.into_body(), "cart of visitor U1");
/// # Ok(())
/// # }
/// # #[cfg(not(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
/// # fn main() {}
/// ```
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "there is no third, and every page has to say what it does for both"
)]
pub enum Visitor {
    /// The session of an anonymous user: it proves that this is the browser that it was given to, and
    /// no more.
    Anonymous(Session),
    /// The session of somebody who has signed in.
    SignedIn(Session),
}

/// The session of an anonymous user in a request's extensions, where a layer lets it pass.
#[derive(Clone)]
pub(crate) struct AnonymousSession(pub(crate) Session);

impl Visitor {
    pub(crate) fn new(session: Session) -> Self {
        if session.is_anonymous() {
            Self::Anonymous(session)
        } else {
            Self::SignedIn(session)
        }
    }

    /// The visitor that [`TenantLayer`](crate::TenantLayer) found: for hyper, tonic and middleware. axum
    /// handlers name `Visitor` as an argument instead.
    ///
    /// # Errors
    ///
    /// Why there is none, as [`Session::from_extensions`] says it:
    /// [`RejectionKind::AnonymousSession`] where the layer does not
    /// [allow](crate::TenantLayer::allow_anonymous) anonymous sessions.
    pub fn from_extensions(extensions: &Extensions) -> Result<Self, Rejection> {
        match Session::from_extensions(extensions) {
            Ok(session) => Ok(Self::SignedIn(session.clone())),
            Err(rejection) if rejection.kind() == RejectionKind::AnonymousSession => extensions
                .get()
                .map(|AnonymousSession(session)| Self::Anonymous(session.clone()))
                .ok_or(rejection),
            Err(rejection) => Err(rejection),
        }
    }

    /// The session, whoever's it is.
    pub fn session(&self) -> &Session {
        match self {
            Self::Anonymous(session) | Self::SignedIn(session) => session,
        }
    }
}
