//! Reading the `Cookie` fields of a request.
//!
//! No cookie library does it, because several cookies of one name must stay several: which of them
//! counts is decided by verifying their tokens, never by position.

use std::{ops::ControlFlow, str, sync::OnceLock};

use http::{HeaderMap, HeaderValue, header};
use smallvec::SmallVec;

use super::{
    names::NameSet,
    remembered::REMEMBERED,
    settings::SessionCookies,
    slot::{CookieKind, CookieSlot},
    unread::{UnreadCookie, UnreadNames},
};
use crate::{
    digest::Digest,
    rejection::{Rejection, RejectionKind},
};

/// The most that is read of a request's `Cookie` fields, in bytes of their values in sum. A browser's
/// whole jar for a site is shorter as a rule, and no server takes as much unless it is told to.
const MAX_FIELDS: usize = 64 * 1024;

/// Reads the cookies of requests: the one place that looks into their `Cookie` fields.
#[derive(Debug)]
pub(crate) struct CookieReader {
    names: NameSet,
    /// The slots of the names, in their order.
    slots: Box<[CookieSlot]>,
    unread: UnreadNames,
    /// The name of the cookie that says "stay signed in", where that is chosen at sign-in.
    remembered: Option<NameSet>,
}

/// The values that a request has under the configured names, in the order in which they came,
/// whatever their bytes.
pub(crate) struct CookieBytes<'h> {
    values: Values<&'h [u8]>,
}

/// The values that a request has under the configured names, in the order in which they came. Bytes
/// that are no text never are a token, and are left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct PresentedCookies<'h> {
    values: Values<&'h str>,
    /// The digest of the first refresh token, which is the only one as a rule.
    digest: OnceLock<Option<Digest>>,
}

type Values<T> = SmallVec<[(CookieSlot, T); 4]>;

impl CookieReader {
    pub(crate) fn new(cookies: &SessionCookies) -> Self {
        Self {
            names: NameSet::new(cookies.slots().map(|(_, name)| name)),
            slots: cookies.slots().map(|(slot, _)| slot).collect(),
            unread: UnreadNames::new(cookies),
            remembered: cookies
                .remembered_name()
                .map(|name| NameSet::new([name.as_str()])),
        }
    }

    /// The values that a request has under all configured names, read in one pass.
    ///
    /// # Errors
    ///
    /// [`RejectionKind::HeadersTooLarge`] for fields that are longer than any that are read; nothing
    /// of them has been read then.
    #[inline]
    pub(crate) fn bytes<'h>(&self, headers: &'h HeaderMap) -> Result<CookieBytes<'h>, Rejection> {
        fields(headers).map(|fields| self.read(fields))
    }

    /// The same as texts.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes).
    pub(crate) fn presented<'h>(
        &self,
        headers: &'h HeaderMap,
    ) -> Result<PresentedCookies<'h>, Rejection> {
        Ok(self.bytes(headers)?.texts())
    }

    /// The values in as many of the fields as are read, beginning with the first: for a sign-out, which
    /// no other cookie may stop. The rest is not looked at.
    pub(crate) fn presented_at_first<'h>(&self, headers: &'h HeaderMap) -> PresentedCookies<'h> {
        self.read(first_fields(headers)).texts()
    }

    /// Returns `true` if a request has a refresh cookie, whatever its value; `false` where there is
    /// more than is read.
    pub(crate) fn has_refresh_cookie(&self, headers: &HeaderMap) -> bool {
        self.presented(headers).is_ok_and(|it| it.has_refresh())
    }

    /// Returns `true` if a request has the cookie that says "stay signed in"; `false` where there is
    /// more than is read.
    pub(crate) fn is_remembered(&self, headers: &HeaderMap) -> bool {
        let (Some(name), Ok(fields)) = (&self.remembered, fields(headers)) else {
            return false;
        };
        let mut found = false;
        for field in fields {
            let _ = name.each_in(field, |_, value| {
                found |= value == REMEMBERED.as_bytes();
                ControlFlow::Continue(())
            });
        }
        found
    }

    /// The first cookie with a token, as `is_token` says, that is not read because of its name or its
    /// form; `None` too where there is more than is read.
    pub(crate) fn unread(
        &self,
        headers: &HeaderMap,
        is_token: impl Fn(&str) -> bool,
    ) -> Option<UnreadCookie> {
        self.unread.first_in(fields(headers).ok()?, is_token)
    }

    #[inline]
    fn read<'h>(&self, fields: impl Iterator<Item = &'h [u8]>) -> CookieBytes<'h> {
        let mut values = Values::new();
        for field in fields {
            let _ = self.names.each_in(field, |name, value| {
                if could_be_token(value)
                    && let Some(slot) = self.slots.get(name)
                {
                    values.push((*slot, value));
                }
                ControlFlow::Continue(())
            });
        }
        CookieBytes { values }
    }
}

impl<'h> CookieBytes<'h> {
    /// Returns `true` if there is none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The one value of a slot, as often as it may have come.
    #[inline]
    pub(crate) fn only(&self, slot: CookieSlot) -> Option<&'h [u8]> {
        let mut values = self.values.iter().filter(|(of, _)| *of == slot);
        let (_, first) = values.next()?;
        values.all(|(_, other)| other == first).then_some(first)
    }

    /// The values that are texts.
    pub(crate) fn texts(self) -> PresentedCookies<'h> {
        let values = self.values.into_iter();
        let texts = values.filter_map(|(slot, value)| Some((slot, str::from_utf8(value).ok()?)));
        PresentedCookies {
            values: texts.collect(),
            digest: OnceLock::new(),
        }
    }
}

impl<'h> PresentedCookies<'h> {
    /// Returns `true` if there is a refresh cookie, whatever its value.
    pub(crate) fn has_refresh(&self) -> bool {
        self.of_kind(CookieKind::Refresh).next().is_some()
    }

    /// The value of the refresh cookie where there are two cookies, that one and one of a session.
    pub(crate) fn refresh_beside_session(&self) -> Option<&'h str> {
        match *self.values {
            [(one, _), (other, refresh)] | [(other, refresh), (one, _)]
                if other.kind == CookieKind::Refresh && one.kind == CookieKind::Session =>
            {
                Some(refresh)
            }
            _ => None,
        }
    }

    /// The digest of a refresh token that is among the values, made once; `None` without a crypto
    /// backend.
    pub(crate) fn digest(&self, refresh: &str) -> Option<Digest> {
        let digest = || Digest::of(refresh).ok();
        match self.of_kind(CookieKind::Refresh).next() {
            Some((_, first)) if first == refresh => *self.digest.get_or_init(digest),
            _ => digest(),
        }
    }

    /// The values of one slot.
    pub(crate) fn values(&self, slot: CookieSlot) -> impl Iterator<Item = &'h str> {
        let values = self.values.iter();
        values.filter_map(move |(of, value)| (*of == slot).then_some(*value))
    }

    /// The values of one kind, each with its slot.
    pub(crate) fn of_kind(&self, kind: CookieKind) -> impl Iterator<Item = (CookieSlot, &'h str)> {
        self.values
            .iter()
            .copied()
            .filter(move |(slot, _)| slot.kind == kind)
    }
}

/// Returns the request's `Cookie` fields and nothing else.
pub(crate) fn cookie_fields(headers: &HeaderMap) -> HeaderMap {
    let fields = headers.get_all(header::COOKIE).iter();
    fields
        .map(|field| (header::COOKIE, field.clone()))
        .collect()
}

/// The fields of a request, if they are not longer than what is read.
#[inline]
pub(super) fn fields(headers: &HeaderMap) -> Result<impl Iterator<Item = &[u8]>, Rejection> {
    let fields = headers.get_all(header::COOKIE);
    if fields.iter().map(HeaderValue::len).sum::<usize>() > MAX_FIELDS {
        return Err(Rejection::because(
            RejectionKind::HeadersTooLarge,
            "cookie_fields_too_long",
        ));
    }
    Ok(fields.into_iter().map(HeaderValue::as_bytes))
}

/// The first cookies of a request, as many as are read. Over HTTP/1.1 a browser sends all of them in one
/// field.
fn first_fields(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let fields = headers.get_all(header::COOKIE).iter();
    let mut room = MAX_FIELDS;
    fields.map(HeaderValue::as_bytes).map_while(move |field| {
        let Some((read, [_, ..])) = field.split_at_checked(room) else {
            room -= field.len();
            return Some(field);
        };
        room = 0;
        // The cookie at which it is cut off is no whole one.
        let end = read.iter().rposition(|&byte| byte == b';')?;
        read.get(..end)
    })
}

/// Returns `true` if a value could hold a token: it is not empty, and not quoted (tokens never are).
fn could_be_token(value: &[u8]) -> bool {
    !matches!(value, [] | [b'"', ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[&[u8]]) -> HeaderMap {
        fields
            .iter()
            .map(|field| (header::COOKIE, HeaderValue::from_bytes(field).unwrap()))
            .collect()
    }

    /// The values by pair: those of the session cookie, then those of the refresh cookie.
    fn read(fields: &[&[u8]]) -> String {
        let cookies = SessionCookies::host_prefixed();
        let headers = headers(fields);
        let presented = CookieReader::new(&cookies).presented(&headers).unwrap();
        let mut read = Vec::new();
        for (slot, _) in cookies.slots() {
            let values: Vec<_> = presented.values(slot).collect();
            read.push(values.join(","));
        }
        read.join(" ")
    }

    #[test]
    fn each_name_has_its_own_values() {
        assert_eq!(read(&[b"DS=old; __Host-DS=new"]), "new  old ");
        assert_eq!(read(&[b"DS=old; __Host-DS="]), "  old ");
        assert_eq!(read(&[b"DS=old; __Host-DS=\"\""]), "  old ");
        assert_eq!(read(&[b"DSR=r; __Host-DSR=q"]), " q  r");
    }

    #[test]
    fn several_values_of_a_name_are_read_in_their_order() {
        assert_eq!(
            read(&[b"DS=a; DS=b; DS=a", b"DS=c; DSR=r; DS=b", b"DS=d"]),
            "  a,b,a,c,b,d r"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_no_value() {
        assert_eq!(read(&[b"DS=a.b.c\xff; DS=\xff"]), "   ");
        assert_eq!(read(&[b"\xff=1; DS=a.b.c; x=\xff"]), "  a.b.c ");
    }

    #[test]
    fn any_refresh_cookie_is_seen() {
        let cookies = CookieReader::new(&SessionCookies::host_prefixed());
        for (field, seen) in [
            (&b"DS=a; __Host-DS=b"[..], false),
            (b"DSR=", false),
            (b"DSR=a", true),
            (b"DS=a; __Host-DSR=b", true),
        ] {
            assert_eq!(cookies.has_refresh_cookie(&headers(&[field])), seen);
        }
    }

    #[test]
    fn a_thousand_cookies_are_read() {
        let mut field = "junk=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; ".repeat(1000);
        field.push_str("DS=a.b.c");
        assert_eq!(read(&[field.as_bytes()]), "  a.b.c ");
    }
}
