use std::ops::Deref;

use super::session::SessionAnswer;
use crate::ids::TenantId;

/// What Descope answered when a tenant was selected: a [`SessionAnswer`] whose session is in the
/// tenant that was asked for.
///
/// Cheap to clone. `Debug` shows no token.
#[derive(Clone, Debug)]
pub struct TenantSelection {
    tenant: TenantId,
    answer: SessionAnswer,
}

impl TenantSelection {
    /// Only for an answer whose session was checked to be in `tenant`.
    pub(crate) fn new(tenant: TenantId, answer: SessionAnswer) -> Self {
        debug_assert_eq!(answer.tenant(), Some(&tenant));
        Self { tenant, answer }
    }

    /// The tenant that was asked for and is now the current one.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// All that Descope answered.
    pub fn answer(&self) -> &SessionAnswer {
        &self.answer
    }
}

impl Deref for TenantSelection {
    type Target = SessionAnswer;

    fn deref(&self) -> &SessionAnswer {
        &self.answer
    }
}
