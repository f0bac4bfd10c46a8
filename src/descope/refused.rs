//! Errors for tokens that were refused here: presented ones, and those of an answer.

use crate::{
    error::{Error, ErrorKind},
    rejection::{Rejection, RejectionKind},
};

pub(super) fn refused_refresh(rejection: &Rejection) -> Error {
    match rejection.kind() {
        // Not `with_session_ended`: that is Descope's word alone, and this clock may be ahead.
        RejectionKind::ExpiredToken => {
            Error::new(ErrorKind::SessionEnded, "the refresh token has expired")
        }
        RejectionKind::KeysUnavailable => keys_unavailable(rejection),
        _ => Error::new(
            ErrorKind::InvalidRefreshToken,
            format!("the refresh token is invalid: {}", rejection.reason()),
        ),
    }
}

pub(super) fn refused_session(rejection: &Rejection) -> Error {
    match rejection.kind() {
        RejectionKind::ExpiredToken => {
            Error::new(ErrorKind::SessionEnded, "the session token has expired")
        }
        RejectionKind::KeysUnavailable => keys_unavailable(rejection),
        _ => Error::new(
            ErrorKind::InvalidSessionToken,
            format!("the session token is invalid: {}", rejection.reason()),
        ),
    }
}

pub(super) fn refused_answer(which: &str, rejection: &Rejection) -> Error {
    if rejection.kind() == RejectionKind::KeysUnavailable {
        return keys_unavailable(rejection);
    }
    Error::new(
        ErrorKind::UpstreamInvalid,
        format!(
            "the {which} of descope's answer is invalid: {}",
            rejection.reason()
        ),
    )
}

fn keys_unavailable(rejection: &Rejection) -> Error {
    Error::new(ErrorKind::KeysUnavailable, rejection.description())
        .with_retry_after(rejection.retry_after())
}

pub(super) fn invalid_answer(message: &'static str) -> Error {
    Error::new(ErrorKind::UpstreamInvalid, message)
}
