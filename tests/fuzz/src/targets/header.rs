//! The JOSE header: against the policy, and against what `serde_json` reads.

use serde_json::{Map, Value};
use tower_descope::internals;

use crate::{
    dice::Dice,
    harness::Target,
    json_text::{self, Member},
    policy::{self, Jose, No},
};

pub const TARGET: Target = Target {
    name: "header",
    make,
    check,
    slow: 1,
};

pub const MEMBERS: &[Member] = &[
    Member {
        name: "alg",
        values: &[
            "\"ES256\"",
            "\"RS256\"",
            "\"none\"",
            "\"es256\"",
            "\"HS256\"",
            "\"E\\u0053256\"",
        ],
        eighths: 8,
    },
    Member {
        name: "kid",
        values: &[
            "\"SK1\"",
            "\"sk1\"",
            "\"SK1 \"",
            "\"S\\u004b1\"",
            "\"\\u0000\"",
            "\"../SK1\"",
        ],
        eighths: 8,
    },
    Member {
        name: "typ",
        values: &[
            "\"JWT\"",
            "\"jwt\"",
            "\"application/jwt\"",
            "\"at+jwt\"",
            "\"APPLICATION/AT+JWT\"",
            "\"dpop+jwt\"",
            "\"\"",
        ],
        eighths: 6,
    },
    Member {
        name: "jwk",
        values: &["{\"kty\":\"oct\",\"k\":\"AA\"}"],
        eighths: 1,
    },
    Member {
        name: "crit",
        values: &["[\"exp\"]", "[]", "null"],
        eighths: 0,
    },
];

fn make(dice: &mut Dice<'_>, _: &[Vec<u8>]) -> Vec<u8> {
    let mut text = json_text::object(dice, MEMBERS);
    if dice.one_in(12) {
        let name = dice.pick(&["crit", "b64", "cty", "enc", "zip", "c\\u0072it", "epk"]);
        let value = json_text::odd_value(dice);
        let end = text.rfind('}').unwrap_or_default();
        text.insert_str(end, &format!(",\"{name}\":{value}"));
    }
    // Many members more, as many as a header may have or a few beyond, and often all alike.
    if dice.one_in(12) {
        let name = dice.pick(&["m", "\\u006d", "\\u006d\\u006d", "dm"]);
        let value = dice.pick(&["0", "[[[[[[]]]]]]", "\"\\u006d\\u006d\"", "{\"a\":[]}"]);
        let alike = dice.one_in(8);
        let end = text.rfind('}').unwrap_or_default();
        for n in 0..20 + dice.below(20) {
            let n = if alike { 0 } else { n };
            text.insert_str(end, &format!(",\"{name}{n}\":{value}"));
        }
    }
    text.into_bytes()
}

fn check(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let (ours, steps) = internals::counted(|| internals::header(text));
    assert!(
        steps <= 4 * text.len() + 1_000,
        "{steps} for {}",
        text.len()
    );
    let ours = ours.map(|it| Jose {
        alg: it.alg,
        kid: it.kid,
        access_token: it.access_token,
    });
    match policy::jose(text) {
        Ok(jose) => assert_eq!(ours.as_ref(), Ok(&jose)),
        // `serde_json` refuses a number that JSON allows and nobody reads here.
        Err(No::Either) => return,
        Err(_) => assert!(ours.is_err(), "{ours:?}"),
    }
    if let Ok(jose) = ours {
        let other: Map<String, Value> = serde_json::from_str(text).unwrap();
        assert_eq!(other["alg"], jose.alg);
        assert_eq!(other["kid"], jose.kid);
    }
}
