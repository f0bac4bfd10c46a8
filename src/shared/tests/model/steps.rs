//! The steps of the search.

use std::time::Duration;

use super::world::{Mutation, REPLICAS, Replica, World, name, publication, times};
use crate::shared::{
    record::{Attempt, Claim, EndedBy, Ending, Purpose, Record, StoredAnswer},
    walk::{Goal, Next, Opened, Walk},
};

impl World {
    pub(super) fn start(&mut self, replica: usize, token: u8, signs_out: bool) {
        let goal = if signs_out {
            self.left.sign_outs -= 1;
            Goal::SignOut
        } else {
            self.left.starts -= 1;
            Goal::Refresh {
                shows_session: false,
            }
        };
        self.attempts += 1;
        self.replicas[replica] = Replica::Walking {
            walk: Walk::new(goal.clone(), times().keep),
            token,
            attempt: self.attempts,
            goal,
        };
    }

    pub(super) fn crash(&mut self, replica: usize) {
        // A call that has been sent gets there all the same, and its answer dies.
        if let Replica::Calling {
            token, signs_out, ..
        } = self.replicas[replica]
        {
            self.arrive(token, signs_out);
        }
        self.replicas[replica] = Replica::Crashed;
        self.known[replica].clear();
    }

    /// The replicas learn that the store has lost its memory, and publish anew.
    pub(super) fn notice(&mut self) {
        if self.noticed_at.is_none_or(|at| self.now < at) {
            return;
        }
        self.noticed_at = None;
        self.memory.tick(None, self.now);
        if self.mutation == Mutation::NoRepublishing {
            return;
        }
        for known in self.known.clone() {
            for (token, (successor, attempt)) in known {
                let answer = publication(successor, Duration::ZERO);
                let attempt = Attempt::numbered(attempt);
                self.memory.publish(name(token), attempt, &answer, self.now);
            }
        }
    }

    /// A token arrives at Descope. Returns its successor; `None` if the session is over.
    pub(super) fn arrive(&mut self, token: u8, signs_out: bool) -> Option<u8> {
        if signs_out {
            self.signed_out = true;
            return None;
        }
        if self.signed_out {
            return None;
        }
        if token != self.current {
            let holders: Vec<_> = (0..REPLICAS).filter(|at| self.holds(*at, token)).collect();
            let stored = matches!(
                self.memory.look(name(token), self.now).state,
                Some(Record::Done(_))
            );
            assert!(
                holders.is_empty() && !stored || self.late_answers.contains(&token),
                "{token} is sent twice although {holders:?} have its answer, or the store ({stored}): \
                 {:#?}",
                self.trail
            );
            // Lost with whoever had it: Descope ends the session.
            self.signed_out = true;
            return None;
        }
        self.current += 1;
        Some(self.current)
    }

    /// Returns `true` if a replica has the answer to a token, and has not stood still with it for longer
    /// than its claim stood.
    pub(super) fn holds(&self, replica: usize, token: u8) -> bool {
        let answered = match &self.replicas[replica] {
            Replica::Answered {
                token: of,
                successor: Some(_),
                asked,
                ..
            } => *of == token && self.now < *asked + times().lease(),
            _ => false,
        };
        answered || self.known[replica].contains_key(&token)
    }

    pub(super) fn step(&mut self, at: usize, reply_is_lost: bool) {
        let next = match self.replicas[at].clone() {
            Replica::Walking {
                walk,
                token,
                attempt,
                goal,
            } => self.walk(walk, token, attempt, goal, reply_is_lost),
            Replica::Claimed {
                token,
                attempt,
                asked,
                signs_out,
            } => {
                let late = self.now.saturating_sub(asked) >= times().sendable();
                if late && self.mutation != Mutation::NoClock {
                    self.end(token, attempt, Ending::Free);
                    Replica::Idle
                } else {
                    Replica::Calling {
                        token,
                        attempt,
                        asked,
                        sent: self.now,
                        signs_out,
                    }
                }
            }
            Replica::Calling {
                token,
                attempt,
                asked,
                signs_out,
                ..
            } => {
                let successor = self.arrive(token, signs_out);
                Replica::Answered {
                    token,
                    attempt,
                    asked,
                    successor,
                }
            }
            Replica::Answered {
                token,
                attempt,
                asked,
                successor,
            } => {
                if self.now >= asked + times().lease() {
                    self.late_answers.insert(token);
                }
                if let Some(successor) = successor {
                    let answer = publication(successor, Duration::ZERO);
                    self.known[at].insert(token, (successor, attempt));
                    let attempt = Attempt::numbered(attempt);
                    // A publication is repeated in the background until it is taken.
                    self.memory.publish(name(token), attempt, &answer, self.now);
                } else {
                    let life = times().remember_end();
                    self.end(token, attempt, Ending::Dead(EndedBy::Descope, life));
                }
                Replica::Idle
            }
            other @ (Replica::Idle | Replica::Crashed) => other,
        };
        self.replicas[at] = next;
    }

    pub(super) fn end(&mut self, token: u8, attempt: u8, ending: Ending) {
        self.memory
            .end(name(token), Attempt::numbered(attempt), ending, self.now);
    }

    pub(super) fn walk(
        &mut self,
        mut walk: Walk,
        mut token: u8,
        attempt: u8,
        goal: Goal,
        reply_is_lost: bool,
    ) -> Replica {
        let signs_out = goal == Goal::SignOut;
        let mut next = if walk.next() == Next::Look {
            walk.looked(self.memory.look(name(token), self.now).state)
        } else {
            let claim = Claim {
                name: name(token),
                attempt: Attempt::numbered(attempt),
                purpose: if signs_out {
                    Purpose::SignOut
                } else {
                    Purpose::Exchange
                },
                lease: self.lease(),
                quarantine: if self.mutation == Mutation::NoQuarantine {
                    Duration::ZERO
                } else {
                    times().quarantine()
                },
            };
            let found = self.memory.claim(&claim, self.now);
            if reply_is_lost {
                // It is given back in the background.
                let mut by = attempt;
                if self.mutation == Mutation::AnybodyEnds {
                    by = self.owner_of(token).unwrap_or(attempt);
                }
                self.end(token, by, Ending::Free);
                return Replica::Idle;
            }
            walk.claimed(found.state)
        };
        if let Next::Open(StoredAnswer { sealed, age }) = &next {
            let opened = Opened {
                has_successor: true,
                tenant: None,
                is_good: true,
                age: *age,
            };
            token = sealed[0];
            next = walk.opened(&opened);
        }
        match next {
            Next::Claim | Next::Look | Next::AskAgain { .. } => Replica::Walking {
                walk,
                token,
                attempt,
                goal,
            },
            Next::Send => Replica::Claimed {
                token,
                attempt,
                asked: self.now,
                signs_out,
            },
            Next::SendUnclaimed => {
                self.arrive(token, true);
                Replica::Idle
            }
            Next::Use | Next::Refuse(_) | Next::Open(_) => Replica::Idle,
        }
    }

    /// The attempt that has claimed a token, for the mutation that does not compare it.
    pub(super) fn owner_of(&self, token: u8) -> Option<u8> {
        (1..=self.attempts).find(|attempt| {
            self.memory
                .is_claimed_by(name(token), Attempt::numbered(*attempt))
        })
    }
}
