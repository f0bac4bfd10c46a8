//! A count of what reading a request's bytes takes, for tests and fuzz targets: a cost that grows faster than its
//! input is a fault. In ordinary builds it is nothing.

#[cfg(any(test, feature = "__internals"))]
use std::cell::Cell;

#[cfg(any(test, feature = "__internals"))]
thread_local! {
    static STEPS: Cell<usize> = const { Cell::new(0) };
}

/// Counts bytes that are looked at, or comparisons.
#[inline]
pub(crate) fn count(steps: usize) {
    #[cfg(any(test, feature = "__internals"))]
    STEPS.with(|all| all.set(all.get() + steps));
    #[cfg(not(any(test, feature = "__internals")))]
    let _ = steps;
}

/// The steps of this thread that `work` takes.
#[cfg(any(test, feature = "__internals"))]
pub(crate) fn of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = STEPS.with(Cell::get);
    let result = work();
    (result, STEPS.with(Cell::get) - before)
}
