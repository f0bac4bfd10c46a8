//! Signing in by `sign-in`, with tokens that a page has received.

use std::time::Duration;

use serde::Deserialize;

use crate::{
    endpoint::{Refusal, RefusalKind, json_object},
    token::{RefreshToken, SessionToken},
};

/// The call `sign-in` of [`SessionRoutes`](crate::SessionRoutes), for pages that run Descope's own
/// sign-in against Descope directly: see [`SessionRoutes::sign_in`](crate::SessionRoutes::sign_in).
#[derive(Clone, Copy, Debug)]
#[must_use = "pass it to SessionRoutes::sign_in"]
pub struct SignIn {
    pub(super) rotate: bool,
    pub(super) max_age: Option<Duration>,
    pub(super) allow_anonymous: bool,
}

/// The members that are read; a page may send more.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignInBody {
    session_jwt: Option<String>,
    refresh_jwt: Option<String>,
    remember: Option<bool>,
}

/// The tokens of a request, and whether its user stays signed in.
pub(super) struct SignInTokens {
    pub(super) session: SessionToken,
    pub(super) refresh: RefreshToken,
    pub(super) remember: Option<bool>,
}

impl SignIn {
    /// Spends the refresh token at once, and takes sessions that were issued five minutes ago at most,
    /// none of them anonymous.
    pub fn new() -> Self {
        Self {
            rotate: true,
            max_age: None,
            allow_anonymous: false,
        }
    }

    /// As [`Adopt::rotate`](crate::sign_in::Adopt::rotate), but by default `true`: a script has seen
    /// the tokens.
    pub fn rotate(mut self, rotate: bool) -> Self {
        self.rotate = rotate;
        self
    }

    /// As [`Adopt::max_age`](crate::sign_in::Adopt::max_age).
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// As [`Adopt::allow_anonymous`](crate::sign_in::Adopt::allow_anonymous).
    pub fn allow_anonymous(mut self, allow: bool) -> Self {
        self.allow_anonymous = allow;
        self
    }
}

impl Default for SignIn {
    fn default() -> Self {
        Self::new()
    }
}

impl SignInTokens {
    /// Reads the tokens of a body.
    ///
    /// # Errors
    ///
    /// A body that is no JSON object, or whose members are of other types; one that lacks a token, which
    /// is empty or `null` where the project hands its tokens out as cookies.
    pub(super) fn read(body: &[u8]) -> Result<Self, Refusal> {
        let body: SignInBody = json_object(body)?;
        let token = |text: Option<String>| {
            let text = text.filter(|text| !text.is_empty());
            text.ok_or_else(|| Refusal::new(RefusalKind::TokensMissing))
        };
        let session = token(body.session_jwt)?;
        let refresh = token(body.refresh_jwt)?;
        Ok(Self {
            session: SessionToken::new(session),
            refresh: RefreshToken::new(refresh),
            remember: body.remember,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Option<bool>, &'static str> {
        let tokens = SignInTokens::read(body.as_bytes());
        tokens
            .map(|tokens| {
                assert_eq!(tokens.session.expose(), "s");
                assert_eq!(tokens.refresh.expose(), "r");
                tokens.remember
            })
            .map_err(|refusal| refusal.code())
    }

    #[test]
    fn a_page_may_send_all_that_it_was_given() {
        let event =
            r#"{"sessionJwt":"s","refreshJwt":"r","user":{"a":[1]},"remember":true,"x":null}"#;
        assert_eq!(read(event), Ok(Some(true)));
        assert_eq!(read(r#"{"sessionJwt":"s","refreshJwt":"r"}"#), Ok(None));
        assert_eq!(
            read(r#"{"sessionJwt":"s","refreshJwt":"r","remember":null}"#),
            Ok(None)
        );
    }

    #[test]
    fn what_is_missing_and_what_is_malformed_are_told_apart() {
        for body in [
            "{}",
            r#"{"sessionJwt":"s"}"#,
            r#"{"sessionJwt":"","refreshJwt":"r"}"#,
            r#"{"sessionJwt":"s","refreshJwt":null}"#,
        ] {
            assert_eq!(read(body), Err("tokens_missing"), "{body}");
        }
        for body in [
            "",
            "[]",
            "sessionJwt=s&refreshJwt=r",
            r#"{"sessionJwt":1,"refreshJwt":"r"}"#,
            r#"{"sessionJwt":"s","refreshJwt":"r","sessionJwt":"s"}"#,
            r#"{"sessionJwt":"s","refreshJwt":"r","remember":"yes"}"#,
        ] {
            assert_eq!(read(body), Err("invalid_body"), "{body}");
        }
    }
}
