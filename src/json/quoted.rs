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

    /// Returns `true` if this is the string's value.
    pub(super) fn is(self, value: &str) -> bool {
        match self.plain() {
            Some(plain) => plain == value,
            None => self.unescaped().is_some_and(|text| text == value),
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
            // Those of a run, which is all that is hostile, without looking for another kind.
            for escape in rest.as_chunks().0 {
                text.push(match ascii(*escape) {
                    Some(byte) => char::from(byte),
                    None => match unicode_escape(*escape) {
                        Some(character) => character,
                        None => break,
                    },
                });
                at += UNICODE_ESCAPE;
            }
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
                // The first half of a pair, since it is none of those above.
                b'u' => {
                    let high = hex4(*rest.get(2..)?.first_chunk()?)?.checked_sub(0xd800)?;
                    let low = rest.get(6..)?.strip_prefix(b"\\u")?;
                    let low = hex4(*low.first_chunk()?)?.checked_sub(0xdc00)?;
                    at += 10;
                    char::from_u32(0x10000 + (high << 10) + low)?
                }
                itself => char::from(itself),
            });
        }
    }
}

/// The value of each byte as a hexadecimal digit. A look-up costs half of what ranges do.
#[expect(
    clippy::indexing_slicing,
    reason = "an index beyond the end would be an error of the compiler"
)]
static DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0_u8;
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        digits[digit as usize] = value;
        digits[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    digits
};

const NO_DIGIT: u8 = 0xff;

/// The length of `\uXXXX`.
pub(super) const UNICODE_ESCAPE: usize = 6;

/// How many of these escapes a text begins with, none of them half of a pair.
#[inline]
pub(super) fn unicode_escapes(bytes: &[u8]) -> usize {
    let escapes = bytes.as_chunks().0.iter();
    escapes
        .take_while(|escape| ascii(**escape).is_some() || unicode_escape(**escape).is_some())
        .count()
}

/// The character of an escape by its number, unless it is half of a pair.
#[inline]
fn unicode_escape(escape: [u8; UNICODE_ESCAPE]) -> Option<char> {
    match escape {
        [b'\\', b'u', a, b, c, d] => char::from_u32(hex4([a, b, c, d])?),
        _ => None,
    }
}

/// The byte of an escape of an ASCII character by its number. Such escapes need none but in a hostile
/// text, which is full of them: two digits are looked up, and not four.
#[inline]
fn ascii(escape: [u8; UNICODE_ESCAPE]) -> Option<u8> {
    let [b'\\', b'u', b'0', b'0', high, low] = escape else {
        return None;
    };
    let (high, low) = (digit(high), digit(low));
    (high < 8 && low < 16).then_some(high << 4 | low)
}

/// The value of a hexadecimal digit, 16 or more for any other byte.
#[inline]
fn digit(digit: u8) -> u8 {
    DIGITS.get(usize::from(digit)).copied().unwrap_or(NO_DIGIT)
}

/// The number that four hexadecimal digits stand for.
#[inline]
pub(super) fn hex4(digits: [u8; 4]) -> Option<u32> {
    let [a, b, c, d] = digits.map(digit);
    // Without a way out in between, so that there is one branch for all four.
    let code = [a, b, c, d]
        .iter()
        .fold(0, |code, &value| code << 4 | u32::from(value));
    ((a | b | c | d) < 16).then_some(code)
}
