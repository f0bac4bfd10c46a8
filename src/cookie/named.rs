//! A cookie of the application's own.

use std::ops::ControlFlow;

use http::HeaderMap;

use super::{names::NameSet, read::fields};
use crate::rejection::Rejection;

/// The name of a cookie that is none of a session's.
#[derive(Debug)]
pub(crate) struct NamedCookie(NameSet);

/// The values of one name in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CookieValue<'h> {
    Absent,
    /// One, as often as it may have come.
    One(&'h [u8]),
    /// Several that differ: which of them counts nobody can tell.
    Several,
}

impl NamedCookie {
    pub(crate) fn new(name: &str) -> Self {
        Self(NameSet::new([name]))
    }

    /// The value that a request has under the name.
    ///
    /// # Errors
    ///
    /// [`RejectionKind::HeadersTooLarge`](crate::RejectionKind::HeadersTooLarge) for fields that are
    /// longer than any that are read.
    pub(crate) fn value<'h>(&self, headers: &'h HeaderMap) -> Result<CookieValue<'h>, Rejection> {
        let mut found = CookieValue::Absent;
        for field in fields(headers)? {
            let _ = self.0.each_in(field, |_, value| {
                found = match found {
                    CookieValue::Absent => CookieValue::One(value),
                    CookieValue::One(first) if first == value => found,
                    CookieValue::One(_) | CookieValue::Several => CookieValue::Several,
                };
                ControlFlow::Continue(())
            });
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    #[test]
    fn equal_values_are_one_and_different_ones_are_several() {
        let cookie = NamedCookie::new("tenant");
        for (fields, expected) in [
            (&["a=1; b=2"][..], CookieValue::Absent),
            (&["xtenant=T1; tenantx=T2"], CookieValue::Absent),
            (&["a=1; tenant=T1"], CookieValue::One(b"T1")),
            (
                &["tenant=T1; tenant=T1", "tenant=T1"],
                CookieValue::One(b"T1"),
            ),
            (&["tenant=T1", "tenant=T2"], CookieValue::Several),
            (&["tenant=T1; tenant=T2; tenant=T1"], CookieValue::Several),
            (&["tenant="], CookieValue::One(b"")),
        ] {
            let headers: HeaderMap = fields
                .iter()
                .map(|field| (header::COOKIE, HeaderValue::from_static(field)))
                .collect();
            assert_eq!(cookie.value(&headers), Ok(expected), "{fields:?}");
        }
    }
}
