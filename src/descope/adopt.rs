//! Sign-ins: two tokens become the session of a browser, which may have had another one.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use super::{
    handle::Descope,
    offered::Offered,
    present::PresentedRefresh,
    refused::{refused_refresh, refused_session},
};
use crate::{
    answer::{InForce, SessionAnswer, User},
    client::RawAnswer,
    clock::system_time,
    cookie::CookieAttributes,
    error::{Error, ErrorKind},
    ids::{TenantId, UserId},
    jwt::{
        check::{TimeCheck, TokenUse},
        claims::Named,
    },
    rejection::Rejection,
    session::Session,
    verifier::AuthenticToken,
};

/// The rules of one sign-in, beyond those of the handle.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, each with a word of its own"
)]
pub(crate) struct AdoptRules {
    /// Spends the refresh token at once.
    pub(crate) rotate: bool,
    /// How long ago the session token may have been issued.
    pub(crate) max_age: Duration,
    pub(crate) allow_anonymous: bool,
    /// "Stay signed in"; `None`: as before for the same user, else not.
    pub(crate) remember: Option<bool>,
    /// True where cookies are written without `Secure`.
    pub(crate) insecure: bool,
    pub(crate) tenant: Option<WantedTenant>,
    /// The user whose session it has to be.
    pub(crate) user: Option<UserId>,
    /// True for a sign-in by which a session of the browser's may go on, so that it is not ended where
    /// that fails.
    pub(crate) continues: bool,
}

/// The tenant that somebody signs in to.
#[derive(Clone, Debug)]
pub(crate) struct WantedTenant {
    pub(crate) id: TenantId,
    /// True if it is selected where Descope has selected another one, or none.
    pub(crate) select: bool,
}

/// A session that is the browser's from now on.
#[derive(Debug)]
pub(crate) struct Adopted {
    pub(crate) answer: SessionAnswer,
    pub(crate) presented: PresentedRefresh,
    /// The user's record, where a call brought it.
    pub(crate) user: Option<User>,
    /// Another user whose session the browser had.
    pub(crate) replaced: Option<UserId>,
    /// The lines that write its cookies.
    pub(crate) lines: Vec<HeaderValue>,
    pub(crate) attributes: CookieAttributes,
}

impl Descope {
    /// Makes a session the one of the browser that sent these headers, and ends those that it had.
    /// Nothing is ended where this fails.
    pub(crate) async fn adopt_offered(
        &self,
        headers: &HeaderMap,
        offered: Offered,
        rules: AdoptRules,
    ) -> Result<Adopted, Error> {
        let is_ours = matches!(offered, Offered::SignIn(_));
        let came_by_queue = matches!(offered, Offered::Answer(_));
        let (first, presented) = self
            .verify_offered(headers, offered, &rules)
            .await
            .map_err(|error| {
                // What Descope has just answered with is no mistake of whoever signs in.
                if is_ours && is_about_tokens(&error) {
                    Error::new(ErrorKind::UpstreamInvalid, error.to_string())
                } else {
                    error
                }
            })?;
        let user = first.user().cloned();
        let offered = presented.verified.token.clone();
        let (answer, presented) = self.settle_tokens(first, presented, &rules).await?;
        let cookies = self.cookies_to_sign_out(headers);
        let former = self.former_sessions(&cookies, &presented);
        let attributes = self.attributes_for(headers, &rules, &cookies, &former, &presented);
        let lines = match self.lines_of(&answer, attributes) {
            Ok(lines) => lines,
            Err(error) => {
                // Nobody else has these tokens, to go on with them.
                if is_ours && !rules.continues || presented.verified.token != offered {
                    self.sign_out_in_background(presented);
                }
                return Err(error);
            }
        };
        if !came_by_queue {
            presented.take_newer(&answer);
        }
        // A session that was ended meanwhile signs nobody in.
        let answer = presented.newest_after(answer)?;
        // One that goes on is no new one.
        let goes_on = rules.continues && rules.user.is_some();
        if !came_by_queue && !goes_on {
            self.note_signed_in(answer.session());
        }
        let shown = self.other_user_shown(&cookies, &presented.verified.user);
        let replaced = self.end_former(former, &presented);
        presented.family.note_adopted();
        Ok(Adopted {
            user: answer.user().cloned().or(user),
            answer,
            presented,
            replaced: replaced.or(shown),
            lines,
            attributes,
        })
    }

    /// Ends the session of an answer that nobody is to have, if it is genuine.
    pub(crate) async fn discard(&self, raw: &RawAnswer) {
        let Some(refresh) = raw.refresh_token() else {
            return;
        };
        if let Ok(presented) = self.verified_refresh(refresh).await {
            self.sign_out_in_background(presented);
        }
    }

    /// The lines that write the cookies of a new session into a browser.
    pub(crate) fn lines_of(
        &self,
        answer: &SessionAnswer,
        attributes: CookieAttributes,
    ) -> Result<Vec<HeaderValue>, Error> {
        let mut lines = Vec::new();
        if !attributes.persistent {
            lines = self.cookies().remembered_removals(attributes);
        }
        let in_force = answer.in_force().token.clone();
        let answer = answer.clone().with_refresh_token(&in_force);
        let grant = answer.cookie_grant(self.now().date());
        grant.write(self.cookies(), attributes, &mut lines)?;
        Ok(lines)
    }

    /// Verifies both tokens, as stricter than those of a request as a sign-in may be: they are new, and
    /// somebody has just proved who they are.
    async fn verify_offered(
        &self,
        headers: &HeaderMap,
        offered: Offered,
        rules: &AdoptRules,
    ) -> Result<(SessionAnswer, PresentedRefresh), Error> {
        let (session_token, refresh_token) = offered.tokens()?;
        let is_ours = matches!(offered, Offered::SignIn(_));
        let refresh = self
            .verify_one(refresh_token.expose(), TokenUse::Refresh, is_ours)
            .await
            .and_then(in_time)
            .map_err(|rejection| refused_refresh(&rejection))?;
        if matches!(refresh.claims().kind, Named::Absent) {
            return Err(refused_refresh(&Rejection::invalid("no_kind")));
        }
        let session = self
            .verify_one(session_token.expose(), TokenUse::Session, is_ours)
            .await
            .map_err(|rejection| refused_session(&rejection))?;
        if matches!(session.time_check, TimeCheck::IssuedInFuture { .. }) {
            return Err(no_sign_in("the session token was issued in the future"));
        }
        let session = session
            .whatever_is_revoked()
            .session_or_anonymous()
            .map_err(|rejection| refused_session(&rejection))?;
        let claims = session.verified();
        if matches!(claims.kind, Named::Absent) || !matches!(claims.token_type, Named::Absent) {
            return Err(refused_session(&Rejection::invalid(
                "no_session_of_a_browser",
            )));
        }
        if *session.user_id() != refresh.claims().user {
            return Err(no_sign_in("the two tokens are of different users"));
        }
        if let Err(error) = self.check_sign_in(&session, rules) {
            // A session of the browser's may be the very one that goes on at Descope.
            let is_nobodys = error.kind() == ErrorKind::UserMismatch
                || !rules.continues && !self.shows_session_of(headers, session.user_id());
            if is_ours
                && is_nobodys
                && let Ok(presented) = self.in_time(refresh_token, &refresh, true)
            {
                self.sign_out_in_background(presented);
            }
            return Err(error);
        }
        let expires_at = Some(system_time(refresh.claims().times.expires));
        let in_force = InForce {
            token: refresh_token.clone(),
            expires_at,
        };
        let presented = if is_ours {
            self.in_time_unshown(refresh_token, &refresh)
        } else {
            self.in_time(refresh_token, &refresh, true)
        };
        let presented = presented.map_err(|rejection| refused_refresh(&rejection))?;
        let answer = match offered {
            Offered::Answer(answer) => *answer,
            Offered::SignIn(raw) => SessionAnswer::new(*raw, session, in_force),
            Offered::Tokens(..) => {
                let raw = RawAnswer {
                    session_token: Some(session_token),
                    ..RawAnswer::default()
                };
                SessionAnswer::new(raw, session, in_force)
            }
        };
        Ok((answer, presented))
    }

    /// Verifies a token, which Descope has issued a moment ago if it `is_fresh`; anybody may send an old
    /// one.
    async fn verify_one(
        &self,
        token: &str,
        token_use: TokenUse,
        is_fresh: bool,
    ) -> Result<AuthenticToken, Rejection> {
        let verifier = &self.inner.verifier;
        if is_fresh {
            verifier.verify_fresh(token, token_use).await
        } else {
            verifier.verify(token, token_use).await
        }
    }

    /// Refuses the session of somebody who has not just signed in.
    fn check_sign_in(&self, session: &Session, rules: &AdoptRules) -> Result<(), Error> {
        let Some(issued_at) = session.issued_at() else {
            return Err(no_sign_in(
                "the session token does not say when it was issued",
            ));
        };
        let age = self.now().date().duration_since(issued_at);
        if age.unwrap_or_default() > rules.max_age {
            return Err(no_sign_in(
                "the session token was issued too long ago: sign in again, or set max_age",
            ));
        }
        if rules
            .user
            .as_ref()
            .is_some_and(|user| user != session.user_id())
        {
            return Err(Error::new(
                ErrorKind::UserMismatch,
                "another user has signed in than the one who was signed in",
            ));
        }
        if session.is_anonymous() {
            return if rules.allow_anonymous {
                Ok(())
            } else {
                Err(Error::new(
                    ErrorKind::AnonymousSession,
                    "the session is an anonymous visitor's: set allow_anonymous(true) where those may come",
                ))
            };
        }
        if let Some(tenant) = &rules.tenant {
            let mut listed = session.tenants().peekable();
            let lists_any = listed.peek().is_some();
            if lists_any && !listed.any(|id| id == tenant.id.as_str()) {
                return Err(Error::new(
                    ErrorKind::TenantMismatch,
                    "the user is not a member of the tenant that the sign-in was for",
                ));
            }
        }
        let proves_something = session.authentication_methods().next().is_some();
        if !proves_something && !self.inner.sign_in.without_methods {
            return Err(no_sign_in(
                "the session does not say how its user signed in (amr): end the flow with an \
                 authentication, or set sign_in_without_methods(true) where the project's tokens leave \
                 the claim out",
            ));
        }
        Ok(())
    }

    /// Spends the refresh token where that is asked for, and brings the session into the tenant that is
    /// asked for, or into the user's only one: the tokens that the browser is to have.
    async fn settle_tokens(
        &self,
        first: SessionAnswer,
        mut presented: PresentedRefresh,
        rules: &AdoptRules,
    ) -> Result<(SessionAnswer, PresentedRefresh), Error> {
        let mut answer = first;
        if rules.rotate {
            // Whoever else has seen the token has nothing of it from then on.
            presented.family.withdraw();
            answer = self.refresh_presented(&presented).await?;
            presented = self.holding(&answer, presented).await?;
        }
        let session = answer.session();
        let asked_for = rules.tenant.as_ref().filter(|tenant| tenant.select);
        let wanted = match asked_for {
            Some(tenant) => Some(tenant.id.clone()),
            // A refresh has done that itself.
            None if rules.rotate => None,
            None => self.only_tenant(session),
        };
        let current = session.current_tenant();
        if let Some(tenant) = wanted.filter(|tenant| Some(tenant) != current) {
            match self.select_presented(&presented, &tenant).await {
                Ok(selection) => {
                    answer = selection.answer().clone();
                    presented = self.holding(&answer, presented).await?;
                }
                Err(error) => {
                    tracing::warn!(
                        tenant.id = %tenant,
                        %error,
                        "a sign-in goes on without the tenant that was to be selected"
                    );
                    // Its answer may have taken the refresh token's place all the same.
                    let successor = presented.family.successor();
                    if let Some((token, _)) = successor.filter(|_| error.has_fitting_successor()) {
                        answer = answer.with_successor(token);
                    }
                }
            }
        }
        Ok((answer, presented))
    }

    /// The refresh token that is in force after an answer, with a place in its family.
    async fn holding(
        &self,
        answer: &SessionAnswer,
        presented: PresentedRefresh,
    ) -> Result<PresentedRefresh, Error> {
        let in_force = &answer.in_force().token;
        if *in_force == presented.verified.token {
            // The project does not rotate it: it is the browser's now, and may be replaced like any.
            presented.family.reinstate();
            return Ok(presented);
        }
        let verifier = &self.inner.verifier;
        let verdict = verifier.verify(in_force.expose(), TokenUse::Refresh);
        verdict
            .await
            .and_then(|authentic| self.in_time_unshown(in_force.clone(), &authentic))
            .map_err(|rejection| refused_refresh(&rejection))
    }
}

/// A token whose time is right.
fn in_time(token: AuthenticToken) -> Result<AuthenticToken, Rejection> {
    token.time_check.verdict()?;
    Ok(token)
}

fn no_sign_in(why: &'static str) -> Error {
    Error::new(ErrorKind::NotASignIn, why)
}

/// Returns `true` for what is wrong with a token itself.
fn is_about_tokens(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidRefreshToken | ErrorKind::InvalidSessionToken | ErrorKind::SessionEnded
    )
}
