use super::*;

fn parse(payload: &str) -> Result<Claims, Fault> {
    Claims::parse(payload.into())
}

/// A whole payload with these members in place of the usual ones.
fn with(members: &str) -> Result<Claims, Fault> {
    parse(&format!(
        r#"{{"iss":"P1","sub":"U1","exp":2000000000{}{members}}}"#,
        if members.is_empty() { "" } else { "," }
    ))
}

#[test]
fn the_claims_that_every_token_has_are_required_and_typed() {
    assert!(with("").is_ok());
    for (payload, fault) in [
        (r#"{"sub":"U","exp":1}"#, "no_issuer"),
        (r#"{"iss":"P","exp":1}"#, "no_subject"),
        (r#"{"iss":"P","sub":"","exp":1}"#, "no_subject"),
        (r#"{"iss":"P","sub":"U\n1","exp":1}"#, "malformed_user_id"),
        (
            r#"{"iss":"P","sub":"U1","dsub":"U\u001b[2J","exp":1}"#,
            "malformed_user_id",
        ),
        (r#"{"iss":"P","sub":"U"}"#, "no_exp"),
        (r#"{"iss":42,"sub":"U","exp":1}"#, "iss_not_a_string"),
        (r#"{"iss":["P"],"sub":"U","exp":1}"#, "iss_not_a_string"),
        (r#"{"iss":"P","sub":null,"exp":1}"#, "sub_not_a_string"),
        (r#"{"iss":"P","sub":"U","exp":null}"#, "exp_not_a_number"),
        (r#"{"iss":"P","sub":"U","exp":"1"}"#, "exp_not_a_number"),
        (r#"{"iss":"P","sub":"U","exp":true}"#, "exp_not_a_number"),
        (r#"{"iss":"P","sub":"U","exp":[1]}"#, "exp_not_a_number"),
        (r#"{"iss":"P","sub":"U","exp":1e400}"#, "exp_not_a_number"),
        ("[]", "malformed_json"),
    ] {
        assert_eq!(parse(payload).err(), Some(fault), "{payload}");
    }
}

#[test]
fn a_wrong_type_is_never_taken_for_absent() {
    for (members, fault) in [
        (r#""nbf":"1""#, "nbf_not_a_number"),
        (r#""nbf":null"#, "nbf_not_a_number"),
        (r#""iat":{}"#, "iat_not_a_number"),
        (r#""dsub":7"#, "dsub_not_a_string"),
    ] {
        assert_eq!(with(members).err(), Some(fault), "{members}");
    }
    let claims = with(r#""drn":null,"token_type":["x"]"#).unwrap();
    assert!(matches!(claims.kind, Named::NotText));
    assert!(matches!(claims.token_type, Named::NotText));
}

#[test]
fn duplicates_are_refused_at_the_top_in_tenants_and_in_each_tenant() {
    for members in [
        r#""exp":1"#,
        r#""\u0065xp":1"#,
        r#""tenants":{"T":{},"T":{}}"#,
        r#""tenants":{"T":{},"\u0054":{}}"#,
        r#""tenants":{"T":{"roles":[],"roles":[]}}"#,
        r#""x":1,"x":1"#,
    ] {
        assert_eq!(with(members).err(), Some("duplicate_member"), "{members}");
    }
}

#[test]
fn the_end_of_the_refresh_token_is_kept_as_it_stands() {
    let claims = with(r#""rexp":"2026-11-24T22:00:00Z""#).unwrap();
    let text = claims
        .refresh_expires_at
        .map(|text| claims.table.text(text));
    assert_eq!(text, Some("2026-11-24T22:00:00Z"));
    assert!(with("").unwrap().refresh_expires_at.is_none());
    let other = with(r#""rexp":1800000000"#).unwrap();
    assert!(other.refresh_expires_at.is_none());
    assert_eq!(
        with(r#""rexp":"a","rexp":"b""#).err(),
        Some("duplicate_member")
    );
}

#[test]
fn the_users_own_id_is_preferred_to_an_overridden_subject() {
    let claims = with(r#""dsub":"U2real""#).unwrap();
    assert_eq!(claims.user, *"U2real");
    assert_eq!(claims.table.text(claims.subject), "U1");
}

#[test]
fn a_current_tenant_is_a_tenant_id_or_none() {
    let current = |dct: &str| match with(&format!(r#""dct":{dct}"#)).unwrap().current {
        Current::None => None,
        Current::Tenant(id) => Some(id.to_string()),
    };
    assert_eq!(current(r#""T1""#).as_deref(), Some("T1"));
    for none in [
        "null",
        "\"\"",
        "\" \"",
        "7",
        "[\"T1\"]",
        "{}",
        "true",
        r#""a\r\nb""#,
    ] {
        assert_eq!(current(none), None, "{none}");
    }
}

#[test]
fn tenants_are_listed_none_or_unusable() {
    for none in ["null", "{}"] {
        let claims = with(&format!(r#""tenants":{none}"#)).unwrap();
        assert!(matches!(claims.tenants, Tenants::None));
    }
    for unusable in ["[]", "\"T1\"", "1", "false"] {
        let claims = with(&format!(r#""tenants":{unusable}"#)).unwrap();
        assert!(matches!(claims.tenants, Tenants::Unusable));
    }
    let claims =
        with(r#""tenants":{"T1":{"roles":["a","b\u0026c"],"permissions":"x"},"T\u0032":null}"#)
            .unwrap();
    let entry = claims.entry("T1").unwrap();
    let roles: Vec<_> = claims.table.list(entry.roles).collect();
    assert_eq!(roles, ["a", "b&c"]);
    assert_eq!(claims.table.list(entry.permissions).count(), 0);
    assert!(claims.entry("T2").is_some());
    assert!(claims.entry("T3").is_none());
}

#[test]
fn two_tenants_may_have_members_of_one_name() {
    let members = r#""tenants":{"T1":{"plan":1,"x":[{"y":{}}]},"T2":{"plan":2,"roles":["a"]}}"#;
    let claims = with(members).unwrap();
    let value = |tenant| claims.table.value(claims.entry(tenant).unwrap().value);
    assert_eq!(value("T1"), r#"{"plan":1,"x":[{"y":{}}]}"#);
    assert_eq!(value("T2"), r#"{"plan":2,"roles":["a"]}"#);
    for twice in [
        r#""tenants":{"T1":{"plan":1,"plan":2}}"#,
        r#""tenants":{"T1":{"permissions":[],"permissions":[]}}"#,
    ] {
        assert_eq!(with(twice).err(), Some("duplicate_member"), "{twice}");
    }
}

#[test]
fn the_selected_tenants_entry_is_the_one_that_a_search_finds() {
    let many: Vec<_> = (0..40).map(|n| format!(r#""T{n:08}":{{}}"#)).collect();
    let many = format!("{{{}}}", many.join(","));
    for (dct, tenants) in [
        ("T2", r#"{"T1":{},"T2":{},"T3":{}}"#),
        ("T00000039", &many),
        ("T00000040", &many),
        ("T0000003", &many),
        ("T00000A39", &many),
        ("T\\u0032", r#"{"T1":{},"T2":{}}"#),
        ("T2", r#"{"T1":{},"T\u0032":{}}"#),
        ("t2", r#"{"T1":{},"T2":{}}"#),
        ("T", r#"{"T1":{},"T2":{}}"#),
        ("T\u{e9}", r#"{"T\u00e9":{},"T2":{}}"#),
        (" ", r#"{" ":{},"T2":{}}"#),
        ("T1", "{}"),
        ("T1", "null"),
        ("T1", r#"["T1"]"#),
    ] {
        // Whichever of the two stands first.
        for members in [
            format!(r#""dct":"{dct}","tenants":{tenants}"#),
            format!(r#""tenants":{tenants},"dct":"{dct}""#),
        ] {
            let claims = with(&members).unwrap();
            let searched = claims.current_tenant().and_then(|current| {
                let listed = claims.entries().iter();
                let mut found =
                    listed.filter(|entry| claims.table.text(entry.id) == current.as_str());
                found.next()
            });
            let kept = claims.current_entry();
            let is_same = match (kept, searched) {
                (Some(kept), Some(searched)) => std::ptr::eq(kept, searched),
                (kept, searched) => kept.is_none() && searched.is_none(),
            };
            assert!(is_same, "{members}");
        }
    }
    assert!(
        with(r#""tenants":{"T1":{}}"#)
            .unwrap()
            .current_entry()
            .is_none()
    );
}
