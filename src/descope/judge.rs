//! The verdicts on a request's cookies, at once or waiting for keys.

use std::collections::HashSet;

use super::{
    handle::Descope,
    pairs::{FoundRefresh, JudgedSlots, SlotToken, SlotVerdict, Wanted},
};
use crate::{
    cookie::{CookieKind, CookieSlot, PresentedCookies},
    ids::TenantId,
    jwt::check::TokenUse,
    rejection::{Rejection, RejectionKind},
    token::RefreshToken,
    verifier::{
        AuthenticToken, CheckedTokens, PendingTokens, SeveralSteps, VerificationStep,
        names_unknown_key,
    },
};

/// How many different tokens of this project count under one name.
const MAX_TOKENS: usize = 4;

/// How many are looked at: those whose keys are gone do not count.
const MAX_LOOKED_AT: usize = 16;

/// The verdict on a slot as far as it goes without waiting.
pub(super) enum SlotStep<'h> {
    Done(SlotVerdict),
    Wait(PendingTokens<&'h str>),
}

/// The refresh token that a request's cookies present.
pub(super) struct FoundToken {
    pub(super) found: FoundRefresh,
    pub(super) token: SlotToken,
    /// The tenant of the session beside it.
    pub(super) tenant_beside: Option<TenantId>,
}

impl Descope {
    /// The refresh token that a request's cookies present, whatever its time.
    pub(super) async fn refresh_of_cookies(
        &self,
        presented: &PresentedCookies<'_>,
        checked: &mut CheckedTokens,
    ) -> Result<FoundToken, Rejection> {
        let missing = || Rejection::new(RejectionKind::MissingToken);
        // Most requests without a session have no such cookie either: nothing need be judged then.
        if !presented.has_refresh() {
            return Err(missing());
        }
        let mut judged = JudgedSlots::default();
        loop {
            let wanted = match judged.find_refresh(self.cookies()) {
                Ok(found) => {
                    let found = found?;
                    let tenant_beside = judged.tenant_beside(found.slot);
                    let token = judged.into_token(found.slot).ok_or_else(missing)?;
                    return Ok(FoundToken {
                        found,
                        token,
                        tenant_beside,
                    });
                }
                Err(wanted) => wanted,
            };
            let verdict = self.judge(presented, &wanted, checked).await;
            judged.add(wanted.slot, verdict);
        }
    }

    /// Judges a slot, waiting for keys where that may help.
    pub(super) async fn judge(
        &self,
        presented: &PresentedCookies<'_>,
        wanted: &Wanted,
        checked: &mut CheckedTokens,
    ) -> SlotVerdict {
        match self.start_slot(presented, wanted, checked) {
            SlotStep::Done(verdict) => verdict,
            SlotStep::Wait(pending) => {
                self.resume_slot(pending, |token| token, wanted, checked)
                    .await
            }
        }
    }

    /// Goes on where [`start_slot`](Self::start_slot) had to wait.
    pub(super) async fn resume_slot<T>(
        &self,
        pending: PendingTokens<T>,
        text: impl Fn(&T) -> &str,
        wanted: &Wanted,
        checked: &mut CheckedTokens,
    ) -> SlotVerdict {
        let verifier = &self.inner.verifier;
        match verifier.resume_several(pending, checked, &text).await {
            Ok((token, authentic)) => slot_verdict(Ok((text(&token), authentic)), wanted),
            Err(rejection) => slot_verdict(Err(rejection), wanted),
        }
    }

    /// Judges the values of a slot as far as that goes without waiting.
    pub(super) fn start_slot<'h>(
        &self,
        presented: &PresentedCookies<'h>,
        wanted: &Wanted,
        checked: &mut CheckedTokens,
    ) -> SlotStep<'h> {
        let mut values = presented.values(wanted.slot);
        let Some(first) = values.next() else {
            return SlotStep::Done(SlotVerdict::Absent);
        };
        if values.any(|value| value != first) {
            return self.start_several(presented, wanted, checked);
        }
        match self.start_value(presented, first, wanted, checked) {
            None => SlotStep::Done(SlotVerdict::Absent),
            Some(VerificationStep::Done(verdict)) => {
                let verdict = verdict.map(|authentic| (first, authentic));
                SlotStep::Done(slot_verdict(verdict, wanted))
            }
            Some(VerificationStep::Wait(wait)) => {
                // Not beside the wait that follows, which may be the only one that there is room for.
                drop(wait);
                self.begin(&[first], wanted, checked)
            }
        }
    }

    /// Verifies a value of a slot as far as that goes without waiting. `None`: it is no token of this
    /// project.
    fn start_value(
        &self,
        presented: &PresentedCookies<'_>,
        value: &str,
        wanted: &Wanted,
        checked: &mut CheckedTokens,
    ) -> Option<VerificationStep> {
        let verifier = &self.inner.verifier;
        let token_use = token_use(wanted.slot);
        let digest = || presented.digest(value);
        verifier.start_presented(value, token_use, digest, checked)
    }

    fn start_several<'h>(
        &self,
        presented: &PresentedCookies<'h>,
        wanted: &Wanted,
        checked: &mut CheckedTokens,
    ) -> SlotStep<'h> {
        let verifier = &self.inner.verifier;
        // Each is looked at once, however often it came.
        let mut seen = HashSet::new();
        let mut looked_at = 0;
        let mut tokens = Vec::new();
        let too_many = || {
            SlotStep::Done(SlotVerdict::Refused(Rejection::because(
                RejectionKind::AmbiguousCredentials,
                "too_many_cookies",
            )))
        };
        for value in presented.values(wanted.slot) {
            if !seen.insert(value) || verifier.claims_of_project(value).is_none() {
                continue;
            }
            if looked_at == MAX_LOOKED_AT {
                return too_many();
            }
            looked_at += 1;
            match self.start_value(presented, value, wanted, checked) {
                None => {}
                Some(VerificationStep::Done(Ok(authentic))) if !wanted.takes(&authentic) => {}
                Some(_) if tokens.len() == MAX_TOKENS => return too_many(),
                Some(_) => tokens.push(value),
            }
        }
        if tokens.is_empty() {
            return SlotStep::Done(SlotVerdict::Absent);
        }
        self.begin(&tokens, wanted, checked)
    }

    fn begin<'h>(
        &self,
        tokens: &[&'h str],
        wanted: &Wanted,
        checked: &mut CheckedTokens,
    ) -> SlotStep<'h> {
        let verifier = &self.inner.verifier;
        match verifier.start_several(tokens, token_use(wanted.slot), checked) {
            SeveralSteps::Done(verdict) => SlotStep::Done(slot_verdict(verdict, wanted)),
            SeveralSteps::Wait(pending) => SlotStep::Wait(pending),
        }
    }
}

fn slot_verdict(
    verdict: Result<(&str, AuthenticToken), Rejection>,
    wanted: &Wanted,
) -> SlotVerdict {
    match verdict {
        Ok((_, authentic)) if !wanted.takes(&authentic) => SlotVerdict::Absent,
        Ok((token, authentic)) => SlotVerdict::Authentic(SlotToken {
            authentic,
            refresh: (wanted.slot.kind == CookieKind::Refresh).then(|| RefreshToken::new(token)),
        }),
        // Keys were fetched meanwhile, and its own is not among them.
        Err(rejection) if names_unknown_key(&rejection) => SlotVerdict::Absent,
        Err(rejection) => SlotVerdict::Refused(rejection),
    }
}

fn token_use(slot: CookieSlot) -> TokenUse {
    match slot.kind {
        CookieKind::Session => TokenUse::Session,
        CookieKind::Refresh => TokenUse::Refresh,
    }
}
