//! Spoiling a text without any idea of what it is.

use crate::dice::Dice;

/// What parsers stumble over.
const BITS: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b".",
    b"..",
    b"=",
    b";",
    b"; ",
    b"&",
    b"%",
    b"%00",
    b"%2e",
    b"+",
    b"/",
    b"//",
    b"?",
    b"#",
    b"@",
    b" ",
    b"\t",
    b"\r\n",
    b"\0",
    b"\x7f",
    b"\xff",
    b"\xc3\xa9",
    b"\xef\xbb\xbf",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"true",
    b"1e400",
    b"-1",
    b"e30",
    b"DS",
    b"DSR",
    b"__Host-",
];

/// Changes a text in one to four places.
pub fn spoil(dice: &mut Dice<'_>, text: &mut Vec<u8>, others: &[Vec<u8>]) {
    for _ in 0..=dice.below(4) {
        let (from, len) = (dice.below(text.len() + 1), dice.below(24));
        let to = (from + len).min(text.len());
        match dice.below(8) {
            0 => {
                text.drain(from..to);
            }
            1 => {
                let twin = text[from..to].to_vec();
                text.splice(to..to, twin);
            }
            2 | 3 => {
                let bit = dice.pick(BITS);
                text.splice(from..from, bit.iter().copied());
            }
            4 => {
                let bit = dice.pick(BITS);
                text.splice(from..to, bit.iter().copied());
            }
            5 => {
                if let Some(byte) = text.get_mut(from) {
                    *byte = dice.byte();
                }
            }
            6 => {
                if let Some(byte) = text.get_mut(from) {
                    *byte ^= 1 << dice.below(8);
                }
            }
            _ => {
                let Some(other) = others.get(dice.below(others.len())) else {
                    continue;
                };
                let start = dice.below(other.len() + 1);
                text.truncate(from);
                text.extend_from_slice(&other[start..]);
            }
        }
    }
}
