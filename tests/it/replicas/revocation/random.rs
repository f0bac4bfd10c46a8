//! Marks, sessions and times by chance: the verdict is an oracle's.

use std::time::Duration;

use proptest::{
    collection::vec, prelude::*, sample::select, strategy::ValueTree, test_runner::TestRunner,
};
use tower_descope::{Mark, SessionToken, TenantId, UserId};

use super::{Replicas, TICK, verdict};

/// Whose tenants no directory has, so that each session lists its own.
const USERS: [&str; 3] = ["U5", "U6", "U7"];
const TENANTS: [&str; 2] = ["T1", "T2"];

#[derive(Clone, Debug)]
enum Step {
    /// A user signs in, to some of the tenants.
    Issue {
        user: usize,
        tenants: [bool; 2],
    },
    /// At a replica.
    Mark {
        replica: usize,
        about: About,
    },
    Pass {
        millis: u64,
    },
    /// The store forgets.
    Lose,
    /// For a moment nobody reaches it.
    Away,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    User(usize),
    Tenant(usize),
    /// Of those that were issued, if there are any.
    Session(usize),
    Everybody,
}

#[derive(Debug)]
struct Issued {
    token: String,
    user: usize,
    tenants: [bool; 2],
    second: u64,
}

fn step() -> impl Strategy<Value = Step> {
    let about = prop_oneof![
        4 => (0..USERS.len()).prop_map(About::User),
        2 => (0..TENANTS.len()).prop_map(About::Tenant),
        3 => (0..8_usize).prop_map(About::Session),
        1 => Just(About::Everybody),
    ];
    prop_oneof![
        4 => (0..USERS.len(), any::<[bool; 2]>())
            .prop_map(|(user, tenants)| Step::Issue { user, tenants }),
        3 => (0..2_usize, about).prop_map(|(replica, about)| Step::Mark { replica, about }),
        4 => select(vec![50, 150, 400, 1_000, 1_500]).prop_map(|millis| Step::Pass { millis }),
        1 => Just(Step::Lose),
        1 => Just(Step::Away),
    ]
}

/// A mark that is about a session was made in its second or later.
fn is_revoked(marks: &[(About, u64)], number: usize, issued: &Issued) -> bool {
    marks.iter().any(|(about, cut)| match *about {
        About::Session(marked) => marked == number,
        About::User(user) => user == issued.user && *cut >= issued.second,
        About::Tenant(tenant) => issued.tenants[tenant] && *cut >= issued.second,
        About::Everybody => *cut >= issued.second,
    })
}

fn mark(about: About, issued: &[Issued]) -> Mark {
    match about {
        About::User(user) => Mark::user(&UserId::new(USERS[user]).unwrap()),
        About::Tenant(tenant) => Mark::tenant(&TenantId::new(TENANTS[tenant]).unwrap()),
        About::Session(number) => Mark::session_token(&SessionToken::new(&*issued[number].token)),
        About::Everybody => Mark::everybody(),
    }
}

/// What was done, and what every replica is to know of it.
struct World {
    replicas: Replicas,
    issued: Vec<Issued>,
    /// With the second in which it was made.
    marks: Vec<(About, u64)>,
}

impl World {
    fn issue(&mut self, user: usize, tenants: [bool; 2]) {
        let mut session = self.replicas.fake.session(USERS[user]);
        for (tenant, is_in) in TENANTS.iter().zip(tenants) {
            if is_in {
                session = session.tenant(*tenant, |t| t);
            }
        }
        // Each is another one, also of a user who signs in twice in a second.
        let number = self.issued.len().to_string();
        self.issued.push(Issued {
            token: session.claim("number", number).token(),
            user,
            tenants,
            second: self.replicas.fake.clock().unix(),
        });
    }

    async fn mark(&mut self, replica: usize, about: About) {
        let about = match about {
            About::Session(_) if self.issued.is_empty() => return,
            About::Session(number) => About::Session(number % self.issued.len()),
            about => about,
        };
        let handle = self.replicas.handles[replica].clone();
        // Where the store cannot be reached it is told later.
        let _ = handle.revoke(mark(about, &self.issued)).await;
        self.marks.push((about, self.replicas.fake.clock().unix()));
        // Here it holds at once.
        let this = self.marks.len() - 1;
        for (number, it) in self.issued.iter().enumerate() {
            if is_revoked(&self.marks[this..], number, it) {
                assert_ne!(verdict(&handle, &it.token).await, "ok", "{about:?}");
            }
        }
    }

    /// Nobody is refused who was never marked, whatever is known where.
    async fn look(&self) {
        for (number, it) in self.issued.iter().enumerate() {
            if !is_revoked(&self.marks, number, it) {
                let verdicts = self.replicas.verdicts(&it.token).await;
                let marks = &self.marks;
                let refused = verdicts.contains(&"session_revoked");
                assert!(!refused, "{number}: {it:?} {verdicts:?} {marks:?}");
            }
        }
    }

    async fn run(&mut self, steps: &[Step]) {
        for step in steps {
            match *step {
                Step::Issue { user, tenants } => self.issue(user, tenants),
                Step::Mark { replica, about } => self.mark(replica, about).await,
                Step::Pass { millis } => self.replicas.pass(Duration::from_millis(millis)).await,
                Step::Lose => self.replicas.shared.lose_memory(),
                Step::Away => {
                    self.replicas.shared.set_reachable(false);
                    self.replicas.pass(Duration::from_millis(700)).await;
                    self.replicas.shared.set_reachable(true);
                }
            }
            self.look().await;
        }
    }
}

#[tokio::test]
async fn whatever_was_marked_where_and_when_every_replica_comes_to_the_oracle_s_verdict() {
    let mut runner = TestRunner::default();
    let mut seen = [0; 2];
    for _ in 0..40 {
        let steps = vec(step(), 1..25).new_tree(&mut runner).unwrap().current();
        let mut world = World {
            replicas: Replicas::strict(2).await,
            issued: Vec::new(),
            marks: Vec::new(),
        };
        world.run(&steps).await;
        // Whatever happened last, it has been told once the log has settled.
        world.replicas.pass(Duration::from_secs(2) + TICK).await;
        let newcomer = world.replicas.one_more(super::strict);
        newcomer.warm_up().await.unwrap();
        world.replicas.handles.push(newcomer);
        for (number, it) in world.issued.iter().enumerate() {
            let is_revoked = is_revoked(&world.marks, number, it);
            seen[usize::from(is_revoked)] += 1;
            let expected = if is_revoked { "session_revoked" } else { "ok" };
            let verdicts = world.replicas.verdicts(&it.token).await;
            assert_eq!(verdicts, [expected; 3], "{number}: {steps:#?}");
        }
    }
    // Both were tried.
    assert!(seen.iter().all(|&count| count > 20), "{seen:?}");
}
