//! Strings, and what their escapes stand for.

use std::borrow::Cow;

use memchr::memchr;

use crate::steps;

/// A string as it stands in the text, its escapes checked but not resolved.
#[derive(Clone, Copy)]
pub(crate) struct Quoted<'a> {
    /// The text between the quotes, as it stands.
    pub(super) inner: &'a str,
    /// How often something in it is escaped. A whole word, since strings are handed on a lot and
    /// words are moved faster than what is between them.
    pub(super) escapes: usize,
}

impl<'a> Quoted<'a> {
    /// A value's text as a string that was scanned before; `None` if it is no string.
    pub(super) fn scanned(value: &'a str) -> Option<Self> {
        let inner = value.strip_prefix('"')?.strip_suffix('"')?;
        Some(Self {
            inner,
            escapes: inner.matches('\\').count(),
        })
    }

    /// The text, if it stands for itself.
    #[inline]
    pub(crate) fn plain(self) -> Option<&'a str> {
        (self.escapes == 0).then_some(self.inner)
    }

    /// The string's value, its escapes resolved.
    #[inline]
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        match self.plain() {
            Some(plain) => Some(Cow::Borrowed(plain)),
            None => self.unescaped().map(Cow::Owned),
        }
    }

    #[cold]
    fn unescaped(self) -> Option<String> {
        let mut text = String::new();
        self.unescape_into(&mut text)?;
        Some(text)
    }

    /// Appends the string's value; `None` for escapes that a scan refuses.
    pub(crate) fn unescape_into(self, text: &mut String) -> Option<()> {
        // At most so long, since no escape is shorter than what it stands for.
        text.reserve(self.inner.len());
        steps::count(self.inner.len());
        let bytes = self.inner.as_bytes();
        let mut at = 0;
        loop {
            let rest = bytes.get(at..)?;
            let Some(b'\\') = rest.first() else {
                let len = memchr(b'\\', rest).unwrap_or(rest.len());
                text.push_str(self.inner.get(at..at + len)?);
                if len == rest.len() {
                    return Some(());
                }
                at += len;
                continue;
            };
            let kind = *rest.get(1)?;
            at += 2;
            text.push(match kind {
                b'b' => '\x08',
                b'f' => '\x0c',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'u' => {
                    let unit = hex4(*rest.get(2..)?.first_chunk()?)?;
                    at += 4;
                    let code = if (0xd800..0xdc00).contains(&unit) {
                        let low = rest.get(6..)?.strip_prefix(b"\\u")?;
                        let low = hex4(*low.first_chunk()?)?.checked_sub(0xdc00)?;
                        at += 6;
                        0x10000 + ((unit - 0xd800) << 10) + low
                    } else {
                        unit
                    };
                    char::from_u32(code)?
                }
                itself => char::from(itself),
            });
        }
    }
}

/// The number that four hexadecimal digits stand for.
#[inline]
pub(super) fn hex4(digits: [u8; 4]) -> Option<u32> {
    const OTHER: u8 = 0xff;
    // Without a way out in between, so that there is one branch for all four.
    let [a, b, c, d] = digits.map(|digit| match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => OTHER,
    });
    let code = [a, b, c, d]
        .iter()
        .fold(0, |code, &value| code << 4 | u32::from(value));
    ((a | b | c | d) < 16).then_some(code)
}
