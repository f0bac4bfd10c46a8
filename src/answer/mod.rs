//! Descope's answers about a session, typed.
//!
//! [`SessionAnswer`] has every field of Descope's answer to a refresh or to the selection of a
//! tenant (its `JWTResponse`); [`TenantSelection`] is the latter's. The tokens in it have been
//! verified; the rest, the [`User`] above all, is Descope's word without a signature: good for
//! showing, not for deciding what somebody may do.
//!
//! ```no_run
//! # use tower_descope::{Descope, Error, RefreshToken, TenantId};
//! # async fn switch(descope: Descope, refresh: RefreshToken) -> Result<(), Error> {
//! let selection = descope
//!     .select_tenant(&refresh, &TenantId::new("T2acme")?)
//!     .await?;
//! if let Some(refresh) = selection.refresh_token() {
//!     // Store it: with rotation on, the one that was presented is dead.
//! #   let _ = refresh;
//! }
//! let name = selection.user().and_then(|user| user.name());
//! # let _ = name;
//! # Ok(())
//! # }
//! ```

mod details;
mod fields;
mod profile;
mod selection;
mod session;
mod user;

pub(crate) use self::session::InForce;
pub use crate::token::OpaqueToken;

pub use self::{
    profile::{SignIn, TenantRecord, WhichTenants},
    selection::TenantSelection,
    session::SessionAnswer,
    user::{User, UserTenant},
};
