//! A renewal: from a request's cookies to a new session.

use std::{future::Future, pin::Pin};

use http::HeaderMap;

use super::{
    cookie_update::{CookieUpdate, EarlyRenewal},
    failure::Failure,
};
use crate::{
    answer::SessionAnswer,
    cookie::{CookieAttributes, RequestCookies, cookie_fields},
    descope::{Descope, PresentedRefresh, RefreshRefusal},
    head::RequestHead,
    rejection::Rejection,
    session::Session,
    telemetry,
    token::SessionToken,
    verifier::CheckedTokens,
};

/// A renewal for a request, with all that it needs of the request, which goes on meanwhile, or
/// waits.
pub(crate) struct SessionRenewal {
    token: RenewalToken,
    renewer: Renewer,
}

/// The handle and the settings that a renewal is made with.
struct Renewer {
    descope: Descope,
    attributes: CookieAttributes,
    /// True if anonymous sessions are renewed, too.
    allow_anonymous: bool,
}

/// The refresh token of a renewal.
enum RenewalToken {
    /// It is known what became of it.
    Presented(Result<PresentedRefresh, RefreshRefusal>),
    /// Keys have to be waited for.
    InCookies {
        /// The request's `Cookie` fields and nothing else.
        cookies: HeaderMap,
        checked: CheckedTokens,
    },
}

/// The end of a renewal that its request waited for.
pub(crate) struct Renewed {
    pub(crate) verdict: Result<Session, Rejection>,
    /// The token of the new session.
    pub(crate) token: Option<RenewedToken>,
    /// The cookies that the response is to carry.
    pub(crate) update: Option<CookieUpdate>,
}

/// The token of a session that was renewed for a request, in its extensions: the request itself stays as
/// it came, with the old one.
#[derive(Clone)]
pub(crate) struct RenewedToken(pub(crate) SessionToken);

/// A renewal to come. Dropping it cancels no call that has begun.
pub(crate) type PendingRenewal = Pin<Box<dyn Future<Output = Renewed> + Send>>;

/// A new session, and the token that was presented for it.
type NewSession = (SessionAnswer, PresentedRefresh);

impl SessionRenewal {
    /// For a request with a refresh cookie among its `cookies`, which it presents now. Signatures that
    /// were `checked` for the request are not checked again.
    pub(crate) fn new(
        descope: &Descope,
        head: RequestHead<'_>,
        cookies: &mut RequestCookies<'_>,
        mut checked: CheckedTokens,
        allow_anonymous: bool,
    ) -> Self {
        let attributes = descope.cookie_attributes(head);
        let token = match descope.presented_at_once(head.headers, cookies, &mut checked) {
            Some(presented) => RenewalToken::Presented(
                presented.map(|it| it.with_devices_of(head.headers, attributes)),
            ),
            None => RenewalToken::InCookies {
                cookies: cookie_fields(head.headers),
                checked,
            },
        };
        Self {
            token,
            renewer: Renewer {
                descope: descope.clone(),
                attributes,
                allow_anonymous,
            },
        }
    }

    /// Renews a session that is missing or has expired, as `before` says.
    pub(crate) async fn required(self, before: Rejection) -> Renewed {
        let Self { token, renewer } = self;
        let refused = |failure: &Failure, update| {
            log(failure, false);
            Renewed {
                verdict: Err(failure.rejection(before)),
                token: None,
                update,
            }
        };
        let presented = match renewer.presented(token).await {
            Ok(presented) => presented,
            Err(failure) => return refused(&failure, None),
        };
        match renewer.renew_missing(&presented).await {
            Ok(answer) => Renewed {
                verdict: Ok(answer.session().clone()),
                token: Some(RenewedToken(answer.session_token().clone())),
                update: Some(renewer.update((answer, presented))),
            },
            Err(failure) => {
                let ended = matches!(failure, Failure::Ended(_));
                let Renewer {
                    descope,
                    attributes,
                    ..
                } = renewer;
                let update = ended.then(|| CookieUpdate::remove(descope, attributes, presented));
                refused(&failure, update)
            }
        }
    }

    /// Renews a session that is still good beside the inner service; if it is not `due`, from the answer
    /// that is kept alone, or where a call brought a refresh token that no browser has been sent.
    pub(crate) fn beside(self, session: Session, due: bool) -> EarlyRenewal {
        let clock = self.renewer.descope.clock().clone();
        EarlyRenewal::renewing(self.early(session, due), clock)
    }

    /// `None`: there is nothing new, for whatever reason.
    async fn early(self, session: Session, due: bool) -> Option<CookieUpdate> {
        let Self { token, renewer } = self;
        match renewer.renew_good(token, &session, due).await {
            Ok(new) => new.map(|new| renewer.update(new)),
            Err(failure) => {
                log(&failure, true);
                None
            }
        }
    }
}

impl Renewer {
    async fn renew_missing(&self, presented: &PresentedRefresh) -> Result<SessionAnswer, Failure> {
        // Where refresh tokens are not rotated the queue cannot tell a straggler by its token.
        if let Some(kept) = presented.kept_answer().filter(|kept| self.is_good(kept)) {
            let newest = self.descope.newest_at_hand(presented, kept).await?;
            if self.is_good(&newest) {
                telemetry::renewed("kept");
                return Ok(newest);
            }
        }
        self.refresh(presented, false).await
    }

    async fn renew_good(
        &self,
        token: RenewalToken,
        session: &Session,
        due: bool,
    ) -> Result<Option<NewSession>, Failure> {
        let presented = self.presented(token).await?;
        let end = session.expires_at();
        // A browser that shows a rotated token lacks the answer, whichever session it has.
        let is_news = |kept: &SessionAnswer| {
            presented.family.is_rotated() || kept.session().expires_at() > end
        };
        let kept = presented.kept_answer().filter(is_news);
        if let Some(kept) = kept.filter(|kept| self.is_good(kept)) {
            let newest = self.descope.newest_at_hand(&presented, kept).await?;
            telemetry::renewed("kept");
            return Ok(Some((newest, presented)));
        }
        // The browser's token may have been replaced, and its successor be known here alone.
        let due = due || presented.family.is_rotated();
        if !due || !presented.family.try_early() {
            return Ok(None);
        }
        let answer = self.refresh(&presented, true).await?;
        Ok(Some((answer, presented)))
    }

    async fn presented(&self, token: RenewalToken) -> Result<PresentedRefresh, Failure> {
        let presented = match token {
            RenewalToken::Presented(presented) => presented,
            RenewalToken::InCookies {
                cookies,
                mut checked,
            } => {
                let presented = self.descope.presented_later(&cookies, &mut checked).await;
                presented.map(|it| it.with_devices_of(&cookies, self.attributes))
            }
        }?;
        if presented.verified.is_anonymous && !self.allow_anonymous {
            return Err(Failure::Anonymous);
        }
        Ok(presented)
    }

    async fn refresh(
        &self,
        presented: &PresentedRefresh,
        early: bool,
    ) -> Result<SessionAnswer, Failure> {
        let answer = if early {
            self.descope.refresh_early(presented).await?
        } else {
            self.descope.refresh_presented(presented).await?
        };
        let session = answer.session();
        telemetry::renewed("renewed");
        tracing::debug!(
            user.id = tracing::field::display(session.user_id()),
            tenant.id = session.current_tenant().map(tracing::field::display),
            early,
            "session renewed"
        );
        Ok(answer)
    }

    fn is_good(&self, answer: &SessionAnswer) -> bool {
        let session = answer.session();
        session.expires_at() > self.descope.now().date() && session.revoked_at().is_none()
    }

    fn update(self, (answer, presented): NewSession) -> CookieUpdate {
        CookieUpdate::write_session(self.descope, self.attributes, answer, presented)
    }
}

/// Logs a renewal that failed: for this one request, since the call or the key fetch that failed for
/// all of them has been logged once.
fn log(failure: &Failure, early: bool) {
    telemetry::renewed(failure.outcome());
    tracing::debug!(
        outcome = failure.outcome(),
        early,
        error = failure.why(),
        "session not renewed",
    );
}
