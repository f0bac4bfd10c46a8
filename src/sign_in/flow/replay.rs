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

use crate::{
    clock::{Clock, Now},
    digest::Digest,
    endpoint::ResponseBody,
    sign_in::SignedIn,
};

/// How long an answer is given again.
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

/// The answers of the last half minute, by their calls.
pub(super) struct Replays {
    clock: Clock,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    calls: HashMap<Digest, Call>,
    /// In the order in which they began.
    order: VecDeque<Digest>,
    bytes: usize,
}

struct Call {
    began: Now,
    size: usize,
    answer: watch::Receiver<Option<Answered>>,
}

impl Replays {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            known: Arc::default(),
        }
    }

    /// The answer of an equal call of a moment ago, else that of `call`, which runs to its end whoever
    /// goes away. `None` where it was given up.
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
    ) -> Option<watch::Receiver<Option<Answered>>> {
        let runtime = tokio::runtime::Handle::try_current().ok()?;
        let (ended, answer) = watch::channel(None);
        if let Some(key) = key {
            let now = self.clock.now();
            // Under one lock, so that of two that come at once one begins it.
            let mut known = lock(&self.known);
            known.make_room(&now);
            if let Some(call) = known.calls.get(&key) {
                return Some(call.answer.clone());
            }
            let begun = Call {
                began: now,
                size: 0,
                answer: answer.clone(),
            };
            known.calls.insert(key, begun);
            known.order.push_back(key);
        }
        let known = Arc::clone(&self.known);
        runtime.spawn(async move {
            let answered = call.await;
            if let Some(key) = key {
                lock(&known).note(key, &answered);
            }
            ended.send_replace(Some(answered));
        });
        Some(answer)
    }
}

impl Known {
    fn note(&mut self, key: Digest, answered: &Answered) {
        if !answered.is_kept {
            self.calls.remove(&key);
            self.order.retain(|other| *other != key);
            return;
        }
        if let Some(call) = self.calls.get_mut(&key) {
            // Another call with this key may have ended before, where that of this one was forgotten.
            self.bytes = self.bytes - call.size + answered.size;
            call.size = answered.size;
        }
        while self.bytes > MAX_BYTES && self.drop_oldest() {}
    }

    fn make_room(&mut self, now: &Now) {
        loop {
            let oldest = self.order.front().and_then(|key| self.calls.get(key));
            let is_over = oldest.is_some_and(|call| now.since(&call.began) >= SHARED_FOR);
            if !(is_over || self.calls.len() >= MAX_ANSWERS) || !self.drop_oldest() {
                return;
            }
        }
    }

    /// Forgets the oldest; returns `false` if there is none.
    fn drop_oldest(&mut self) -> bool {
        let Some(key) = self.order.pop_front() else {
            return false;
        };
        if let Some(call) = self.calls.remove(&key) {
            self.bytes -= call.size;
        }
        true
    }
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}
