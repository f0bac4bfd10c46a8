//! The queue over hand-stepped calls: each waits until the test says how it ends.

#![cfg(feature = "test-util")]

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::{
    super::{
        Bounds, CallOutcome, FamilyLease, KeepTimes, Operation, QueueSettings, ReadKey,
        RotationQueue, TokenHolder,
    },
    bench::LIFE,
};
use crate::{
    clock::{Clock, TestClock},
    error::{Error, ErrorKind},
    ids::{TenantId, UserId},
    token::RefreshToken,
};

const KEEP: Duration = Duration::from_secs(60);

type CallResult = Result<CallOutcome<u32>, Error>;

/// A call that has gone up.
struct Call {
    token: String,
    end: oneshot::Sender<CallResult>,
}

/// A queue with Descope's end of it in the test's hand.
struct Bench {
    queue: RotationQueue<u32>,
    clock: TestClock,
    sent: mpsc::UnboundedSender<Call>,
    calls: mpsc::UnboundedReceiver<Call>,
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

    /// A request, on its own task, that has got as far as it gets alone.
    async fn ask(&self, token: &str, op: Operation) -> JoinHandle<Result<u32, Error>> {
        let (queue, calls) = (self.queue.clone(), self.sent.clone());
        let token = RefreshToken::new(token);
        let request = tokio::spawn(async move {
            let send = move |token: RefreshToken| async move {
                let (end, ended) = oneshot::channel();
                let token = token.expose().to_owned();
                calls.send(Call { token, end }).unwrap_or_default();
                ended.await.expect("the test ends each call")
            };
            lease(&queue, &token).exchange(op, send).await
        });
        settle().await;
        request
    }

    /// The call that is up.
    fn call(&mut self) -> Call {
        self.calls.try_recv().expect("a call has gone up")
    }

    fn assert_quiet(&mut self) {
        assert!(self.calls.try_recv().is_err(), "no call has gone up");
    }
}

impl Call {
    fn end(self, token: &str, result: CallResult) {
        assert_eq!(self.token, token);
        assert!(self.end.send(result).is_ok());
    }
}

/// Lets every task run until it waits; all run on this thread.
pub(super) async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

pub(super) fn settings() -> QueueSettings {
    QueueSettings {
        shared: false,
        times: KeepTimes {
            keep: KEEP,
            undelivered: None,
        },
        bounds: Bounds {
            families: 100,
            bytes: usize::MAX,
        },
        timeout: Duration::from_secs(10),
    }
}

pub(super) fn lease(queue: &RotationQueue<u32>, token: &RefreshToken) -> FamilyLease<u32> {
    let now = queue.clock().now();
    let holder = TokenHolder {
        user: &UserId::from_claim("U1").unwrap(),
        issued_at: Some(now.date()),
        signed_out: false,
        expires_at: now.later(LIFE).date(),
        shows_session: false,
        has_shown: true,
    };
    queue.lease(token, holder, None).unwrap()
}

fn select(id: &str) -> Operation {
    Operation::Select(TenantId::new(id).unwrap())
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where `failed` could")]
fn rotated(answer: u32, successor: &str, id: &str) -> CallResult {
    Ok(CallOutcome {
        answer: Ok(answer),
        successor: Some(RefreshToken::new(successor)),
        successor_expires_at: None,
        successor_signed: None,
        tenant: Some(TenantId::new(id).unwrap()),
        expires_at: None,
        by_another: false,
    })
}

fn failed(kind: ErrorKind) -> CallResult {
    let error = Error::new(kind, "failed");
    // Without a code it would be some proxy's word.
    Err(match kind {
        ErrorKind::Refused => error.with_code("E011001"),
        _ => error,
    })
}

#[tokio::test]
async fn fifty_refreshes_at_once_are_one_call() {
    let mut bench = Bench::new();
    let mut requests = Vec::new();
    for _ in 0..50 {
        requests.push(bench.ask("a", Operation::Refresh).await);
    }
    bench.call().end("a", rotated(1, "b", "T1"));
    for request in requests {
        assert_eq!(request.await.unwrap().unwrap(), 1);
    }
    bench.assert_quiet();
}

#[tokio::test]
async fn a_select_during_a_refresh_goes_up_with_the_successor() {
    let mut bench = Bench::new();
    let refresh = bench.ask("a", Operation::Refresh).await;
    let selection = bench.ask("a", select("T2")).await;
    let refresh_call = bench.call();
    bench.assert_quiet();
    refresh_call.end("a", rotated(1, "b", "T1"));
    settle().await;
    bench.call().end("b", rotated(2, "c", "T2"));
    assert_eq!(refresh.await.unwrap().unwrap(), 1);
    assert_eq!(selection.await.unwrap().unwrap(), 2);
    bench.assert_quiet();
}

#[tokio::test]
async fn a_call_outlives_its_caller_and_answers_the_next_try() {
    let mut bench = Bench::new();
    let request = bench.ask("a", select("T1")).await;
    request.abort();
    settle().await;
    let again = bench.ask("a", select("T1")).await;
    bench.call().end("a", rotated(1, "b", "T1"));
    assert_eq!(again.await.unwrap().unwrap(), 1);
    // Also for those who come later, until the keep time is over.
    bench
        .clock
        .advance(KEEP.checked_sub(Duration::from_secs(1)).unwrap());
    let late = bench.ask("a", select("T1")).await;
    assert_eq!(late.await.unwrap().unwrap(), 1);
    bench.assert_quiet();
    // From then on the successor is sent, which nobody has presented yet.
    bench.clock.advance(Duration::from_secs(1));
    let too_late = bench.ask("a", select("T1")).await;
    bench.call().end("b", rotated(2, "c", "T1"));
    assert_eq!(too_late.await.unwrap().unwrap(), 2);
}

#[tokio::test]
async fn a_caller_that_gives_up_waiting_sends_nothing() {
    let mut bench = Bench::new();
    let first = bench.ask("a", select("T1")).await;
    let second = bench.ask("a", select("T2")).await;
    let third = bench.ask("a", select("T3")).await;
    second.abort();
    settle().await;
    bench.call().end("a", rotated(1, "b", "T1"));
    settle().await;
    bench.call().end("b", rotated(3, "c", "T3"));
    assert_eq!(first.await.unwrap().unwrap(), 1);
    assert_eq!(third.await.unwrap().unwrap(), 3);
    bench.assert_quiet();
}

#[tokio::test]
async fn after_a_time_out_the_token_rests_for_a_second() {
    let mut bench = Bench::new();
    let first = bench.ask("a", Operation::Refresh).await;
    let waiting = bench.ask("a", select("T2")).await;
    bench.call().end("a", failed(ErrorKind::UpstreamTimeout));
    for request in [first, waiting, bench.ask("a", Operation::Refresh).await] {
        let error = request.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UpstreamTimeout);
    }
    bench.assert_quiet();
    bench.clock.advance(Duration::from_secs(1));
    let later = bench.ask("a", Operation::Refresh).await;
    bench.call().end("a", rotated(1, "b", "T1"));
    assert_eq!(later.await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn two_browsers_do_not_wait_for_each_other() {
    let mut bench = Bench::new();
    let one = bench.ask("a", Operation::Refresh).await;
    let other = bench.ask("x", Operation::Refresh).await;
    let (of_one, of_other) = (bench.call(), bench.call());
    of_other.end("x", rotated(2, "y", "T2"));
    assert_eq!(other.await.unwrap().unwrap(), 2);
    of_one.end("a", rotated(1, "b", "T1"));
    assert_eq!(one.await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn a_panic_wedges_nothing() {
    let mut bench = Bench::new();
    let send = |token: RefreshToken| async move {
        assert_ne!(token.expose(), "a", "a fault in the caller's code");
        failed(ErrorKind::Refused)
    };
    let token = RefreshToken::new("a");
    let lease = lease(&bench.queue, &token);
    let call = lease.exchange(Operation::Refresh, send);
    let error = call.await.unwrap_err();
    drop(lease);
    assert_eq!(error.kind(), ErrorKind::UpstreamUnavailable);

    bench.clock.advance(Duration::from_secs(1));
    let request = bench.ask("a", Operation::Refresh).await;
    bench.call().end("a", rotated(1, "b", "T1"));
    assert_eq!(request.await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn logout_stops_what_waits_and_what_is_up() {
    let mut bench = Bench::new();
    let up = bench.ask("a", Operation::Refresh).await;
    let waiting = bench.ask("a", select("T2")).await;
    lease(&bench.queue, &RefreshToken::new("a")).end_here();
    bench.call().end("a", rotated(1, "b", "T1"));
    for request in [up, waiting, bench.ask("a", Operation::Refresh).await] {
        let error = request.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SessionEnded);
        // The response of the sign-out removes the cookies, and only that one.
        assert!(error.ends_session() && !error.removes_cookies());
    }
    bench.assert_quiet();
}

#[tokio::test]
async fn a_sign_out_reaches_descope_though_its_caller_left_at_once() {
    let mut bench = Bench::new();
    let refresh = bench.ask("a", Operation::Refresh).await;
    let (told, mut heard) = mpsc::unbounded_channel();
    let queue = bench.queue.clone();
    let caller = tokio::spawn(async move {
        let send = move |token: RefreshToken| {
            told.send(token.expose().to_owned()).unwrap();
            async { Ok(()) }
        };
        lease(&queue, &RefreshToken::new("a")).sign_out(send).await
    });
    settle().await;
    caller.abort();
    settle().await;
    assert!(heard.try_recv().is_err(), "it waits for its turn");
    bench.call().end("a", rotated(1, "b", "T1"));
    let error = refresh.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionEnded);
    settle().await;
    assert_eq!(heard.try_recv().unwrap(), "b");
}

#[tokio::test]
async fn calls_that_spend_nothing_run_side_by_side_but_not_beside_one_that_spends() {
    let mut bench = Bench::new();
    let show = |n: u32, told: mpsc::UnboundedSender<String>, until: oneshot::Receiver<()>| {
        let queue = bench.queue.clone();
        tokio::spawn(async move {
            let ask = move |token: RefreshToken| async move {
                told.send(token.expose().to_owned()).unwrap();
                until.await.unwrap();
                Ok(json!(n))
            };
            let key = ReadKey(n.to_string());
            lease(&queue, &RefreshToken::new("a")).read(key, ask).await
        })
    };
    let (told, mut heard) = mpsc::unbounded_channel();
    let (ends, untils): (Vec<_>, Vec<_>) = (0..3).map(|_| oneshot::channel()).unzip();
    let mut ends = ends.into_iter();
    let mut untils = untils.into_iter();
    let shows = [
        show(1, told.clone(), untils.next().unwrap()),
        show(2, told.clone(), untils.next().unwrap()),
    ];
    settle().await;
    assert_eq!(heard.try_recv().unwrap(), "a");
    assert_eq!(heard.try_recv().unwrap(), "a");
    let late = show(3, told, untils.next().unwrap());
    settle().await;
    assert_eq!(heard.try_recv().unwrap(), "a");
    let refresh = bench.ask("a", Operation::Refresh).await;
    assert!(bench.calls.try_recv().is_err(), "no call beside them");
    for end in ends.by_ref() {
        end.send(()).unwrap();
    }
    settle().await;
    for (n, show) in (1..).zip(shows.into_iter().chain([late])) {
        assert_eq!(*show.await.unwrap().unwrap(), json!(n));
    }
    bench.call().end("a", rotated(1, "b", "T1"));
    assert_eq!(refresh.await.unwrap().unwrap(), 1);
    // The holder of the predecessor asks with the successor.
    let ask = |token: RefreshToken| async move { Ok(json!(token.expose())) };
    let lease = lease(&bench.queue, &RefreshToken::new("a"));
    let token = lease.read(ReadKey("me".into()), ask).await;
    assert_eq!(token.unwrap(), Arc::new(json!("b")));
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let queue = RotationQueue::<u32>::new(settings(), Clock::System);
    let token = RefreshToken::new("a");
    let send = |_| async { failed(ErrorKind::Refused) };
    let lease = lease(&queue, &token);
    let mut call = std::pin::pin!(lease.exchange(Operation::Refresh, send));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match call.as_mut().poll(&mut context) {
        std::task::Poll::Ready(Err(error)) => assert_eq!(error.kind(), ErrorKind::NoRuntime),
        other => panic!("{other:?}"),
    }
}

#[test]
fn debug_shows_nothing_of_a_token() {
    let queue = RotationQueue::<u32>::new(settings(), Clock::System);
    let lease = lease(&queue, &RefreshToken::new("eyJ"));
    assert_eq!(format!("{lease:?}"), "FamilyLease { .. }");
    assert_eq!(format!("{queue:?}"), "RotationQueue { .. }");
}
