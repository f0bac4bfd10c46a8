//! Every order of a handful of steps, by hand: who asks, who is polled, who goes away, when the
//! source answers, when tasks run, when the last handle is dropped. Over the real futures and the
//! real store; only tokio's queue of tasks is run as a whole, in a step of its own.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::runtime::Runtime;

use super::{world::POLICY, *};

#[derive(Clone, Copy, Debug, PartialEq)]
enum FetchDecision {
    /// Somebody needs key `a`.
    Ask,
    /// The one who asked first, or last, is polled.
    PollFirst,
    PollLast,
    /// The one who asked first goes away: the leader, whose look-up started the fetch.
    DropFirst,
    /// So does the one who asked last.
    DropLast,
    /// The source answers the fetch that runs, or will.
    Serve,
    /// Tasks run: the fetch, the timer.
    Run,
    /// The last handle is dropped, in the middle of whatever goes on.
    Close,
}

const STEPS: [FetchDecision; 8] = [
    FetchDecision::Ask,
    FetchDecision::PollFirst,
    FetchDecision::PollLast,
    FetchDecision::DropFirst,
    FetchDecision::DropLast,
    FetchDecision::Serve,
    FetchDecision::Run,
    FetchDecision::Close,
];

struct Bench {
    runtime: Runtime,
    world: Option<World>,
    source: Arc<world::Source>,
    waiting: Vec<KeyWait>,
    asked: bool,
}

impl Bench {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let world = World::with(
            Plan::Gate,
            KeyPolicy {
                // Nothing here is about it, however long the machine takes.
                deadline: Duration::from_secs(600),
                ..POLICY
            },
        );
        Self {
            runtime,
            source: Arc::clone(&world.source),
            world: Some(world),
            waiting: Vec::new(),
            asked: false,
        }
    }

    fn run(&self) {
        self.runtime.block_on(async {
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
        });
    }

    fn poll(&mut self, index: Option<usize>) {
        let Some(index) = index else {
            return;
        };
        let _context = self.runtime.enter();
        let wait = Pin::new(&mut self.waiting[index]);
        if let Poll::Ready(settled) = wait.poll(&mut Context::from_waker(Waker::noop())) {
            assert!(matches!(settled, KeyWaitOutcome::Found(_)), "{settled:?}");
            drop(self.waiting.remove(index));
        }
    }

    fn step(&mut self, step: FetchDecision) {
        let last = self.waiting.len().checked_sub(1);
        match step {
            FetchDecision::Ask => {
                let _context = self.runtime.enter();
                if let Some(world) = &self.world {
                    self.asked = true;
                    match world.get("a") {
                        Lookup::Wait(wait) => self.waiting.push(wait),
                        Lookup::Found(_) => {}
                        other => panic!("{other:?}"),
                    }
                }
            }
            FetchDecision::PollFirst => self.poll(last.map(|_| 0)),
            FetchDecision::PollLast => self.poll(last),
            FetchDecision::DropFirst if last.is_some() => drop(self.waiting.remove(0)),
            FetchDecision::DropLast => drop(self.waiting.pop()),
            FetchDecision::DropFirst => {}
            FetchDecision::Serve => self.source.gate.add_permits(1),
            FetchDecision::Run => self.run(),
            FetchDecision::Close => self.world = None,
        }
    }

    /// Whatever happened, it ends well: everybody is answered, by one fetch, and nothing is left.
    fn end(mut self, steps: &[FetchDecision]) {
        self.source.gate.add_permits(1);
        for wait in std::mem::take(&mut self.waiting) {
            let settled = self.runtime.block_on(wait);
            assert!(
                matches!(settled, KeyWaitOutcome::Found(_)),
                "{settled:?} {steps:?}"
            );
        }
        if let Some(world) = self.world.take() {
            let said = self.runtime.block_on(world.settle("a"));
            assert!(said.ends_with("found"), "{said} {steps:?}");
            assert_eq!(world.fetches(), 1, "{steps:?}");
        } else {
            assert!(
                self.source.fetches() <= usize::from(self.asked),
                "{steps:?}"
            );
        }
        // The fetch and the timer let go of the store, and so of the source.
        self.run();
        for _ in 0..100 {
            if Arc::strong_count(&self.source) == 1 {
                return;
            }
            self.run();
        }
        panic!("something holds on to the store: {steps:?}");
    }
}

fn explore(depth: usize) -> usize {
    let sequences = STEPS.len().pow(u32::try_from(depth).unwrap());
    for number in 0..sequences {
        let mut rest = number;
        let steps: Vec<FetchDecision> = (0..depth)
            .map(|_| {
                let step = STEPS[rest % STEPS.len()];
                rest /= STEPS.len();
                step
            })
            .collect();
        let mut bench = Bench::new();
        for &step in &steps {
            bench.step(step);
        }
        bench.end(&steps);
    }
    sequences
}

#[test]
fn in_every_order_of_five_steps_all_are_answered_by_one_fetch_and_nothing_is_left() {
    assert_eq!(explore(5), 32_768);
}

/// About two million orders.
#[test]
#[ignore = "a minute or two; `.ci/run --long` runs it"]
fn in_every_order_of_seven_steps_deep_interleavings() {
    assert_eq!(explore(7), 2_097_152);
}
