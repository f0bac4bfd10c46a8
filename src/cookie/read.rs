//! Reading the `Cookie` fields of a request.
//!
//! No cookie library does it, because several cookies of one name must stay several: which of them
//! counts is decided by verifying their tokens, never by position.

use http::{HeaderMap, HeaderValue, header};
use memchr::memchr;
use smallvec::SmallVec;

use super::{
    settings::SessionCookies,
    slot::{CookieKind, CookieSlot},
};

/// The values that a request has under the configured names, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct PresentedCookies<'h> {
    values: SmallVec<[(CookieSlot, &'h str); 4]>,
}

impl SessionCookies {
    /// The values that a request has under the name of `slot`, in the order in which they came.
    pub(crate) fn values<'h>(
        &self,
        slot: CookieSlot,
        headers: &'h HeaderMap,
    ) -> impl Iterator<Item = &'h str> {
        let name = self.name(slot);
        fields(headers)
            .flat_map(pairs)
            .filter_map(move |pair| text_of(name?.as_bytes(), pair))
    }

    /// The values that a request has under all configured names, read in one pass.
    pub(crate) fn presented<'h>(&self, headers: &'h HeaderMap) -> PresentedCookies<'h> {
        let mut presented = PresentedCookies::default();
        for pair in fields(headers).flat_map(pairs) {
            for (slot, name) in self.slots() {
                if let Some(value) = text_of(name.as_bytes(), pair) {
                    presented.values.push((slot, value));
                }
            }
        }
        presented
    }

    /// Returns `true` if a request has a refresh cookie, whatever its value.
    pub(crate) fn has_refresh_cookie(&self, headers: &HeaderMap) -> bool {
        let mut slots = self
            .slots()
            .filter(|(slot, _)| slot.kind == CookieKind::Refresh);
        slots.any(|(slot, _)| self.values(slot, headers).next().is_some())
    }
}

impl<'h> PresentedCookies<'h> {
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

pub(super) fn fields(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let fields = headers.get_all(header::COOKIE).iter();
    fields.map(HeaderValue::as_bytes)
}

/// Splits a field at its semicolons.
pub(super) fn pairs(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(field);
    std::iter::from_fn(move || {
        let field = rest.take()?;
        Some(
            match memchr(b';', field).and_then(|end| field.split_at_checked(end)) {
                Some((pair, after)) => {
                    rest = after.get(1..);
                    pair
                }
                None => field,
            },
        )
    })
}

/// Returns the value of `pair` if it is a cookie called `name` that could hold a token. Bytes that
/// are no text never are a token.
fn text_of<'h>(name: &[u8], pair: &'h [u8]) -> Option<&'h str> {
    std::str::from_utf8(value_of(name, pair)?).ok()
}

/// Returns the value of `pair` if it is a cookie called `name` that could hold a token: not empty,
/// and not quoted (tokens never are). Nothing is decoded, and a `;` within quotes ends a pair (RFC
/// 6265bis section 5.7). White space before `=` makes another name; no browser sends it.
fn value_of<'h>(name: &[u8], pair: &'h [u8]) -> Option<&'h [u8]> {
    let value = pair
        .trim_ascii_start()
        .strip_prefix(name)?
        .strip_prefix(b"=")?
        .trim_ascii();
    (!value.is_empty() && !value.starts_with(b"\"")).then_some(value)
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
        let presented = cookies.presented(&headers);
        let mut read = Vec::new();
        for (slot, _) in cookies.slots() {
            let values: Vec<_> = presented.values(slot).collect();
            assert_eq!(values, cookies.values(slot, &headers).collect::<Vec<_>>());
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
        let cookies = SessionCookies::host_prefixed();
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
