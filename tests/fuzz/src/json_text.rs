//! JSON objects as text, nearly right.

use crate::dice::Dice;

/// What may stand anywhere in place of what should.
const ODD: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1",
    "1.5",
    "1e3",
    "1e308",
    "1e400",
    "9007199254740993",
    "18446744073709551616",
    "1.",
    "01",
    "+1",
    ".5",
    "NaN",
    "\"\"",
    "\" \"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"\\x\"",
    "\"a\\nb\"",
    "\"a\nb\"",
    "\"é\"",
    "[]",
    "{}",
    "[[]]",
    "[null]",
    "{\"a\":1,\"a\":2}",
    "[1,]",
    "{\"a\":1,}",
    "\"",
    "'x'",
    "/**/1",
    "",
];

/// A member that should be there, or may, and values for it; the first is the usual one.
pub struct Member {
    pub name: &'static str,
    pub values: &'static [&'static str],
    /// In how many of eight objects it is.
    pub eighths: usize,
}

/// An object with these members.
pub fn object(dice: &mut Dice<'_>, members: &[Member]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for member in members {
        // Reads the same number of bytes whatever comes of it, so that recipes stay comparable.
        let (absent, odd, other) = (dice.below(8), dice.below(32), dice.byte());
        if absent >= member.eighths {
            continue;
        }
        let other = usize::from(other);
        let value = match odd {
            31 => ODD[other % ODD.len()],
            24..31 => member.values[other % member.values.len()],
            _ => member.values[0],
        };
        parts.push(format!("{}:{value}", name(dice, member.name)));
    }
    if dice.one_in(8) {
        let extra = format!("\"x\":{}", odd_value(dice));
        parts.push(extra);
    }
    if dice.one_in(16) && !parts.is_empty() {
        let twin = parts[dice.below(parts.len())].clone();
        parts.push(twin);
    }
    if !parts.is_empty() {
        let turn = dice.below(parts.len());
        parts.rotate_left(turn);
    }
    let (open, comma, close) = match dice.below(16) {
        14 => (" {\t", " , ", "\r\n} "),
        15 => ("{\n", ",\n", "}\u{20}"),
        _ => ("{", ",", "}"),
    };
    format!("{open}{}{close}", parts.join(comma))
}

/// Any value, now and then a deep one.
pub fn odd_value(dice: &mut Dice<'_>) -> String {
    if !dice.one_in(8) {
        return dice.pick(ODD).to_owned();
    }
    let depth = dice.pick(&[&1, &2, &124, &125, &126, &127, &128, &1_000]);
    let (open, close) = if dice.one_in(2) {
        ("{\"a\":", "}")
    } else {
        ("[", "]")
    };
    format!("{}1{}", open.repeat(*depth), close.repeat(*depth))
}

/// A name in quotes, sometimes written otherwise.
fn name(dice: &mut Dice<'_>, name: &str) -> String {
    if !dice.one_in(24) {
        return format!("\"{name}\"");
    }
    let at = dice.below(name.len());
    let (before, rest) = name.split_at(at);
    let mut rest = rest.chars();
    match rest.next() {
        Some(first) => format!("\"{before}\\u{:04X}{}\"", first as u32, rest.as_str()),
        None => "\"\"".to_owned(),
    }
}
