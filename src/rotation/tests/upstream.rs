//! Descope as the explored interleavings see it: one session, its tokens and its end.

use super::{super::call::Operation, bench::select};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RequestKind {
    Refresh,
    Select(u8),
    Logout,
}

impl RequestKind {
    pub(super) fn op(self) -> Operation {
        match self {
            Self::Refresh => Operation::Refresh,
            Self::Select(tenant) => select(&format!("T{tenant}")),
            Self::Logout => Operation::SignOut,
        }
    }
}

/// A credential that signs somebody in: a refresh token by its number, a session by its tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) refresh: u8,
    pub(super) tenant: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Live,
    Killed,
    LoggedOut,
}

#[derive(Clone, Debug)]
pub(super) struct Descope {
    pub(super) rotation: bool,
    pub(super) newest: u8,
    pub(super) tenant: u8,
    pub(super) fate: Fate,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Reply {
    Session(u32),
    Reused,
    Gone,
    LoggedOut,
    /// Descope never saw the call.
    Unreachable,
}

impl Descope {
    pub(super) fn accepts(&self, token: u8) -> bool {
        self.fate == Fate::Live && (!self.rotation || token == self.newest)
    }

    pub(super) fn process(
        &mut self,
        kind: RequestKind,
        token: u8,
        granted: &mut Vec<Pair>,
    ) -> Reply {
        match self.fate {
            Fate::Killed => return Reply::Reused,
            Fate::LoggedOut => return Reply::Gone,
            Fate::Live => {}
        }
        if !self.accepts(token) {
            self.fate = Fate::Killed;
            return Reply::Reused;
        }
        match kind {
            RequestKind::Logout => {
                self.fate = Fate::LoggedOut;
                return Reply::LoggedOut;
            }
            RequestKind::Select(tenant) => self.tenant = tenant,
            RequestKind::Refresh => {}
        }
        self.newest += u8::from(self.rotation);
        granted.push(Pair {
            refresh: self.newest,
            tenant: self.tenant,
        });
        Reply::Session(u32::try_from(granted.len() - 1).unwrap())
    }
}
