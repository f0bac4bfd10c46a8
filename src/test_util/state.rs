//! All that changes while the fake runs, behind one lock.

use super::{
    attempts::Attempts, directory::Directory, executions::Executions, families::Families,
    faults::Faults, record::Record, ring::Ring,
};

/// Everything that the lock guards.
pub(super) struct State {
    pub(super) ring: Ring,
    pub(super) directory: Directory,
    pub(super) families: Families,
    pub(super) faults: Faults,
    pub(super) record: Record,
    pub(super) attempts: Attempts,
    pub(super) executions: Executions,
    /// Where the fake is reached, without a slash at its end.
    pub(super) url: String,
    /// How the handle that was built last names the session and the refresh cookie.
    pub(super) cookie_names: Option<(String, String)>,
    /// Counts the tokens, for their `jti`.
    pub(super) minted: u64,
}

impl State {
    pub(super) fn new(ring: Ring, directory: Directory) -> Self {
        Self {
            ring,
            directory,
            families: Families::default(),
            faults: Faults::default(),
            record: Record::default(),
            attempts: Attempts::default(),
            executions: Executions::default(),
            url: String::new(),
            cookie_names: None,
            minted: 0,
        }
    }

    /// A `jti` that no other token has.
    pub(super) fn next_jti(&mut self) -> String {
        self.minted += 1;
        format!("J{}", self.minted)
    }
}
