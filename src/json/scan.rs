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
                        self.at = at;
                        self.name()?;
                        at = self.at;
                        continue;
                    }
                }
                first => {
                    self.at = at;
                    match first {
                        b'"' => {
                            self.string()?;
                        }
                        b't' => self.literal("true")?,
                        b'f' => self.literal("false")?,
                        b'n' => self.literal("null")?,
                        _ => self.number()?,
                    }
                    at = self.at;
                }
            }
            // One value is behind us; close what closes.
            loop {
                if bytes.get(at..at + 2) == Some(b"]]") {
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
                            self.at = at;
                            self.name()?;
                            at = self.at;
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
    pub(crate) fn string(&mut self) -> Result<Quoted<'a>, Fault> {
        self.expect(b'"')?;
        let start = self.at;
        let mut escapes = 0;
        loop {
            // One escape after the other is hostile as a rule, and should cost no more for it.
            let run = unicode_escapes(self.text.as_bytes().get(self.at..).unwrap_or_default());
            escapes += run;
            self.at += run * UNICODE_ESCAPE;
            if self.peek() != Some(b'\\') {
                self.at = after_ordinary(self.text.as_bytes(), self.at);
            }
            match self.next() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escapes += 1;
                    self.escape()?;
                }
                _ => return Err(NOT_JSON),
            }
        }
        steps::count(self.at - start);
        let inner = self.text.get(start..self.at - 1).ok_or(NOT_JSON)?;
        Ok(Quoted { inner, escapes })
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.next() == Some(byte) {
            Ok(())
        } else {
            Err(NOT_JSON)
        }
    }

    fn space(&mut self) {
        self.at = after_space(self.text.as_bytes(), self.at);
    }

    /// A member's name and colon, up to its value.
    fn name(&mut self) -> Result<(), Fault> {
        self.string()?;
        self.space();
        self.expect(b':')?;
        self.space();
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Fault> {
        match self.next().ok_or(NOT_JSON)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => match self.hex4()? {
                0xd800..=0xdbff => {
                    self.expect(b'\\')?;
                    self.expect(b'u')?;
                    match self.hex4()? {
                        0xdc00..=0xdfff => Ok(()),
                        _ => Err(NOT_JSON),
                    }
                }
                0xdc00..=0xdfff => Err(NOT_JSON),
                _ => Ok(()),
            },
            _ => Err(NOT_JSON),
        }
    }

    fn hex4(&mut self) -> Result<u32, Fault> {
        let digits = self.text.as_bytes().get(self.at..);
        let digits = digits.and_then(<[u8]>::first_chunk).ok_or(NOT_JSON)?;
        self.at += digits.len();
        hex4(*digits).ok_or(NOT_JSON)
    }

    fn literal(&mut self, word: &str) -> Result<(), Fault> {
        let end = self.at + word.len();
        if self.text.as_bytes().get(self.at..end) == Some(word.as_bytes()) {
            self.at = end;
            Ok(())
        } else {
            Err(NOT_JSON)
        }
    }

    fn number(&mut self) -> Result<(), Fault> {
        /// No more digits than these are too large only with an exponent.
        const DIGITS: usize = 300;
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.next() {
            Some(b'0') => {}
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(NOT_JSON),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if self.at - start > DIGITS {
            self.has_large_number = true;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.has_large_number = true;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Ok(())
    }

    fn some_digits(&mut self) -> Result<(), Fault> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(NOT_JSON);
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }
}
