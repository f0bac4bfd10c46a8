//! Identifiers that must not be mixed up: tenants and users.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize, Serializer};

use crate::error::{Error, ErrorKind};

/// The longest id, in bytes.
const MAX_ID: usize = 256;

/// The id of a tenant: 1 to 256 bytes, no control characters, not only white space.
///
/// Opaque and compared byte for byte, case-sensitively, as Descope does. A `TenantId` proves no
/// membership; only an [`ActiveTenant`](crate::ActiveTenant) does. Cheap to clone.
///
/// A text of a form or a configuration can be deserialised into one, and is checked then.
///
/// In SQL it is a text: bind [`as_str`](Self::as_str), with `sqlx` by
/// `query("select name from projects where tenant = $1").bind(tenant.id().as_str())`, with `rusqlite`
/// by `statement.query_map([tenant.id().as_str()], …)`. Read back with [`new`](Self::new).
///
/// ```
/// use tower_descope::TenantId;
///
/// let acme = TenantId::new("T2acme")?;
/// assert_eq!(acme, "T2acme");
/// assert_eq!("T2acme".parse::<TenantId>()?, acme);
/// assert!(TenantId::new("").is_err());
/// assert!(TenantId::new("T2\r\nacme").is_err());
/// # Ok::<(), tower_descope::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct TenantId(Arc<str>);

/// The id of a user: Descope's own (`dsub`, where the project's JWT template overrides the
/// subject), else the token's `sub`. For a session made from an access key, the key's id. 1 to 256
/// bytes, no control characters, not only white space.
///
/// Opaque and compared byte for byte. A `UserId` proves nothing; only a
/// [`Session`](crate::Session) does. Cheap to clone. In SQL it is a text, as a
/// [`TenantId`] is: bind [`as_str`](Self::as_str). One that was stored can be read back, by
/// [`new`](Self::new) or by deserialising it, and is checked then.
///
/// ```
/// use tower_descope::UserId;
///
/// let ann = UserId::new("U2ann")?;
/// assert_eq!(ann, "U2ann");
/// assert!(UserId::new("U2\u{1b}[2Jann").is_err());
/// # Ok::<(), tower_descope::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct UserId(Arc<str>);

/// The inherent functions of both ids. Their rule is one: an id is written into logs, headers and
/// queries, where a control character could forge a line.
macro_rules! checked_id {
    ($id:ident, $noun:literal, $kind:ident) => {
        impl $id {
            #[doc = concat!("Checks and wraps a ", $noun, " id.")]
            ///
            /// # Errors
            ///
            #[doc = concat!("[`ErrorKind::", stringify!($kind), "`] if the text is empty, longer than")]
            /// 256 bytes, only white space, or has a control character in it.
            pub fn new(id: impl Into<String>) -> Result<Self, Error> {
                let id = id.into();
                match Self::check(&id) {
                    Ok(()) => Ok(Self(id.into())),
                    Err(why) => Err(Error::new(ErrorKind::$kind, why)),
                }
            }

            /// As [`new`](Self::new), without an error to allocate: for ids in claims and answers.
            pub(crate) fn from_claim(id: &str) -> Option<Self> {
                Self::check(id).ok().map(|()| Self(id.into()))
            }

            fn check(id: &str) -> Result<(), &'static str> {
                if id.len() > MAX_ID {
                    Err(concat!("a ", $noun, " id has at most 256 bytes"))
                } else if id.chars().all(char::is_whitespace) {
                    Err(concat!("a ", $noun, " id is not empty and not only white space"))
                } else if id.chars().any(char::is_control) {
                    Err(concat!("a ", $noun, " id has no control characters"))
                } else {
                    Ok(())
                }
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

checked_id!(TenantId, "tenant", InvalidTenantId);
checked_id!(UserId, "user", InvalidUserId);

/// The traits of both ids: they are read with a check, and show, compare and serialise as their
/// text.
macro_rules! text_id {
    ($id:ident) => {
        impl FromStr for $id {
            type Err = Error;

            fn from_str(id: &str) -> Result<Self, Error> {
                Self::new(id)
            }
        }

        impl TryFrom<String> for $id {
            type Error = Error;

            fn try_from(id: String) -> Result<Self, Error> {
                Self::new(id)
            }
        }

        impl TryFrom<&str> for $id {
            type Error = Error;

            fn try_from(id: &str) -> Result<Self, Error> {
                Self::new(id)
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($id)).field(&&*self.0).finish()
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $id {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $id {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $id {
            fn eq(&self, other: &str) -> bool {
                *self.0 == *other
            }
        }

        impl PartialEq<&str> for $id {
            fn eq(&self, other: &&str) -> bool {
                *self.0 == **other
            }
        }

        impl PartialEq<String> for $id {
            fn eq(&self, other: &String) -> bool {
                *self.0 == **other
            }
        }

        impl PartialEq<$id> for str {
            fn eq(&self, other: &$id) -> bool {
                *self == *other.0
            }
        }

        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

text_id!(TenantId);
text_id!(UserId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_id_refuses_what_would_hurt_a_log_a_header_or_a_query() {
        for bad in ["", " ", "\t", "a\r\nb", "a\0b", "\u{85}x", &"x".repeat(257)] {
            let error = TenantId::new(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidTenantId, "{bad:?}");
            assert!(TenantId::from_claim(bad).is_none());
        }
        for good in ["T2acme", "acme corp", "früh", "a/b?c=d", &"x".repeat(256)] {
            assert_eq!(TenantId::new(good).unwrap(), *good);
        }
    }

    #[test]
    fn a_user_id_refuses_the_same() {
        for bad in [
            "",
            " ",
            "a\r\nb",
            "a\u{1b}[2Jb",
            "\u{85}x",
            &"x".repeat(257),
        ] {
            let error = UserId::new(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUserId, "{bad:?}");
            assert!(error.to_string().starts_with("a user id "), "{error}");
            assert!(UserId::from_claim(bad).is_none());
            let read = serde_json::from_value::<UserId>(bad.into());
            assert!(read.is_err(), "{bad:?}");
        }
        for good in ["U2ann", "ann@acme.test", "früh", &"x".repeat(256)] {
            assert_eq!(UserId::new(good).unwrap(), *good);
            assert_eq!(good.parse::<UserId>().unwrap(), *good);
        }
    }

    #[test]
    fn a_tenant_id_is_checked_wherever_it_comes_from() {
        let acme = TenantId::new("T2acme").unwrap();
        assert_eq!("T2acme".parse::<TenantId>().unwrap(), acme);
        assert_eq!(TenantId::try_from("T2acme").unwrap(), acme);
        assert_eq!(TenantId::try_from("T2acme".to_owned()).unwrap(), acme);
        let read: TenantId = serde_json::from_str(r#""T2acme""#).unwrap();
        assert_eq!(read, "T2acme".to_owned());
        assert_eq!(*"T2acme", read);
        assert!("\t".parse::<TenantId>().is_err());
        assert!(TenantId::try_from("").is_err());
        assert!(TenantId::try_from("x".repeat(257)).is_err());
        let error = serde_json::from_str::<TenantId>(r#""a\r\nb""#).unwrap_err();
        assert!(error.to_string().contains("control characters"), "{error}");
    }

    #[test]
    fn ids_show_and_serialise_as_their_text() {
        let id = TenantId::new("T1").unwrap();
        assert_eq!(id.to_string(), "T1");
        assert_eq!(format!("{id:?}"), r#"TenantId("T1")"#);
        assert_eq!(serde_json::to_string(&id).unwrap(), r#""T1""#);
    }
}
