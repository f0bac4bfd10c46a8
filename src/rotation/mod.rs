//! Refresh tokens and their rotation: one queue per family of tokens, and its answers kept until
//! they have been delivered.
//!
//! With rotation on, a refresh token can be used once. Whoever uses it again, be it a second tab or
//! a browser that never received the first answer, ends the session for everybody: Descope takes
//! the second use for theft. So every call with a refresh token goes through a [`RotationQueue`],
//! by the [`FamilyLease`] of the request that presented the token.
//!
//! # Delivery
//!
//! * An answer is *delivered* when its refresh token is presented, by a request's cookie or by a
//!   typed call; that delivers every token before it, too. Nothing else says that a browser has it.
//! * Until its successor is delivered, and as long as that lives, a replaced token is as good as the
//!   newest one for whoever holds it: it is answered from what is kept, or its newest successor is
//!   sent in its place. It is never sent itself.
//! * From delivery on it is answered for the keep time. Then its holder is *late*: refused without a
//!   call until 15 minutes after delivery, but for a sign-out, which is sent with the newest token.
//!   After that the token is forgotten, so that Descope judges it.
//! * A kept answer is for repeats within the keep time of its call. Later its session is given only
//!   to a request that shows a session of the same user; for all others the successor is sent.
//! * All of this is measured by the monotonic clock.
//!
//! # Calls
//!
//! * Calls with tokens of one family run one after another. A refresh that waited takes the result of
//!   the call before it; a selection that waited is sent with the successor that the call before it
//!   brought, unless an equal selection was just answered.
//! * A call may be followed by another one in the same turn, with the token that it brought, which is
//!   recorded before the second is sent. Where that one fails, the first one's answer counts.
//! * A call runs to its end on a task of its own, whoever goes away. Its caller waits until the
//!   deadline, and past that nobody waits for the turn; the call is listened to for 60 seconds in
//!   all, and a late answer is kept as if it had come in time.
//! * One call of ours is at most one call to Descope. After a failure that leaves open whether the
//!   token was rotated it is sent again no sooner than a second later; meanwhile that failure is
//!   the answer. A refusal of Descope's answers equal refreshes for ten seconds, twice as long each
//!   time, ten minutes at most.
//! * Where Descope rotated the token but the rest of its answer cannot be used, the successor is
//!   kept, and the next call is made with it.
//! * A call that only reads (the user's record) is made with the newest token, side by side with
//!   its like, but never beside a call that rotates it; equal ones share one call.
//! * Calls are limited: for a family, for the queue, and while Descope asks to slow down.
//!
//! # The end
//!
//! * A sign-out counts here at once: nothing that is kept or under way brings anybody a session any
//!   more. Then it is sent with the newest token, in its turn, and sent again in the background
//!   until Descope confirms it or the token has expired. For 15 minutes requests of the family are
//!   refused without removing cookies: the sign-out's response has done so.
//! * Until Descope has confirmed that a user is signed out everywhere, tokens issued before bring no
//!   session, and only a later one ends that.
//! * A token that Descope calls used (E064006) is not sent again. Its holder's cookies are removed
//!   only when the token is still presented after the keep time: another replica may have rotated
//!   it, and the cookies of that answer would have replaced it by then.
//!
//! # Files
//!
//! Pure, given the time: `chain` (the tokens of a family and the standing of each), `answer` (the
//! newest answer, and who is given it), `failure` (the newest failure), `end`, `signed` (which of the
//! tokens need not be verified again), and `family`, which makes a decision of them; `reads` (a
//! family's calls that only read); `pressure` (the limits of all calls together); `everywhere`; and
//! `table`, with which token belongs to which family, and `room`, which says what gives way where it
//! is full. `users` tells without a lock whose requests need a look. `queue` holds the table's lock and
//! the counts of tasks, `lease` is a request's place in a family, `turn` its place among the calls.
//! Only `send`, `read` and `sign_out` wait and spawn.

mod answer;
mod call;
mod chain;
mod end;
mod everywhere;
mod failure;
mod family;
mod given;
mod lease;
mod pressure;
mod queue;
mod read;
mod reads;
mod room;
mod send;
mod sign_out;
mod signed;
mod table;
mod turn;
mod users;
mod watched;

#[cfg(test)]
mod tests;

pub(crate) use self::{
    answer::KeptSession,
    call::{CallOutcome, FollowUp, Operation},
    chain::KeepTimes,
    failure::leaves_rotation_open,
    lease::{FamilyLease, TokenHolder},
    queue::{QueueSettings, RotationQueue},
    reads::ReadKey,
    table::Bounds,
    watched::FamilyNews,
};
