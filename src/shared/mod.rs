//! State that several replicas share, so that they behave as one: who may send which refresh token, and
//! what Descope answered.
//!
//! A *record* stands for one refresh token: nobody has sent it, one replica has claimed it, or there is
//! an answer, which names the token's successor; or no session comes of it any more. A replica that is to
//! send a token follows the records from the one that was presented to the newest ([`walk`]), and sends
//! only what it has claimed. What it finds on the way is verified like an answer of Descope's, and kept
//! in its own queue, as if it had made the call itself.
//!
//! # Files
//!
//! Pure: `record` (the records' states), `walk` (what is asked next, and what is done with it), `poll`
//! (when to ask again), `breaker` (when not to ask), `known` (what can be published anew), `envelope`
//! (the content of an answer). `store` is the seam to the engine, `memory` and `redis` are the engines,
//! `seal` is what keeps answers from both. `replica` makes the steps, `tick` asks
//! for what all know, `marks` tells and learns which sessions are revoked, by the `log`, `follow` walks from `hop` to hop, `claim`
//! is a token until it is known what came of it, `machine` an
//! access key, `state` is what a service sees.

mod breaker;
mod claim;
#[cfg(any(test, all(feature = "__internals", feature = "redis")))]
#[expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code: what an engine does wrong ends it, with a message"
)]
pub(crate) mod contract;
mod envelope;
mod follow;
mod hop;
mod known;
mod log;
mod machine;
mod marks;
mod memory;
mod poll;
mod record;
#[cfg(feature = "redis")]
mod redis;
mod replica;
mod seal;
mod state;
mod store;
mod tick;
mod walk;

#[cfg(test)]
mod tests;

#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use self::redis::RedisSettings;
pub use self::state::{SharedState, SharedStatus};
pub(crate) use self::{
    claim::{Answered, SendingClaim},
    envelope::AnswerBytes,
    follow::Way,
    known::Bounds,
    machine::Exchanging,
    record::{EndedBy, Ending},
    replica::{Replica, SharedTimes},
    walk::Goal,
};
