//! The walk along the records of a token's successors, to the newest. Pure: it is told what the store
//! says, and says what to ask next.

use std::time::Duration;

use super::record::{Claimed, EndedBy, Record, StoredAnswer};
use crate::ids::TenantId;

/// How many answers are followed: more than one session's calls are in a keep time, ten at once and one a
/// second. Whoever has walked further than one publishes the newest under the token that was presented,
/// so that the next walk is short.
const MAX_HOPS: usize = 128;

/// The purpose of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// A new session for the same tenant. An answer that is there also serves, for the keep time, and
    /// later whoever shows a session of the same user.
    Refresh { shows_session: bool },
    /// A new session for a tenant.
    Select(TenantId),
    /// A call that no other one's answer serves.
    Send,
    /// The end of the session.
    SignOut,
    /// The newest token, for a call that only reads.
    Read,
    /// The answer of somebody who has one at hand, and asks for a newer one.
    AtHand,
    /// The newest answer, for whoever watches a session and sends nothing: however long ago it went on.
    Watch,
}

/// The next step of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Claim the token.
    Claim,
    /// Look at its record.
    Look,
    /// Ask the same again: another replica's call is under way, since so long, or, where that is not
    /// said, something is over soon.
    AskAgain { age: Option<Duration> },
    /// Open this answer, and go on with the token that it names.
    Open(StoredAnswer),
    /// Send the token to Descope: it is claimed.
    Send,
    /// Send the token to Descope, unclaimed: it is only to be ended.
    SendUnclaimed,
    /// The answer opened last is the newest; for [`Goal::Read`] the token is.
    Use,
    /// No session comes of it now.
    Refuse(Refusal),
}

/// Why a walk ends without a token and without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The session is over.
    Dead(EndedBy),
    /// The request was late: its holder has presented the successor a while ago.
    Late,
    /// A call has just failed.
    Rest { left: Duration },
    /// The store has lost its memory a moment ago.
    Lost { left: Duration },
    /// More answers than are followed.
    TooLong,
}

/// The content of an answer, as far as the walk goes by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) has_successor: bool,
    /// The tenant of its session.
    pub(crate) tenant: Option<TenantId>,
    /// True if it has a session that has not expired.
    pub(crate) is_good: bool,
    /// How long it has been there.
    pub(crate) age: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct Walk {
    goal: Goal,
    keep: Duration,
    hops: usize,
    /// True while an answer is in hand that serves unless there is a newer one.
    in_hand: bool,
}

impl Walk {
    pub(crate) fn new(goal: Goal, keep: Duration) -> Self {
        Self {
            in_hand: goal == Goal::AtHand,
            goal,
            keep,
            hops: 0,
        }
    }

    pub(crate) fn goal(&self) -> &Goal {
        &self.goal
    }

    /// How many answers were followed.
    pub(crate) fn hops(&self) -> usize {
        self.hops
    }

    /// The step for the token that the walk has come to.
    pub(crate) fn next(&self) -> Next {
        if self.in_hand || matches!(self.goal, Goal::Read | Goal::Watch) {
            Next::Look
        } else {
            Next::Claim
        }
    }

    /// The step after a claim.
    pub(crate) fn claimed(&self, claimed: Claimed) -> Next {
        match claimed {
            Claimed::Own => Next::Send,
            Claimed::Lost { left } => Next::Refuse(Refusal::Lost { left }),
            Claimed::Taken(record) => self.taken(record),
        }
    }

    /// The step after a look.
    pub(crate) fn looked(&self, record: Option<Record>) -> Next {
        match record {
            // Nothing newer is known.
            None | Some(Record::Rest { .. }) => Next::Use,
            // Of two answers the one in hand serves until the other has come.
            Some(Record::Busy { .. }) if self.in_hand && self.goal != Goal::Watch => Next::Use,
            Some(record) => self.taken(record),
        }
    }

    /// The step after an answer was opened, for the token that it names.
    pub(crate) fn opened(&mut self, opened: &Opened) -> Next {
        self.hops += 1;
        if self.hops > MAX_HOPS {
            return Next::Refuse(Refusal::TooLong);
        }
        let is_recent = opened.age < self.keep;
        self.in_hand = match &self.goal {
            Goal::Refresh { shows_session } => opened.is_good && (is_recent || *shows_session),
            Goal::Select(tenant) => {
                opened.is_good && is_recent && opened.tenant.as_ref() == Some(tenant)
            }
            Goal::Send | Goal::SignOut | Goal::Read => false,
            Goal::AtHand | Goal::Watch => true,
        };
        match (opened.has_successor, self.in_hand) {
            (true, _) => self.next(),
            (false, true) => Next::Use,
            // The same token stays in force.
            (false, false) if self.goal == Goal::Read => Next::Use,
            // It can be claimed once its answer is over, which is soon.
            (false, false) => Next::AskAgain { age: None },
        }
    }

    fn taken(&self, record: Record) -> Next {
        match record {
            Record::Busy { age, .. } => Next::AskAgain { age: Some(age) },
            Record::Done(answer) => Next::Open(answer),
            Record::Late => Next::Refuse(Refusal::Late),
            Record::Rest { left } => Next::Refuse(Refusal::Rest { left }),
            // Descope may not know of it: that it is told twice does no harm.
            Record::Dead(EndedBy::SignOut) if self.goal == Goal::SignOut => Next::SendUnclaimed,
            Record::Dead(by) => Next::Refuse(Refusal::Dead(by)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Duration = Duration::from_secs(60);

    fn tenant(id: &str) -> TenantId {
        TenantId::new(id).unwrap()
    }

    fn answer(age: u64) -> Opened {
        Opened {
            has_successor: true,
            tenant: Some(tenant("T1")),
            is_good: true,
            age: Duration::from_secs(age),
        }
    }

    fn stored() -> StoredAnswer {
        StoredAnswer {
            sealed: Vec::new(),
            age: Duration::ZERO,
        }
    }

    fn every_goal() -> Vec<Goal> {
        vec![
            Goal::Refresh {
                shows_session: false,
            },
            Goal::Refresh {
                shows_session: true,
            },
            Goal::Select(tenant("T1")),
            Goal::Send,
            Goal::SignOut,
            Goal::Read,
            Goal::AtHand,
            Goal::Watch,
        ]
    }

    #[test]
    fn nothing_is_sent_but_what_is_claimed_or_to_be_ended() {
        let records = [
            Record::Busy {
                age: Duration::ZERO,
                left: KEEP,
            },
            Record::Done(stored()),
            Record::Late,
            Record::Rest { left: KEEP },
            Record::Dead(EndedBy::SignOut),
            Record::Dead(EndedBy::Descope),
            Record::Dead(EndedBy::Reuse),
        ];
        for goal in every_goal() {
            let walk = Walk::new(goal.clone(), KEEP);
            for record in records.clone() {
                let unclaimed = goal == Goal::SignOut && record == Record::Dead(EndedBy::SignOut);
                let next = walk.claimed(Claimed::Taken(record.clone()));
                assert_ne!(next, Next::Send, "{goal:?} {record:?}");
                assert_eq!(
                    next == Next::SendUnclaimed,
                    unclaimed,
                    "{goal:?} {record:?}"
                );
                assert_ne!(walk.looked(Some(record)), Next::Send, "{goal:?}");
            }
            let lost = walk.claimed(Claimed::Lost { left: KEEP });
            assert_eq!(lost, Next::Refuse(Refusal::Lost { left: KEEP }));
            assert_eq!(walk.claimed(Claimed::Own), Next::Send);
        }
    }

    #[test]
    fn the_answer_in_hand_goes_out_only_after_a_look_at_its_successor() {
        for shows_session in [false, true] {
            let mut walk = Walk::new(Goal::Refresh { shows_session }, KEEP);
            assert_eq!(walk.next(), Next::Claim);
            assert_eq!(walk.opened(&answer(3)), Next::Look);
            assert_eq!(walk.looked(None), Next::Use);
            assert_eq!(
                walk.looked(Some(Record::Busy {
                    age: KEEP,
                    left: KEEP
                })),
                Next::Use
            );
            assert_eq!(
                walk.looked(Some(Record::Done(stored()))),
                Next::Open(stored())
            );
            for by in [EndedBy::SignOut, EndedBy::Descope, EndedBy::Reuse] {
                let next = walk.looked(Some(Record::Dead(by)));
                assert_eq!(next, Next::Refuse(Refusal::Dead(by)));
            }
        }
    }

    #[test]
    fn an_older_answer_is_for_who_shows_a_session_and_the_successor_for_all_others() {
        let mut shows = Walk::new(
            Goal::Refresh {
                shows_session: true,
            },
            KEEP,
        );
        assert_eq!(shows.opened(&answer(60)), Next::Look);
        let mut hides = Walk::new(
            Goal::Refresh {
                shows_session: false,
            },
            KEEP,
        );
        assert_eq!(hides.opened(&answer(60)), Next::Claim);
        for mut walk in [shows, hides] {
            let expired = Opened {
                is_good: false,
                ..answer(3)
            };
            assert_eq!(walk.opened(&expired), Next::Claim);
        }
    }

    #[test]
    fn a_selection_takes_no_other_tenant_s_answer() {
        let mut walk = Walk::new(Goal::Select(tenant("T1")), KEEP);
        assert_eq!(walk.opened(&answer(3)), Next::Look);
        let other = Opened {
            tenant: Some(tenant("T2")),
            ..answer(3)
        };
        assert_eq!(walk.opened(&other), Next::Claim);
        assert_eq!(walk.opened(&answer(60)), Next::Claim);
    }

    #[test]
    fn a_sign_out_goes_on_to_the_newest_token_and_reading_only_looks() {
        let mut out = Walk::new(Goal::SignOut, KEEP);
        assert_eq!(out.next(), Next::Claim);
        assert_eq!(out.opened(&answer(3)), Next::Claim);
        let mut read = Walk::new(Goal::Read, KEEP);
        assert_eq!(read.next(), Next::Look);
        assert_eq!(read.opened(&answer(3)), Next::Look);
        assert_eq!(read.looked(None), Next::Use);
        let busy = Record::Busy {
            age: Duration::ZERO,
            left: KEEP,
        };
        let again = Next::AskAgain {
            age: Some(Duration::ZERO),
        };
        assert_eq!(read.looked(Some(busy)), again);
    }

    #[test]
    fn a_token_that_stays_in_force_is_claimed_once_its_answer_is_over() {
        let kept = Opened {
            has_successor: false,
            ..answer(1)
        };
        let mut refresh = Walk::new(
            Goal::Refresh {
                shows_session: false,
            },
            KEEP,
        );
        assert_eq!(refresh.opened(&kept), Next::Use);
        for goal in [Goal::Send, Goal::SignOut, Goal::Select(tenant("T2"))] {
            let mut walk = Walk::new(goal, KEEP);
            assert_eq!(walk.opened(&kept), Next::AskAgain { age: None });
        }
    }

    #[test]
    fn a_chain_without_end_is_given_up() {
        for goal in every_goal() {
            let mut walk = Walk::new(goal, KEEP);
            for _ in 0..MAX_HOPS {
                assert_ne!(walk.opened(&answer(3)), Next::Refuse(Refusal::TooLong));
            }
            assert_eq!(walk.opened(&answer(3)), Next::Refuse(Refusal::TooLong));
        }
    }
}
