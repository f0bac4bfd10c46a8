//! Reading the bodies of requests, within bounds.

use std::{future::poll_fn, pin::pin};

use bytes::{Buf, BufMut};
use http_body::Body;
use serde::Deserialize;

use super::{kind::RefusalKind, refusal::Refusal};
use crate::json;

/// Reads the whole body, but no more than `limit` bytes.
///
/// # Errors
///
/// A body that is larger, or that breaks off.
pub(crate) async fn read_at_most<B: Body>(limit: usize, body: B) -> Result<Vec<u8>, Refusal> {
    let too_large = || Refusal::new(RefusalKind::BodyTooLarge);
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let mut body = pin!(body);
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = frame.map_err(|_| invalid("unreadable_body"))?;
        if let Ok(data) = frame.into_data() {
            // `limit` is never exceeded, so the difference is never negative.
            if data.remaining() > limit - bytes.len() {
                return Err(too_large());
            }
            bytes.put(data);
        }
    }
    Ok(bytes)
}

/// Reads a JSON object. Members that `T` does not have are ignored.
///
/// # Errors
///
/// A text that is no JSON object, nests too deep, has a member twice at its root, or whose members are
/// of other types than those of `T`.
pub(crate) fn json_object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| invalid("not_utf8"))?;
    // serde_json alone would skip twins and deep nesting in members that nobody reads, and take an
    // array for an object. Whoever else reads this body on its way must not find another one in it.
    json::members(text, |_| Ok(())).map_err(invalid)?;
    serde_json::from_str(text).map_err(|_| invalid("unfit_members"))
}

fn invalid(reason: &'static str) -> Refusal {
    Refusal::because(RefusalKind::InvalidBody, reason)
}

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        task::{Context, Poll},
    };

    use http_body::Frame;
    use http_body_util::Full;

    use super::*;

    const LIMIT: usize = 4096;

    #[tokio::test]
    async fn a_body_over_the_limit_is_too_large() {
        let read = |len: usize| read_at_most(LIMIT, Full::new(bytes::Bytes::from(vec![b'x'; len])));
        assert_eq!(read(LIMIT).await.unwrap().len(), LIMIT);
        let refusal = read(LIMIT + 1).await.unwrap_err();
        assert_eq!(refusal.code(), "body_too_large");
    }

    /// A body of unknown length.
    struct Chunks(Vec<Result<&'static [u8], ()>>);

    impl Body for Chunks {
        type Data = &'static [u8];
        type Error = ();

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Self::Data>, ()>>> {
            Poll::Ready(self.0.pop().map(|chunk| chunk.map(Frame::data)))
        }
    }

    #[tokio::test]
    async fn a_body_of_unknown_length_is_counted_as_it_comes() {
        let read = |chunks| read_at_most(LIMIT, Chunks(chunks));
        let chunk = Ok([b'x'; 1000].as_slice());
        assert_eq!(read(vec![chunk; 4]).await.unwrap().len(), 4000);
        let many = read(vec![chunk; 5]).await;
        assert_eq!(many.unwrap_err().code(), "body_too_large");
        let broken = read(vec![Err(()), chunk]).await;
        assert_eq!(broken.unwrap_err().code(), "invalid_body");
    }
}
