//! A session, for the question whether it was revoked.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use super::session::Session;
use crate::{
    ids::{TenantId, UserId},
    jwt::claims::Tenants,
    revocation::{MarkKeys, MarkName, Subject},
};

impl Session {
    /// When the newest mark was noted here by which the session is refused, on the monotonic clock.
    pub(crate) fn revoked_at(&self) -> Option<Duration> {
        let marks = self.shared.marks.as_ref()?;
        marks.view.revoked_at(self)
    }

    /// Returns `false` if its user has not signed out everywhere of late, as nearly all have not.
    #[inline]
    pub(crate) fn may_be_out_everywhere(&self) -> bool {
        let marks = self.shared.marks.as_ref();
        marks.is_some_and(|marks| marks.view.may_be_out_everywhere(self))
    }

    /// The name of the session for a mark, where revocation is on.
    pub(crate) fn mark_name(&self) -> Option<MarkName> {
        self.shared.marks.as_ref()?;
        MarkName::session(self.payload()).ok()
    }
}

impl Subject for Session {
    #[inline]
    fn keys(&self) -> MarkKeys {
        let marks = self.shared.marks.as_ref();
        marks.map(|marks| marks.keys).unwrap_or_default()
    }

    #[inline]
    fn issued(&self) -> Option<f64> {
        self.shared.claims.times.issued
    }

    fn user(&self) -> &UserId {
        self.user_id()
    }

    fn payload(&self) -> &str {
        self.payload()
    }

    #[inline]
    fn cleared_of(&self) -> u64 {
        let marks = self.shared.marks.as_ref();
        marks.map_or(0, |marks| marks.cleared_of.load(Relaxed))
    }

    fn note_cleared_of(&self, number: u64) {
        if let Some(marks) = &self.shared.marks {
            // Of two at once either may stand: a smaller number costs another look.
            marks.cleared_of.store(number, Relaxed);
        }
    }

    fn any_tenant(&self, visit: &mut dyn FnMut(&str) -> bool) -> bool {
        let claims = &self.shared.claims;
        let current = claims.current_tenant().map(TenantId::as_str);
        if current.is_some_and(&mut *visit) {
            return true;
        }
        match &claims.tenants {
            Tenants::Listed(entries) => {
                let mut ids = entries.iter().map(|entry| claims.table.text(entry.id));
                ids.any(visit)
            }
            Tenants::None | Tenants::Unusable => false,
        }
    }
}
