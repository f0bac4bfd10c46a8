//! Tokens of members of few and of many tenants. The signature check of a longer token takes
//! longer too, so each size has a baseline of its own.

use tower_descope::{Session, SessionToken, TenantId};

use crate::{
    bed::{Bed, now, tenant_id},
    row::{Bench, Row},
};

pub(crate) fn bench(bench: &mut Bench, bed: &Bed) {
    let mut rows = Vec::new();
    for tenants in [3, 20, 200] {
        let name = format!("{tenants}_tenants");
        let session = verified(&mut rows, bed, &name, bed.tenants(tenants).token());

        // The active tenant is the last: the longest way for a search.
        let active = session.clone();
        rows.push(
            Row::new(format!("{name}_active_tenant"), move || {
                active.active_tenant().expect("an active tenant")
            })
            .over("3_tenants_active_tenant"),
        );
        let tenant = session.active_tenant().expect("an active tenant");
        rows.push(
            Row::new(format!("{name}_has_permission"), move || {
                tenant.has_permission("projects.read")
            })
            .over("3_tenants_has_permission"),
        );
        let first = TenantId::new(tenant_id(0)).expect("a good id");
        rows.push(
            Row::new(format!("{name}_role_in_the_first"), move || {
                let member = session.tenant(&first).expect("a member");
                member.has_role("member")
            })
            .over("3_tenants_role_in_the_first"),
        );
    }
    for tenants in [20, 200] {
        let name = format!("{tenants}_tenants_of_five_strings");
        verified(
            &mut rows,
            bed,
            &name,
            bed.tenants_of_five_strings(tenants).token(),
        );
    }
    bench.group("claims", rows);
}

/// Two rows: the signature check of a token, and its whole verification.
fn verified(rows: &mut Vec<Row>, bed: &Bed, name: &str, token: String) -> Session {
    let baseline = format!("{name}_signature_alone");
    rows.push(Row::new(&baseline, bed.signature_check(&token)));
    let descope = bed.descope.clone();
    let token = SessionToken::new(token);
    let session = now(descope.verify(&token)).expect("a good token");
    let verify = move || now(descope.verify(&token));
    rows.push(Row::new(format!("{name}_verified"), verify).over(baseline));
    session
}
