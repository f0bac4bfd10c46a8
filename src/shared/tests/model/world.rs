//! The world of the search, and all that may come next in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use crate::shared::{
    memory::Memory,
    record::{Publication, RecordKind, RecordName},
    replica::SharedTimes,
    walk::{Goal, Walk},
};

pub(super) const REPLICAS: usize = 3;

/// Time passes in these steps.
pub(super) const TICK: Duration = Duration::from_secs(2);

pub(super) fn times() -> SharedTimes {
    SharedTimes {
        call: Duration::from_secs(1),
        keep: Duration::from_secs(60),
        undelivered: None,
    }
}

/// How the protocol is changed, to see that the search finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutation {
    None,
    /// A store that has lost its memory is relied on at once.
    NoQuarantine,
    /// Nothing that it has lost is published anew.
    NoRepublishing,
    /// The clock is not looked at before a token is sent.
    NoClock,
    /// A claim stands no longer than a call.
    ShortLease,
    /// Anybody may end a claim.
    AnybodyEnds,
}

/// How much of each may happen in one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) starts: u8,
    pub(super) ticks: u8,
    pub(super) crashes: u8,
    pub(super) losses: u8,
    pub(super) lost_replies: u8,
    pub(super) sign_outs: u8,
}

#[derive(Clone, Debug)]
pub(super) enum Replica {
    Idle,
    Walking {
        walk: Walk,
        token: u8,
        attempt: u8,
        goal: Goal,
    },
    /// It holds a claim and has not sent the token.
    Claimed {
        token: u8,
        attempt: u8,
        asked: Duration,
        signs_out: bool,
    },
    /// Its call is on its way to Descope.
    Calling {
        token: u8,
        attempt: u8,
        asked: Duration,
        sent: Duration,
        signs_out: bool,
    },
    /// Descope has answered it.
    Answered {
        token: u8,
        attempt: u8,
        asked: Duration,
        successor: Option<u8>,
    },
    Crashed,
}

#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) mutation: Mutation,
    pub(super) left: Limits,
    pub(super) now: Duration,
    pub(super) memory: Memory,
    /// The time at which the store's loss is noticed.
    pub(super) noticed_at: Option<Duration>,
    pub(super) replicas: Vec<Replica>,
    /// The answers that each replica could publish anew.
    pub(super) known: Vec<BTreeMap<u8, (u8, u8)>>,
    pub(super) attempts: u8,
    /// The token in force at Descope.
    pub(super) current: u8,
    pub(super) signed_out: bool,
    /// The tokens whose answers came from a replica that had stood still with them for longer than its
    /// claim stood: that is what a lease cannot prevent.
    pub(super) late_answers: BTreeSet<u8>,
    /// How it came to this.
    pub(super) trail: Vec<String>,
}

pub(super) fn name(token: u8) -> RecordName {
    RecordName {
        kind: RecordKind::Token,
        id: [token; 16],
    }
}

pub(super) fn publication(successor: u8, age: Duration) -> Publication {
    Publication {
        whole: vec![successor],
        tokens: vec![successor],
        keep: times().keep,
        age,
        life: Duration::from_secs(3_600),
        delivered: false,
    }
}

impl World {
    pub(super) fn new(mutation: Mutation, left: Limits) -> Self {
        let mut memory = Memory::default();
        memory.tick(None, Duration::ZERO);
        Self {
            mutation,
            left,
            now: Duration::from_secs(1_000),
            memory,
            noticed_at: None,
            replicas: vec![Replica::Idle; REPLICAS],
            known: vec![BTreeMap::new(); REPLICAS],
            attempts: 0,
            current: 0,
            signed_out: false,
            late_answers: BTreeSet::new(),
            trail: Vec::new(),
        }
    }

    pub(super) fn lease(&self) -> Duration {
        if self.mutation == Mutation::ShortLease {
            times().call
        } else {
            times().lease()
        }
    }

    /// All worlds that may come next.
    pub(super) fn next(&self) -> Vec<Self> {
        let mut worlds = Vec::new();
        let mut add = |what: String, change: &dyn Fn(&mut Self)| {
            let mut world = self.clone();
            world.trail.push(what);
            change(&mut world);
            worlds.push(world);
        };
        for replica in 0..REPLICAS {
            match &self.replicas[replica] {
                Replica::Crashed => continue,
                Replica::Idle => {
                    // Replicas are alike, so that the first idle one stands for all that have done nothing.
                    let is_fresh = |at: usize| {
                        matches!(self.replicas[at], Replica::Idle) && self.known[at].is_empty()
                    };
                    if is_fresh(replica) && (0..replica).any(is_fresh) {
                        continue;
                    }
                    if self.left.starts > 0 {
                        for token in 0..=self.current {
                            add(format!("{replica} is shown {token}"), &|world| {
                                world.start(replica, token, false);
                            });
                        }
                    }
                    if self.left.sign_outs > 0 {
                        add(format!("{replica} signs out"), &|world| {
                            world.start(replica, 0, true);
                        });
                    }
                    continue;
                }
                _ => {}
            }
            add(format!("{replica} goes on"), &|world| {
                world.step(replica, false);
            });
            let asks = matches!(
                self.replicas[replica],
                Replica::Walking { .. } | Replica::Answered { .. }
            );
            if asks && self.left.lost_replies > 0 {
                add(
                    format!("{replica} goes on, and the reply is lost"),
                    &|world| {
                        world.left.lost_replies -= 1;
                        world.step(replica, true);
                    },
                );
            }
            if self.left.crashes > 0 {
                add(format!("{replica} crashes"), &|world| {
                    world.left.crashes -= 1;
                    world.crash(replica);
                });
            }
        }
        // What is on its way to Descope gets there within a call's time.
        let in_time = |replica: &Replica| match replica {
            Replica::Calling { sent, .. } => self.now < *sent + times().call,
            _ => true,
        };
        if self.left.ticks > 0 && self.replicas.iter().all(in_time) {
            add("time passes".into(), &|world| {
                world.left.ticks -= 1;
                world.now += TICK;
                world.notice();
            });
        }
        if self.left.losses > 0 {
            add("the store forgets".into(), &|world| {
                world.left.losses -= 1;
                world.memory.lose();
                world.noticed_at = Some(world.now + Duration::from_secs(1));
            });
        }
        worlds
    }

    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let Self {
            left,
            now,
            memory,
            noticed_at,
            replicas,
            known,
            current,
            signed_out,
            late_answers,
            ..
        } = self;
        format!(
            "{left:?} {now:?} {} {noticed_at:?} {replicas:?} {known:?} {current} {signed_out} \
             {late_answers:?}",
            memory.sorted()
        )
        .hash(&mut hasher);
        hasher.finish()
    }
}
