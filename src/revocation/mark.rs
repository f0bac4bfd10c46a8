//! Marks, and the names by which replicas speak of them.

use std::fmt;

use crate::{
    digest::Digest,
    error::Error,
    ids::{TenantId, UserId},
    jwt::compact::Compact,
    token::SessionToken,
};

/// Which session tokens are refused from now on; see the [module](crate::revocation).
///
/// A mark holds for as long as a session may live that it is about
/// ([`Revocation::longest_session`](super::Revocation::longest_session)). Made twice it is one.
#[derive(Clone, PartialEq, Eq)]
#[must_use = "a mark does nothing until it is given to `Descope::revoke`"]
pub struct Mark(Target);

#[derive(Clone, PartialEq, Eq)]
enum Target {
    User(UserId),
    SessionToken(Option<Box<str>>),
    Tenant(TenantId),
    Everybody,
}

impl Mark {
    /// All sessions of a user that began up to now, in any browser: for a user who was removed or
    /// disabled, or whose roles or tenants have changed. For a machine, its access key's id.
    pub fn user(user: &UserId) -> Self {
        Self(Target::User(user.clone()))
    }

    /// The session with this very token; the user's other sessions stay.
    pub fn session_token(token: &SessionToken) -> Self {
        let text = token.expose();
        let payload = Compact::parse(text.as_bytes(), text.len()).and_then(|it| it.payload());
        Self(Target::SessionToken(payload.ok()))
    }

    /// All sessions that began up to now and are in this tenant, or may select it.
    pub fn tenant(tenant: &TenantId) -> Self {
        Self(Target::Tenant(tenant.clone()))
    }

    /// All sessions that began up to now.
    pub const fn everybody() -> Self {
        Self(Target::Everybody)
    }

    /// Its name.
    ///
    /// # Errors
    ///
    /// The session token is none; or there is no crypto backend.
    pub(crate) fn name(&self) -> Result<MarkName, Error> {
        match &self.0 {
            Target::User(user) => MarkName::user(user.as_str()),
            Target::SessionToken(Some(payload)) => MarkName::session(payload),
            Target::SessionToken(None) => Err(Error::config(
                "the mark is about a text that is no session token: pass the token as it was issued",
            )),
            Target::Tenant(tenant) => MarkName::tenant(tenant.as_str()),
            Target::Everybody => Ok(MarkName::EVERYBODY),
        }
    }
}

/// Without the session token's claims.
impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Target::User(user) => f.debug_tuple("User").field(user).finish(),
            Target::SessionToken(_) => f.write_str("SessionToken"),
            Target::Tenant(tenant) => f.debug_tuple("Tenant").field(tenant).finish(),
            Target::Everybody => f.write_str("Everybody"),
        }
    }
}

/// The name of a mark, which does not say whom it is about: the beginning of a SHA-256 digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct MarkName {
    kind: MarkKind,
    id: [u8; 16],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum MarkKind {
    User = b'u',
    Session = b's',
    Tenant = b't',
    Everybody = b'e',
    SignOut = b'o',
    Everywhere = b'w',
    EverywhereConfirmed = b'c',
    SignedInAgain = b'i',
}

/// A mark as replicas tell it each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CutMark {
    pub(crate) name: MarkName,
    /// Sessions that were issued up to the end of this second are refused, in seconds since the Unix
    /// epoch.
    pub(crate) cut: u32,
}

impl MarkName {
    pub(crate) const EVERYBODY: Self = Self {
        kind: MarkKind::Everybody,
        id: [0; 16],
    };

    /// The bytes of a name, as they are written down.
    #[cfg(any(feature = "redis", test))]
    pub(crate) const BYTES: usize = 17;

    pub(super) fn user(id: &str) -> Result<Self, Error> {
        Self::of(MarkKind::User, id)
    }

    pub(super) fn tenant(id: &str) -> Result<Self, Error> {
        Self::of(MarkKind::Tenant, id)
    }

    /// The session with this payload. The signature is left out: of an elliptic curve's anybody can make
    /// another one that is good, too, and such a token is the same session.
    pub(crate) fn session(payload: &str) -> Result<Self, Error> {
        Self::of(MarkKind::Session, payload)
    }

    /// A sign-out of one of a user's sessions. It refuses nobody: whoever watches a session of theirs looks
    /// if it was that one.
    pub(crate) fn sign_out(user: &UserId) -> Result<Self, Error> {
        Self::of(MarkKind::SignOut, user.as_str())
    }

    /// A sign-out of all of a user's sessions, as long as Descope may not know of it. It refuses no session:
    /// no replica renews one by a refresh token that was issued before.
    pub(super) fn everywhere(user: &UserId) -> Result<Self, Error> {
        Self::of(MarkKind::Everywhere, user.as_str())
    }

    /// Descope has confirmed that one, which is over by this.
    pub(super) fn everywhere_confirmed(user: &UserId) -> Result<Self, Error> {
        Self::of(MarkKind::EverywhereConfirmed, user.as_str())
    }

    /// The user has signed in since that one, which is over by this.
    pub(super) fn signed_in_again(user: &UserId) -> Result<Self, Error> {
        Self::of(MarkKind::SignedInAgain, user.as_str())
    }

    fn of(kind: MarkKind, text: &str) -> Result<Self, Error> {
        let id = Digest::of(text)?.first_half();
        Ok(Self { kind, id })
    }

    pub(super) fn kind(self) -> MarkKind {
        self.kind
    }

    /// The number that it is found by. Of an even distribution, since it is a digest's.
    pub(super) fn key(self) -> u64 {
        let beginning = self
            .id
            .first_chunk()
            .map_or(0, |it| u64::from_le_bytes(*it));
        // Of another kind it is another one.
        beginning ^ u64::from(self.kind as u8)
    }

    #[cfg(any(feature = "redis", test))]
    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [self.kind as u8; Self::BYTES];
        if let Some((_, id)) = bytes.split_first_mut() {
            id.copy_from_slice(&self.id);
        }
        bytes
    }

    /// Reads [`to_bytes`](Self::to_bytes) again; `None` for a kind that a newer version knows.
    #[cfg(any(feature = "redis", test))]
    pub(crate) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let (kind, id) = bytes.split_first_chunk::<1>()?;
        let kind = match kind {
            b"u" => MarkKind::User,
            b"s" => MarkKind::Session,
            b"t" => MarkKind::Tenant,
            b"e" => MarkKind::Everybody,
            b"o" => MarkKind::SignOut,
            b"w" => MarkKind::Everywhere,
            b"c" => MarkKind::EverywhereConfirmed,
            b"i" => MarkKind::SignedInAgain,
            _ => return None,
        };
        let id = *id.first_chunk()?;
        Some(Self { kind, id })
    }
}

impl MarkKind {
    /// Its name in the log and in counters.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Session => "session_token",
            Self::Tenant => "tenant",
            Self::Everybody => "everybody",
            Self::SignOut => "sign_out",
            Self::Everywhere | Self::EverywhereConfirmed | Self::SignedInAgain => {
                "sign_out_everywhere"
            }
        }
    }
}

/// The numbers by which marks on a session are found. They are kept with it, since each request asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MarkKeys {
    pub(super) user: u64,
    pub(super) session: u64,
}

impl MarkKeys {
    pub(crate) fn new(user: &UserId, payload: &str) -> Self {
        // Without a crypto backend no token is verified.
        let key = |name: Result<MarkName, Error>| name.map_or(0, MarkName::key);
        Self {
            user: key(MarkName::user(user.as_str())),
            session: key(MarkName::session(payload)),
        }
    }

    /// The number of a sign-out everywhere of the user.
    #[inline]
    pub(super) fn everywhere(self) -> u64 {
        const OTHER: u64 = (MarkKind::User as u8 ^ MarkKind::Everywhere as u8) as u64;
        self.user ^ OTHER
    }
}

/// A session, for the question whether a mark is about it.
pub(crate) trait Subject {
    fn keys(&self) -> MarkKeys;

    /// When it was issued, in seconds since the Unix epoch.
    fn issued(&self) -> Option<f64>;

    fn user(&self) -> &UserId;

    fn payload(&self) -> &str;

    /// The number of marks after which none was about it, of those that were noted up to then.
    fn cleared_of(&self) -> u64;

    fn note_cleared_of(&self, number: u64);

    /// Calls `visit` with each tenant that it is in or lists, until that returns `true`.
    fn any_tenant(&self, visit: &mut dyn FnMut(&str) -> bool) -> bool;
}

/// Returns `true` if a session that was issued then is refused by a mark with this cut; without a time,
/// by any.
#[inline]
pub(super) fn is_cut(issued: Option<f64>, cut: u32) -> bool {
    // All of the second counts: a token's time is in whole seconds as a rule.
    cut > 0 && issued.is_none_or(|issued| issued < f64::from(cut) + 1.0)
}
