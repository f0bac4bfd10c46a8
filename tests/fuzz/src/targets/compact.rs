//! Splitting and decoding a token: against the policy's own base64url, and back again.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tower_descope::internals;

use super::bed;
use crate::{dice::Dice, harness::Target, policy::base64url};

pub const TARGET: Target = Target {
    name: "compact",
    make,
    check,
    slow: 1,
};

const LIMIT: usize = 16 * 1024;

fn make(dice: &mut Dice<'_>, _: &[Vec<u8>]) -> Vec<u8> {
    let header: Vec<u8> = (0..dice.below(40)).map(|_| dice.byte()).collect();
    let payload = "{\"a\":\"é\"}".repeat(1 << dice.below(12));
    let token = bed::unsigned_token(&header, payload.as_bytes());
    match dice.below(8) {
        0 => token.replace('.', "..").into_bytes(),
        1 => format!("{token}{}", "A".repeat(dice.below(1_000))).into_bytes(),
        2 => format!("{}{token}", "A".repeat(3_000 + dice.below(200))).into_bytes(),
        3 => ".".repeat(dice.below(20_000)).into_bytes(),
        _ => token.into_bytes(),
    }
}

fn check(text: &[u8]) {
    let Ok(token) = std::str::from_utf8(text) else {
        return;
    };
    let segments: Vec<&str> = token.split('.').collect();
    let fits = token.len() <= LIMIT && segments.len() == 3 && segments[0].len() <= 3_072;
    let compact = internals::compact(token, LIMIT);
    assert_eq!(compact.is_ok(), fits, "{compact:?}");
    let Ok(compact) = compact else {
        return;
    };
    let text_of = |segment: &str| base64url(segment).and_then(|it| String::from_utf8(it).ok());
    assert_eq!(compact.header.ok(), text_of(segments[0]));
    assert_eq!(compact.payload.as_ref().ok(), text_of(segments[1]).as_ref());
    let signature = base64url(segments[2]).filter(|it| (1..=512).contains(&it.len()));
    assert_eq!(compact.signature.ok(), signature);
    assert_eq!(
        compact.signing_input,
        format!("{}.{}", segments[0], segments[1]).as_bytes()
    );
    // One text has one spelling.
    if let Ok(payload) = compact.payload {
        assert_eq!(URL_SAFE_NO_PAD.encode(payload), segments[1]);
    }
}
