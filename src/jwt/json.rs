//! One strict pass over a JSON object (RFC 8259) that bounds nesting and refuses duplicates.
//!
//! `serde_json` enforces neither where it matters here: it skips a member that nobody reads to any
//! depth, and leaves duplicates to each type. Two parsers that read one text differently are how
//! tokens are forged, so what this scanner accepts is exactly what `serde_json` accepts, less deep
//! nesting, lone surrogates and duplicate names.

use std::borrow::Cow;

/// How deep arrays and objects may nest; what is accepted can also be read by `serde_json`, whose
/// own limit is the same.
const MAX_DEPTH: u32 = 127;

/// Why a text is refused: a fixed text for the log.
pub(crate) type Fault = &'static str;

const NOT_JSON: Fault = "malformed_json";
const TOO_DEEP: Fault = "json_too_deep";
const DUPLICATE: Fault = "duplicate_member";

/// Names seen in one object; kept between objects to reuse its memory.
pub(crate) type Names<'a> = Vec<Cow<'a, str>>;

/// A member of an object.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a, 'n> {
    /// The name, unescaped.
    pub(crate) name: &'n str,
    /// The name as it stands, with its quotes.
    pub(crate) quoted_name: &'a str,
    /// The text of the value.
    pub(crate) value: &'a str,
}

/// Calls `visit` with each member, in order.
///
/// # Errors
///
/// The fault of a text that is not one JSON object, nests too deep or names a member twice
/// (names are compared after unescaping); or what `visit` returns.
pub(crate) fn members<'a>(
    text: &'a str,
    names: &mut Names<'a>,
    mut visit: impl FnMut(Member<'a, '_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    names.clear();
    let mut scan = Scan { text, at: 0 };
    scan.space();
    scan.expect(b'{')?;
    scan.space();
    if scan.peek() == Some(b'}') {
        scan.at += 1;
    } else {
        loop {
            let name_start = scan.at;
            let name = unescape(scan.string()?).ok_or(NOT_JSON)?;
            let quoted_name = text.get(name_start..scan.at).ok_or(NOT_JSON)?;
            scan.space();
            scan.expect(b':')?;
            scan.space();
            let start = scan.at;
            scan.value(1)?;
            let value = text.get(start..scan.at).ok_or(NOT_JSON)?;
            visit(Member {
                name: &name,
                quoted_name,
                value,
            })?;
            names.push(name);
            scan.space();
            match scan.next() {
                Some(b',') => scan.space(),
                Some(b'}') => break,
                _ => return Err(NOT_JSON),
            }
        }
    }
    scan.space();
    if scan.at != text.len() {
        return Err(NOT_JSON);
    }
    distinct(names)
}

/// Calls `visit` with the text of each element of a JSON array that was scanned before.
pub(crate) fn elements<'a>(
    text: &'a str,
    mut visit: impl FnMut(&'a str) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut scan = Scan { text, at: 0 };
    scan.expect(b'[')?;
    scan.space();
    if scan.peek() == Some(b']') {
        return Ok(());
    }
    loop {
        let start = scan.at;
        scan.value(1)?;
        visit(text.get(start..scan.at).ok_or(NOT_JSON)?)?;
        scan.space();
        match scan.next() {
            Some(b',') => scan.space(),
            Some(b']') => return Ok(()),
            _ => return Err(NOT_JSON),
        }
    }
}

/// The text that a JSON string stands for; `None` if the value is no string.
pub(crate) fn string(value: &str) -> Option<Cow<'_, str>> {
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    unescape(inner)
}

/// The number that a JSON number stands for; `None` if the value is none, or is not finite.
pub(crate) fn number(value: &str) -> Option<f64> {
    let first = *value.as_bytes().first()?;
    if first != b'-' && !first.is_ascii_digit() {
        return None;
    }
    value
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite())
}

/// Small sets are compared pair by pair, large ones sorted: a hostile header must not buy
/// quadratic time.
fn distinct(names: &mut Names<'_>) -> Result<(), Fault> {
    const FEW: usize = 16;
    let twice = if names.len() <= FEW {
        names
            .iter()
            .enumerate()
            .any(|(index, name)| names.iter().take(index).any(|other| other == name))
    } else {
        names.sort_unstable();
        names
            .windows(2)
            .any(|pair| matches!(pair, [one, two] if one == two))
    };
    if twice { Err(DUPLICATE) } else { Ok(()) }
}

/// The text of a JSON string's inside that was scanned before.
fn unescape(inner: &str) -> Option<Cow<'_, str>> {
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    let quoted = format!("\"{inner}\"");
    serde_json::from_str(&quoted).ok().map(Cow::Owned)
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
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
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Passes over one value, without recursion: which of the open levels are objects is a bit
    /// each.
    fn value(&mut self, base: u32) -> Result<(), Fault> {
        let mut objects = 0_u128;
        let mut depth = base;
        loop {
            match self.peek().ok_or(NOT_JSON)? {
                open @ (b'{' | b'[') => {
                    self.at += 1;
                    depth += 1;
                    if depth > MAX_DEPTH {
                        return Err(TOO_DEEP);
                    }
                    let object = open == b'{';
                    objects = objects << 1 | u128::from(object);
                    self.space();
                    let close = if object { b'}' } else { b']' };
                    if self.peek() != Some(close) {
                        if object {
                            self.name()?;
                        }
                        continue;
                    }
                }
                b'"' => {
                    self.string()?;
                }
                b't' => self.literal("true")?,
                b'f' => self.literal("false")?,
                b'n' => self.literal("null")?,
                _ => self.number()?,
            }
            // One value is behind us; close what closes.
            loop {
                if depth == base {
                    return Ok(());
                }
                self.space();
                let object = objects & 1 == 1;
                match self.next() {
                    Some(b',') => {
                        self.space();
                        if object {
                            self.name()?;
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

    /// A member's name and colon, up to its value.
    fn name(&mut self) -> Result<(), Fault> {
        self.string()?;
        self.space();
        self.expect(b':')?;
        self.space();
        Ok(())
    }

    /// A string; returns what stands between its quotes.
    fn string(&mut self) -> Result<&'a str, Fault> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            match self.next().ok_or(NOT_JSON)? {
                b'"' => break,
                b'\\' => self.escape()?,
                0..=0x1f => return Err(NOT_JSON),
                _ => {}
            }
        }
        self.text.get(start..self.at - 1).ok_or(NOT_JSON)
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
        let mut code = 0;
        for _ in 0..4 {
            let digit = char::from(self.next().ok_or(NOT_JSON)?)
                .to_digit(16)
                .ok_or(NOT_JSON)?;
            code = code << 4 | digit;
        }
        Ok(code)
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
        if matches!(self.peek(), Some(b'e' | b'E')) {
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

#[cfg(test)]
mod tests;
