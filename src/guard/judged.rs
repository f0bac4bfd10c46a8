//! The conditions that guards have asked of a request's tenant, for whoever puts another one in its place.

use std::sync::Arc;

use http::Extensions;

use super::condition::{Condition, check_tenant};
use crate::{
    rejection::Rejection,
    session::{ActiveTenant, Session},
};

/// Left in the extensions of a request by a guard that has asked for something of its tenant.
#[derive(Clone)]
struct JudgedTenant {
    session: Session,
    conditions: Arc<[Condition]>,
    /// The mark of a guard further out.
    outer: Option<Arc<JudgedTenant>>,
}

/// Notes that a request's tenant has passed these conditions.
pub(super) fn note(conditions: &Arc<[Condition]>, extensions: &mut Extensions) {
    if !conditions.iter().any(Condition::is_about_tenant) {
        return;
    }
    let Ok(session) = Session::from_extensions(extensions).cloned() else {
        return;
    };
    let outer = extensions.remove::<JudgedTenant>();
    extensions.insert(JudgedTenant {
        session,
        conditions: Arc::clone(conditions),
        outer: outer.map(Arc::new),
    });
}

/// Asks of a tenant what guards have asked of the one in whose place it is put: they stand outside of the
/// layer that does so, and have judged another one.
pub(crate) fn judge_again(tenant: &ActiveTenant, extensions: &Extensions) -> Result<(), Rejection> {
    let mut judged = extensions.get::<JudgedTenant>();
    while let Some(guard) = judged {
        // That of another session is about somebody else.
        if tenant.is_of(&guard.session) {
            check_tenant(&guard.conditions, tenant)?;
        }
        judged = guard.outer.as_deref();
    }
    Ok(())
}
