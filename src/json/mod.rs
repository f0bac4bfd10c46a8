//! One strict pass over a JSON object (RFC 8259) that bounds nesting and refuses duplicates.
//!
//! `serde_json` enforces neither where it matters here: it skips a member that nobody reads to any
//! depth, and leaves duplicates to each type. Two parsers that read one text differently are how
//! tokens are forged, so what this scanner accepts is exactly what `serde_json` accepts, less deep
//! nesting, lone surrogates and duplicate names, and with numbers beyond `f64` (1e400), which are
//! well-formed and stay text until somebody reads them.

use std::borrow::Cow;

pub(crate) use self::{
    distinct::{Names, all_distinct},
    quoted::Quoted,
    scan::Scan,
    unparsed::{JsonMember, Members, UnparsedJson},
};

mod bytes;
mod distinct;
mod quoted;
mod scan;
#[cfg(test)]
mod tests;
mod unparsed;

/// Why a text is refused: a fixed text for the log.
pub(crate) type Fault = &'static str;

pub(crate) const NOT_JSON: Fault = "malformed_json";
const TOO_DEEP: Fault = "json_too_deep";
pub(crate) const DUPLICATE: Fault = "duplicate_member";

/// A member of an object.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a, 'n> {
    /// The name, unescaped.
    pub(crate) name: &'n str,
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
    mut visit: impl FnMut(Member<'a, '_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut names = Names::default();
    Scan::new(text).document(|scan, name| {
        let name = names.push(name)?;
        let value = scan.value(1)?;
        visit(Member { name, value })
    })?;
    names.distinct()
}

/// Calls `visit` with the text of each element of a JSON array that was scanned before.
pub(crate) fn elements<'a>(
    text: &'a str,
    mut visit: impl FnMut(&'a str) -> Result<(), Fault>,
) -> Result<(), Fault> {
    Scan::new(text).array(|scan| visit(scan.value(1)?))
}

/// The text that a JSON string stands for; `None` if the value is no string.
pub(crate) fn string(value: &str) -> Option<Cow<'_, str>> {
    Quoted::scanned(value)?.text()
}

/// The number that a JSON number stands for; `None` if the value is none, or is not finite.
pub(crate) fn number(value: &str) -> Option<f64> {
    /// Fewer digits than a `f64` holds exactly.
    const SHORT: usize = 15;
    let first = *value.as_bytes().first()?;
    // As dates are written.
    if value.len() <= SHORT && value.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = value.bytes().map(|byte| f64::from(byte - b'0'));
        return Some(digits.fold(0.0, |number, digit| number * 10.0 + digit));
    }
    if first != b'-' && !first.is_ascii_digit() {
        return None;
    }
    value
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite())
}
