//! A limit on requests for each tenant, by tower_governor.

// recipe: rate limit
use std::{
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, http::Request, routing::get};
use tower_descope::{ActiveTenant, Descope, Session, TenantId, TenantLayer, UserId};
use tower_governor::{
    GovernorError, GovernorLayer,
    governor::GovernorConfigBuilder,
    key_extractor::{KeyExtractor, PeerIpKeyExtractor},
};

/// Whose requests are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    Tenant(TenantId),
    /// Somebody who is signed in and has no tenant selected.
    User(UserId),
    /// Somebody who is not signed in.
    Address(IpAddr),
}

#[derive(Clone, Debug)]
pub struct ByTenant;

impl KeyExtractor for ByTenant {
    type Key = Client;

    fn extract<T>(&self, request: &Request<T>) -> Result<Client, GovernorError> {
        let extensions = request.extensions();
        if let Ok(tenant) = ActiveTenant::from_extensions(extensions) {
            return Ok(Client::Tenant(tenant.id().clone()));
        }
        if let Ok(session) = Session::from_extensions(extensions) {
            return Ok(Client::User(session.user_id().clone()));
        }
        let address = match PeerIpKeyExtractor.extract(request)? {
            // Who has one IPv6 address has the /64 around it.
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
            v4 @ IpAddr::V4(_) => v4,
        };
        Ok(Client::Address(address))
    }
}

/// `burst` requests at once, and one more after each `period`.
pub fn app(descope: Descope, period: Duration, burst: u32) -> Router {
    let limit = GovernorConfigBuilder::default()
        .key_extractor(ByTenant)
        .period(period)
        .burst_size(burst)
        .finish()
        .expect("the period and the burst are not zero");
    // Counts that are full again are dropped, for as long as the service lives: there are as many
    // tenants as Descope says, but as many addresses as somebody likes.
    let counts = Arc::downgrade(limit.limiter());
    tokio::spawn(async move {
        while let Some(counts) = counts.upgrade() {
            counts.retain_recent();
            drop(counts);
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    });
    Router::new()
        .route("/projects", get(projects))
        .route("/prices", get(prices))
        .route_layer(GovernorLayer::new(limit)) // within the layer below, which is added later
        .route_layer(TenantLayer::new(descope).optional())
}
// end of recipe

async fn projects(tenant: ActiveTenant) -> String {
    format!("the projects of {}", tenant.id())
}

async fn prices() -> &'static str {
    "for everybody"
}
