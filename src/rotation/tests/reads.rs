//! Calls that only read, in numbers and in trouble.

#![cfg(feature = "test-util")]

use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use super::{
    super::{ReadKey, RotationQueue},
    bench::KEEP,
    queue::{lease, settings, settle},
};
use crate::{
    clock::{Clock, TestClock},
    error::ErrorKind,
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
