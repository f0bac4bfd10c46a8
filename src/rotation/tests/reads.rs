//! Calls that only read, in numbers and in trouble.

#![cfg(feature = "test-util")]

use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::{
    super::{FamilyLease, ReadKey, RotationQueue, reads::ReadAnswer},
    bench::KEEP,
    queue::{lease, settings, settle},
};
use crate::{
    clock::{Clock, TestClock},
    error::{Error, ErrorKind},
    token::RefreshToken,
};

#[tokio::test]
async fn more_equal_reads_than_there_are_places_for_calls_share_one_call() {
    let queue = RotationQueue::<u32>::new(settings(), Clock::System);
    let (sent, mut heard) = mpsc::unbounded_channel();
    let (end, until) = oneshot::channel::<()>();
    let mut until = Some(until);
    let mut reads = Vec::new();
    for _ in 0..1_100 {
        let (queue, sent, until) = (queue.clone(), sent.clone(), until.take());
        reads.push(tokio::spawn(async move {
            let ask = move |_| async move {
                sent.send(()).unwrap();
                until.expect("only the first is sent").await.unwrap();
                Ok(json!(1))
            };
            let key = ReadKey("me".into());
            lease(&queue, &RefreshToken::new("a")).read(key, ask).await
        }));
    }
    settle().await;
    end.send(()).unwrap();
    for read in reads {
        assert_eq!(*read.await.unwrap().unwrap(), json!(1));
    }
    assert!(heard.try_recv().is_ok() && heard.try_recv().is_err());
}

#[tokio::test]
async fn a_read_that_panics_is_nobody_s_answer_and_is_forgotten() {
    let clock = TestClock::new();
    let queue = RotationQueue::<u32>::new(settings(), Clock::Test(clock.clone()));
    let token = RefreshToken::new("a");
    let key = || ReadKey("me".into());
    let panics = |_| async { panic!("a fault in the caller's code") };
    let error = lease(&queue, &token).read(key(), panics).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::UpstreamUnavailable);
    let answer = lease(&queue, &token)
        .read(key(), |_| async { Ok(json!(1)) })
        .await;
    assert_eq!(*answer.unwrap(), json!(1));
    let panics = |_| async { panic!("another one") };
    let error = lease(&queue, &token).read(key(), panics).await;
    assert!(error.is_err());
    clock.advance(KEEP);
    let now = queue.clock().now();
    queue.table().purge(now);
    assert_eq!(queue.table().len(), (0, 0));
}

/// A read with the token "a" that is under way, and the sender of its answer.
async fn reading(
    queue: &RotationQueue<u32>,
) -> (
    JoinHandle<ReadAnswer>,
    oneshot::Sender<Result<Value, Error>>,
) {
    let queue = queue.clone();
    let (end, until) = oneshot::channel();
    let read = tokio::spawn(async move {
        let ask = |_| async { until.await.expect("the test ends each call") };
        let key = ReadKey("me".into());
        lease(&queue, &RefreshToken::new("a")).read(key, ask).await
    });
    settle().await;
    (read, end)
}

/// Descope's word on a session that is over.
fn ended() -> Result<Value, Error> {
    Err(Error::new(ErrorKind::SessionEnded, "x"))
}

/// The end of the session, without the removal of its cookies.
fn assert_spares(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::SessionEnded);
    assert!(!error.removes_cookies(), "the browser has newer cookies");
}

#[tokio::test]
async fn a_read_under_way_removes_no_cookies_of_a_sign_in_that_came_meanwhile() {
    type Change = fn(&FamilyLease<u32>, &FamilyLease<u32>);
    let changes: [Change; 3] = [
        // Of another user, or this one's.
        |old, _| old.supersede(),
        |_, new| new.note_adopted(),
        |old, new| {
            old.supersede();
            new.note_adopted();
        },
    ];
    for change in changes {
        let queue = RotationQueue::<u32>::new(settings(), Clock::System);
        let (read, end) = reading(&queue).await;
        let old = lease(&queue, &RefreshToken::new("a"));
        let new = lease(&queue, &RefreshToken::new("b"));
        change(&old, &new);
        end.send(ended()).unwrap();
        assert_spares(&read.await.unwrap().unwrap_err());
        // Nor does one that comes later.
        let later = old.read(ReadKey("me".into()), |_| async { ended() }).await;
        assert_spares(&later.unwrap_err());
    }
}

#[tokio::test]
async fn another_replica_s_word_removes_no_cookies_of_a_sign_in_here() {
    let queue = RotationQueue::<u32>::new(settings(), Clock::System);
    let word = || Error::new(ErrorKind::SessionEnded, "x");
    let old = lease(&queue, &RefreshToken::new("a"));
    lease(&queue, &RefreshToken::new("b")).note_adopted();
    assert_spares(&old.learned(&word()));
    let superseded = lease(&queue, &RefreshToken::new("c"));
    superseded.supersede();
    assert_spares(&superseded.learned(&word()));
}

#[tokio::test]
async fn a_read_that_descope_refuses_removes_the_cookies_where_nobody_signed_in() {
    let queue = RotationQueue::<u32>::new(settings(), Clock::System);
    let (read, end) = reading(&queue).await;
    end.send(ended()).unwrap();
    assert!(read.await.unwrap().unwrap_err().removes_cookies());
    let other = lease(&queue, &RefreshToken::new("c"));
    let word = Error::new(ErrorKind::SessionEnded, "x");
    assert!(other.learned(&word).removes_cookies());
    // However often, and by whomever, it is said.
    assert!(other.learned(&word).removes_cookies());
}
