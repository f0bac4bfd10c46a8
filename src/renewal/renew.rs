//! The renewal itself: from a request's cookies to a new session.

use std::{future::Future, pin::Pin};

use http::{HeaderMap, HeaderValue, Uri, header};

use super::{cookie_update::CookieUpdate, failure::Failure};
use crate::{
    answer::SessionAnswer,
    clock::Clock,
    cookie::Candidates,
    descope::{Descope, PresentedRefresh},
    rejection::Rejection,
    rotation::{FamilyLease, Newest},
    session::Session,
    telemetry,
    token::RefreshToken,
};

/// What a renewal needs of its request, which goes on meanwhile, or waits.
pub(crate) struct SessionRenewal {
    descope: Descope,
    /// The request's `Cookie` fields and nothing else.
    cookies: HeaderMap,
    /// Whether cookies are written without `Secure`.
    insecure: bool,
}

/// What became of a request that could not pass without a new session.
pub(crate) struct Renewed {
    pub(crate) verdict: Result<Session, Rejection>,
    /// What its response is to carry.
    pub(crate) ride: Option<CookieUpdate>,
}

/// A renewal to come. Dropping it cancels no call that has begun.
pub(crate) type PendingRenewal = Pin<Box<dyn Future<Output = Renewed> + Send>>;

/// A new session, and the family of the token that was presented for it.
pub(super) struct Got {
    answer: SessionAnswer,
    presented: RefreshToken,
    hold: FamilyLease<SessionAnswer>,
}

impl Got {
    fn kept(
        kept: SessionAnswer,
        presented: RefreshToken,
        hold: FamilyLease<SessionAnswer>,
    ) -> Self {
        telemetry::renewed("kept");
        Self {
            answer: kept.for_holder_of(&presented),
            presented,
            hold,
        }
    }

    /// The newest answer for the browser by now, perhaps a later one than this; `None` if the
    /// session has ended since, and its tokens must not sign the browser in again.
    pub(super) fn newest(&self) -> Option<SessionAnswer> {
        match self.hold.newest() {
            Newest::Answer(answer) => Some(answer.for_holder_of(&self.presented)),
            Newest::None => Some(self.answer.clone()),
            Newest::Dead => None,
        }
    }
}

impl SessionRenewal {
    /// `None` without a refresh cookie.
    pub(crate) fn of(descope: &Descope, headers: &HeaderMap, uri: &Uri) -> Option<Self> {
        if descope.cookies().refresh_candidates(headers) == Candidates::None {
            return None;
        }
        let fields = headers.get_all(header::COOKIE).iter();
        Some(Self {
            descope: descope.clone(),
            cookies: fields
                .map(|field: &HeaderValue| (header::COOKIE, field.clone()))
                .collect(),
            insecure: descope.cookies().insecure_at(headers, uri),
        })
    }

    /// Renews a session that is missing or has expired, as `before` says.
    pub(crate) async fn first(self, before: Rejection) -> Renewed {
        match self.missing().await {
            Ok(got) => Renewed {
                verdict: Ok(got.answer.session().clone()),
                ride: Some(self.ride(got)),
            },
            Err(failure) => {
                log(&failure, false);
                let ended = matches!(failure, Failure::Ended(_));
                Renewed {
                    verdict: Err(failure.rejection(before)),
                    ride: ended.then(|| CookieUpdate::removals(self.descope, self.insecure)),
                }
            }
        }
    }

    /// The clock that a renewal's times are taken from.
    pub(super) fn clock(&self) -> Clock {
        self.descope.clock().clone()
    }

    /// Renews a session that is still good; if it is not `due`, with what is kept alone, or where
    /// a call brought a refresh token and nothing else. `None`: there is nothing new, for whatever
    /// reason.
    pub(crate) async fn early(self, session: Session, due: bool) -> Option<CookieUpdate> {
        match self.ageing(&session, due).await {
            Ok(got) => got.map(|got| self.ride(got)),
            Err(failure) => {
                log(&failure, true);
                None
            }
        }
    }

    async fn missing(&self) -> Result<Got, Failure> {
        let presented = self.presented().await?;
        let holder = self.descope.session_holder(&self.cookies).await?;
        // A refresh cookie that another host planted must not turn one user into another.
        if holder.is_some_and(|user| user != presented.user) {
            return Err(Failure::Refused("another_users_refresh_token".into()));
        }
        let hold = self.descope.hold(&presented.token)?;
        // Where refresh tokens are not rotated the queue cannot tell a straggler by its token.
        if let Some(kept) = hold.kept().filter(|kept| self.is_good(kept)) {
            return Ok(Got::kept(kept, presented.token, hold));
        }
        self.spend(presented, hold, false).await
    }

    async fn ageing(&self, session: &Session, due: bool) -> Result<Option<Got>, Failure> {
        let presented = self.presented().await?;
        if presented.user != *session.user_id() {
            return Err(Failure::Refused("another_users_refresh_token".into()));
        }
        let hold = self.descope.hold(&presented.token)?;
        let end = session.expires_at();
        // A browser that shows a replaced token lacks the answer, whichever session it has.
        let is_news =
            |kept: &SessionAnswer| hold.is_replaced() || kept.session().expires_at() > end;
        let kept = hold.kept().filter(is_news);
        if let Some(kept) = kept.filter(|kept| self.is_good(kept)) {
            return Ok(Some(Got::kept(kept, presented.token, hold)));
        }
        // What the browser has may be spent, and its successor be known to this process alone.
        let due = due || hold.is_undelivered();
        if !due || !hold.try_early() {
            return Ok(None);
        }
        self.spend(presented, hold, true).await.map(Some)
    }

    async fn presented(&self) -> Result<PresentedRefresh, Failure> {
        Ok(self.descope.presented_refresh(&self.cookies, false).await?)
    }

    async fn spend(
        &self,
        presented: PresentedRefresh,
        hold: FamilyLease<SessionAnswer>,
        early: bool,
    ) -> Result<Got, Failure> {
        let answer = self.descope.spend_for_refresh(&presented).await?;
        self.descope
            .note_next_refresh(answer.next_refresh_seconds());
        let session = answer.session();
        telemetry::renewed("renewed");
        tracing::debug!(
            user.id = tracing::field::display(session.user_id()),
            tenant.id = session.current_tenant().map(tracing::field::display),
            early,
            "session renewed"
        );
        Ok(Got {
            answer,
            presented: presented.token,
            hold,
        })
    }

    fn is_good(&self, answer: &SessionAnswer) -> bool {
        answer.session().expires_at() > self.descope.now().date()
    }

    fn ride(self, got: Got) -> CookieUpdate {
        CookieUpdate::cookies(self.descope, self.insecure, got)
    }
}

/// What a client's state brings about is nobody's trouble but the client's.
fn log(failure: &Failure, early: bool) {
    telemetry::renewed(failure.outcome());
    macro_rules! not_renewed {
        ($level:ident) => {
            tracing::$level!(
                outcome = failure.outcome(),
                early,
                error = failure.why(),
                "session not renewed",
            )
        };
    }
    match failure {
        Failure::Unavailable { .. } => not_renewed!(warn),
        Failure::Ended(_) | Failure::Refused(_) => not_renewed!(debug),
    }
}
