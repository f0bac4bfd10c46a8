//! Bodies that end with the session.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use tokio::sync::mpsc;
use tower_descope::{Descope, SessionWatch, UntilEnded, test_util::FakeDescope};

use super::opened;
use crate::support::{browser::Browser, world::fake};

struct Endless(mpsc::Receiver<Bytes>);

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(cx)
            .map(|data| data.map(|data| Ok(Frame::data(data))))
    }
}

async fn world() -> (FakeDescope, Descope, SessionWatch) {
    let fake = fake().start().await;
    let descope = fake.descope();
    let watch = opened(&descope, &mut Browser::ann(&fake)).await;
    (fake, descope, watch)
}

fn endless() -> (mpsc::Sender<Bytes>, Endless) {
    let (sender, receiver) = mpsc::channel(8);
    (sender, Endless(receiver))
}

#[tokio::test]
async fn a_download_is_broken_off_and_seen_to_be() {
    let (fake, _, watch) = world().await;
    let (sender, body) = endless();
    let mut body = UntilEnded::new(body, watch);
    sender.send(Bytes::from_static(b"half")).await.unwrap();
    let frame = body.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "half");
    // It always has more to send, and ends all the same.
    sender.send(Bytes::from_static(b"more")).await.unwrap();
    fake.clock().advance(Duration::from_secs(660));
    let error = body.frame().await.unwrap().unwrap_err();
    assert!(
        error.to_string().contains("session of the request is over"),
        "{error}"
    );
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn an_event_stream_ends_as_if_it_were_complete() {
    let (fake, _, watch) = world().await;
    let (_sender, body) = endless();
    let mut body = UntilEnded::new(body, watch).closing();
    let read = tokio::spawn(async move { body.frame().await.is_none() });
    tokio::task::yield_now().await;
    fake.clock().advance(Duration::from_secs(660));
    assert!(read.await.unwrap());
}

#[tokio::test]
async fn a_stream_of_grpc_ends_with_its_status() {
    let (fake, _, watch) = world().await;
    let (_sender, body) = endless();
    let mut body = UntilEnded::new(body, watch).with_grpc_status();
    fake.clock().advance(Duration::from_secs(660));
    let trailers = body.frame().await.unwrap().unwrap().into_trailers();
    assert_eq!(trailers.unwrap()["grpc-status"], "16");
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_length_is_promised_only_where_a_shorter_body_is_an_error() {
    let whole = |watch| UntilEnded::new(Full::new(Bytes::from_static(b"a report")), watch);
    let (_, _, watch) = world().await;
    assert_eq!(whole(watch).size_hint().exact(), Some(8));
    for manner in [UntilEnded::closing, UntilEnded::with_grpc_status] {
        let (fake, _, watch) = world().await;
        let mut body = manner(whole(watch));
        let hint = body.size_hint();
        assert_eq!((hint.lower(), hint.upper()), (0, Some(8)));
        fake.clock().advance(Duration::from_secs(660));
        while body.frame().await.is_some() {}
        assert!(body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));
    }
}

#[tokio::test]
async fn a_body_that_ends_before_is_as_it_was() {
    let (_, _, watch) = world().await;
    let (sender, body) = endless();
    for text in ["a", "b"] {
        sender
            .send(Bytes::from_static(text.as_bytes()))
            .await
            .unwrap();
    }
    drop(sender);
    let body = UntilEnded::new(body, watch);
    assert_eq!(body.collect().await.unwrap().to_bytes(), "ab");
}
