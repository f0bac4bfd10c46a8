use super::{attempts::Attempts, budget::AddressBudget, settings::RedirectSettings};
use crate::descope::Descope;

/// All that the clones of a service share.
pub(super) struct Shared {
    pub(super) descope: Descope,
    pub(super) settings: RedirectSettings,
    pub(super) attempts: Attempts,
    pub(super) addresses: AddressBudget,
}

impl Shared {
    pub(super) fn new(descope: Descope, settings: RedirectSettings) -> Self {
        Self {
            attempts: Attempts::new(descope.clock().clone()),
            addresses: AddressBudget::default(),
            descope,
            settings,
        }
    }
}
