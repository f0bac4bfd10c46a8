use std::borrow::Cow;

use percent_encoding::percent_decode;

use crate::rejection::{Rejection, RejectionKind};

/// The tenant that a request names, not yet compared with any token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named<'r> {
    /// Nothing stands where the name would.
    Absent,
    Tenant {
        name: Cow<'r, str>,
        /// True where whoever wrote the name does not keep its case.
        ignores_case: bool,
    },
}

impl<'r> Named<'r> {
    pub(super) fn exactly(name: impl Into<Cow<'r, str>>) -> Self {
        Self::Tenant {
            name: name.into(),
            ignores_case: false,
        }
    }

    /// The name that is percent-encoded, once.
    pub(super) fn decoded(text: &'r [u8]) -> Result<Self, Rejection> {
        let name = percent_decode(text).decode_utf8();
        name.map(Self::exactly)
            .map_err(|_| unclear("tenant_not_utf8"))
    }
}

/// The refusal of a request that does not name one tenant.
pub(super) const fn unclear(reason: &'static str) -> Rejection {
    Rejection::because(RejectionKind::TenantNotNamed, reason)
}
