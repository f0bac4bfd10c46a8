//! A rough day: time, a browser with two tabs, what is under way.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, task::JoinHandle};
use tower_descope::{Descope, SharedState, test_util::FakeDescope};

use super::under_way::{Dice, Seen, UnderWay, sets_cookies};
use crate::support::{
    browser::Browser,
    world::{REFRESH, fake},
    yield_often,
};

pub(super) const EXPIRIES: u64 = 144;
pub(super) const STEP: u64 = 30;

/// How long a call is waited for.
const DEADLINE: u64 = 10;

/// From then on after it was made, a request may be refused for being late.
const LATE: u64 = 60;

/// How Descope treats refresh tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rotation {
    On,
    OnWithoutReuse,
    Off,
}

/// A way in: sends a request with a browser's cookies; its handler waits for the signal.
pub(super) type Door = Box<dyn Fn(&Browser, Arc<Notify>) -> JoinHandle<Seen>>;

pub(super) struct Day {
    pub(super) fake: FakeDescope,
    /// The replicas of the service, one as a rule.
    pub(super) replicas: Vec<Descope>,
    pub(super) browser: Browser,
    pub(super) dice: Dice,
    /// In seconds.
    pub(super) now: u64,
    /// What a request is told when it succeeds.
    success: fn(&Seen) -> bool,
    door: Door,
    /// Requests on their way: when each arrives, and how long from then on it takes.
    travelling: Vec<(u64, u64, UnderWayPlan)>,
    under_way: Vec<UnderWay>,
    /// How late Descope's next answer comes, and of which call that is.
    late_by: Option<u64>,
    rolled_for: usize,
    /// Until then 503 is no wonder.
    troubled_until: u64,
    /// When the browser last got new cookies.
    pub(super) renewed: Option<u64>,
    /// Renewals whose cookies did not get to the browser at once.
    pub(super) astray: u64,
    pub(super) outages: u64,
}

struct UnderWayPlan {
    made: u64,
    cookies: Browser,
    given_up_after: Option<u64>,
    lost: bool,
}

impl Day {
    /// A day of requests by a door that `open` makes, to so many replicas.
    pub(super) async fn new(
        rotation: Rotation,
        seed: u64,
        replicas: usize,
        open: impl FnOnce(&[Descope]) -> Door,
        success: fn(&Seen) -> bool,
    ) -> Self {
        let fake = fake()
            .rotation(rotation != Rotation::Off)
            .reuse_kills_family(rotation != Rotation::OnWithoutReuse)
            .start()
            .await;
        let shared = SharedState::in_memory();
        let replica = |_| {
            let builder = fake.descope_builder().rotation(rotation != Rotation::Off);
            let builder = if replicas == 1 {
                builder
            } else {
                builder.shared_state(shared.clone())
            };
            builder.build().unwrap()
        };
        let replicas: Vec<_> = (0..replicas).map(replica).collect();
        for replica in &replicas {
            replica.warm_up().await.unwrap();
        }
        Self {
            browser: Browser::ann(&fake),
            dice: Dice(seed),
            now: 0,
            success,
            door: open(&replicas),
            travelling: Vec::new(),
            under_way: Vec::new(),
            late_by: None,
            rolled_for: 0,
            troubled_until: 0,
            renewed: None,
            astray: 0,
            outages: 0,
            fake,
            replicas,
        }
    }

    /// A tab makes a request with the cookies of now.
    pub(super) fn make(&mut self) {
        let fate = self.dice.fate();
        let plan = UnderWayPlan {
            made: self.now,
            cookies: self.browser.clone(),
            given_up_after: fate.given_up_after,
            lost: fate.lost,
        };
        self.travelling
            .push((self.now + fate.travels, fate.takes, plan));
    }

    /// Everything that is due now happens; then some time passes.
    pub(super) async fn step(&mut self) {
        self.warm_up().await;
        self.plan_lateness();
        let due = self
            .travelling
            .iter()
            .any(|(arrives, ..)| *arrives <= self.now);
        if due || !self.under_way.is_empty() {
            self.arrivals().await;
            self.handlers().await;
            self.late_answer().await;
            self.give_up().await;
            self.collect().await;
        }
        self.pass(STEP);
    }

    fn pass(&mut self, seconds: u64) {
        self.now += seconds;
        self.fake.clock().advance(Duration::from_secs(seconds));
    }

    /// Each twentieth answer of Descope's comes up to half a minute late.
    fn plan_lateness(&mut self) {
        let calls = self.fake.calls(REFRESH);
        if self.rolled_for <= calls {
            self.rolled_for = calls + 1;
            self.late_by = self.dice.percent(5).then(|| 1 + self.dice.throw(STEP));
            self.fake.hang_path(REFRESH, self.late_by.is_some());
        }
    }

    async fn arrivals(&mut self) {
        let now = self.now;
        let (due, travelling) = std::mem::take(&mut self.travelling)
            .into_iter()
            .partition(|(arrives, ..)| *arrives <= now);
        self.travelling = travelling;
        let due: Vec<(u64, u64, UnderWayPlan)> = due;
        for (_, takes, plan) in due {
            let handler = Arc::new(Notify::new());
            let task = (self.door)(&plan.cookies, Arc::clone(&handler));
            self.under_way.push(UnderWay {
                made: plan.made,
                arrived: now,
                ends: now + takes,
                given_up: plan.given_up_after.map(|after| now + after),
                lost: plan.lost,
                handler,
                task,
            });
        }
        self.settle().await;
    }

    async fn handlers(&mut self) {
        for request in &self.under_way {
            if request.ends <= self.now {
                request.handler.notify_one();
            }
        }
        self.settle().await;
    }

    /// The answer of Descope to the call that is up comes late; until then time passes.
    async fn late_answer(&mut self) {
        let Some(late_by) = self
            .late_by
            .filter(|_| self.fake.calls(REFRESH) == self.rolled_for)
        else {
            return;
        };
        self.outages += 1;
        let waited = late_by.min(DEADLINE + 1);
        self.pass(waited);
        self.settle().await;
        // Somebody asks while it lasts.
        self.make();
        self.troubled_until = u64::MAX;
        self.arrivals().await;
        self.handlers().await;
        // Second by second: whoever listens on to a call renews its claim while that is so.
        for _ in waited..late_by {
            self.pass(1);
            yield_often().await;
        }
        self.late_by = None;
        self.fake.hang_path(REFRESH, false);
        self.settle().await;
        self.troubled_until = self.now + 2;
    }

    async fn give_up(&mut self) {
        let now = self.now;
        let mut any = false;
        for request in &mut self.under_way {
            if request.given_up.is_some_and(|at| at <= now) && !request.task.is_finished() {
                request.task.abort();
                any = true;
            }
        }
        if any {
            self.settle().await;
        }
    }

    async fn collect(&mut self) {
        for request in std::mem::take(&mut self.under_way) {
            if !request.task.is_finished() {
                self.under_way.push(request);
                continue;
            }
            let Ok(seen) = request.task.await else {
                self.astray += 1;
                continue;
            };
            let held_up = request.arrived - request.made >= LATE;
            let slow = self.now > request.arrived;
            let troubled = request.arrived <= self.troubled_until;
            let is_refusal = match seen.0 {
                401 => held_up,
                503 => held_up || troubled,
                _ => false,
            };
            assert!(
                (self.success)(&seen) || is_refusal,
                "{} s into the day, made at {}, arrived at {}: {} {}",
                self.now,
                request.made,
                request.arrived,
                seen.0,
                seen.2
            );
            assert!(!is_refusal || !sets_cookies(&seen.1), "{}", seen.2);
            if request.lost || slow || held_up {
                self.astray += u64::from(sets_cookies(&seen.1));
            }
            if !request.lost {
                if sets_cookies(&seen.1) {
                    self.renewed = Some(self.now);
                }
                self.browser.keep(&seen.1);
            }
        }
        for name in ["DS", "DSR"] {
            assert!(self.browser.jar.contains_key(name), "{name} is lost");
        }
    }

    /// Lets everything run that can, calls to Descope included unless it is slow.
    ///
    /// The fake has a thread of its own, which may be slow to run: a test that moved the clock while
    /// something is on its way to it would make that fail.
    async fn settle(&self) {
        for _ in 0..2 {
            yield_often().await;
            // Ends a fetch of keys that a request has begun.
            self.warm_up().await;
            if self.late_by.is_none() {
                self.drain().await;
            } else if self.fake.calls(REFRESH) < self.rolled_for {
                // A call that is on its way gets to a fake that holds its answer back.
                tokio::select! {
                    () = self.drain() => {}
                    () = self.call_arrives() => {}
                }
            }
        }
        yield_often().await;
    }

    async fn warm_up(&self) {
        for replica in &self.replicas {
            replica.warm_up().await.unwrap();
        }
    }

    async fn drain(&self) {
        for replica in &self.replicas {
            replica.drain().await;
        }
    }

    async fn call_arrives(&self) {
        while self.fake.calls(REFRESH) < self.rolled_for {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
