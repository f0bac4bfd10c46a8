//! The handle to one Descope project: its configuration, and the one door to everything below.

mod access_key;
mod adopt;
mod authenticate;
mod build;
mod builder;
mod calls;
mod device;
mod env;
mod everywhere;
mod exchange;
mod flow;
mod former;
mod handle;
mod in_force;
mod judge;
mod notices;
mod offered;
mod pairs;
mod present;
mod profile;
mod refused;
mod revocation;
mod session;
mod shared;
mod sign_in_rules;
mod sign_in_settings;
mod sign_out;
mod token_rules;
mod unread;
mod variables;
mod verify_answer;
mod watched;

pub(crate) use self::{
    adopt::{AdoptRules, Adopted, WantedTenant},
    authenticate::{Authentication, LateVerdict, PendingSession},
    device::{device_tokens, is_device_token},
    offered::Offered,
    present::{PresentedRefresh, RefreshRefusal, VerifiedRefresh},
    sign_out::SignOutOutcome,
    watched::{SharedLook, WatchedFamily},
};
pub use self::{builder::DescopeBuilder, handle::Descope};
