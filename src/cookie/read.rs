//! Reading the `Cookie` fields of a request.
//!
//! No cookie library does it, because several cookies of one name must stay several: which of them
//! counts is decided by verifying their tokens, never by position.

use http::{HeaderMap, header};
use memchr::memchr;

use super::settings::{Names, SessionCookies};

/// The largest number of different values of one name that are verified.
const MAX_CANDIDATES: usize = 4;

/// The replacement for a value that is not UTF-8: it is present, but no token.
const UNREADABLE: &str = "\u{fffd}";

/// The values that a request has for one kind of cookie: those of the first configured name that is
/// present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Candidates<T> {
    /// No name is present with a non-empty value.
    None,
    /// One value; the usual case.
    One(T),
    /// Two to four different values, in the order in which they came.
    Several(Vec<T>),
    /// More than four different values. Such a request is refused, whatever they are.
    TooMany,
}

impl SessionCookies {
    /// The session tokens that the request's cookies present.
    pub(crate) fn session_candidates<'h>(&self, headers: &'h HeaderMap) -> Candidates<&'h str> {
        self.session.candidates(headers)
    }

    /// The refresh tokens that the request's cookies present.
    pub(crate) fn refresh_candidates<'h>(&self, headers: &'h HeaderMap) -> Candidates<&'h str> {
        self.refresh.candidates(headers)
    }
}

impl Names {
    fn candidates<'h>(&self, headers: &'h HeaderMap) -> Candidates<&'h str> {
        self.iter()
            .map(|name| named(name, headers))
            .find(|candidates| *candidates != Candidates::None)
            .unwrap_or(Candidates::None)
    }
}

impl<T: PartialEq> Candidates<T> {
    fn add(self, value: T) -> Self {
        match self {
            Self::None => Self::One(value),
            Self::One(first) if first == value => Self::One(first),
            Self::One(first) => Self::Several(vec![first, value]),
            Self::Several(values) if values.contains(&value) => Self::Several(values),
            Self::Several(values) if values.len() == MAX_CANDIDATES => Self::TooMany,
            Self::Several(mut values) => {
                values.push(value);
                Self::Several(values)
            }
            Self::TooMany => Self::TooMany,
        }
    }

    fn map<U>(self, read: impl Fn(T) -> U) -> Candidates<U> {
        match self {
            Self::None => Candidates::None,
            Self::One(value) => Candidates::One(read(value)),
            Self::Several(values) => Candidates::Several(values.into_iter().map(read).collect()),
            Self::TooMany => Candidates::TooMany,
        }
    }
}

/// The different values of the cookies called exactly `name`.
fn named<'h>(name: &str, headers: &'h HeaderMap) -> Candidates<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|field| pairs(field.as_bytes()))
        .filter_map(|pair| value_of(name.as_bytes(), pair))
        // Compared as bytes, so that two values that are no text stay two.
        .fold(Candidates::None, Candidates::add)
        .map(|value| std::str::from_utf8(value).unwrap_or(UNREADABLE))
}

/// Splits a field at its semicolons.
fn pairs(field: &[u8]) -> impl Iterator<Item = &[u8]> {
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
    use http::HeaderValue;

    use super::*;

    fn headers(fields: &[&[u8]]) -> HeaderMap {
        fields
            .iter()
            .map(|field| (header::COOKIE, HeaderValue::from_bytes(field).unwrap()))
            .collect()
    }

    fn session(fields: &[&[u8]]) -> String {
        let cookies = SessionCookies::host_prefixed();
        format!("{:?}", cookies.session_candidates(&headers(fields)))
    }

    #[test]
    fn the_first_name_that_is_present_decides() {
        assert_eq!(session(&[b"DS=old; __Host-DS=new"]), r#"One("new")"#);
        assert_eq!(session(&[b"DS=old; __Host-DS="]), r#"One("old")"#);
        assert_eq!(session(&[b"DS=old; __Host-DS=\"\""]), r#"One("old")"#);
        assert_eq!(session(&[b"DSR=r; __Host-DSR=r"]), "None");
    }

    #[test]
    fn session_and_refresh_do_not_mix() {
        let headers = headers(&[b"DS=s; DSR=r"]);
        let cookies = SessionCookies::new();
        assert_eq!(cookies.session_candidates(&headers), Candidates::One("s"));
        assert_eq!(cookies.refresh_candidates(&headers), Candidates::One("r"));
    }

    #[test]
    fn two_to_four_different_values_are_kept_and_a_fifth_is_too_many() {
        assert_eq!(
            session(&[b"DS=a; DS=b; DS=a", b"DS=c; DS=b", b"DS=d"]),
            r#"Several(["a", "b", "c", "d"])"#
        );
        assert_eq!(session(&[b"DS=a; DS=b; DS=c; DS=d; DS=e; DS=a"]), "TooMany");
    }

    #[test]
    fn bytes_that_are_no_text_are_present_but_never_a_part_of_a_token() {
        assert_eq!(session(&[b"DS=a.b.c\xff"]), "One(\"\u{fffd}\")");
        assert_eq!(session(&[b"\xff=1; DS=a.b.c; x=\xff"]), r#"One("a.b.c")"#);
    }

    #[test]
    fn values_that_are_no_text_are_told_apart() {
        assert_eq!(session(&[b"DS=\xff; DS=\xff"]), "One(\"\u{fffd}\")");
        let five = b"DS=\xff; DS=\xfe; DS=a; DS=b; DS=c";
        assert_eq!(session(&[five]), "TooMany");
    }

    #[test]
    fn a_thousand_cookies_are_read() {
        let mut field = "junk=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; ".repeat(1000);
        field.push_str("DS=a.b.c");
        assert_eq!(session(&[field.as_bytes()]), r#"One("a.b.c")"#);
    }
}
