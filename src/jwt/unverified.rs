//! Claims that no signature vouches for.

use std::time::Duration;

use super::{
    check::{Rules, TokenUse},
    claims::{Claims, Times},
    compact::{Compact, HeaderRoom},
    header::Header,
};
use crate::{ids::UserId, json::Fault};

/// The claims of a token whose signature has not been checked: anybody may have written them. They
/// decide which tokens are looked at, in which order, and how long a verdict is waited for, and never
/// who somebody is or what they may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnverifiedClaims {
    pub(crate) issued: Option<f64>,
}

impl UnverifiedClaims {
    /// Reads the claims of a token that was presented for `token_use`.
    ///
    /// # Errors
    ///
    /// The fault for which no signature could make it a token of this use.
    pub(crate) fn read(
        token: &[u8],
        max_len: usize,
        rules: &Rules,
        token_use: TokenUse,
    ) -> Result<Self, Fault> {
        let compact = Compact::parse(token, max_len)?;
        let mut room = HeaderRoom::default();
        let header = compact.header(&mut room).and_then(Header::parse)?;
        let claims = compact.payload().and_then(Claims::parse)?;
        rules.check(&claims, token_use, header.access_token)?;
        Ok(Self {
            issued: claims.times.issued,
        })
    }

    /// Reads the claims of a text that is a token of this project by its shape and its issuer.
    pub(crate) fn of_project(token: &[u8], max_len: usize, rules: &Rules) -> Option<Self> {
        let claims = claims_of_project(token, max_len, rules)?;
        Some(Self {
            issued: claims.times.issued,
        })
    }

    /// Returns `true` if the token says that it was issued after `held`, and not in the future.
    pub(crate) fn are_later_than(&self, held: &Times, rules: &Rules, now: Duration) -> bool {
        let held = held.issued.unwrap_or(f64::NEG_INFINITY);
        self.issued
            .is_some_and(|issued| issued > held && !rules.is_in_future(issued, now.as_secs_f64()))
    }
}

/// Returns `true` for a text that is a token of this project, by its shape and its issuer, and names this
/// user: of another text no signature could make a token of theirs.
pub(crate) fn names_user(token: &[u8], max_len: usize, rules: &Rules, user: &UserId) -> bool {
    claims_of_project(token, max_len, rules).is_some_and(|claims| claims.user == *user)
}

fn claims_of_project(token: &[u8], max_len: usize, rules: &Rules) -> Option<Claims> {
    let compact = Compact::parse(token, max_len).ok()?;
    let claims = compact.payload().and_then(Claims::parse).ok()?;
    rules.issued_here(&claims).then_some(claims)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
    use serde_json::{Value, json};

    use super::*;

    const NOW: Duration = Duration::from_secs(1_000_000);

    fn rules() -> Rules {
        Rules {
            project_id: "P1".to_owned(),
            issuers: BTreeSet::new(),
            audience: BTreeSet::new(),
            session_kinds: BTreeSet::from(["DS".to_owned()]),
            refresh_kinds: BTreeSet::from(["DSR".to_owned()]),
            resource_server: false,
            require_kind: false,
            refresh_without_kind: false,
            leeway: 5.0,
            issued_at_leeway: 60.0,
        }
    }

    fn read(payload: &Value) -> Result<UnverifiedClaims, Fault> {
        let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let header = encode(r#"{"alg":"RS256","kid":"k","typ":"JWT"}"#);
        let token = format!("{header}.{}.AA", encode(&payload.to_string()));
        UnverifiedClaims::read(token.as_bytes(), 16_384, &rules(), TokenUse::Session)
    }

    fn is_later(issued: &Value, held: Option<f64>) -> bool {
        let claims = json!({"iss": "P1", "sub": "U1", "exp": 1, "drn": "DS", "iat": issued});
        let held = Times {
            expires: 0.0,
            not_before: None,
            issued: held,
        };
        read(&claims).unwrap().are_later_than(&held, &rules(), NOW)
    }

    #[test]
    fn only_an_iat_between_the_other_and_the_leeway_of_now_is_later() {
        let held = Some(999_000.0);
        for (issued, later) in [
            (0.0, false),
            (999_000.0, false),
            (999_000.5, true),
            (1_000_000.0, true),
            (1_000_060.0, true),
            (1_000_060.5, false),
            (1e300, false),
            (-1e300, false),
        ] {
            assert_eq!(is_later(&json!(issued), held), later, "{issued}");
        }
        assert!(is_later(&json!(1), None), "the other says nothing");
        let claims = json!({"iss": "P1", "sub": "U1", "exp": 1});
        let held = Times {
            expires: 0.0,
            not_before: None,
            issued: None,
        };
        let silent = read(&claims).unwrap();
        assert!(!silent.are_later_than(&held, &rules(), NOW));
    }

    #[test]
    fn what_no_key_could_make_a_token_of_this_use_has_no_claims() {
        for (claims, fault) in [
            (
                json!({"iss": "P2", "sub": "U1", "exp": 1, "iat": 1}),
                "wrong_issuer",
            ),
            (
                json!({"iss": "P1", "sub": "U1", "exp": 1, "drn": "DSR"}),
                "wrong_kind",
            ),
            (json!({"iss": "P1", "sub": "U1", "iat": 1}), "no_exp"),
            (
                json!({"iss": "P1", "sub": "U1", "exp": 1, "iat": "1"}),
                "iat_not_a_number",
            ),
        ] {
            assert_eq!(read(&claims).unwrap_err(), fault);
        }
    }
}
