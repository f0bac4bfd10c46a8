//! Verified sessions.
//!
//! The type is the proof: a [`Session`] exists only if its token was verified. It cannot be built,
//! defaulted or deserialised by hand; tests get theirs from `test_util::FakeDescope`, through the
//! real verifier.

mod active_tenant;
mod actor;
mod marks;
mod membership;
mod revoked;
mod rights;
mod session;
mod signed;
mod step_up;
mod tenant_claims;
mod unseen;
mod visitor;

pub(crate) use self::visitor::AnonymousSession;
pub use self::{
    active_tenant::ActiveTenant, membership::Membership, session::Session,
    tenant_claims::TenantClaims, visitor::Visitor,
};

pub(crate) use self::{
    signed::SignedToken,
    unseen::{PassedUnseen, forget_verdict},
};
