//! axum's extractors: [`Session`], [`ActiveTenant`] and [`Visitor`] as handler arguments.
//!
//! | argument | no token | expired or revoked session | anonymous session | forged token | no active tenant | keys or revocation unavailable |
//! |---|---|---|---|---|---|---|
//! | `Session` | 401 | 401 | 401 | 401 | the session | 503 |
//! | `Option<Session>` | `None` | `None` | `None` | 401 | the session | 503 |
//! | `Visitor` | 401 | 401 | the session, behind `allow_anonymous` | 401 | the session | 503 |
//! | `Option<Visitor>` | `None` | `None` | the session, behind `allow_anonymous` | 401 | the session | 503 |
//! | `ActiveTenant` | 401 | 401 | 401 | 401 | 403 | 503 |
//! | `Option<ActiveTenant>` | `None` | `None` | `None` | 401 | `None` | 503 |
//! | `Result<ActiveTenant, Rejection>` | `Err` | `Err` | `Err` | `Err` | `Err` | `Err` |
//!
//! Under [`UrlTenant::membership_suffices`](crate::UrlTenant::membership_suffices) both forms of
//! `ActiveTenant` are the tenant of the URL.
//!
//! A session whose `dct` is not one of its tenants is refused with 403 by both forms of
//! `ActiveTenant`. Where no [`TenantLayer`](crate::TenantLayer) ran, all of them answer 500 and
//! say so.

use axum_core::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::request::Parts;

use crate::{
    rejection::{Rejection, RejectionKind},
    session::{ActiveTenant, Session, Visitor},
};

impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Self::from_extensions(&parts.extensions).cloned()
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Session {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        present(Self::from_extensions(&parts.extensions).cloned())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Self::from_extensions(&parts.extensions)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Visitor {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        present(Self::from_extensions(&parts.extensions))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ActiveTenant {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Self::from_extensions(&parts.extensions)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for ActiveTenant {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        present(Self::from_extensions(&parts.extensions))
    }
}

/// Absent is `None`; present and wrong is still a refusal.
fn present<T>(found: Result<T, Rejection>) -> Result<Option<T>, Rejection> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(rejection) => {
            let is_absent =
                rejection.means_nobody() || rejection.kind() == RejectionKind::NoActiveTenant;
            if is_absent { Ok(None) } else { Err(rejection) }
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        if self.kind() == RejectionKind::LayerMissing {
            tracing::error!("{}", self.description());
        }
        self.to_response()
    }
}
