//! Connections that end with their session: web sockets, event streams, gRPC streams, downloads.
//!
//! The layer judges a request once, when it begins; what it opens may go on for hours. A
//! [`SessionWatch`] says when its session is over: [`Descope::watch`](crate::Descope::watch) makes one of
//! the request that opened the connection, [`SessionWatch::ended`] completes at the end, and
//! [`UntilEnded`] is a response body that ends by itself.
//!
//! | the session | `ended` completes |
//! |---|---|
//! | expires, and its browser has not renewed it | then |
//! | was renewed meanwhile by another request of the same browser | not: the watch goes on to the end of the new one |
//! | is signed out in this process | at once |
//! | is refused by a [`Mark`](crate::Mark), on whichever replica that was made | as soon as it is known here, a fraction of a second later |
//!
//! Whose browser it is, is told by the refresh cookie that came with the request. A page that has nothing
//! open but this connection renews nothing: let it call any route behind the layer within the session's
//! last minute, or have Descope's SDK do that (`autoRefresh`). A client with a bearer token opens a new
//! connection with a new token.
//!
//! With axum, a socket that is closed with 4401 when its session is over (`examples/live.rs` is the
//! whole of it):
//!
//! ```
//! # #[cfg(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use http::Request;
//! use tower_descope::{SessionToken, test_util::FakeDescope, watch::SessionEnd};
//!
//! let fake = FakeDescope::start().await;
//! let descope = fake.descope();
//! let token = SessionToken::new(fake.session("U2ann").token());
//! let session = descope.verify(&token).await?;
//!
//! // In a handler these are the request's own, with what `TenantLayer` has put there.
//! let (mut parts, ()) = Request::new(()).into_parts();
//! parts.extensions.insert(session);
//! let mut watch = descope.watch(&parts);
//! let socket = tokio::spawn(async move {
//!     loop {
//!         tokio::select! {
//!             end = watch.ended() => return end,
//!             // message = socket.recv() => …
//!         }
//!     }
//! });
//! fake.clock().advance(Duration::from_secs(3_600));
//! assert_eq!(socket.await?, SessionEnd::Expired);
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
//! # fn main() {}
//! ```

mod body;
mod look;
mod session_watch;

pub use self::{
    body::UntilEnded,
    session_watch::{SessionEnd, SessionWatch},
};
