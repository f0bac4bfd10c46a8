//! Whatever a request says, nobody acts in a tenant that the token does not name.

use std::cell::Cell;

use http::HeaderName;
use percent_encoding::percent_encode_byte;
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Map, Value, json};
use tower_descope::{TenantClaims, TenantLayer, UrlTenant, test_util::FakeDescope};

use super::{app_of, get};
use crate::support::call;

const IDS: [&str; 6] = ["T1", "t1", "T2", "a/b", "x", "T%31"];

/// The names that a token gives its user: read from the claims, by nothing of the crate's.
fn named_by(claims: &Value, mode: TenantClaims) -> Vec<String> {
    let listed: Vec<String> = match &claims["tenants"] {
        Value::Object(entries) => entries.keys().cloned().collect(),
        Value::Null => Vec::new(),
        _ => return Vec::new(),
    };
    let current = || {
        claims["dct"]
            .as_str()
            .map(str::to_owned)
            .into_iter()
            .collect()
    };
    match (mode, listed.is_empty()) {
        (TenantClaims::Listed, _) | (TenantClaims::Auto, false) => listed,
        (_, true) => current(),
        _ => Vec::new(),
    }
}

fn claims() -> impl Strategy<Value = Value> {
    let ids = || proptest::sample::select(&IDS[..]);
    let entries = proptest::collection::vec(ids(), 0..4).prop_map(|ids| {
        let entries = ids.into_iter().map(|id| (id.to_owned(), json!({})));
        Value::Object(entries.collect::<Map<_, _>>())
    });
    let tenants = prop_oneof![
        6 => entries, 1 => Just(Value::Null), 1 => Just(json!(["T1"])), 1 => Just(json!("T1")),
    ];
    let current = prop_oneof![4 => ids().prop_map(|id| json!(id)), 1 => Just(Value::Null)];
    (tenants, current).prop_map(|(tenants, dct)| json!({"tenants": tenants, "dct": dct}))
}

/// A name as somebody may write it, and what is written.
fn written() -> impl Strategy<Value = String> {
    let encoded = |id: &str| id.bytes().map(percent_encode_byte).collect::<String>();
    let ids = || proptest::sample::select(&IDS[..]);
    prop_oneof![
        4 => ids().prop_map(str::to_owned),
        2 => ids().prop_map(encoded),
        1 => ids().prop_map(move |id| encoded(&encoded(id))),
        1 => ids().prop_map(str::to_uppercase),
        1 => (ids(), ids()).prop_map(|(one, other)| format!("{one}/{other}")),
        1 => (ids(), ids()).prop_map(|(one, other)| format!("{one}.{other}")),
        2 => "[a-zA-Z0-9%/._;=, -]{0,8}",
    ]
}

#[test]
fn nobody_acts_in_a_tenant_that_the_token_does_not_name() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fake = runtime.block_on(FakeDescope::start());
    let modes = [
        TenantClaims::Auto,
        TenantClaims::Listed,
        TenantClaims::CurrentOnly,
    ];
    let handles = modes.map(|mode| fake.descope_builder().tenant_claims(mode).build().unwrap());
    let header = HeaderName::from_static("x-tenant");
    let sources = [
        UrlTenant::after("/t/"),
        UrlTenant::path_segment(1),
        UrlTenant::subdomain_of("app.example").unwrap(),
        UrlTenant::header(header),
        UrlTenant::cookie("tenant"),
    ];
    let passed = Cell::new(0);
    let strategy = (
        claims(),
        written(),
        0..3_usize,
        0..sources.len(),
        any::<bool>(),
        any::<bool>(),
    );
    let mut runner = TestRunner::new(ProptestConfig::with_cases(3_000));
    let result = runner.run(
        &strategy,
        |(claims, written, mode, source, suffices, or_active)| {
            let mut token = fake.session("U1");
            for (name, value) in claims.as_object().unwrap() {
                token = token.claim(name, value.clone());
            }
            let path: String = written.replace(' ', "%20");
            let host = format!("{written}.app.example");
            let cookie = format!("tenant={written}");
            let fields: [(&str, &[u8]); 3] = [
                ("host", host.as_bytes()),
                ("x-tenant", written.as_bytes()),
                ("cookie", cookie.as_bytes()),
            ];
            let Ok(uri) = format!("/t/{path}/x").parse::<http::Uri>() else {
                return Ok(());
            };
            let mut url_tenant = sources[source].clone();
            if suffices {
                url_tenant = url_tenant.membership_suffices();
            }
            if or_active {
                url_tenant = url_tenant.or_active();
            }
            let app = app_of(TenantLayer::new(handles[mode].clone()), url_tenant);
            let request = get(&uri.to_string(), &token.token(), &fields);
            let response = runtime.block_on(call(&app, request));
            if response.status() != 200 {
                return Ok(());
            }
            let seen = response.into_body();
            let tenant = seen.strip_prefix("U1@").unwrap();
            if tenant == "-" {
                prop_assert!(or_active, "only where the request names none");
                return Ok(());
            }
            passed.set(passed.get() + 1);
            let named = named_by(&claims, modes[mode]);
            prop_assert!(
                named.iter().any(|it| it == tenant),
                "{} not in {:?}",
                tenant,
                named
            );
            if !suffices {
                prop_assert_eq!(claims["dct"].as_str(), Some(tenant));
            }
            Ok(())
        },
    );
    result.unwrap();
    assert!(passed.get() > 50, "{} passed", passed.get());
}
