use std::time::Duration;

use crate::error::Error;

/// How long a session token lives at most, where nothing else was said.
const LONGEST_SESSION: Duration = Duration::from_secs(3_600);

/// How often marks are asked for.
const TICK: Duration = Duration::from_millis(200);

/// How many marks are kept.
const MAX_MARKS: usize = 1_000_000;

/// How marks are kept and learned of: for [`DescopeBuilder::revocation`], which switches them on.
///
/// With [`SharedState`](crate::SharedState) each replica asks the store for new marks several times a
/// second. While it cannot be asked there may be marks that this replica does not know, and somebody who
/// was signed out might go on. Two answers to that are right for different services, so there is no
/// default: [`strict`](Self::strict) refuses everybody, [`available`](Self::available) serves everybody.
/// Without shared state marks are this process's own, and the two are the same.
///
/// [`DescopeBuilder::revocation`]: crate::DescopeBuilder::revocation
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "settings do nothing until they are given to `DescopeBuilder::revocation`"]
pub struct Revocation {
    pub(super) stale_after: Duration,
    pub(super) is_strict: bool,
    pub(super) longest_session: Duration,
    pub(super) max_marks: usize,
    pub(super) tick: Duration,
}

impl Revocation {
    /// Answers 503 (`revocation_unavailable`) to requests with a session once nothing was heard of
    /// other replicas' marks for `stale_after`, from 1 to 60 seconds: nobody goes on who was signed out
    /// longer ago than that, if their replica can reach the store. A failover of Redis that takes ten seconds is
    /// ten seconds of 503 with `strict(1 s)` (after one of grace, and until replicas have told what they had
    /// marked meanwhile), and none with `strict(15 s)`.
    ///
    /// A replica that has just begun answers so until it has asked for the first time;
    /// [`Descope::warm_up`](crate::Descope::warm_up) waits for that.
    pub const fn strict(stale_after: Duration) -> Self {
        Self {
            stale_after,
            is_strict: true,
            longest_session: LONGEST_SESSION,
            max_marks: MAX_MARKS,
            tick: TICK,
        }
    }

    /// Serves requests with a good session while marks cannot be learned of, as if there were none that
    /// are not known here. It is logged as an error, and counted.
    pub const fn available() -> Self {
        Self {
            is_strict: false,
            ..Self::strict(Duration::from_secs(1))
        }
    }

    /// The longest life of a session token that the project gives out, access keys' included: from one
    /// minute to 30 days. Marks are kept for as long, and a replica that begins reads those of so long
    /// ago. Default: one hour. Too short, and a session outlives the mark that it is refused by.
    pub const fn longest_session(mut self, longest: Duration) -> Self {
        self.longest_session = longest;
        self
    }

    /// How many marks are kept at most, from 1 to 10 million. Default: one million; so many take some 200 MB.
    /// A sign-out makes two or more. Beyond them none is dropped unnoticed: [`strict`](Self::strict) refuses
    /// everybody until the marks have room again, [`available`](Self::available) logs an error.
    pub const fn max_marks(mut self, marks: usize) -> Self {
        self.max_marks = marks;
        self
    }

    /// How often the shared state is asked for new marks, from 50 milliseconds to a fifth of what
    /// `strict` was given. Default: 200 milliseconds. For a store that is paid by the command:
    /// `strict(5 s)` and a tick of one second. With [`available`](Self::available) up to 12 seconds: it says
    /// that nothing is heard after five of them.
    pub const fn tick(mut self, tick: Duration) -> Self {
        self.tick = tick;
        self
    }

    /// How long what was heard is relied on.
    pub(super) fn relied_on(&self) -> Duration {
        if self.is_strict {
            self.stale_after
        } else {
            self.stale_after.max(5 * self.tick)
        }
    }

    /// # Errors
    ///
    /// A setting is out of its range.
    pub(crate) fn check(&self) -> Result<(), Error> {
        const SECOND: Duration = Duration::from_secs(1);
        let longest_tick = if self.is_strict {
            self.stale_after / 5
        } else {
            12 * SECOND
        };
        for (name, value, least, most) in [
            ("strict", self.stale_after, SECOND, 60 * SECOND),
            (
                "longest_session",
                self.longest_session,
                60 * SECOND,
                30 * 86_400 * SECOND,
            ),
            ("tick", self.tick, Duration::from_millis(50), longest_tick),
        ] {
            if value < least || value > most {
                return Err(Error::config(format!(
                    "{name} of revocation is {value:?}, it must be from {least:?} to {most:?}"
                )));
            }
        }
        if !(1..=10_000_000).contains(&self.max_marks) {
            return Err(Error::config(format!(
                "max_marks of revocation is {}, it must be from 1 to 10000000",
                self.max_marks
            )));
        }
        Ok(())
    }
}
