use std::{net::IpAddr, time::Duration};

use super::{attempts::Attempts, settings::RedirectSettings};
use crate::{descope::Descope, sign_in::budget::EachOnesBudget};

/// How many calls an address makes at once, and one more after each interval.
const CALLS: u32 = 20;
const INTERVAL: Duration = Duration::from_secs(3);

/// All that the clones of a service share.
pub(super) struct Shared {
    pub(super) descope: Descope,
    pub(super) settings: RedirectSettings,
    pub(super) attempts: Attempts,
    pub(super) addresses: EachOnesBudget<IpAddr>,
}

impl Shared {
    pub(super) fn new(descope: Descope, settings: RedirectSettings) -> Self {
        Self {
            attempts: Attempts::new(descope.clock().clone()),
            addresses: EachOnesBudget::new(CALLS, INTERVAL),
            descope,
            settings,
        }
    }
}
