//! The refresh tokens of one family, in the order in which each replaced the one before.
//!
//! An answer is *delivered* when its refresh token is presented: only then is it known that the
//! browser has it. A replaced token whose direct successor nobody has presented is as good as the
//! current one, for whoever holds it, since nobody else can.
//!
//! All spans are measured by the monotonic clock alone: a wall clock that is set must neither
//! forget a successor nor prolong what its predecessor is good for.

use std::{collections::VecDeque, time::Duration};

use crate::{
    clock::Now,
    digest::Digest,
    token::{REFRESH_TOKEN_LIFE, REMEMBER_DELIVERED},
};

/// How many tokens of one family are known at most, the current one included.
pub(super) const MAX_LINKS: usize = 256;

/// How long replaced tokens are remembered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeepTimes {
    /// How long an answer is kept for repeats; after delivery, how long a predecessor is answered.
    pub(crate) keep: Duration,
    /// How long a successor that nobody has presented is remembered; `None`: for its whole life.
    pub(crate) undelivered: Option<Duration>,
}

/// The standing of a token that is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is the current token.
    Current,
    /// It was replaced, and its successor has not been presented, or only just: the newest answer
    /// is also for its holder.
    Replaced,
    /// Its holder has presented its successor a while ago: this request is late.
    Late,
    /// No longer known: Descope is to judge it.
    Forgotten,
}

#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// The known tokens before the current one, oldest first.
    replaced: VecDeque<ReplacedToken>,
    current: Digest,
    /// When the current token expires, on the monotonic clock.
    current_ends: Duration,
    last_presented: Digest,
    /// Refused once it is replaced; see [`withdraw`](Self::withdraw).
    withdrawn: Option<Digest>,
}

#[derive(Clone, Debug)]
struct ReplacedToken {
    digest: Digest,
    /// When its successor came.
    at: Duration,
    /// When that successor, or a later one, was first presented.
    delivered_at: Option<Duration>,
    /// True if it was no browser's cookie, so that no browser waits for its successor.
    withdrawn: bool,
}

impl Chain {
    /// A chain of one token, which has just been presented and lives for `life`.
    pub(super) fn new(token: Digest, life: Duration, now: Now) -> Self {
        Self {
            replaced: VecDeque::new(),
            current: token,
            current_ends: now.mono.saturating_add(life),
            last_presented: token,
            withdrawn: None,
        }
    }

    pub(super) fn current(&self) -> Digest {
        self.current
    }

    /// The known tokens.
    pub(super) fn tokens(&self) -> impl Iterator<Item = Digest> + '_ {
        let replaced = self.replaced.iter().map(|token| token.digest);
        replaced.chain([self.current])
    }

    /// How many tokens are known.
    pub(super) fn len(&self) -> usize {
        self.replaced.len() + 1
    }

    /// The standing of one of its tokens.
    pub(super) fn standing(&self, token: Digest, times: KeepTimes, now: Now) -> Standing {
        if token == self.current {
            return Standing::Current;
        }
        let found = self.replaced.iter().find(|known| known.digest == token);
        found.map_or(Standing::Forgotten, |known| {
            self.standing_of(known, times, now)
        })
    }

    fn standing_of(&self, token: &ReplacedToken, times: KeepTimes, now: Now) -> Standing {
        let since = |at: Duration| now.mono.saturating_sub(at);
        match token.delivered_at {
            Some(at) if since(at) < times.keep && !token.withdrawn => Standing::Replaced,
            Some(at) if since(at) < REMEMBER_DELIVERED && !times.keeps_nothing() => Standing::Late,
            Some(_) => Standing::Forgotten,
            None if since(token.at) < times.keep => Standing::Replaced,
            None => {
                let is_kept = times.undelivered.is_none_or(|span| since(token.at) < span);
                if is_kept && now.mono < self.current_ends {
                    Standing::Replaced
                } else {
                    Standing::Forgotten
                }
            }
        }
    }

    /// Notes that a token was presented: it, and what came before it, has been delivered. Returns the
    /// token right before it, if that is news.
    pub(super) fn present(&mut self, token: Digest, now: Now) -> Option<Digest> {
        let place = self.replaced.iter().position(|known| known.digest == token);
        let before = match place {
            Some(place) => place,
            None if token == self.current => self.replaced.len(),
            None => return None,
        };
        self.last_presented = token;
        let last = self.replaced.get(before.checked_sub(1)?)?;
        let news = last.delivered_at.is_none().then_some(last.digest);
        for known in self.replaced.iter_mut().take(before) {
            known.delivered_at.get_or_insert(now.mono);
        }
        news
    }

    /// Puts a successor in the place of the current token; `life` is how long the successor lives,
    /// as far as it says so. Returns the token that is forgotten for it, where there were too many.
    pub(super) fn advance(
        &mut self,
        successor: Digest,
        life: Option<Duration>,
        now: Now,
    ) -> Option<Digest> {
        self.current_ends = now.mono.saturating_add(life.unwrap_or(REFRESH_TOKEN_LIFE));
        // A successor that is a token of the chain itself is none.
        if self.current == successor {
            return None;
        }
        self.replaced.retain(|known| known.digest != successor);
        let withdrawn = self.withdrawn == Some(self.current);
        self.replaced.push_back(ReplacedToken {
            digest: self.current,
            at: now.mono,
            delivered_at: withdrawn.then_some(now.mono),
            withdrawn,
        });
        self.current = successor;
        (self.len() > MAX_LINKS).then(|| self.drop_one()).flatten()
    }

    /// Notes that a token, and what came before it, is not to be answered for any more as soon as it
    /// has a successor. Who holds it may not be who is to have that.
    pub(super) fn withdraw(&mut self, token: Digest, now: Now) {
        self.withdrawn = Some(token);
        let place = self.replaced.iter().position(|known| known.digest == token);
        let before = place.map_or(self.replaced.len(), |place| place + 1);
        for known in self.replaced.iter_mut().take(before) {
            known.withdrawn = true;
            known.delivered_at.get_or_insert(now.mono);
        }
    }

    /// Returns `true` if the current token was [withdrawn](Self::withdraw).
    pub(super) fn withdraws(&self) -> bool {
        self.withdrawn == Some(self.current)
    }

    /// Takes [`withdraw`](Self::withdraw) back, for a token that has no successor.
    pub(super) fn reinstate(&mut self) {
        self.withdrawn = None;
    }

    /// Returns `true` for a token that was withdrawn and has a successor.
    pub(super) fn is_withdrawn(&self, token: Digest) -> bool {
        let mut replaced = self.replaced.iter();
        replaced.any(|known| known.digest == token && known.withdrawn)
    }

    /// Forgets the oldest delivered token, or else the oldest one; never the one presented last.
    fn drop_one(&mut self) -> Option<Digest> {
        let last = self.last_presented;
        let oldest = |wanted: fn(&ReplacedToken) -> bool| {
            let fits = |known: &ReplacedToken| known.digest != last && wanted(known);
            self.replaced.iter().position(fits)
        };
        let place = oldest(|known| known.delivered_at.is_some()).or_else(|| oldest(|_| true))?;
        self.replaced.remove(place).map(|known| known.digest)
    }

    /// Forgets the tokens whose time is over, and returns them.
    pub(super) fn expire(&mut self, times: KeepTimes, now: Now) -> Vec<Digest> {
        let is_over = |token| self.standing_of(token, times, now) == Standing::Forgotten;
        if !self.replaced.iter().any(is_over) {
            return Vec::new();
        }
        let (over, known): (VecDeque<_>, _) = std::mem::take(&mut self.replaced)
            .into_iter()
            .partition(|token| self.standing_of(token, times, now) == Standing::Forgotten);
        self.replaced = known;
        over.into_iter().map(|token| token.digest).collect()
    }

    /// Forgets one token.
    pub(super) fn forget(&mut self, token: Digest) {
        self.replaced.retain(|known| known.digest != token);
    }

    /// How long the current token lives yet.
    pub(super) fn rest(&self, now: Now) -> Duration {
        self.current_ends.saturating_sub(now.mono)
    }

    /// Returns `true` once the current token has expired.
    pub(super) fn is_expired(&self, now: Now) -> bool {
        now.mono >= self.current_ends
    }

    /// Returns `true` if no token of the chain but the current one has a standing.
    pub(super) fn is_alone(&self, times: KeepTimes, now: Now) -> bool {
        let is_known = |token| self.standing_of(token, times, now) != Standing::Forgotten;
        !self.replaced.iter().any(is_known)
    }

    /// Returns `true` while a successor is known that nobody has presented.
    pub(super) fn is_undelivered(&self) -> bool {
        // Presenting a token delivers all before it, so the last one says it.
        self.replaced
            .back()
            .is_some_and(|token| token.delivered_at.is_none())
    }

    /// When the newest replacement was made, and when the newest delivery, on the monotonic clock.
    pub(super) fn last_change(&self) -> Duration {
        let times = self.replaced.iter();
        let changes = times.map(|token| token.delivered_at.unwrap_or(token.at));
        changes.max().unwrap_or_default()
    }
}

impl KeepTimes {
    /// Returns `true` if nothing is to be remembered of answers.
    fn keeps_nothing(self) -> bool {
        self.keep.is_zero() && self.undelivered == Some(Duration::ZERO)
    }
}
