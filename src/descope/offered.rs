//! The tokens of a sign-in, before they are verified.

use crate::{
    answer::SessionAnswer,
    client::RawAnswer,
    error::{Error, ErrorKind},
    token::{RefreshToken, SessionToken},
};

/// The tokens that somebody signs in with.
pub(crate) enum Offered {
    /// Two tokens that somebody else has received.
    Tokens(SessionToken, RefreshToken),
    /// An answer whose tokens have been verified.
    Answer(Box<SessionAnswer>),
    /// An answer as Descope has just given it to a sign-in of this side.
    SignIn(Box<RawAnswer>),
}

impl Offered {
    pub(super) fn tokens(&self) -> Result<(SessionToken, RefreshToken), Error> {
        match self {
            Self::Tokens(session, refresh) => Ok((session.clone(), refresh.clone())),
            Self::Answer(answer) => {
                let refresh = answer.in_force().token.clone();
                Ok((answer.session_token().clone(), refresh))
            }
            Self::SignIn(raw) => {
                if let Some(fault) = &raw.fault {
                    return Err(fault.clone());
                }
                let lacks = |what: &str| {
                    let why = format!("descope's answer to the sign-in has no {what}");
                    Error::new(ErrorKind::UpstreamInvalid, why)
                };
                let session = raw.session_token().cloned();
                let refresh = raw.refresh_token().cloned();
                Ok((
                    session.ok_or_else(|| lacks("session token"))?,
                    refresh.ok_or_else(|| lacks("refresh token"))?,
                ))
            }
        }
    }
}
