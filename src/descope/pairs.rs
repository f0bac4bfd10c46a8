//! Which of a request's cookies count, judged pair by pair of names.
//!
//! The first pair of which either slot holds a genuine token counts, for the session and for the
//! refresh token alike. A token is genuine if this project signed it for this slot, be its time over
//! or not. What is not genuine is as if it were not there; but where nothing genuine is there, it is
//! the reason of the refusal.
//!
//! A slot of the pair without a genuine token is filled from the next pair that has one:
//!
//! * the session's by a session of the user whose refresh token makes the pair count;
//! * the refresh token's, where the pair's names begin with `__Host-`, by one of the user whose
//!   session makes the pair count: what else stands under names that any other host can set has no
//!   effect. Where the names are plain, by any, and the *holder check* covers all pairs.
//!
//! The searches are pure: they ask for the slots that they have to know next. Whoever drives them
//! judges those, at once or waiting for keys.

use smallvec::SmallVec;

use crate::{
    cookie::{CookieKind, CookieSlot, SessionCookies},
    ids::{TenantId, UserId},
    rejection::{Rejection, RejectionKind},
    session::Session,
    token::RefreshToken,
    verifier::AuthenticToken,
};

/// The verdicts on the slots that have been looked at.
#[derive(Default)]
pub(super) struct JudgedSlots {
    slots: SmallVec<[(CookieSlot, SlotVerdict); 4]>,
}

/// The verdict on the values of one slot.
pub(super) enum SlotVerdict {
    /// No value is a token of this project; or, where one of a certain user was looked for, of that
    /// user.
    Absent,
    Authentic(SlotToken),
    /// No value is genuine; or they contradict each other, or cannot be judged for want of keys.
    Refused(Rejection),
}

/// The genuine token that counts in its slot.
pub(super) struct SlotToken {
    pub(super) authentic: AuthenticToken,
    /// Its text; for refresh tokens alone.
    pub(super) refresh: Option<RefreshToken>,
}

/// The slot that a search has to know next.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) slot: CookieSlot,
    /// The user whose tokens count there; `None`: anybody's.
    pub(super) of_user: Option<UserId>,
}

/// The refresh token that a request's cookies present.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoundRefresh {
    pub(super) slot: CookieSlot,
    /// True if it stands under the name of another pair than the one that counts.
    pub(super) is_borrowed: bool,
    /// True if a session of the same user came beside it.
    pub(super) shows_session: bool,
}

/// A verdict, or the slot that has to be known before there is one.
type Search<T> = Result<Result<T, Rejection>, Wanted>;

/// Ends a search with a refusal that no other slot can change.
macro_rules! known {
    ($verdict:expr) => {
        match $verdict {
            SlotVerdict::Refused(rejection) if is_final(rejection) => {
                return Ok(Err(rejection.clone()));
            }
            verdict => verdict,
        }
    };
}

impl JudgedSlots {
    pub(super) fn add(&mut self, slot: CookieSlot, verdict: SlotVerdict) {
        self.slots.push((slot, verdict));
    }

    /// The token of a slot, for which a search has ended.
    pub(super) fn into_token(self, slot: CookieSlot) -> Option<SlotToken> {
        let mut slots = self.slots.into_iter();
        match slots.find(|(of, _)| *of == slot)?.1 {
            SlotVerdict::Authentic(token) => Some(token),
            SlotVerdict::Absent | SlotVerdict::Refused(_) => None,
        }
    }

    /// The tenant of a session that came beside a refresh token, of the same user.
    pub(super) fn tenant_beside(&self, refresh: CookieSlot) -> Option<TenantId> {
        let user = self.of(refresh).ok()?.user()?;
        let sessions = self.slots.iter().filter(|(slot, verdict)| {
            slot.kind == CookieKind::Session && verdict.user() == Some(user)
        });
        let mut tenants = sessions.filter_map(|(_, verdict)| match verdict {
            SlotVerdict::Authentic(token) => token.authentic.claims().current_tenant(),
            SlotVerdict::Absent | SlotVerdict::Refused(_) => None,
        });
        tenants.next().cloned()
    }

    /// The verdict that [`find_session`](Self::find_session) ended with.
    pub(super) fn into_session(
        self,
        found: Result<CookieSlot, Rejection>,
    ) -> Result<Session, Rejection> {
        let missing = || Rejection::new(RejectionKind::MissingToken);
        let token = self.into_token(found?).ok_or_else(missing)?;
        token.authentic.session_or_anonymous()
    }

    /// Searches for the session token that counts.
    pub(super) fn find_session(&self, cookies: &SessionCookies) -> Search<CookieSlot> {
        let pairs = cookies.pair_count();
        for pair in 0..pairs {
            let session = CookieSlot::session(pair);
            if known!(self.of(session)?).user().is_some() {
                return Ok(Ok(session));
            }
            // Of the last pair the refresh token matters only where it makes this pair count in place of
            // one whose session was refused.
            let is_refused = |pair| {
                let session = self.of(CookieSlot::session(pair));
                matches!(session, Ok(SlotVerdict::Refused(_)))
            };
            if pair + 1 == pairs && !(0..pair).any(is_refused) {
                break;
            }
            if let Some(user) = known!(self.of(CookieSlot::refresh(pair))?).user() {
                let filled = self.of_user_after(pair, CookieSlot::session, user, cookies)?;
                return Ok(filled.ok_or_else(|| self.refusal([session], |_, _| true)));
            }
        }
        let sessions = (0..pairs).map(CookieSlot::session);
        Ok(Err(self.refusal(sessions, |_, _| true)))
    }

    /// Searches for the refresh token that may be sent, and checks that its holder is the one whose
    /// sessions are presented beside it.
    pub(super) fn find_refresh(&self, cookies: &SessionCookies) -> Search<FoundRefresh> {
        let pairs = cookies.pair_count();
        let mut counting = None;
        for pair in 0..pairs {
            let session = known!(self.of(CookieSlot::session(pair))?).user();
            let refresh = known!(self.of(CookieSlot::refresh(pair))?).user();
            if session.is_some() || refresh.is_some() {
                counting = Some((pair, session, refresh));
                break;
            }
        }
        let Some((pair, session, refresh)) = counting else {
            let slots = (0..pairs).map(CookieSlot::refresh);
            return Ok(Err(self.refusal(slots, |_, _| true)));
        };
        let is_host_only = cookies.is_host_only_pair(pair);
        let own = CookieSlot::refresh(pair);
        let found = match (refresh, session) {
            (Some(user), _) => Some((own, user)),
            (None, Some(user)) if is_host_only => {
                let filled = self.of_user_after(pair, CookieSlot::refresh, user, cookies)?;
                filled.map(|slot| (slot, user))
            }
            (None, _) => {
                let mut filled = None;
                for slot in (pair + 1..pairs).map(CookieSlot::refresh) {
                    if let Some(user) = known!(self.of(slot)?).user() {
                        filled = Some((slot, user));
                        break;
                    }
                }
                filled
            }
        };
        let Some((slot, holder)) = found else {
            let slots = (pair..pairs).map(CookieSlot::refresh);
            return Ok(Err(self.refusal(slots, |slot, rejection| {
                // Under names that any other host can set only one that cannot be judged counts: it
                // may be the user's own.
                !is_host_only || slot == own || rejection.kind() == RejectionKind::KeysUnavailable
            })));
        };
        let mut shows_session = session == Some(holder);
        let mut holds_alone = session.is_none_or(|user| user == holder);
        if is_host_only {
            if session.is_none() {
                let filled = self.of_user_after(pair, CookieSlot::session, holder, cookies)?;
                shows_session = filled.is_some();
            }
        } else {
            for slot in (0..pairs).map(CookieSlot::session) {
                if let Some(user) = known!(self.of(slot)?).user() {
                    shows_session |= user == holder;
                    holds_alone &= user == holder;
                }
            }
        }
        if !holds_alone {
            let reason = "another_users_session";
            return Ok(Err(Rejection::because(
                RejectionKind::AmbiguousCredentials,
                reason,
            )));
        }
        Ok(Ok(FoundRefresh {
            slot,
            is_borrowed: slot != own,
            shows_session,
        }))
    }

    /// The first slot after a pair that holds a genuine token of a user.
    fn of_user_after(
        &self,
        pair: usize,
        slot: fn(usize) -> CookieSlot,
        user: &UserId,
        cookies: &SessionCookies,
    ) -> Result<Option<CookieSlot>, Wanted> {
        for slot in (pair + 1..cookies.pair_count()).map(slot) {
            let verdict = self.of(slot).map_err(|wanted| Wanted {
                of_user: Some(user.clone()),
                ..wanted
            })?;
            if verdict.user() == Some(user) {
                return Ok(Some(slot));
            }
        }
        Ok(None)
    }

    fn of(&self, slot: CookieSlot) -> Result<&SlotVerdict, Wanted> {
        let mut slots = self.slots.iter();
        let found = slots.find(|(of, _)| *of == slot);
        found
            .map(|(_, verdict)| verdict)
            .ok_or(Wanted::anybodys(slot))
    }

    /// Why none of these slots holds a genuine token, as far as it counts.
    fn refusal(
        &self,
        slots: impl IntoIterator<Item = CookieSlot>,
        counts: impl Fn(CookieSlot, &Rejection) -> bool,
    ) -> Rejection {
        let mut refusals = slots.into_iter().filter_map(|slot| match self.of(slot) {
            Ok(SlotVerdict::Refused(rejection)) => counts(slot, rejection).then_some(rejection),
            _ => None,
        });
        let missing = || Rejection::new(RejectionKind::MissingToken);
        refusals.next().cloned().unwrap_or_else(missing)
    }
}

impl Wanted {
    /// A slot in which any user's token counts.
    pub(super) const fn anybodys(slot: CookieSlot) -> Self {
        Self {
            slot,
            of_user: None,
        }
    }

    /// Returns `true` if a genuine token counts, by whose it is.
    pub(super) fn takes(&self, token: &AuthenticToken) -> bool {
        let of_user = self.of_user.as_ref();
        of_user.is_none_or(|user| *user == token.claims().user)
    }
}

impl SlotVerdict {
    /// The user of a genuine token.
    fn user(&self) -> Option<&UserId> {
        match self {
            Self::Authentic(token) => Some(&token.authentic.claims().user),
            Self::Absent | Self::Refused(_) => None,
        }
    }
}

/// Returns `true` if a slot holds genuine tokens that contradict each other, or may hold one: the
/// other slots then cannot decide.
fn is_final(rejection: &Rejection) -> bool {
    matches!(
        rejection.kind(),
        RejectionKind::AmbiguousCredentials | RejectionKind::KeysUnavailable
    )
}
