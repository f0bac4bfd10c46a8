//! Refresh tokens and their rotation: one queue per family of tokens, and its answers kept for a
//! while.
//!
//! With rotation on, a refresh token can be used once. Whoever uses it again, be it a second tab or
//! a browser that never received the first answer, ends the session for everybody: Descope takes
//! the second use for theft. So every call with a refresh token goes through a [`RotationQueue`],
//! by the [`FamilyLease`] of the request that presented the token:
//!
//! * Calls with one refresh token, or with members of one token's family as far as they are known
//!   here, run one after another.
//! * A refresh that waited takes the result of the call before it. A selection that waited is sent
//!   with the successor that the call before it brought, unless an equal selection was just
//!   answered.
//! * The answer is kept for a while, with predecessor -> newest successor. A repeat that presents
//!   a predecessor is answered with it; a selection of another tenant is sent with the successor.
//! * A call runs to its end on a task of its own, even if its caller goes away: the answer is then
//!   kept for the caller's next try.
//! * One call of ours is at most one call to Descope. After a failure that leaves open whether the
//!   token was rotated it is sent again no sooner than a second later; meanwhile that failure is
//!   the answer.
//! * Where Descope rotated the token but the rest of its answer cannot be used, the successor is
//!   kept here, undelivered, and the next call is made with it.
//! * A sign-out counts here at once: nothing that is kept or under way brings anybody a session any
//!   more. Then it is sent with the newest token, in its turn.
//! * A call that only reads (the user's record) is made with the newest token, side by side with
//!   its like, but never beside a call that rotates it.
//! * A token that Descope calls used (E064006) is not sent again. Its holder's cookies are removed
//!   only when the token is still presented after the keep time: another replica may have rotated
//!   it, and the cookies of that answer would have replaced it by then.
//!
//! The next step of a family is decided by a pure state machine (`family`); which token belongs
//! to which family is kept in a bounded table (`table`); `queue` locks it, `lease` is a request's
//! place in it, and only `send` waits and spawns.

mod answer;
mod call;
mod chain;
mod end;
mod everywhere;
mod failure;
mod family;
mod lease;
mod pressure;
mod queue;
mod read;
mod reads;
mod room;
mod send;
mod sign_out;
mod table;
mod turn;
mod users;

#[cfg(test)]
mod tests;

pub(crate) use self::{
    answer::KeptSession,
    call::{CallOutcome, Operation},
    chain::KeepTimes,
    lease::{FamilyLease, TokenHolder},
    queue::{QueueSettings, RotationQueue},
    reads::ReadKey,
    send::LISTEN,
    table::Bounds,
};
