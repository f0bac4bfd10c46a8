//! The session of a browser, as an open connection watches it.

use std::time::SystemTime;

use http::request::Parts;
use tokio::sync::watch;

use super::{handle::Descope, present::VerifiedRefresh};
use crate::{
    error::ErrorKind,
    rotation::FamilyNews,
    session::Session,
    shared::{Goal, Way},
    token::{self, Authorization},
    verifier::CheckedTokens,
};

/// The refresh token that came with a session, and the news of its family.
#[derive(Debug)]
pub(crate) struct WatchedFamily {
    pub(crate) news: watch::Receiver<FamilyNews>,
    /// Where replicas share their state: the token, to ask what others have made of it.
    pub(crate) presented: Option<Box<VerifiedRefresh>>,
}

/// The knowledge of other replicas about a browser's session.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SharedLook {
    /// It was renewed until then.
    RenewedUntil(SystemTime),
    /// It has ended: by a sign-out, or by Descope's word.
    Ended,
    /// Nobody has renewed it.
    Nothing,
    /// That cannot be said now.
    Unknown,
}

impl Descope {
    /// The family of the refresh cookie beside a session; `None` for who has none, or not of this user.
    pub(crate) fn watched_family(&self, parts: &Parts, session: &Session) -> Option<WatchedFamily> {
        // Whoever sends a credential of their own is renewed by nobody.
        if token::authorization(&parts.headers) != Authorization::Absent {
            return None;
        }
        let mut cookies = self.cookies_of(&parts.headers);
        let mut checked = CheckedTokens::default();
        let presented = self.presented_at_once(&parts.headers, &mut cookies, &mut checked)?;
        let presented = presented.ok()?;
        let is_theirs = presented.verified.user == *session.user_id();
        is_theirs.then(|| WatchedFamily {
            news: presented.family.watch(),
            presented: self.claims().map(|_| Box::new(presented.verified.clone())),
        })
    }

    /// Asks what other replicas have made of a refresh token, in whose place the newest is put.
    pub(crate) async fn look_at_replicas(&self, presented: &mut VerifiedRefresh) -> SharedLook {
        let Some(shared) = self.claims() else {
            return SharedLook::Nothing;
        };
        let patience = shared.times().call;
        let way = shared.follow(&presented.token, false, Goal::Watch, patience);
        match way.await {
            Ok(Way::Answer { answer, sent }) => {
                let hop = self.sent_token(presented.clone(), sent).await;
                let outcome = self.verify_answer(*answer, hop, None).await;
                let Ok(outcome) = outcome else {
                    return SharedLook::Unknown;
                };
                if let Some(successor) = &outcome.successor {
                    // Its record is forgotten in time; that of its successor is asked for next.
                    presented.token = successor.clone();
                }
                outcome.answer.map_or(SharedLook::Unknown, |answer| {
                    SharedLook::RenewedUntil(answer.session().expires_at())
                })
            }
            Ok(_) => SharedLook::Nothing,
            Err(error) => match error.kind() {
                ErrorKind::SessionEnded | ErrorKind::RefreshTokenReused => SharedLook::Ended,
                _ => SharedLook::Unknown,
            },
        }
    }
}
