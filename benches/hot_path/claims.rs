//! Tokens of members of few and of many tenants. The signature check of a longer token takes
//! longer too, so each size has a baseline of its own.

use tower_descope::{SessionToken, TenantId};

use crate::{
    bed::{Bed, now, tenant_id},
    row::{Bench, Row},
};

pub(crate) fn bench(bench: &mut Bench, bed: &Bed) {
    let mut rows = Vec::new();
    for tenants in [3, 20, 200] {
        let token = bed.tenants(tenants).token();
        let baseline = format!("{tenants}_tenants_signature_alone");
        rows.push(Row::new(&baseline, bed.signature_check(&token)));

        let descope = bed.descope.clone();
        let token = SessionToken::new(token);
        let session = now(descope.verify(&token)).expect("a good token");
        let verify = move || now(descope.verify(&token));
        rows.push(Row::new(format!("{tenants}_tenants_verified"), verify).over(baseline));

        // The active tenant is the last: the longest way.
        let active = session.clone();
        let name = format!("{tenants}_tenants_permission_of_the_active");
        rows.push(
            Row::new(name, move || {
                let tenant = active.active_tenant().expect("an active tenant");
                tenant.has_permission("projects.read")
            })
            .over("3_tenants_permission_of_the_active"),
        );
        let first = TenantId::new(tenant_id(0)).expect("a good id");
        let name = format!("{tenants}_tenants_role_in_the_first");
        rows.push(
            Row::new(name, move || {
                let member = session.tenant(&first).expect("a member");
                member.has_role("member")
            })
            .over("3_tenants_role_in_the_first"),
        );
    }
    bench.group("claims", rows);
}
