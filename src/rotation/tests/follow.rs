//! Calls that follow another one in the same turn: each waits until the test says how it ends.

#![cfg(feature = "test-util")]

use std::time::Duration;

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::{
    bench::{failed, orphaned, rotated, select, unrotated},
    queue::{lease, settings, settle},
};
use crate::{
    clock::{Clock, TestClock},
    error::{Error, ErrorKind},
    rotation::{
        FollowUp, Operation, RotationQueue,
        call::{CallOutcome, RunningCall},
    },
    token::RefreshToken,
};

const TIMEOUT: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);
const ALMOST: Duration = Duration::from_secs(9);

type CallResult = Result<CallOutcome<u32>, Error>;
type Request = JoinHandle<Result<u32, Error>>;

/// A call that has gone up.
struct Call {
    token: String,
    end: oneshot::Sender<CallResult>,
}

impl Call {
    fn end(self, token: &str, result: CallResult) {
        assert_eq!(self.token, token);
        assert!(self.end.send(result).is_ok());
    }
}

/// A queue with Descope's end of it in the test's hand.
struct Bench {
    queue: RotationQueue<u32>,
    clock: TestClock,
    sent: mpsc::UnboundedSender<Call>,
    calls: mpsc::UnboundedReceiver<Call>,
}

fn send(
    calls: mpsc::UnboundedSender<Call>,
) -> impl FnOnce(RefreshToken) -> RunningCall<u32> + Send {
    move |token| {
        Box::pin(async move {
            let (end, ended) = oneshot::channel();
            let token = token.expose().to_owned();
            calls.send(Call { token, end }).unwrap_or_default();
            ended.await.expect("the test ends each call")
        })
    }
}

/// A selection that follows whatever came before.
fn selection(
    calls: mpsc::UnboundedSender<Call>,
) -> impl FnOnce(&u32) -> Option<FollowUp<u32>> + Send {
    move |_| {
        Some(FollowUp {
            operation: select("T1"),
            send: Box::new(send(calls)),
        })
    }
}

impl Bench {
    fn new() -> Self {
        let clock = TestClock::new();
        let (sent, calls) = mpsc::unbounded_channel();
        Self {
            queue: RotationQueue::new(settings(), Clock::Test(clock.clone())),
            clock,
            sent,
            calls,
        }
    }

    /// A refresh on its own task, that something follows.
    async fn request(
        &self,
        token: &str,
        follow: impl FnOnce(&u32) -> Option<FollowUp<u32>> + Send + 'static,
    ) -> Request {
        let (queue, calls) = (self.queue.clone(), self.sent.clone());
        let token = RefreshToken::new(token);
        let request = tokio::spawn(async move {
            let lease = lease(&queue, &token);
            let refresh = Operation::Refresh;
            lease
                .exchange_and_follow(refresh, send(calls), follow)
                .await
        });
        settle().await;
        request
    }

    /// A refresh that a selection follows.
    async fn ask(&self, token: &str) -> Request {
        self.request(token, selection(self.sent.clone())).await
    }

    /// A refresh that nothing follows.
    async fn ask_once(&self, token: &str) -> Request {
        self.request(token, |_| None).await
    }

    /// Ends the call that is up.
    async fn end(&mut self, token: &str, result: CallResult) {
        let call = self.calls.try_recv().expect("a call has gone up");
        call.end(token, result);
        settle().await;
    }

    fn assert_quiet(&mut self) {
        assert!(self.calls.try_recv().is_err(), "no call has gone up");
    }

    /// The answer to a refresh for which nothing goes up.
    async fn answered(&mut self, token: &str) -> Result<u32, ErrorKind> {
        let request = self.ask_once(token).await;
        self.assert_quiet();
        request.await.unwrap().map_err(|error| error.kind())
    }
}

#[tokio::test]
async fn the_second_call_is_made_with_what_the_first_brought_and_its_answer_counts() {
    let mut bench = Bench::new();
    let request = bench.ask("a").await;
    bench.end("a", rotated(1, "b", "T0")).await;
    assert!(!request.is_finished());
    // It is recorded before the second is sent.
    assert!(bench.queue.is_replaced(&RefreshToken::new("a")));
    bench.end("b", rotated(2, "c", "T1")).await;
    assert_eq!(request.await.unwrap().unwrap(), 2);
    for token in ["a", "b"] {
        assert_eq!(bench.answered(token).await, Ok(2), "{token}");
    }
    // Where nothing is rotated, one token is sent twice.
    let request = bench.ask("x").await;
    bench.end("x", unrotated(3, "T0")).await;
    bench.end("x", unrotated(4, "T1")).await;
    assert_eq!(request.await.unwrap().unwrap(), 4);
}

#[tokio::test]
async fn whoever_waits_is_answered_with_the_second_and_goes_up_beside_neither() {
    let mut bench = Bench::new();
    let request = bench.ask("a").await;
    let early = bench.ask("a").await;
    bench.end("a", rotated(1, "b", "T0")).await;
    let between = bench.ask("b").await;
    assert!(!early.is_finished() && !between.is_finished(), "one turn");
    bench.end("b", rotated(2, "c", "T1")).await;
    bench.assert_quiet();
    for request in [request, early, between] {
        assert_eq!(request.await.unwrap().unwrap(), 2);
    }
}

#[tokio::test]
async fn where_the_second_fails_the_first_ones_answer_counts() {
    for kind in [
        ErrorKind::Refused,
        ErrorKind::UpstreamUnavailable,
        ErrorKind::UpstreamTimeout,
        ErrorKind::UpstreamInvalid,
        ErrorKind::RateLimited,
    ] {
        let mut bench = Bench::new();
        let request = bench.ask("a").await;
        bench.end("a", rotated(1, "b", "T0")).await;
        bench.end("b", failed(kind)).await;
        assert_eq!(request.await.unwrap().unwrap(), 1, "{kind:?}");
        assert_eq!(bench.answered("a").await, Ok(1), "{kind:?}");
        // Nobody is signed out: later the successor goes up.
        bench.clock.advance(Duration::from_secs(120));
        let next = bench.ask_once("a").await;
        bench.end("b", rotated(2, "c", "T1")).await;
        assert_eq!(next.await.unwrap().unwrap(), 2, "{kind:?}");
    }
}

#[tokio::test]
async fn of_a_second_answer_that_cannot_be_used_the_token_is_kept() {
    let mut bench = Bench::new();
    let request = bench.ask("a").await;
    bench.end("a", rotated(1, "b", "T0")).await;
    bench
        .end("b", orphaned(ErrorKind::UpstreamInvalid, "c"))
        .await;
    assert_eq!(request.await.unwrap().unwrap(), 1);
    bench.clock.advance(SECOND);
    let next = bench.ask_once("a").await;
    bench.end("c", rotated(2, "d", "T1")).await;
    assert_eq!(next.await.unwrap().unwrap(), 2);
}

#[tokio::test]
async fn a_first_call_that_fails_is_followed_by_none() {
    for kind in [
        ErrorKind::UpstreamUnavailable,
        ErrorKind::SessionEnded,
        ErrorKind::RefreshTokenReused,
    ] {
        let mut bench = Bench::new();
        let request = bench.ask("a").await;
        bench.end("a", failed(kind)).await;
        assert_eq!(request.await.unwrap().unwrap_err().kind(), kind);
        bench.assert_quiet();
    }
    let mut bench = Bench::new();
    let request = bench.ask("a").await;
    bench
        .end("a", orphaned(ErrorKind::UpstreamInvalid, "b"))
        .await;
    let error = request.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamInvalid);
    bench.assert_quiet();
}

#[tokio::test]
async fn a_first_answer_that_comes_too_late_is_kept_and_followed_by_none() {
    let mut bench = Bench::new();
    let request = bench.ask("a").await;
    bench.clock.advance(TIMEOUT);
    settle().await;
    let error = request.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamTimeout);
    bench.end("a", rotated(1, "b", "T0")).await;
    bench.assert_quiet();
    assert_eq!(bench.answered("a").await, Ok(1));
}

#[tokio::test]
async fn nobody_waits_for_both_calls_longer_than_for_one_and_the_second_is_listened_to() {
    let mut bench = Bench::new();
    let request = bench.ask("a").await;
    bench.clock.advance(ALMOST);
    settle().await;
    bench.end("a", rotated(1, "b", "T0")).await;
    let call = bench.calls.try_recv().expect("the second goes up");
    let waiting = bench.ask_once("b").await;
    assert!(!request.is_finished() && !waiting.is_finished());
    bench.clock.advance(SECOND);
    settle().await;
    assert_eq!(request.await.unwrap().unwrap(), 1, "what there is");
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamTimeout);
    // Who comes while it is overdue is sent away at once.
    let late = bench.ask_once("b").await.await.unwrap().unwrap_err();
    assert_eq!(late.kind(), ErrorKind::UpstreamTimeout);
    call.end("b", rotated(2, "c", "T1"));
    settle().await;
    for token in ["a", "b"] {
        assert_eq!(bench.answered(token).await, Ok(2), "{token}");
    }
    bench.assert_quiet();
}

#[tokio::test]
async fn after_a_sign_out_between_the_calls_there_is_no_second_and_no_answer() {
    let mut bench = Bench::new();
    let (queue, second) = (bench.queue.clone(), selection(bench.sent.clone()));
    let signs_out = move |answer: &u32| {
        lease(&queue, &RefreshToken::new("a")).end_here();
        second(answer)
    };
    let request = bench.request("a", signs_out).await;
    bench.end("a", rotated(1, "b", "T0")).await;
    bench.assert_quiet();
    let error = request.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionEnded);
    assert!(error.ends_session() && !error.removes_cookies());
}

#[tokio::test]
async fn after_a_sign_out_during_either_call_there_is_no_answer() {
    let fails = || failed(ErrorKind::UpstreamUnavailable);
    for (during_second, second) in [
        (false, fails()),
        (true, fails()),
        (true, rotated(2, "c", "T1")),
    ] {
        let mut bench = Bench::new();
        let request = bench.ask("a").await;
        if during_second {
            bench.end("a", rotated(1, "b", "T0")).await;
        }
        lease(&bench.queue, &RefreshToken::new("a")).end_here();
        if during_second {
            bench.end("b", second).await;
        } else {
            bench.end("a", rotated(1, "b", "T0")).await;
        }
        bench.assert_quiet();
        let error = request.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SessionEnded);
        assert!(error.ends_session() && !error.removes_cookies());
        let refused = bench.answered("a").await;
        assert_eq!(refused, Err(ErrorKind::SessionEnded));
    }
}

#[tokio::test]
async fn a_session_that_ends_with_the_second_call_is_over_for_its_caller() {
    for kind in [ErrorKind::SessionEnded, ErrorKind::RefreshTokenReused] {
        let mut bench = Bench::new();
        let request = bench.ask("a").await;
        bench.end("a", rotated(1, "b", "T0")).await;
        bench.end("b", failed(kind)).await;
        assert_eq!(request.await.unwrap().unwrap_err().kind(), kind);
        assert_eq!(bench.answered("b").await, Err(kind));
    }
}

#[tokio::test]
async fn a_session_that_asks_too_often_goes_without_the_second_call() {
    let mut bench = Bench::new();
    // Ten calls at once are one session's; selections are not answered by what is kept.
    for number in 0..9 {
        let lease = lease(&bench.queue, &RefreshToken::new("a"));
        let call = lease.exchange(select(&format!("T{number}")), send(bench.sent.clone()));
        let selecting = async { call.await.unwrap() };
        let ending = async {
            settle().await;
            bench.calls.try_recv().expect("a call has gone up")
        };
        let (answer, ()) = tokio::join!(selecting, async {
            ending.await.end("a", unrotated(number, "T0"));
        });
        assert_eq!(answer, number);
    }
    let request = bench.ask("a").await;
    bench.end("a", rotated(10, "b", "T0")).await;
    bench.assert_quiet();
    assert_eq!(request.await.unwrap().unwrap(), 10);
    assert_eq!(bench.answered("a").await, Ok(10));
}

#[tokio::test]
async fn the_second_call_runs_to_its_end_though_the_caller_has_left() {
    let mut bench = Bench::new();
    let request = bench.ask("a").await;
    bench.end("a", rotated(1, "b", "T0")).await;
    request.abort();
    settle().await;
    let queue = bench.queue.clone();
    let draining = tokio::spawn(async move { queue.drain(TIMEOUT * 6).await });
    settle().await;
    assert!(!draining.is_finished(), "it is waited for");
    bench.end("b", rotated(2, "c", "T1")).await;
    assert_eq!(draining.await.unwrap(), 0);
    assert_eq!(bench.answered("a").await, Ok(2));
}

#[tokio::test]
async fn a_second_call_that_breaks_off_loses_nothing_of_the_first() {
    let mut bench = Bench::new();
    let request = bench.ask("a").await;
    bench.end("a", rotated(1, "b", "T0")).await;
    drop(bench.calls.try_recv().expect("the second goes up"));
    settle().await;
    let error = request.await.unwrap().unwrap_err();
    assert!(error.is_transient());
    assert_eq!(bench.answered("a").await, Ok(1));
}

#[tokio::test]
async fn who_spends_a_withdrawn_token_has_the_second_answer_and_nobody_else_has_either() {
    let mut bench = Bench::new();
    let seen = lease(&bench.queue, &RefreshToken::new("a"));
    seen.withdraw();
    let signing_in = bench.ask("a").await;
    bench.end("a", rotated(1, "b", "T0")).await;
    let thief = bench.ask_once("a").await;
    bench.end("b", rotated(2, "c", "T1")).await;
    assert_eq!(signing_in.await.unwrap().unwrap(), 2);
    let error = thief.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RefreshTokenReplaced);
    let refused = bench.answered("a").await;
    assert_eq!(refused, Err(ErrorKind::RefreshTokenReplaced));
}
