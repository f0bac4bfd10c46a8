//! Calls that a browser repeats by itself, where a kept connection dies: a nonce works once, so the
//! second gets the answer of the first.

use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::{HeaderValue, Response};
use tokio::sync::watch;
use tracing::Instrument;

use crate::{
    clock::{Clock, Now},
    digest::Digest,
    endpoint::ResponseBody,
    sign_in::SignedIn,
};

/// How long an answer is given again, from when it was there.
const SHARED_FOR: Duration = Duration::from_secs(30);

/// How many answers are kept, and how many bytes of them.
const MAX_ANSWERS: usize = 1_000;
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// An answer, with its cookies, and its size.
#[derive(Clone)]
pub(super) struct Answered {
    pub(super) response: Arc<dyn Fn() -> Response<ResponseBody> + Send + Sync>,
    pub(super) cookies: Vec<HeaderValue>,
    /// The session whose cookies go along: those of its newest answer when they are written.
    pub(super) signed_in: Option<SignedIn>,
    pub(super) size: usize,
    /// False for a refusal before anything was sent: the next try is a call of its own.
    pub(super) is_kept: bool,
}

/// The calls that are under way, and the answers of the last half minute.
pub(super) struct Replays {
    clock: Clock,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    calls: HashMap<Digest, Call>,
    /// The calls that have ended, in this order: there is room for so many, and they are kept for so long.
    /// One that is under way stays, however long it takes: what is repeated meanwhile must not go up.
    ended: VecDeque<Ended>,
    bytes: usize,
}

type Call = watch::Receiver<Option<Answered>>;

struct Ended {
    key: Digest,
    at: Now,
    size: usize,
}

/// A call that is under way, and forgotten if it is given up: with its runtime, or by a panic.
struct UnderWay {
    key: Option<Digest>,
    known: Arc<Mutex<Known>>,
}

impl Replays {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            known: Arc::default(),
        }
    }

    /// The answer of an equal call that is under way or ended a moment ago, else that of `call`, which runs
    /// to its end whoever goes away. `None` where it was given up.
    pub(super) async fn share(
        &self,
        key: Option<Digest>,
        call: impl Future<Output = Answered> + Send + 'static,
    ) -> Option<Answered> {
        let mut answer = self.find_or_begin(key, call)?;
        let answer = answer.wait_for(Option::is_some).await.ok()?;
        answer.clone()
    }

    fn find_or_begin(
        &self,
        key: Option<Digest>,
        call: impl Future<Output = Answered> + Send + 'static,
    ) -> Option<Call> {
        let runtime = tokio::runtime::Handle::try_current().ok()?;
        let (ended, answer) = watch::channel(None);
        if let Some(key) = key {
            // Under one lock, so that of two that come at once one begins it.
            let mut known = lock(&self.known);
            known.forget_old(&self.clock.now());
            if let Some(call) = known.calls.get(&key) {
                return Some(call.clone());
            }
            known.calls.insert(key, answer.clone());
        }
        let (clock, known) = (self.clock.clone(), Arc::clone(&self.known));
        let under_way = UnderWay { key, known };
        let call = call.in_current_span();
        let task = async move {
            let answered = call.await;
            let kept = under_way.end(&answered, clock.now());
            ended.send_replace(Some(answered));
            drop(ended);
            if let Some(known) = kept {
                // No session is held in memory for longer than it may be asked for again, also where no
                // other call comes.
                clock.sleep(SHARED_FOR).await;
                lock(&known).forget_old(&clock.now());
            }
        };
        runtime.spawn(task);
        Some(answer)
    }
}

impl UnderWay {
    /// Notes the end of the call; returns what keeps its answer, if that is kept.
    fn end(mut self, answered: &Answered, at: Now) -> Option<Arc<Mutex<Known>>> {
        if !answered.is_kept {
            return None;
        }
        let key = self.key.take()?;
        let size = answered.size;
        lock(&self.known).note(Ended { key, at, size });
        Some(Arc::clone(&self.known))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            lock(&self.known).calls.remove(&key);
        }
    }
}

impl Known {
    fn note(&mut self, ended: Ended) {
        self.bytes += ended.size;
        self.ended.push_back(ended);
        while self.bytes > MAX_BYTES || self.ended.len() > MAX_ANSWERS {
            if !self.drop_oldest() {
                return;
            }
        }
    }

    fn forget_old(&mut self, now: &Now) {
        let is_old = |ended: &Ended| now.since(&ended.at) >= SHARED_FOR;
        while self.ended.front().is_some_and(is_old) {
            self.drop_oldest();
        }
    }

    /// Forgets the oldest; returns `false` if there is none.
    fn drop_oldest(&mut self) -> bool {
        let Some(oldest) = self.ended.pop_front() else {
            return false;
        };
        self.calls.remove(&oldest.key);
        self.bytes -= oldest.size;
        true
    }
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(
    test,
    feature = "test-util",
    any(feature = "aws-lc-rs", feature = "rust-crypto")
))]
mod tests {
    use std::sync::Weak;

    use super::*;
    use crate::clock::TestClock;

    fn key(of: &str) -> Option<Digest> {
        Digest::of(of).ok()
    }

    /// An answer, and what is there for as long as it is in memory.
    fn answered(size: usize) -> (Answered, Weak<()>) {
        let there = Arc::new(());
        let weak = Arc::downgrade(&there);
        let answered = Answered {
            response: Arc::new(move || {
                let mut response = Response::new(ResponseBody::default());
                response.extensions_mut().insert(Arc::clone(&there));
                response
            }),
            cookies: Vec::new(),
            signed_in: None,
            size,
            is_kept: true,
        };
        (answered, weak)
    }

    async fn settled(holds: impl Fn() -> bool) -> bool {
        for _ in 0..1_000 {
            if holds() {
                return true;
            }
            tokio::task::yield_now().await;
        }
        false
    }

    #[tokio::test]
    async fn no_answer_stays_in_memory_for_longer_than_it_is_given_again() {
        let clock = TestClock::new();
        let replays = Replays::new(Clock::Test(clock.clone()));
        let (answer, there) = answered(10);
        replays.share(key("a"), async { answer }).await.unwrap();
        clock.advance(Duration::from_secs(29));
        assert!(
            !settled(|| there.upgrade().is_none()).await,
            "it may be asked for"
        );
        clock.advance(Duration::from_secs(1));
        assert!(
            settled(|| there.upgrade().is_none()).await,
            "nobody can get it"
        );
        assert_eq!(lock(&replays.known).bytes, 0);
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_is_none_the_next_time() {
        let replays = Replays::new(Clock::Test(TestClock::new()));
        let call = async {
            tokio::task::yield_now().await;
            panic!("given up")
        };
        assert!(replays.share(key("a"), call).await.is_none());
        let (answer, _there) = answered(10);
        assert!(replays.share(key("a"), async { answer }).await.is_some());
    }
}
