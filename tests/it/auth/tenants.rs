//! Tenants, roles and permissions: the vectors of the official SDKs, verbatim.

use serde::Deserialize;
use serde_json::json;
use tower_descope::{
    RejectionKind, Session, SessionToken, TenantClaims, TenantId, test_util::FakeDescope,
};

/// A session with exactly these authorisation claims.
async fn session(fake: &FakeDescope, claims: serde_json::Value) -> Session {
    session_with(fake, TenantClaims::Auto, claims).await
}

async fn session_with(
    fake: &FakeDescope,
    mode: TenantClaims,
    claims: serde_json::Value,
) -> Session {
    let mut token = fake.session("U1");
    for (name, value) in claims.as_object().unwrap() {
        token = token.claim(name, value.clone());
    }
    let descope = fake.descope_builder().tenant_claims(mode).build().unwrap();
    descope
        .verify(&SessionToken::new(token.token()))
        .await
        .unwrap()
}

fn id(id: &str) -> TenantId {
    TenantId::new(id).unwrap()
}

/// Whether the session's user has all these permissions in a tenant: membership first.
fn permitted(session: &Session, tenant: &str, permissions: &[&str]) -> bool {
    session
        .tenant(id(tenant))
        .is_some_and(|member| permissions.iter().all(|one| member.has_permission(one)))
}

fn roles(session: &Session, tenant: &str, roles: &[&str]) -> bool {
    session
        .tenant(id(tenant))
        .is_some_and(|member| roles.iter().all(|one| member.has_role(one)))
}

#[expect(
    clippy::many_single_char_names,
    reason = "the names that the vectors give"
)]
#[tokio::test]
async fn the_vectors_of_the_go_sdk_hold() {
    let fake = FakeDescope::start().await;
    let root = json!({"permissions": ["foo", "bar"], "roles": ["abc", "xyz"]});
    let with = |more: serde_json::Value| {
        let mut claims = root.clone();
        let map = claims.as_object_mut().unwrap();
        map.extend(more.as_object().unwrap().clone());
        claims
    };
    let p = session(&fake, root.clone()).await;
    let m = session(
        &fake,
        json!({"tenants": {"kuku": {"permissions": ["foo", "bar"], "roles": ["abc", "xyz"]}, "t1": {}}}),
    )
    .await;
    let d = session(&fake, with(json!({"dct": "t1"}))).await;
    let w = session(
        &fake,
        with(json!({"tenants": {
            "t1": {"permissions": ["t1-perm1", "t1-perm2"], "roles": ["t1-role1", "t1-role2"]},
            "t2": {},
        }})),
    )
    .await;
    let b = session(&fake, json!({"tenants": {"t1": true}})).await;

    // P, at the root.
    for permission in ["foo", "bar"] {
        assert!(p.has_project_permission(permission));
    }
    assert!(!p.has_project_permission("qux"));
    assert!(p.has_project_role("abc") && p.has_project_role("xyz"));
    // M, at the root.
    assert!(!m.has_project_permission("foo"));
    // P in a tenant: no member, whatever is asked for.
    assert!(!permitted(&p, "kuku", &[]));
    // M in its tenants.
    assert!(permitted(&m, "kuku", &[]));
    assert!(permitted(&m, "kuku", &["foo"]));
    assert!(permitted(&m, "kuku", &["foo", "bar"]));
    assert!(!permitted(&m, "kuku", &["foo", "bar", "qux"]));
    assert!(roles(&m, "kuku", &["abc", "xyz"]));
    assert!(permitted(&m, "t1", &[]));
    assert!(!permitted(&m, "t2", &[]));
    // D: the current tenant, no tenant reference.
    assert!(permitted(&d, "t1", &["foo"]));
    assert!(!permitted(&d, "t1", &["qux"]));
    assert!(!permitted(&d, "t2", &["foo"]));
    // W: root roles never leak into a tenant.
    assert!(permitted(&w, "t1", &["t1-perm1"]));
    assert!(!permitted(&w, "t1", &["foo"]));
    // B: a member without items.
    assert!(b.has_tenant("t1"));
    assert!(!permitted(&b, "t1", &["foo"]));
    // Asked of the session: the active tenant's, and nothing of the project's in its place.
    for (of, role, permission, has) in [
        (&d, "abc", "foo", true),
        (&d, "t1-role1", "t1-perm1", false),
        (&w, "abc", "foo", false),
        (&w, "t1-role1", "t1-perm1", false),
        (&p, "abc", "foo", false),
        (&m, "abc", "foo", false),
    ] {
        assert_eq!(of.has_role(role), has, "{of:?} {role}");
        assert_eq!(of.has_permission(permission), has, "{of:?} {permission}");
    }
    assert_eq!((p.roles().count(), p.permissions().count()), (0, 0));
    assert!(d.roles().eq(["abc", "xyz"]) && d.permissions().eq(["foo", "bar"]));
    // Odd types: empty, never a panic, never a match on a part of a string.
    for odd in [
        json!({"tenants": {"t1": null}}),
        json!({"tenants": null}),
        json!({"tenants": {"t1": {"permissions": "foobar"}}}),
        json!({"tenants": {"t1": {"permissions": [1, ["foo"], {"foo": 1}, null]}}}),
    ] {
        let odd = session(&fake, odd).await;
        assert!(!permitted(&odd, "t1", &["foo"]));
    }
    // Matched D t1 [foo, bar, qux].
    let matched: Vec<&str> = d.tenant(id("t1")).unwrap().permissions().collect();
    assert_eq!(matched, ["foo", "bar"]);
    // GetTenants.
    let tenants = |session: &Session| session.tenants().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(tenants(&p), [""; 0]);
    assert_eq!(tenants(&d), ["t1"]);
    assert_eq!(tenants(&m), ["kuku", "t1"]);
    assert_eq!(tenants(&w), ["t1", "t2"]);
}

#[tokio::test]
async fn the_active_tenant_is_one_of_the_users_or_none() {
    let fake = FakeDescope::start().await;
    let none = RejectionKind::NoActiveTenant;
    let mismatch = RejectionKind::TenantMismatch;
    for (claims, expected) in [
        (json!({}), Err(none)),
        (json!({"tenants": {"T1": {}}}), Err(none)),
        (json!({"dct": "T1"}), Ok("T1")),
        (json!({"dct": "T1", "tenants": null}), Ok("T1")),
        (json!({"dct": "T1", "tenants": {}}), Ok("T1")),
        (json!({"dct": "T1", "tenants": {"T1": {}}}), Ok("T1")),
        (json!({"dct": "T1", "tenants": {"T1": null}}), Ok("T1")),
        (json!({"dct": "T&1", "tenants": {"T&1": {}}}), Ok("T&1")),
        (json!({"dct": "T2", "tenants": {"T1": {}}}), Err(mismatch)),
        (json!({"dct": "t1", "tenants": {"T1": {}}}), Err(mismatch)),
        (
            json!({"dct": "__proto__", "tenants": {"T1": {}}}),
            Err(mismatch),
        ),
        (json!({"dct": null, "tenants": {"T1": {}}}), Err(none)),
        (json!({"dct": "", "tenants": {"T1": {}}}), Err(none)),
        (json!({"dct": " ", "tenants": {" ": {}}}), Err(none)),
        (json!({"dct": 7, "tenants": {"7": {}}}), Err(none)),
        (json!({"dct": ["T1"], "tenants": {"T1": {}}}), Err(none)),
        (json!({"dct": {"T1": {}}, "tenants": {"T1": {}}}), Err(none)),
        (json!({"dct": true, "tenants": {"true": {}}}), Err(none)),
        (
            json!({"dct": "T\r\n1", "tenants": {"T\r\n1": {}}}),
            Err(none),
        ),
        (json!({"dct": "T".repeat(257), "tenants": {}}), Err(none)),
        (json!({"dct": "T1", "tenants": ["T1"]}), Err(none)),
        (json!({"dct": "T1", "tenants": "T1"}), Err(none)),
        (json!({"dct": "T1", "tenants": 1}), Err(none)),
    ] {
        let session = session(&fake, claims.clone()).await;
        let active = session.active_tenant();
        let got = active.as_ref().map(|tenant| tenant.id().as_str());
        let got = got.map_err(tower_descope::Rejection::kind);
        assert_eq!(got, expected, "{claims}");
    }
}

#[tokio::test]
async fn where_tenant_roles_stand_is_a_setting() {
    use TenantClaims::{Auto, CurrentOnly, Listed};
    let fake = FakeDescope::start().await;
    let listed = json!({"dct": "T1", "roles": ["root"], "tenants": {"T1": {"roles": ["in T1"]}}});
    let root = json!({"dct": "T1", "roles": ["root"]});
    for (mode, claims, expected) in [
        (Auto, &listed, Some("in T1")),
        (Auto, &root, Some("root")),
        (Listed, &listed, Some("in T1")),
        (Listed, &root, None),
        (CurrentOnly, &listed, None),
        (CurrentOnly, &root, Some("root")),
    ] {
        let session = session_with(&fake, mode, claims.clone()).await;
        match (session.active_tenant(), expected) {
            (Ok(tenant), Some(role)) => {
                assert_eq!(
                    tenant.roles().collect::<Vec<_>>(),
                    [role],
                    "{mode:?} {claims}"
                );
            }
            (Err(rejection), None) => {
                assert_eq!(rejection.kind(), RejectionKind::TenantMismatch);
                assert_eq!(session.tenant(id("T1")).map(|t| t.id().to_owned()), None);
            }
            (other, _) => panic!("{mode:?} {claims}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_tenants_that_are_listed_are_those_that_can_be_asked_for() {
    use TenantClaims::{Auto, CurrentOnly, Listed};
    let fake = FakeDescope::start().await;
    let listed = json!({"dct": "T1", "tenants": {"T1": {}, "T2": {}}});
    let elsewhere = json!({"dct": "T3", "tenants": {"T1": {}, "T2": {}}});
    let root = json!({"dct": "T1"});
    let odd = json!({"dct": "T1", "tenants": ["T1"]});
    for (mode, claims, expected) in [
        (Auto, &listed, &["T1", "T2"][..]),
        (Auto, &elsewhere, &["T1", "T2"]),
        (Auto, &root, &["T1"]),
        (Auto, &odd, &[]),
        (Listed, &listed, &["T1", "T2"]),
        (Listed, &elsewhere, &["T1", "T2"]),
        (Listed, &root, &[]),
        (Listed, &odd, &[]),
        (CurrentOnly, &listed, &[]),
        (CurrentOnly, &elsewhere, &[]),
        (CurrentOnly, &root, &["T1"]),
        (CurrentOnly, &odd, &[]),
    ] {
        let session = session_with(&fake, mode, claims.clone()).await;
        let tenants: Vec<_> = session.tenants().collect();
        assert_eq!(tenants, expected, "{mode:?} {claims}");
        for one in ["T1", "T2", "T3"] {
            let has = expected.contains(&one);
            assert_eq!(session.has_tenant(one), has, "{mode:?} {claims} {one}");
            assert_eq!(
                session.tenant(id(one)).is_some(),
                has,
                "{mode:?} {claims} {one}"
            );
        }
    }
}

#[tokio::test]
async fn roles_and_permissions_can_be_required_one_all_or_any() {
    let fake = FakeDescope::start().await;
    let session = session(
        &fake,
        json!({"dct": "T1", "tenants": {"T1": {"roles": ["a", "b"], "permissions": ["p", "q"]}}}),
    )
    .await;
    let tenant = session.active_tenant().unwrap();
    assert!(tenant.require_role("a").is_ok());
    assert!(tenant.require_role("A").is_err(), "case-sensitive");
    assert!(tenant.require_all_roles(["a", "b"]).is_ok());
    assert!(tenant.require_all_roles(["a", "c"]).is_err());
    assert!(tenant.require_all_roles([""; 0]).is_ok());
    assert!(tenant.require_any_role(["c", "b"]).is_ok());
    assert!(tenant.require_any_role(["c"]).is_err());
    assert!(tenant.require_any_role([""; 0]).is_err());
    assert!(tenant.require_permission("p").is_ok());
    assert!(tenant.require_all_permissions(["p", "x"]).is_err());
    assert!(
        tenant
            .require_any_permission(vec!["x".to_owned(), "q".to_owned()])
            .is_ok()
    );
    let rejection = tenant.require_permission("x").unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::MissingPermission);
    assert!(tenant.require_id(&id("T1")).is_ok());
    let rejection = tenant.require_id(&id("T2")).unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::TenantMismatch);
}

#[tokio::test]
async fn custom_claims_are_read_as_types_of_ones_own() {
    #[derive(Debug, Deserialize)]
    struct Custom {
        plan: String,
    }
    #[derive(Deserialize)]
    struct Tenant {
        region: String,
    }
    let fake = FakeDescope::start().await;
    let session = session(
        &fake,
        json!({"plan": "pro", "dct": "T1", "tenants": {"T1": {"region": "eu"}, "T2": {}}}),
    )
    .await;
    assert_eq!(session.claims::<Custom>().unwrap().plan, "pro");
    let tenant = session.active_tenant().unwrap();
    assert_eq!(tenant.claims::<Tenant>().unwrap().region, "eu");
    let error = session.claims::<Vec<u8>>().unwrap_err();
    assert_eq!(error.kind(), tower_descope::ErrorKind::InvalidClaims);
}

#[tokio::test]
async fn a_session_tells_the_rest_of_its_claims() {
    let fake = FakeDescope::start().await;
    let session = session(
        &fake,
        json!({
            "sub": "custom", "dsub": "U2real", "amr": ["email", "mfa"], "su": true,
            "act": {"sub": "U2boss"}, "rexp": "2030-01-01T00:00:00Z", "exp": 4e9, "iat": 1.5e9,
        }),
    )
    .await;
    let seconds = |time: std::time::SystemTime| {
        time.duration_since(std::time::SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_secs()
    };
    assert_eq!(session.user_id(), "U2real");
    assert_eq!(session.subject(), "custom");
    assert_eq!(session.issuer(), fake.project_id());
    assert_eq!(
        session.authentication_methods().collect::<Vec<_>>(),
        ["email", "mfa"]
    );
    assert!(session.is_stepped_up());
    assert!(session.is_impersonated());
    assert_eq!(session.actor().unwrap(), "U2boss");
    assert_eq!(seconds(session.expires_at()), 4_000_000_000);
    assert_eq!(session.issued_at().map(seconds), Some(1_500_000_000));
    assert_eq!(
        session.refresh_expires_at().map(seconds),
        Some(1_893_456_000)
    );
}
