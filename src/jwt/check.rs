//! Whether a genuine token may be used here, now, in this place: issuer, audience, kind, time.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    claims::{Claims, Named, Times},
    json::{self, Fault},
};

/// The rules that a token's claims are judged by; fixed when the handle is built.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) project_id: String,
    /// Issuers accepted beside the project's usual forms, compared exactly.
    pub(crate) issuers: BTreeSet<String>,
    /// Audiences, one of which a session must name; empty: `aud` is not looked at.
    pub(crate) audience: BTreeSet<String>,
    pub(crate) session_kinds: BTreeSet<String>,
    pub(crate) refresh_kinds: BTreeSet<String>,
    /// Whether OAuth access tokens are sessions here.
    pub(crate) resource_server: bool,
    /// Whether a session must say its kind.
    pub(crate) require_kind: bool,
    /// Whether a refresh token may leave its kind unsaid.
    pub(crate) refresh_without_kind: bool,
    /// For `exp` and `nbf`, in seconds.
    pub(crate) leeway: f64,
    /// For `iat`, in seconds.
    pub(crate) issued_at_leeway: f64,
}

/// The place that a token was presented in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Session,
    Refresh,
}

/// What the clock says of a genuine token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Timing {
    Good,
    Expired,
    NotYetValid,
    /// Issued in the future, beyond the leeway: this machine's clock is behind by so much.
    Early {
        by: Duration,
    },
}

impl Rules {
    /// Everything but time.
    pub(crate) fn check(
        &self,
        claims: &Claims,
        slot: Slot,
        access_token_typ: bool,
    ) -> Result<(), Fault> {
        if access_token_typ && !(self.resource_server && slot == Slot::Session) {
            return Err("unsupported_typ");
        }
        if !self.issuer(claims.table.text(claims.issuer)) {
            return Err("wrong_issuer");
        }
        match slot {
            Slot::Session => self.session(claims),
            Slot::Refresh => self.refresh(claims),
        }
    }

    fn session(&self, claims: &Claims) -> Result<(), Fault> {
        match claims.kind {
            Named::Text(kind) if self.session_kinds.contains(claims.table.text(kind)) => {}
            Named::Text(_) | Named::NotText => return Err("wrong_kind"),
            Named::Absent => {}
        }
        match claims.token_type {
            Named::Text(kind)
                if self.resource_server && claims.table.text(kind) == "access_token" => {}
            Named::Text(_) | Named::NotText => return Err("wrong_token_type"),
            Named::Absent => {
                if self.require_kind && matches!(claims.kind, Named::Absent) {
                    return Err("no_kind");
                }
            }
        }
        if claims.key_bound {
            return Err("bound_to_a_key");
        }
        if !self.audience.is_empty() && !self.audience(claims) {
            return Err("wrong_audience");
        }
        Ok(())
    }

    fn refresh(&self, claims: &Claims) -> Result<(), Fault> {
        match claims.kind {
            Named::Text(kind) if self.refresh_kinds.contains(claims.table.text(kind)) => {}
            Named::Absent if self.refresh_without_kind => {}
            Named::Text(_) | Named::NotText | Named::Absent => return Err("wrong_kind"),
        }
        match claims.token_type {
            Named::Absent => Ok(()),
            Named::Text(_) | Named::NotText => Err("wrong_token_type"),
        }
    }

    /// The project id itself, or an http(s) URL whose last path segment it is; the host is free,
    /// since projects have domains of their own. One trailing slash is tolerated; a query, a
    /// fragment, user info and escapes are not.
    fn issuer(&self, issuer: &str) -> bool {
        if issuer == self.project_id || self.issuers.contains(issuer) {
            return true;
        }
        let Some(rest) = issuer
            .strip_prefix("https://")
            .or_else(|| issuer.strip_prefix("http://"))
        else {
            return false;
        };
        let plain =
            |byte| matches!(byte, b'!'..=b'~') & !matches!(byte, b'?' | b'#' | b'@' | b'%' | b'\\');
        if !rest.bytes().fold(true, |good, byte| good & plain(byte)) {
            return false;
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        match rest.split_once('/') {
            Some((host, path)) => {
                !host.is_empty() && path.rsplit('/').next() == Some(&self.project_id)
            }
            None => false,
        }
    }

    /// RFC 7519 section 4.1.3: a string or an array of strings, any of which may match.
    fn audience(&self, claims: &Claims) -> bool {
        let Some(audience) = claims.audience else {
            return false;
        };
        let value = claims.table.value(audience);
        if let Some(one) = json::string(value) {
            return self.audience.contains(&*one);
        }
        if !value.starts_with('[') {
            return false;
        }
        let mut matches = false;
        let strings_only = json::elements(value, |element| {
            let text = json::string(element).ok_or("aud_not_a_string")?;
            matches |= self.audience.contains(&*text);
            Ok(())
        });
        strings_only.is_ok() && matches
    }

    /// Time alone. Called again whenever a verified token is used again.
    pub(crate) fn timing(&self, times: &Times, now: SystemTime) -> Timing {
        let now = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs_f64();
        let leeway = self.leeway;
        if times.expires + leeway <= now {
            return Timing::Expired;
        }
        if times.not_before.is_some_and(|time| time > now + leeway) {
            return Timing::NotYetValid;
        }
        match times.issued {
            Some(issued) if issued > now + self.issued_at_leeway => Timing::Early {
                by: Duration::try_from_secs_f64(issued - now).unwrap_or(Duration::MAX),
            },
            _ => Timing::Good,
        }
    }
}

/// A `NumericDate` as a time: not before the epoch, not after the year 9999.
pub(crate) fn system_time(seconds: f64) -> SystemTime {
    /// 9999-12-31T23:59:59Z
    const LAST: f64 = 253_402_300_799.0;
    let since_epoch = Duration::try_from_secs_f64(seconds.clamp(0.0, LAST)).unwrap_or_default();
    SystemTime::UNIX_EPOCH
        .checked_add(since_epoch)
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

/// A date as some claims write it (RFC 3339); `None` if the text is none.
pub(crate) fn rfc3339(text: &str) -> Option<SystemTime> {
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let payload =
            format!(r#"{{"iss":"project-id","sub":"U1","exp":2000000000,{members}"x":0}}"#);
        Claims::parse(payload.into()).unwrap()
    }

    fn session(rules: &Rules, members: &str) -> Result<(), Fault> {
        rules.check(&claims(members), Slot::Session, false)
    }

    fn refresh(rules: &Rules, members: &str) -> Result<(), Fault> {
        rules.check(&claims(members), Slot::Refresh, false)
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
        assert!(server.check(&claims(access), Slot::Session, true).is_ok());
        assert!(rules().check(&claims(""), Slot::Session, true).is_err());
        let refresh = claims(r#""drn":"DSR","#);
        assert!(server.check(&refresh, Slot::Refresh, true).is_err());
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
        let at = |seconds: f64| system_time(seconds);
        let timing = |expires: f64, not_before: Option<f64>, issued: Option<f64>, now: f64| {
            let times = Times {
                expires,
                not_before,
                issued,
            };
            rules.timing(&times, at(now))
        };
        assert_eq!(timing(1000.0, None, None, 999.0), Timing::Good);
        assert_eq!(timing(1000.0, None, None, 1003.0), Timing::Good);
        assert_eq!(timing(1000.0, None, None, 1005.0), Timing::Expired);
        assert_eq!(timing(1000.5, None, None, 1005.0), Timing::Good);
        assert_eq!(timing(1e308, None, None, 1005.0), Timing::Good);
        assert_eq!(timing(-1.0, None, None, 0.0), Timing::Good);
        assert_eq!(timing(2e9, Some(1004.0), None, 1000.0), Timing::Good);
        assert_eq!(timing(2e9, Some(1006.0), None, 1000.0), Timing::NotYetValid);
        assert_eq!(timing(2e9, Some(1e300), None, 1000.0), Timing::NotYetValid);
        assert_eq!(timing(2e9, None, Some(1060.0), 1000.0), Timing::Good);
        assert_eq!(
            timing(2e9, None, Some(1061.0), 1000.0),
            Timing::Early {
                by: Duration::from_secs(61)
            }
        );
    }

    #[test]
    fn dates_stay_between_the_epoch_and_the_year_9999() {
        assert_eq!(system_time(-5.0), SystemTime::UNIX_EPOCH);
        let last = system_time(253_402_300_799.0);
        assert_eq!(system_time(1e308), last);
        assert!(system_time(f64::from(u32::MAX)) < last);
    }

    #[test]
    fn a_refresh_expiry_that_does_not_parse_is_none() {
        let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(1_893_456_000);
        assert_eq!(rfc3339("2030-01-01T00:00:00Z"), Some(expected));
        for odd in ["1893456000", "soon", "null", ""] {
            assert_eq!(rfc3339(odd), None, "{odd}");
        }
    }
}
