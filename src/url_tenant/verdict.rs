use http::Extensions;

use super::named::{Named, unclear};
use crate::{
    guard::judge_again,
    ids::TenantId,
    rejection::{Rejection, RejectionKind},
    session::{ActiveTenant, Session},
};

/// Which tenants of a token a request may be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    MustBeActive,
    MembershipSuffices,
}

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It passes as it is, in the active tenant or in none.
    Passes,
    /// It passes, and acts in this tenant of its token's.
    ActsIn(ActiveTenant),
    Refused {
        rejection: Rejection,
        /// The tenant that the user would have to switch to.
        wanted: Option<TenantId>,
    },
}

impl Verdict {
    pub(super) fn refused(rejection: Rejection) -> Self {
        Self::Refused {
            rejection,
            wanted: None,
        }
    }

    /// Compares the tenant that a request names with its session.
    pub(super) fn on(
        rule: Rule,
        or_active: bool,
        named: Result<Named<'_>, Rejection>,
        extensions: &Extensions,
    ) -> Self {
        // Who has no session is told that, whatever they ask for.
        let session = match Session::from_extensions(extensions) {
            Ok(session) => session,
            Err(rejection) => return Self::refused(rejection),
        };
        let id = match named {
            Ok(Named::Absent) if or_active => return Self::Passes,
            Ok(Named::Absent) => return Self::refused(unclear("tenant_absent")),
            Ok(Named::Tenant { name, ignores_case }) => tenant_id(session, &name, ignores_case),
            Err(rejection) => return Self::refused(rejection),
        };
        let id = match id {
            Ok(id) => id,
            Err(rejection) => return Self::refused(rejection),
        };
        match rule {
            Rule::MustBeActive => {
                let active = ActiveTenant::from_extensions(extensions);
                if active.is_ok_and(|active| *active.id() == id) {
                    return Self::Passes;
                }
            }
            Rule::MembershipSuffices => {
                if let Ok(tenant) = session.act_in(&id) {
                    // A guard further out has judged another tenant: it is no pass into this one.
                    return match judge_again(&tenant, extensions) {
                        Ok(()) => Self::ActsIn(tenant),
                        Err(rejection) => Self::refused(rejection),
                    };
                }
            }
        }
        if session.may_switch_to(&id) {
            Self::Refused {
                rejection: Rejection::new(RejectionKind::OtherTenant),
                wanted: Some(id),
            }
        } else {
            let reason = "not_a_member";
            Self::refused(Rejection::because(RejectionKind::TenantMismatch, reason))
        }
    }
}

/// The tenant of a name; where the name has lost its case, with that of the token.
fn tenant_id(session: &Session, name: &str, ignores_case: bool) -> Result<TenantId, Rejection> {
    let mut alike = session
        .tenants()
        .filter(|tenant| ignores_case && tenant.eq_ignore_ascii_case(name));
    let id = match (alike.next(), alike.next()) {
        (Some(_), Some(_)) => return Err(unclear("tenants_differ_in_case_alone")),
        (Some(one), None) => one,
        (None, _) => name,
    };
    TenantId::from_claim(id).ok_or(unclear("malformed_tenant"))
}
