//! `aliri_tower`: a layer over tower-http's `ValidateRequest`.

use std::collections::HashMap;

use aliri::{
    JwtRef, jwa,
    jwt::{Audiences, CoreClaims, CoreValidator, Issuer, IssuerRef, Subject, SubjectRef},
};
use aliri_clock::UnixTime;
use aliri_oauth2::{Authority, HasScope, Scope, ScopePolicy};
use aliri_tower::Oauth2Authorizer;
use axum::body::Body;
use http::Request;
use serde::Deserialize;
use tower::{Layer, service_fn};

use crate::{
    backend::Backend,
    bed::{Bed, keys_url},
    claims::{Membership, permits},
    contender::{Contender, service, through},
};

/// [`Claims`](crate::claims::Claims) in this peer's types.
#[derive(Clone, Debug, Deserialize)]
struct Claims {
    iss: Issuer,
    sub: Subject,
    exp: UnixTime,
    #[serde(default = "Audiences::empty")]
    aud: Audiences,
    #[serde(default)]
    scope: Scope,
    #[serde(default)]
    dct: Option<String>,
    #[serde(default)]
    tenants: HashMap<String, Membership>,
}

impl CoreClaims for Claims {
    fn nbf(&self) -> Option<UnixTime> {
        None
    }

    fn exp(&self) -> Option<UnixTime> {
        Some(self.exp)
    }

    fn aud(&self) -> &Audiences {
        &self.aud
    }

    fn iss(&self) -> Option<&IssuerRef> {
        Some(&self.iss)
    }

    fn sub(&self) -> Option<&SubjectRef> {
        Some(&self.sub)
    }
}

impl HasScope for Claims {
    fn scope(&self) -> &Scope {
        &self.scope
    }
}

pub(super) fn contender(bed: &Bed, asks: bool) -> Contender {
    let validator = CoreValidator::default()
        .add_approved_algorithm(jwa::Algorithm::RS256)
        .check_expiration()
        .require_issuer(Issuer::new(bed.fake.project_id().to_owned()));
    let authority = bed
        .wait(Authority::new_from_url(keys_url(&bed.fake), validator))
        .expect("keys from the fake");
    let asked = |request: &Request<()>| {
        let claims = request.extensions().get::<Claims>();
        claims.is_some_and(|claims| permits(claims.dct.as_deref(), &claims.tenants))
    };
    let service = Oauth2Authorizer::new()
        .with_claims::<Claims>()
        .with_terse_error_handler::<Body>()
        .jwt_layer(authority.clone())
        .layer(service_fn(service::<Body>(asks, asked)));
    Contender::new(
        "aliri_tower",
        "0.6.1",
        Backend::Ring,
        through(bed.handle(), service),
    )
    .with_verdict(move |token| {
        authority
            .verify_token::<Claims>(JwtRef::from_str(token), &ScopePolicy::allow_any())
            .is_ok()
    })
}
