//! The form body of a tenant selection: against the decoding of the URL standard, by hand.

use tower_descope::internals;

use super::select_json::is_tenant;
use crate::{dice::Dice, harness::Target};

pub const TARGET: Target = Target {
    name: "select_form",
    make,
    check,
    slow: 1,
};

fn make(dice: &mut Dice<'_>, _: &[Vec<u8>]) -> Vec<u8> {
    let mut text = String::new();
    for at in 0..=dice.below(4) {
        let name = dice.pick(&[
            "return_to",
            "x",
            "t%65nant",
            "Tenant",
            "tenant",
            "+tenant",
            "",
        ]);
        let name = if at == 0 { "tenant" } else { name };
        let value = dice.pick(&[
            "T1",
            "%54%31",
            "acme+corp",
            "%C3%BC",
            "ü",
            "%ff",
            "%",
            "%4",
            "%zz",
            "a%0d%0ab",
            "+",
            "",
            "a=b",
            "%EF%BF%BD",
            "/app",
            "%00",
            "T1;x",
        ]);
        let equals = dice.pick(&["=", "=", "=", "==", ""]);
        let next = dice.pick(&["&", "&", "&&", ";", ""]);
        text.push_str(&format!("{name}{equals}{value}{next}"));
    }
    text.into_bytes()
}

fn check(text: &[u8]) {
    let ours = internals::selection(true, text);
    let ours = ours.map(|(tenant, return_to)| (tenant.as_str().to_owned(), return_to));
    assert_eq!(ours, read(text));
}

/// `None` too where a value is no text: it must not pass for another one.
fn read(text: &[u8]) -> Option<(String, Option<String>)> {
    let mut fields: [Vec<String>; 2] = Default::default();
    for field in text.split(|&byte| byte == b'&') {
        let mut halves = field.splitn(2, |&byte| byte == b'=');
        let name = decode(halves.next().unwrap_or_default());
        let value = decode(halves.next().unwrap_or_default());
        let at = match &*name {
            b"tenant" => 0,
            b"return_to" => 1,
            _ => continue,
        };
        let value = String::from_utf8(value).ok()?;
        if value.contains('\u{fffd}') {
            return None;
        }
        fields[at].push(value);
    }
    match fields {
        [tenants, returns] if tenants.len() == 1 && returns.len() <= 1 => {
            let tenant = tenants.into_iter().next().filter(|id| is_tenant(id))?;
            Some((tenant, returns.into_iter().next()))
        }
        _ => None,
    }
}

fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| byte == b'%');
        let escaped = escaped.and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            let hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            u8::from_str_radix(digits, 16).ok().filter(|_| hex)
        });
        match escaped {
            Some(decoded_byte) => {
                decoded.push(decoded_byte);
                rest = &after[2..];
            }
            None => {
                decoded.push(if byte == b'+' { b' ' } else { byte });
                rest = after;
            }
        }
    }
    decoded
}
