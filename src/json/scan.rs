//! The scanner: passes over JSON once, without recursion and without allocating.

use super::{
    Fault, NOT_JSON, TOO_DEEP,
    bytes::{after_ordinary, after_space, run},
    quoted::{Quoted, UNICODE_ESCAPE, hex4, unicode_escapes},
};
use crate::steps;

/// How deep arrays and objects may nest; what is accepted can also be read by `serde_json`, whose
/// own limit is the same.
const MAX_DEPTH: u32 = 127;

/// A place in a JSON text.
pub(crate) struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// True if a number was met that may be too large for an `f64`.
    has_large_number: bool,
}

/// A mark in a text that is being scanned.
#[derive(Clone, Copy)]
pub(crate) struct Place(usize);

impl<'a> Scan<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            has_large_number: false,
        }
    }

    /// The value's first byte, which tells its type.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The place, for [`since`](Self::since).
    pub(crate) fn place(&self) -> Place {
        Place(self.at)
    }

    /// Returns `true` if a number was met that may be too large for an `f64`, which is well-formed all the
    /// same.
    pub(crate) fn has_large_number(&self) -> bool {
        self.has_large_number
    }

    /// The text between an earlier place and this one.
    pub(crate) fn since(&self, place: Place) -> &'a str {
        self.text.get(place.0..self.at).unwrap_or_default()
    }

    /// The whole text as one object: calls `visit` at each value, which it must pass over.
    pub(crate) fn document(
        &mut self,
        visit: impl FnMut(&mut Self, Quoted<'a>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.space();
        self.object(visit)?;
        self.space();
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(NOT_JSON)
        }
    }

    /// An object: calls `visit` with each name at its value, which it must pass over.
    #[inline]
    pub(crate) fn object(
        &mut self,
        mut visit: impl FnMut(&mut Self, Quoted<'a>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.expect(b'{')?;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            let name = self.string()?;
            self.space();
            self.expect(b':')?;
            self.space();
            visit(self, name)?;
            self.space();
            match self.next() {
                Some(b',') => self.space(),
                Some(b'}') => return Ok(()),
                _ => return Err(NOT_JSON),
            }
        }
    }

    /// An array: calls `visit` at each element, which it must pass over.
    #[inline]
    pub(crate) fn array(
        &mut self,
        mut visit: impl FnMut(&mut Self) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.expect(b'[')?;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            visit(self)?;
            self.space();
            match self.next() {
                Some(b',') => self.space(),
                Some(b']') => return Ok(()),
                _ => return Err(NOT_JSON),
            }
        }
    }

    /// Any value, `base` levels below the outermost; returns its text.
    ///
    /// Without recursion: which of the open levels are objects is a bit each.
    pub(crate) fn value(&mut self, base: u32) -> Result<&'a str, Fault> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        // A variable of its own, which stays in a register.
        let mut at = self.at;
        let mut objects = 0_u128;
        let mut depth = base;
        loop {
            match bytes.get(at).ok_or(NOT_JSON)? {
                // Empty ones are a hostile text's, which has many: neither opened nor closed.
                b'[' | b'{' if matches!(bytes.get(at..at + 2), Some(b"[]" | b"{}")) => {
                    if depth >= MAX_DEPTH {
                        return Err(TOO_DEEP);
                    }
                    at += 2;
                }
                b'[' => {
                    // As many as open here, which is one as a rule, together.
                    let opened = if bytes.get(at + 1) == Some(&b'[') {
                        run(bytes, at, b'[', usize::MAX)
                    } else {
                        1
                    };
                    at += opened;
                    let deeper = u32::try_from(opened).map_err(|_| TOO_DEEP)?;
                    depth = deeper.saturating_add(depth);
                    if depth > MAX_DEPTH {
                        return Err(TOO_DEEP);
                    }
                    objects <<= deeper;
                    at = after_space(bytes, at);
                    if bytes.get(at) != Some(&b']') {
                        continue;
                    }
                }
                b'{' => {
                    depth += 1;
                    if depth > MAX_DEPTH {
                        return Err(TOO_DEEP);
                    }
                    objects = objects << 1 | 1;
                    at = after_space(bytes, at + 1);
                    if bytes.get(at) != Some(&b'}') {
                        at = name(bytes, at)?;
                        continue;
                    }
                }
                b'"' => at = string(bytes, at + 1)?.end,
                b't' => at = literal(bytes, at, b"true")?,
                b'f' => at = literal(bytes, at, b"false")?,
                b'n' => at = literal(bytes, at, b"null")?,
                _ => {
                    let number = number(bytes, at)?;
                    self.has_large_number |= number.may_be_large;
                    at = number.end;
                }
            }
            // One value is behind us; close what closes.
            loop {
                if bytes.get(at) == Some(&b']') && bytes.get(at + 1) == Some(&b']') {
                    let arrays = objects.trailing_zeros().min(depth - base);
                    let closed = run(bytes, at, b']', arrays as usize);
                    at += closed;
                    depth -= u32::try_from(closed).unwrap_or_default();
                    objects >>= closed;
                }
                if depth == base {
                    self.at = at;
                    steps::count(at - start);
                    return self.text.get(start..at).ok_or(NOT_JSON);
                }
                at = after_space(bytes, at);
                let object = objects & 1 == 1;
                let next = bytes.get(at);
                at += 1;
                match next {
                    Some(b',') => {
                        at = after_space(bytes, at);
                        if object {
                            at = name(bytes, at)?;
                        }
                        break;
                    }
                    Some(b'}') if object => {}
                    Some(b']') if !object => {}
                    _ => return Err(NOT_JSON),
                }
                objects >>= 1;
                depth -= 1;
            }
        }
    }

    /// A string.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Quoted<'a>, Fault> {
        self.expect(b'"')?;
        let start = self.at;
        let Passed { end, escapes } = string(self.text.as_bytes(), start)?;
        self.at = end;
        let inner = self.text.get(start..end - 1).ok_or(NOT_JSON)?;
        Ok(Quoted { inner, escapes })
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        self.at = after(self.text.as_bytes(), self.at, byte)?;
        Ok(())
    }

    fn space(&mut self) {
        self.at = after_space(self.text.as_bytes(), self.at);
    }
}

/// A string that was passed over.
struct Passed {
    /// The place behind its closing quote.
    end: usize,
    escapes: usize,
}

/// A number that was passed over.
struct Number {
    end: usize,
    /// True if it may be too large for an `f64`.
    may_be_large: bool,
}

// Functions of a text and a place, so that the place stays in a register. Each returns the place behind
// what it is about.

/// The rest of a string, from behind its opening quote.
#[inline]
fn string(bytes: &[u8], start: usize) -> Result<Passed, Fault> {
    let mut at = start;
    let mut escapes = 0;
    loop {
        at = after_ordinary(bytes, at);
        match bytes.get(at) {
            Some(b'"') => break,
            Some(b'\\') => {
                // One after the other is hostile as a rule, and should cost no more for it.
                let run = unicode_escapes(bytes.get(at..).unwrap_or_default());
                if run == 0 {
                    escapes += 1;
                    at = escape(bytes, at + 1)?;
                } else {
                    escapes += run;
                    at += run * UNICODE_ESCAPE;
                }
            }
            _ => return Err(NOT_JSON),
        }
    }
    let end = at + 1;
    steps::count(end - start);
    Ok(Passed { end, escapes })
}

/// A member's name and colon, up to its value.
#[inline]
fn name(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    let end = string(bytes, after(bytes, at, b'"')?)?.end;
    let at = after(bytes, after_space(bytes, end), b':')?;
    Ok(after_space(bytes, at))
}

/// An escape, from behind its backslash.
fn escape(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    match bytes.get(at).ok_or(NOT_JSON)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(at + 1),
        b'u' => match digits_of_escape(bytes, at + 1)? {
            0xd800..=0xdbff => {
                let at = after(bytes, after(bytes, at + 5, b'\\')?, b'u')?;
                match digits_of_escape(bytes, at)? {
                    0xdc00..=0xdfff => Ok(at + 4),
                    _ => Err(NOT_JSON),
                }
            }
            0xdc00..=0xdfff => Err(NOT_JSON),
            _ => Ok(at + 5),
        },
        _ => Err(NOT_JSON),
    }
}

fn digits_of_escape(bytes: &[u8], at: usize) -> Result<u32, Fault> {
    let digits = bytes.get(at..).and_then(<[u8]>::first_chunk);
    hex4(*digits.ok_or(NOT_JSON)?).ok_or(NOT_JSON)
}

fn literal(bytes: &[u8], at: usize, word: &[u8]) -> Result<usize, Fault> {
    let end = at + word.len();
    if bytes.get(at..end) == Some(word) {
        Ok(end)
    } else {
        Err(NOT_JSON)
    }
}

#[inline]
fn number(bytes: &[u8], start: usize) -> Result<Number, Fault> {
    /// No more digits than these are too large only with an exponent.
    const DIGITS: usize = 300;
    let mut at = start;
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    at = match bytes.get(at) {
        Some(b'0') => at + 1,
        Some(b'1'..=b'9') => after_digits(bytes, at + 1),
        _ => return Err(NOT_JSON),
    };
    if bytes.get(at) == Some(&b'.') {
        at = after_some_digits(bytes, at + 1)?;
    }
    let mut may_be_large = at - start > DIGITS;
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        may_be_large = true;
        at += 1;
        if matches!(bytes.get(at), Some(b'+' | b'-')) {
            at += 1;
        }
        at = after_some_digits(bytes, at)?;
    }
    let end = at;
    Ok(Number { end, may_be_large })
}

fn after_some_digits(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    if !matches!(bytes.get(at), Some(b'0'..=b'9')) {
        return Err(NOT_JSON);
    }
    Ok(after_digits(bytes, at))
}

#[inline]
fn after_digits(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b'0'..=b'9')) {
        at += 1;
    }
    at
}

/// The place behind a byte that has to stand here.
#[inline]
fn after(bytes: &[u8], at: usize, byte: u8) -> Result<usize, Fault> {
    if bytes.get(at) == Some(&byte) {
        Ok(at + 1)
    } else {
        Err(NOT_JSON)
    }
}
