//! Sign-outs, as they are presented: every genuine token is signed out, whatever stands beside it.

use std::{
    collections::HashSet,
    future::{Future, poll_fn},
    task::{Context, Poll, Waker},
    time::Duration,
};

use http::HeaderMap;

use super::{
    handle::Descope,
    pairs::{SlotVerdict, Wanted},
    present::PresentedRefresh,
    refused::refused_refresh,
};
use crate::{
    cookie::{CookieKind, PresentedCookies},
    error::{Error, ErrorKind},
    ids::UserId,
    jwks::KeyWait,
    jwt::check::{TimeCheck, TokenUse},
    rejection::{Rejection, RejectionKind},
    token::RefreshToken,
    verifier::{AuthenticToken, CheckedTokens, VerificationStep},
};

/// How many of the tokens that a request presents are signed out.
const MAX_SIGN_OUTS: usize = 16;

/// The end of a request's sign-out.
#[derive(Debug)]
pub(crate) struct SignOutOutcome {
    /// The users of the tokens that were genuine, each once.
    pub(crate) users: Vec<UserId>,
    /// True if Descope has ended all sessions of everybody for whom that was meant.
    pub(crate) everywhere: bool,
    /// Why Descope may not know of it.
    pub(crate) failures: Vec<Error>,
}

impl Descope {
    /// Signs out of all sessions whose refresh tokens a request presents; with `everywhere`, of all
    /// sessions of the user: the one whose session a `__Host-` cookie shows, else each user of whom
    /// a genuine refresh token was presented.
    ///
    /// Each value is judged by itself: neither another user's, nor too many, nor one that cannot be
    /// verified keeps a session alive.
    pub(crate) async fn sign_out_request(
        &self,
        headers: &HeaderMap,
        bearer: bool,
        everywhere: bool,
    ) -> SignOutOutcome {
        let presented = self.cookies_to_sign_out(headers);
        // Over all of it: nobody waits longer to be signed out.
        let end = self.now().mono.saturating_add(self.inner.timeout);
        // Side by side: whoever goes away while other replicas are told of the marks has signed out.
        let signed_out = self.sign_out_tokens(headers, &presented, bearer, everywhere, end);
        let ((), outcome) = tokio::join!(self.mark_presented(&presented, end), signed_out);
        outcome
    }

    async fn sign_out_tokens(
        &self,
        headers: &HeaderMap,
        presented: &PresentedCookies<'_>,
        bearer: bool,
        everywhere: bool,
        end: Duration,
    ) -> SignOutOutcome {
        let mut tokens = self.to_sign_out(presented, CookieKind::Refresh);
        // A header that holds no refresh token leaves nothing to sign out of.
        if tokens.is_empty()
            && bearer
            && let Ok(token) = self.bearer_refresh(headers)
        {
            tokens.push(token);
        }
        let holder = if everywhere {
            let shown = self.shown_by_host_cookie(presented);
            self.until(end, shown).await.flatten()
        } else {
            None
        };
        let is_meant = |user: &UserId| holder.as_ref().is_none_or(|holder| holder == user);
        let mut failures = Vec::new();
        let mut sign_outs = Vec::new();
        for verdict in self.verify_to_sign_out(&tokens, end).await {
            match verdict {
                Ok(presented) => sign_outs.push(presented),
                Err(error) => failures.extend(error),
            }
        }
        let calls = sign_outs.iter().map(|presented| async {
            let everywhere = everywhere && is_meant(&presented.verified.user);
            let signed_out = self.sign_out_presented(presented, everywhere);
            let signed_out = self.until(end, signed_out).await;
            signed_out.unwrap_or_else(|| Err(Error::timed_out()))
        });
        let results = all(calls).await;
        let has_ended = |user: &UserId| {
            let mut results = sign_outs.iter().zip(&results);
            results.any(|(presented, result)| presented.verified.user == *user && result.is_ok())
        };
        for (presented, result) in sign_outs.iter().zip(&results) {
            let user = &presented.verified.user;
            // Once all sessions of a user have ended, that one of them had ended before is no news.
            let is_news = !(everywhere && is_meant(user) && has_ended(user));
            failures.extend(result.as_ref().err().filter(|_| is_news).cloned());
        }
        let presented = sign_outs.iter().map(|it| &it.verified.user);
        let meant: Vec<_> = holder
            .as_ref()
            .map_or_else(|| presented.collect(), |it| vec![it]);
        let mut users: Vec<UserId> = Vec::new();
        for out in &sign_outs {
            let user = &out.verified.user;
            if !users.contains(user) {
                users.push(user.clone());
            }
        }
        SignOutOutcome {
            users,
            everywhere: everywhere && !meant.is_empty() && meant.into_iter().all(has_ended),
            failures,
        }
    }

    /// The cookies of a request whose sessions are to end.
    pub(super) fn cookies_to_sign_out<'h>(&self, headers: &'h HeaderMap) -> PresentedCookies<'h> {
        let reader = self.cookie_reader();
        reader.presented(headers).unwrap_or_else(|_| {
            // No cookie, however long, may keep anybody signed in.
            self.notices().full_jar(&self.now());
            reader.presented_at_first(headers)
        })
    }

    /// Signs out here at once, and at Descope without being waited for.
    pub(super) fn sign_out_in_background(&self, presented: PresentedRefresh) {
        let this = self.clone();
        let mut call = Box::pin(async move {
            let user = presented.verified.user.clone();
            if let Err(error) = this.sign_out_presented(&presented, false).await {
                tracing::warn!(
                    user.id = %user,
                    %error,
                    "a session that was left is signed out here, but not at descope"
                );
            }
        });
        // It counts here once it has been polled, before anything is sent.
        let pending = call
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending();
        if pending && let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(call);
        }
    }

    /// A refresh token that did not come in a request, to be signed out.
    pub(super) async fn verified_to_sign_out(
        &self,
        refresh: &RefreshToken,
    ) -> Result<PresentedRefresh, Error> {
        let verifier = &self.inner.verifier;
        let step = verifier.start(refresh.expose(), TokenUse::Refresh);
        let end = self.now().mono.saturating_add(self.inner.timeout);
        self.presented_to_sign_out(refresh.clone(), step, end).await
    }

    /// Signs out the family of a token here, and without verification: a token that could not be
    /// verified for want of keys must not go on renewing a session.
    pub(super) fn sign_out_here(&self, token: &RefreshToken) {
        // It fails without a crypto backend only, and then nothing is known either.
        let _ = self.inner.queue.sign_out_unverified(token);
    }

    /// Marks the sessions that a request presents which signs out of them: each genuine one whose time is
    /// not over. A key that is not at hand is waited for until `end`, as it is for refresh tokens.
    async fn mark_presented(&self, presented: &PresentedCookies<'_>, end: Duration) {
        if self.marks().is_none() {
            return;
        }
        let verifier = &self.inner.verifier;
        let name = |verdict: Result<AuthenticToken, Rejection>| {
            let genuine = verdict.ok()?;
            let is_over = genuine.time_check == TimeCheck::Expired;
            genuine.mark_name().filter(|_| !is_over)
        };
        let (mut names, mut waiting) = (Vec::new(), Vec::new());
        for value in self.to_sign_out(presented, CookieKind::Session) {
            match verifier.start(value, TokenUse::Session) {
                VerificationStep::Done(verdict) => names.extend(name(verdict)),
                VerificationStep::Wait(wait) => {
                    waiting.push(self.resumed(value, TokenUse::Session, wait, end));
                }
            }
        }
        // Those at hand first: whoever goes away meanwhile has signed out of them.
        let at_hand = self.mark(names);
        let others = async {
            let verdicts = all(waiting.into_iter()).await;
            self.mark(verdicts.into_iter().filter_map(name).collect())
                .await;
        };
        tokio::join!(at_hand, others);
    }

    /// The values of a request's cookies of this kind that are tokens of this project, by shape and
    /// issuer: those first that no other host can have set, then those whose session is known here,
    /// then the newest.
    pub(super) fn to_sign_out<'h>(
        &self,
        presented: &PresentedCookies<'h>,
        kind: CookieKind,
    ) -> Vec<&'h str> {
        let now = self.now().wall.as_secs_f64();
        let mut tokens = Vec::new();
        for (slot, value) in presented.of_kind(kind) {
            let Some(claims) = self.inner.verifier.claims_of_project(value) else {
                continue;
            };
            let issued = claims.issued.unwrap_or(f64::NEG_INFINITY);
            let may_be_planted = !self.cookies().is_host_only(slot);
            let is_unknown = kind == CookieKind::Refresh && !self.inner.queue.knows(value);
            let group = (may_be_planted, is_unknown, issued > now);
            tokens.push((group, issued, value));
        }
        tokens.sort_by(|(_, issued, _), (_, other, _)| other.total_cmp(issued));
        // Stable: within each group the newest stay first.
        tokens.sort_by_key(|(group, ..)| *group);
        let mut seen = HashSet::new();
        let values = tokens.into_iter().map(|(.., value)| value);
        let mut distinct: Vec<_> = values.filter(|value| seen.insert(*value)).collect();
        if distinct.len() > MAX_SIGN_OUTS {
            let notices = self.notices();
            notices.many_tokens(kind, distinct.len(), MAX_SIGN_OUTS, &self.now());
            distinct.truncate(MAX_SIGN_OUTS);
        }
        distinct
    }

    /// The user whose session a cookie shows that no other host can have set.
    async fn shown_by_host_cookie(&self, presented: &PresentedCookies<'_>) -> Option<UserId> {
        let mut checked = CheckedTokens::default();
        for (slot, _) in self.cookies().slots() {
            if slot.kind != CookieKind::Session || !self.cookies().is_host_only(slot) {
                continue;
            }
            let wanted = Wanted::anybodys(slot);
            let verdict = self.judge(presented, &wanted, &mut checked).await;
            if let SlotVerdict::Authentic(token) = verdict {
                return Some(token.authentic.claims().user.clone());
            }
        }
        None
    }

    /// The genuine ones of these tokens, and why others may be genuine and are not sent.
    async fn verify_to_sign_out(
        &self,
        tokens: &[&str],
        end: Duration,
    ) -> Vec<Result<PresentedRefresh, Option<Error>>> {
        let verifier = &self.inner.verifier;
        // All are begun before any is waited for, so that they wait for one fetch.
        let begun: Vec<_> = tokens
            .iter()
            .map(|token| (*token, verifier.start(token, TokenUse::Refresh)))
            .collect();
        let mut verdicts = Vec::with_capacity(begun.len());
        for (token, step) in begun {
            let presented = self.presented_to_sign_out(RefreshToken::new(token), step, end);
            // What has expired, or was never a refresh token, signs nobody in any more.
            let is_news = |error: &Error| error.kind() == ErrorKind::KeysUnavailable;
            verdicts.push(presented.await.map_err(|error| Some(error).filter(is_news)));
        }
        verdicts
    }

    async fn presented_to_sign_out(
        &self,
        token: RefreshToken,
        step: VerificationStep,
        end: Duration,
    ) -> Result<PresentedRefresh, Error> {
        let verdict = match step {
            VerificationStep::Done(verdict) => verdict,
            VerificationStep::Wait(wait) => {
                let resumed = self.resumed(token.expose(), TokenUse::Refresh, wait, end);
                resumed.await
            }
        };
        let presented = verdict.and_then(|genuine| self.to_be_ended(token.clone(), genuine));
        presented.map_err(|rejection| {
            self.forget_refused(&token, &rejection);
            refused_refresh(&rejection)
        })
    }

    /// The verdict on a token whose key is waited for, until a time of the monotonic clock.
    async fn resumed(
        &self,
        token: &str,
        token_use: TokenUse,
        wait: KeyWait,
        end: Duration,
    ) -> Result<AuthenticToken, Rejection> {
        let verifier = &self.inner.verifier;
        let resumed = self.until(end, verifier.resume(token, token_use, None, wait));
        let unavailable = || Err(Rejection::keys_unavailable(Duration::ZERO));
        resumed.await.unwrap_or_else(unavailable)
    }

    /// Waits for something until a time of the monotonic clock.
    async fn until<T>(&self, end: Duration, work: impl Future<Output = T>) -> Option<T> {
        let clock = self.clock();
        let rest = end.saturating_sub(clock.now().mono);
        tokio::select! {
            biased;
            done = work => Some(done),
            () = clock.deadline(rest) => None,
        }
    }

    /// A genuine token that is to be signed out, whatever this machine's clock says of its beginning.
    pub(super) fn to_be_ended(
        &self,
        token: RefreshToken,
        genuine: AuthenticToken,
    ) -> Result<PresentedRefresh, Rejection> {
        self.in_time(token, &ignoring_a_clock_behind(genuine), false)
    }

    /// Signs out here what a token may stand for that was refused.
    pub(super) fn forget_refused(&self, token: &RefreshToken, rejection: &Rejection) {
        if rejection.kind() == RejectionKind::KeysUnavailable {
            self.sign_out_here(token);
        } else {
            // Where it is known here (its key is gone by now, or its time over) it was genuine.
            self.sign_out_known(token);
        }
    }

    /// Signs out the family of a token, if it is known here.
    fn sign_out_known(&self, token: &RefreshToken) {
        // It fails without a crypto backend only, and then nothing is known either.
        let _ = self.inner.queue.sign_out_known(token);
    }
}

/// The token with its time taken for right where this machine's clock is behind: for a sign-out a
/// token is never too young.
fn ignoring_a_clock_behind(mut authentic: AuthenticToken) -> AuthenticToken {
    if !matches!(authentic.time_check, TimeCheck::Expired) {
        authentic.time_check = TimeCheck::Valid;
    }
    authentic
}

/// Waits for all, side by side: each is begun at once.
async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    poll_fn(|cx| {
        let mut pending = false;
        for (future, output) in &mut running {
            if output.is_none() {
                match future.as_mut().poll(cx) {
                    Poll::Ready(done) => *output = Some(done),
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    running
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}
