//! The record of a refresh token, or of an access key, that all replicas share: its name, its states,
//! and what changes them.

use std::{fmt, time::Duration};

use crate::{digest::Digest, error::Error, random};

/// The name of a record: the beginning of the digest of a token or a key, and of which of the two.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RecordName {
    pub(crate) kind: RecordKind,
    pub(crate) id: [u8; 16],
}

/// Whose record it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RecordKind {
    /// A refresh token's.
    Token,
    /// An access key's.
    AccessKey,
}

impl RecordName {
    pub(crate) fn new(kind: RecordKind, digest: &Digest) -> Self {
        Self {
            kind,
            id: digest.first_half(),
        }
    }

    /// The id in 32 hexadecimal digits.
    pub(crate) fn hex(&self) -> String {
        hex(&self.id)
    }

    /// Reads [`hex`](Self::hex) again.
    pub(crate) fn from_hex(kind: RecordKind, text: &str) -> Option<Self> {
        let id = u128::from_str_radix(text, 16).ok()?;
        (text.len() == 32).then(|| Self {
            kind,
            id: id.to_be_bytes(),
        })
    }
}

impl fmt::Debug for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It is no secret, but it says which session a line of the log is about.
        write!(f, "RecordName({:?} …)", self.kind)
    }
}

/// One attempt to use a token: a random number, new for each, by which a replica's own claim is known
/// again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attempt([u8; 16]);

impl Attempt {
    /// A new one.
    ///
    /// # Errors
    ///
    /// Where the system has no random numbers.
    pub(crate) fn new() -> Result<Self, Error> {
        let mut bytes = [0; 16];
        random::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    pub(crate) fn hex(&self) -> String {
        hex(&self.0)
    }

    /// An attempt that is told apart by its number, so that tests need no random ones.
    #[cfg(test)]
    pub(crate) fn numbered(number: u8) -> Self {
        Self([number; 16])
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attempt(…)")
    }
}

/// The purpose of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A new session.
    Exchange,
    /// The end of the session: from the claim on nobody else gets a session by this record.
    SignOut,
}

/// A claim of a token that is about to be sent to Descope.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) name: RecordName,
    pub(crate) attempt: Attempt,
    pub(crate) purpose: Purpose,
    /// How long the claim stands without being renewed. Claimed again by the same attempt it is
    /// renewed.
    pub(crate) lease: Duration,
    /// How long after a loss of memory a token without a record is nobody's to claim.
    pub(crate) quarantine: Duration,
}

/// The state of a record that is there, for whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// Another attempt has claimed it, so long ago, and for so long yet.
    Busy { age: Duration, left: Duration },
    /// Descope has answered.
    Done(StoredAnswer),
    /// Its successor was presented longer ago than the keep time.
    Late,
    /// A call has just failed in a way that leaves open whether the token was rotated.
    Rest { left: Duration },
    /// No session comes of it any more.
    Dead(EndedBy),
}

/// An answer as it is kept, sealed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct StoredAnswer {
    pub(crate) sealed: Vec<u8>,
    /// How long it has been there.
    pub(crate) age: Duration,
}

impl fmt::Debug for StoredAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredAnswer")
            .field("len", &self.sealed.len())
            .field("age", &self.age)
            .finish()
    }
}

/// The outcome of a [`Claim`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Claimed {
    /// It is this attempt's to send.
    Own,
    /// There is no record, and there may have been one: the store lost its memory not long ago.
    Lost { left: Duration },
    /// Not to be sent, for now or for ever.
    Taken(Record),
}

/// The state of a record, and the record whose successor the token is, where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found<T> {
    pub(crate) state: T,
    pub(crate) predecessor: Option<RecordName>,
}

/// Who ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndedBy {
    /// Its holder signed out.
    SignOut,
    /// Descope said so (E064001).
    Descope,
    /// Descope says that its token was used before (E064006).
    Reuse,
}

impl EndedBy {
    /// Its name in a record.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::SignOut => "out",
            Self::Descope => "ended",
            Self::Reuse => "reused",
        }
    }

    pub(crate) fn of_code(code: &str) -> Option<Self> {
        let all = [Self::SignOut, Self::Descope, Self::Reuse];
        all.into_iter().find(|end| end.code() == code)
    }
}

/// The end of a claim that brought no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing was sent, or Descope refused what was asked for and not the token: the record is as if
    /// it had never been claimed.
    Free,
    /// It is open if the token was rotated: nobody sends it for so long.
    Rest(Duration),
    /// No session comes of it any more, which is remembered for so long.
    Dead(EndedBy, Duration),
}

/// An answer to be kept.
#[derive(Clone)]
pub(crate) struct Publication {
    /// The whole answer, sealed, for the keep time.
    pub(crate) whole: Vec<u8>,
    /// Its tokens alone, sealed, for as long as the record lives.
    pub(crate) tokens: Vec<u8>,
    pub(crate) keep: Duration,
    /// How long ago it came. What is published in the place of another answer keeps the age and the
    /// delivery of that.
    pub(crate) age: Duration,
    /// How long the record lives if nobody presents the successor.
    pub(crate) life: Duration,
    /// True if nobody waits for the successor with this token, so that it is late from now on.
    pub(crate) delivered: bool,
}

impl fmt::Debug for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publication")
            .field("len", &(self.whole.len() + self.tokens.len()))
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}

/// An answer as it is published: under this name, by this attempt, with the name of its successor.
pub(crate) type NamedAnswer = (RecordName, Attempt, Publication, Option<RecordName>);

/// How a publication was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Published {
    /// By a claim of this attempt.
    Own,
    /// Another attempt had claimed it, or nobody: a claim lapsed, or the store lost its memory.
    Foreign,
    /// Its holder signs out, or has signed out: nobody gets a session by it.
    SignedOut,
}

fn hex(bytes: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_again_from_their_digits_and_from_nothing_else() {
        let name = RecordName {
            kind: RecordKind::Token,
            id: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff],
        };
        let text = name.hex();
        assert_eq!(text, "000102030405060708090a0b0c0d0eff");
        assert_eq!(RecordName::from_hex(RecordKind::Token, &text), Some(name));
        for other in ["", "00", &text[1..], &format!("0{text}"), &"x".repeat(32)] {
            assert_eq!(RecordName::from_hex(RecordKind::Token, other), None);
        }
    }

    #[test]
    fn debug_shows_neither_names_nor_attempts_nor_answers() {
        let name = RecordName {
            kind: RecordKind::AccessKey,
            id: [7; 16],
        };
        let answer = StoredAnswer {
            sealed: vec![0x61; 8],
            age: Duration::ZERO,
        };
        let shown = format!("{name:?} {:?} {answer:?}", Attempt([7; 16]));
        assert!(!shown.contains("0707") && !shown.contains("97"), "{shown}");
    }
}
