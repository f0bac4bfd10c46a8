use http::Extensions;

use crate::rejection::{Rejection, RejectionKind};

/// Left in the extensions of a request that a layer let pass without a look at it: a CORS preflight,
/// which carries no credential, so that no guard further in asks it for a session.
#[derive(Clone)]
pub(crate) struct PassedUnseen;

impl PassedUnseen {
    /// Returns `true` if this is why a request has no session. A layer further in that has looked says
    /// another reason.
    pub(crate) fn explains(rejection: &Rejection, extensions: &Extensions) -> bool {
        rejection.kind() == RejectionKind::LayerMissing && extensions.get::<Self>().is_some()
    }
}
