use super::*;
use crate::clock::since_epoch;

fn rules() -> Rules {
    Rules {
        project_id: "project-id".to_owned(),
        issuers: BTreeSet::new(),
        audience: BTreeSet::new(),
        session_kinds: ["DS".to_owned()].into(),
        refresh_kinds: ["DSR".to_owned()].into(),
        resource_server: false,
        require_kind: false,
        refresh_without_kind: false,
        leeway: 5.0,
        issued_at_leeway: 60.0,
    }
}

fn claims(members: &str) -> Claims {
    let payload = format!(r#"{{"iss":"project-id","sub":"U1","exp":2000000000,{members}"x":0}}"#);
    Claims::parse(payload.into()).unwrap()
}

fn session(rules: &Rules, members: &str) -> Result<(), Fault> {
    rules.check(&claims(members), TokenUse::Session, false)
}

fn refresh(rules: &Rules, members: &str) -> Result<(), Fault> {
    rules.check(&claims(members), TokenUse::Refresh, false)
}

/// The vectors of Descope's Node SDK, with what we make of them by default and with the very
/// string given to `issuers(…)`.
#[test]
fn issuers_are_the_project_or_a_url_that_ends_in_it() {
    for (issuer, by_default) in [
        ("project-id", true),
        ("https://descope.com/bla/project-id", true),
        ("https://api.descope.com/v1/apps/project-id", true),
        ("https://h/project-id", true),
        ("https://h/project-id/", true),
        ("http://h/project-id", true),
        ("https://h:8443/project-id", true),
        ("https://h/project-id//", false),
        ("https://h/project-id?x=1#y", false),
        ("https://h/project-id#", false),
        ("https://u@h/project-id", false),
        ("https://h/project%2Did", false),
        ("https://h/x?/project-id", false),
        ("https://h/x\\project-id", false),
        ("https://h/ /project-id", false),
        ("x/project-id", false),
        ("ftp://h/project-id", false),
        ("https:///project-id", false),
        ("https://h/v1/apps/project-id/T1", false),
        (
            "https://auth.example.com/v1/apps/agentic/project-id/ms",
            false,
        ),
        ("https://project-id", false),
        ("https://project-id/", false),
        ("https://project-id/other", false),
        ("https://auth.example.com/v1/apps/project-id/a/b", false),
        ("https://descope.com/bla/bla", false),
        ("PROJECT-ID", false),
        ("project-id ", false),
        ("project-idx", false),
        ("", false),
    ] {
        assert_eq!(rules().issuer(issuer), by_default, "{issuer:?}");
        let with_issuers = Rules {
            issuers: [issuer.to_owned()].into(),
            ..rules()
        };
        assert!(with_issuers.issuer(issuer), "{issuer:?}");
    }
}

#[test]
fn a_session_is_of_a_session_kind() {
    let rules = rules();
    for good in ["", r#""drn":"DS","#] {
        assert_eq!(session(&rules, good), Ok(()), "{good}");
    }
    for bad in [
        r#""drn":"DSR","#,
        r#""drn":"ds","#,
        r#""drn":null,"#,
        r#""drn":["DS"],"#,
        r#""token_type":"refresh_token","#,
        r#""token_type":"id_token","#,
        r#""token_type":"access_token","#,
        r#""token_type":"other","#,
        r#""token_type":1,"#,
        r#""drn":"DS","token_type":"id_token","#,
        r#""cnf":{"jkt":"x"},"#,
        r#""cnf":{},"#,
    ] {
        assert!(session(&rules, bad).is_err(), "{bad}");
    }
    let strict = Rules {
        require_kind: true,
        ..rules
    };
    assert_eq!(session(&strict, ""), Err("no_kind"));
    assert_eq!(session(&strict, r#""drn":"DS","#), Ok(()));
}

#[test]
fn access_tokens_are_sessions_for_a_resource_server_only() {
    let access = r#""token_type":"access_token","aud":["api"],"#;
    let server = Rules {
        resource_server: true,
        audience: ["api".to_owned()].into(),
        ..rules()
    };
    assert_eq!(session(&server, access), Ok(()));
    assert!(session(&server, r#""token_type":"refresh_token","aud":"api","#).is_err());
    assert!(
        server
            .check(&claims(access), TokenUse::Session, true)
            .is_ok()
    );
    assert!(rules().check(&claims(""), TokenUse::Session, true).is_err());
    let refresh = claims(r#""drn":"DSR","#);
    assert!(server.check(&refresh, TokenUse::Refresh, true).is_err());
}

#[test]
fn the_refresh_slot_wants_a_refresh_kind_and_neither_audience_nor_key() {
    let mut rules = Rules {
        audience: ["api".to_owned()].into(),
        ..rules()
    };
    assert_eq!(refresh(&rules, r#""drn":"DSR","#), Ok(()));
    assert_eq!(refresh(&rules, r#""drn":"DSR","cnf":{"jkt":"x"},"#), Ok(()));
    for bad in [
        "",
        r#""drn":"DS","#,
        r#""drn":7,"#,
        r#""token_type":"refresh_token","#,
        r#""drn":"DSR","token_type":"refresh_token","#,
    ] {
        assert!(refresh(&rules, bad).is_err(), "{bad}");
    }
    rules.refresh_without_kind = true;
    assert_eq!(refresh(&rules, ""), Ok(()));
}

#[test]
fn an_audience_is_checked_where_one_is_configured() {
    let rules = Rules {
        audience: ["api".to_owned(), "other".to_owned()].into(),
        ..rules()
    };
    for good in [r#""aud":"api","#, r#""aud":["x","other"],"#] {
        assert_eq!(session(&rules, good), Ok(()), "{good}");
    }
    for bad in [
        "",
        r#""aud":"ap","#,
        r#""aud":"apis","#,
        r#""aud":[],"#,
        r#""aud":42,"#,
        r#""aud":["api",42],"#,
        r#""aud":{"api":1},"#,
        r#""aud":null,"#,
    ] {
        assert_eq!(session(&rules, bad), Err("wrong_audience"), "{bad}");
    }
    assert_eq!(session(&self::rules(), r#""aud":42,"#), Ok(()));
}

#[test]
fn time_is_judged_with_its_leeways() {
    let rules = rules();
    let at = |seconds: f64| since_epoch(seconds);
    let timing = |expires: f64, not_before: Option<f64>, issued: Option<f64>, now: f64| {
        let times = Times {
            expires,
            not_before,
            issued,
        };
        rules.check_time(&times, at(now))
    };
    assert_eq!(timing(1000.0, None, None, 999.0), TimeCheck::Valid);
    assert_eq!(timing(1000.0, None, None, 1003.0), TimeCheck::Valid);
    assert_eq!(timing(1000.0, None, None, 1005.0), TimeCheck::Expired);
    assert_eq!(timing(1000.5, None, None, 1005.0), TimeCheck::Valid);
    assert_eq!(timing(1e308, None, None, 1005.0), TimeCheck::Valid);
    assert_eq!(timing(-1.0, None, None, 0.0), TimeCheck::Valid);
    assert_eq!(timing(2e9, Some(1004.0), None, 1000.0), TimeCheck::Valid);
    assert_eq!(
        timing(2e9, Some(1006.0), None, 1000.0),
        TimeCheck::NotYetValid
    );
    assert_eq!(
        timing(2e9, Some(1e300), None, 1000.0),
        TimeCheck::NotYetValid
    );
    assert_eq!(timing(2e9, None, Some(1060.0), 1000.0), TimeCheck::Valid);
    assert_eq!(
        timing(2e9, None, Some(1061.0), 1000.0),
        TimeCheck::IssuedInFuture {
            by: Duration::from_secs(61)
        }
    );
}
