//! Counts the signatures that are checked, for tests: by thread, so that none counts another's.

use std::cell::Cell;

thread_local! {
    static CHECKS: Cell<usize> = const { Cell::new(0) };
}

pub(super) fn note_check() {
    CHECKS.set(CHECKS.get() + 1);
}

/// How many signatures this thread has checked so far.
pub(crate) fn signature_checks() -> usize {
    CHECKS.get()
}
