use std::time::Duration;

/// The status of the marks, as one process sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevocationStatus {
    /// How many marks are known.
    pub marks: usize,
    /// `true` while it is certain that no mark is missing: the shared state has just been asked,
    /// and all marks had room. Without shared state, while they have room.
    pub fresh: bool,
    /// How long ago the newest news of the shared state were written; `None` without it, and before the
    /// first.
    pub age: Option<Duration>,
}
