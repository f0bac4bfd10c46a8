//! Edges that no other unit test here covers: found by changing the code in small ways.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use super::{
    check::{Rules, TimeCheck},
    claims::{Claims, Times},
    table::List,
};
use crate::clock::system_time;

fn claims(members: &str) -> Claims {
    Claims::parse(format!(r#"{{"iss":"P1","sub":"U1","exp":2000000000,{members}}}"#).into())
        .unwrap()
}

fn texts(claims: &Claims, list: List) -> Vec<&str> {
    claims.table.list(list).collect()
}

#[test]
fn what_a_token_grants_is_read_from_its_own_member() {
    let claims = claims(concat!(
        r#""roles":["r"],"permissions":["p"],"amr":["pwd","mfa"],"dct":"T1","#,
        r#""tenants":{"T1":{"roles":["tr"],"permissions":["tp"]}}"#
    ));
    assert_eq!(texts(&claims, claims.roles), ["r"]);
    assert_eq!(texts(&claims, claims.permissions), ["p"]);
    assert_eq!(
        texts(&claims, claims.authentication_methods),
        ["pwd", "mfa"]
    );
    let current = claims.current_tenant().unwrap();
    let entry = claims.entry(current.as_ref()).unwrap();
    assert_eq!(texts(&claims, entry.roles), ["tr"]);
    assert_eq!(texts(&claims, entry.permissions), ["tp"]);
    let bare = self::claims(r#""x":0"#);
    assert!(bare.current_tenant().is_none());
    for list in [&bare.roles, &bare.permissions, &bare.authentication_methods] {
        assert!(texts(&bare, *list).is_empty());
    }
}

#[test]
fn stepped_up_is_the_word_true_and_nothing_else() {
    assert!(claims(r#""su":true"#).stepped_up);
    for other in ["false", "null", "1", "\"true\"", "[true]", "{}"] {
        let members = format!(r#""su":{other}"#);
        assert!(!claims(&members).stepped_up, "{other}");
    }
    assert!(!claims(r#""x":0"#).stepped_up);
}

#[test]
fn an_actor_is_whatever_act_says_but_null() {
    let actor = |members: &str| {
        let claims = claims(members);
        let value = claims.actor;
        value.map(|value| claims.table.value(value).to_owned())
    };
    assert_eq!(actor(r#""act":null"#), None);
    assert_eq!(actor(r#""x":0"#), None);
    assert_eq!(
        actor(r#""act":{"sub":"U2"}"#).as_deref(),
        Some(r#"{"sub":"U2"}"#)
    );
    assert_eq!(actor(r#""act":"U2""#).as_deref(), Some(r#""U2""#));
}

#[test]
fn a_moment_on_the_edge_of_a_leeway_is_within_it_unless_it_is_the_end() {
    let rules = Rules {
        project_id: "P1".to_owned(),
        issuers: BTreeSet::new(),
        audience: BTreeSet::new(),
        session_kinds: BTreeSet::new(),
        refresh_kinds: BTreeSet::new(),
        resource_server: false,
        require_kind: false,
        refresh_without_kind: false,
        leeway: 5.0,
        issued_at_leeway: 60.0,
    };
    let timing = |expires, not_before, issued| {
        let times = Times {
            expires,
            not_before,
            issued,
        };
        rules.check_time(&times, Duration::from_secs(1_000))
    };
    assert_eq!(timing(995.0, None, None), TimeCheck::Expired);
    assert_eq!(timing(995.5, None, None), TimeCheck::Valid);
    assert_eq!(timing(2e9, Some(1_005.0), None), TimeCheck::Valid);
    assert_eq!(timing(2e9, Some(1_005.5), None), TimeCheck::NotYetValid);
    assert_eq!(timing(2e9, None, Some(1_060.0)), TimeCheck::Valid);
    let by = Duration::from_secs_f64(60.5);
    assert_eq!(
        timing(2e9, None, Some(1_060.5)),
        TimeCheck::IssuedInFuture { by }
    );
    let half = Duration::from_millis(500);
    assert_eq!(system_time(0.5), SystemTime::UNIX_EPOCH + half);
}
