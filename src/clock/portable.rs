//! The machine's clocks as the standard library reads them.

use std::{
    sync::LazyLock,
    time::{Instant, SystemTime},
};

use super::now::Now;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

pub(super) fn now() -> Now {
    let start = *START;
    Now {
        // A clock before 1970 counts as at it.
        wall: SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default(),
        mono: start.elapsed(),
    }
}
