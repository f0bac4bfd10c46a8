//! A guard admits exactly whom the methods of the session admit, and refuses for the same reason.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tower_descope::{
    RejectionKind, Require, Session, SessionToken, TenantClaims, TenantLayer,
    test_util::FakeDescope,
};

use super::guarded_by;
use crate::support::with_bearer;

#[derive(Clone, Debug)]
enum Ask {
    Tenant,
    Roles(bool, Vec<&'static str>),
    Permissions(bool, Vec<&'static str>),
    StepUp(Option<u64>),
    NotImpersonated,
}

const NAMES: [&str; 4] = ["a", "b", "A", ""];

fn names() -> impl Strategy<Value = Vec<&'static str>> {
    proptest::collection::vec(proptest::sample::select(&NAMES[..]), 0..3)
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        Just(Ask::Tenant),
        (any::<bool>(), names()).prop_map(|(all, names)| Ask::Roles(all, names)),
        (any::<bool>(), names()).prop_map(|(all, names)| Ask::Permissions(all, names)),
        proptest::option::of(0..400_u64).prop_map(Ask::StepUp),
        Just(Ask::NotImpersonated),
    ]
}

/// The claims that decide, in shapes of all sorts.
fn claims() -> impl Strategy<Value = Value> {
    let lists = || proptest::option::of(names());
    let entry = || {
        (lists(), lists())
            .prop_map(|(roles, permissions)| json!({"roles": roles, "permissions": permissions}))
    };
    let tenants = prop_oneof![
        1 => Just(Value::Null),
        1 => Just(json!({})),
        1 => Just(json!(["T1"])),
        4 => (proptest::option::of(entry()), proptest::option::of(entry())).prop_map(|(one, two)| {
            let listed = [("T1", one), ("T2", two)];
            let listed = listed.into_iter().filter_map(|(id, entry)| Some((id.to_owned(), entry?)));
            Value::Object(listed.collect())
        }),
    ];
    let current = prop_oneof![
        4 => Just(json!("T1")), 1 => Just(json!("T9")), 1 => Just(json!(null)), 1 => Just(json!(7)),
    ];
    let su = prop_oneof![Just(json!(true)), Just(json!(false)), Just(json!("true"))];
    let act = prop_oneof![
        Just(json!(null)),
        Just(json!({"sub": "U9"})),
        Just(json!({"x": 1}))
    ];
    (tenants, current, su, act, lists(), lists()).prop_map(
        |(tenants, dct, su, act, roles, permissions)| {
            json!({
                "tenants": tenants, "dct": dct, "su": su, "act": act,
                "roles": roles, "permissions": permissions,
            })
        },
    )
}

fn guard(asks: &[Ask]) -> Require {
    let one = |ask: &Ask| match ask.clone() {
        Ask::Tenant => Require::tenant(),
        Ask::Roles(true, names) => Require::all_roles(names),
        Ask::Roles(false, names) => Require::any_role(names),
        Ask::Permissions(true, names) => Require::all_permissions(names),
        Ask::Permissions(false, names) => Require::any_permission(names),
        Ask::StepUp(None) => Require::step_up(),
        Ask::StepUp(Some(seconds)) => Require::step_up_within(Duration::from_secs(seconds)),
        Ask::NotImpersonated => Require::not_impersonated(),
    };
    asks.iter().map(one).reduce(Require::and).unwrap()
}

fn by_hand(session: &Session, asks: &[Ask]) -> Result<(), RejectionKind> {
    let tenant = || session.active_tenant();
    for ask in asks {
        let verdict = match ask {
            Ask::Tenant => tenant().map(drop),
            Ask::Roles(true, names) => tenant().and_then(|it| it.require_all_roles(names)),
            Ask::Roles(false, names) => tenant().and_then(|it| it.require_any_role(names)),
            Ask::Permissions(true, names) => {
                tenant().and_then(|it| it.require_all_permissions(names))
            }
            Ask::Permissions(false, names) => {
                tenant().and_then(|it| it.require_any_permission(names))
            }
            Ask::StepUp(None) => session.require_step_up(),
            Ask::StepUp(Some(seconds)) => {
                session.require_step_up_within(Duration::from_secs(*seconds))
            }
            Ask::NotImpersonated => session.require_not_impersonated(),
        };
        verdict.map_err(|rejection| rejection.kind())?;
    }
    Ok(())
}

#[test]
fn a_guard_admits_exactly_whom_the_methods_admit() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fake = runtime.block_on(FakeDescope::start());
    let modes = [
        TenantClaims::Auto,
        TenantClaims::Listed,
        TenantClaims::CurrentOnly,
    ];
    let handles = modes.map(|mode| fake.descope_builder().tenant_claims(mode).build().unwrap());
    let mut admitted = 0;
    let mut refused = 0;
    let config = ProptestConfig::with_cases(600);
    let strategy = (
        claims(),
        proptest::collection::vec(ask(), 1..4),
        0..3_usize,
        0..400_i64,
    );
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let counts = std::cell::RefCell::new((&mut admitted, &mut refused));
    let result = runner.run(&strategy, |(claims, asks, handle, age)| {
        let mut token = fake.session("U1").issued_at(-age);
        for (name, value) in claims.as_object().unwrap() {
            token = token.claim(name, value.clone());
        }
        let token = token.token();
        let descope = &handles[handle];
        let app = guarded_by(TenantLayer::new(descope.clone()), guard(&asks));
        let (session, response) = runtime.block_on(async {
            let session = descope.verify(&SessionToken::new(&*token)).await.unwrap();
            (session, with_bearer(&app, &token).await)
        });
        let mut counts = counts.borrow_mut();
        match by_hand(&session, &asks) {
            Ok(()) => {
                *counts.0 += 1;
                prop_assert_eq!(response.status(), 200);
            }
            Err(kind) => {
                *counts.1 += 1;
                prop_assert_eq!(&response.headers()["x-descope-rejection"], kind.code());
            }
        }
        Ok(())
    });
    result.unwrap();
    assert!(
        admitted > 30 && refused > 30,
        "{admitted} admitted, {refused} refused"
    );
}
