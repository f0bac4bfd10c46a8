use http::Extensions;

use super::{ActiveTenant, Session};
use crate::rejection::{Rejection, RejectionKind};

/// Left in the extensions of a request that a layer let pass without a look at it: a CORS preflight,
/// which carries no credential, so that no guard further in asks it for a session.
#[derive(Clone)]
pub(crate) struct PassedUnseen;

impl PassedUnseen {
    /// Notes that a request was let pass: whoever asks for a session is told that it shows none.
    pub(crate) fn note(extensions: &mut Extensions) {
        forget_verdict(extensions);
        extensions.insert(Rejection::new(RejectionKind::MissingToken));
        extensions.insert(Self);
    }

    /// Returns `true` if this is why a request has no session.
    pub(crate) fn explains(rejection: &Rejection, extensions: &Extensions) -> bool {
        rejection.kind() == RejectionKind::MissingToken && extensions.get::<Self>().is_some()
    }
}

/// Takes out what a layer further out has found: it may have spoken for another project, and its word
/// ends where another layer looks.
pub(crate) fn forget_verdict(extensions: &mut Extensions) {
    if extensions.remove::<Session>().is_some() {
        // It counts beside its session only.
        extensions.remove::<ActiveTenant>();
    }
    if extensions.remove::<Rejection>().is_some() {
        // It stands beside a rejection only.
        extensions.remove::<PassedUnseen>();
    }
}
