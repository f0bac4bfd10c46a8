//! A token of a chain with its record, and the end of a chain.

use super::record::{EndedBy, RecordKind, RecordName};
use crate::{
    client,
    digest::Digest,
    error::{Error, ErrorKind},
    token::RefreshToken,
};

/// A token and the name of its record.
#[derive(Clone)]
pub(super) struct Hop {
    pub(super) token: RefreshToken,
    pub(super) name: RecordName,
}

impl Hop {
    pub(super) fn new(token: &RefreshToken) -> Result<Self, Error> {
        let digest = Digest::of(token.expose())?;
        Ok(Self {
            token: token.clone(),
            name: RecordName::new(RecordKind::Token, &digest),
        })
    }
}

/// The end of a session that another replica knows of, as Descope would say it.
pub(super) fn ended(by: EndedBy) -> Error {
    match by {
        // The sign-out's own response has removed the cookies, and the browser may have new ones.
        EndedBy::SignOut => Error::new(ErrorKind::SessionEnded, "the user signed out")
            .with_session_ended()
            .leaving_cookies(),
        EndedBy::Descope => client::signed_out(),
        EndedBy::Reuse => client::used_before(),
    }
}
