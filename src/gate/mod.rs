//! The one place that turns a verdict on a request's credential into "go on" or a refusal.
//!
//! It has no inner service of its own, so that services other than
//! [`TenantLayer`](crate::TenantLayer) can decide by it.

mod gate;

pub(crate) use self::gate::{Beginning, Decision, Gate, no_store, vary};
