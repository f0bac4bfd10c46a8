//! Spending refresh tokens: one queue per token, and its answers kept for a while.
//!
//! With rotation on, a refresh token can be spent once. Whoever spends it again, be it a second
//! tab or a browser that never saw the first answer, ends the session for everybody: Descope takes
//! the second use for theft. So all that spends refresh tokens goes through a [`RotationQueue`]:
//!
//! * Calls with one refresh token, or with members of one token's family as far as they are known
//!   here, run one after another.
//! * A refresh that waited takes the result of the call before it. A selection that waited goes
//!   up with the successor that call brought, unless an equal selection was just answered.
//! * The answer is kept for a while, with predecessor -> newest successor. A repeat that presents
//!   a predecessor is answered with it; a wish for another tenant goes up with the successor.
//! * A call runs to its end on a task of its own, even if its caller goes away: the answer is then
//!   kept for the caller's next try.
//! * One call of ours is at most one call to Descope. After a failure that leaves the token's fate
//!   open the token goes up again no sooner than a second later; meanwhile that failure is the
//!   answer.
//! * Where Descope rotated but the rest of its answer cannot be used, the successor is kept here,
//!   told to nobody, and the next call goes up with it.
//! * A sign-out counts here at once: nothing that is kept or under way brings anybody a session any
//!   more. Then it goes up with the newest token, in its turn.
//! * What spends nothing (the user's record) goes up with the newest token, side by side with its
//!   like, but never beside a call that spends it.
//! * A token that Descope calls spent (E064006) is not sent again. Its holder's cookies are to be
//!   removed only when it still comes after the keep time: another replica may have rotated it,
//!   and the winner's cookies would have replaced it by then.
//!
//! What one family does next is decided by a pure state machine (`family`); which token belongs
//! to which family is kept in a bounded table (`table`); only `queue` waits, spawns and locks.

mod call;
mod digest;
mod family;
mod lease;
mod queue;
mod recent;
mod table;

#[cfg(test)]
mod tests;

pub(crate) use self::{
    call::{Operation, Outcome},
    family::Newest,
    lease::FamilyLease,
    queue::RotationQueue,
};
