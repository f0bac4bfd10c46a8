//! Claims: whatever we accept, an independent implementation accepts, and it reads the same.
//!
//! `jwt-compact` is that implementation: it wraps no other, brings no crypto along, and lets the
//! algorithm be ours, which says yes to everything. Its strictness differs in one thing: dates
//! beyond what its calendar holds, and numbers beyond `f64`, are refused.

use serde_json::{Map, Value};
use tower_descope::internals;

use super::bed;
use crate::{
    dice::Dice,
    harness::Target,
    json_text::{self, Member},
};

pub const TARGET: Target = Target {
    name: "claims",
    make,
    check,
    slow: 1,
};

/// About the project and the time of the `bed`.
pub const MEMBERS: &[Member] = &[
    Member {
        name: "iss",
        values: &[
            "\"P2fuzzFuzzFuzzFuzzFuzzFuzzFu\"",
            "\"https://api.descope.com/P2fuzzFuzzFuzzFuzzFuzzFuzzFu\"",
            "\"https:\\/\\/h\\/v1\\/apps\\/P2fuzzFuzzFuzzFuzzFuzzFuzzFu\\/\"",
            "\"https://h/P2fuzzFuzzFuzzFuzzFuzzFuzzFu//\"",
            "\"https://h/P2fuzzFuzzFuzzFuzzFuzzFuzzFu?x\"",
            "\"https://P2fuzzFuzzFuzzFuzzFuzzFuzzFu\"",
            "\"https://u@h/P2fuzzFuzzFuzzFuzzFuzzFuzzFu\"",
            "\"https://h/v1/apps/agentic/P/MS1\"",
            "\"p2fuzzFuzzFuzzFuzzFuzzFuzzFu\"",
        ],
        eighths: 8,
    },
    Member {
        name: "sub",
        values: &["\"U1\"", "\"U\\u0031\"", "\"\"", "[\"U1\"]"],
        eighths: 8,
    },
    Member {
        name: "dsub",
        values: &["\"U2\"", "\"\"", "null"],
        eighths: 1,
    },
    Member {
        name: "exp",
        values: &[
            "1767226200",
            "1767225600",
            "1767225595",
            "1767225596",
            "1767225595.5",
            "1767225599.5",
            "1.7672262e9",
            "1e308",
            "9007199254740993",
            "-1767226200",
            "0",
            "1767226200000",
            "\"1767226200\"",
            "8210266876799",
            "8210266876800",
        ],
        eighths: 8,
    },
    Member {
        name: "nbf",
        values: &[
            "1767225600",
            "1767225605",
            "1767225606",
            "1767225605.5",
            "0",
            "1e300",
            "\"0\"",
        ],
        eighths: 2,
    },
    Member {
        name: "iat",
        values: &[
            "1767225600",
            "1767225660",
            "1767225661",
            "1767225660.5",
            "-1",
            "null",
        ],
        eighths: 7,
    },
    Member {
        name: "drn",
        values: &[
            "\"DS\"",
            "\"DSR\"",
            "\"D\\u0053\"",
            "\"__Host-DS\"",
            "\"__Host-DSR\"",
            "\"ds\"",
            "null",
        ],
        eighths: 7,
    },
    Member {
        name: "aud",
        values: &[
            "\"api\"",
            "[\"x\",\"api\"]",
            "[\"api\",7]",
            "[]",
            "{\"api\":1}",
            "\"a\\u0070i\"",
        ],
        eighths: 4,
    },
    Member {
        name: "token_type",
        values: &["\"access_token\"", "\"id_token\"", "\"refresh_token\"", "7"],
        eighths: 1,
    },
    Member {
        name: "cnf",
        values: &["null", "{\"jkt\":\"x\"}"],
        eighths: 1,
    },
    Member {
        name: "dct",
        values: &[
            "\"T1\"",
            "\"T2\"",
            "\"T\\u0031\"",
            "\" \"",
            "\"a\\u0000b\"",
            "[\"T1\"]",
            "null",
        ],
        eighths: 7,
    },
    Member {
        name: "tenants",
        values: &[
            "{\"T1\":{\"roles\":[\"a\",\"b\\u0026c\",7],\"permissions\":[\"p\"]},\"T2\":{}}",
            "{\"T\\u0031\":{\"permissions\":\"p\"}}",
            "{\"T1\":{},\"\\u0054\\u0031\":{}}",
            "{\"T1\":{\"roles\":[],\"roles\":[]}}",
            "{\"T2\":null}",
            "{}",
            "null",
            "[]",
            "\"T1\"",
            "{ \"T1\" : { \"x\" : { \"roles\" : [ \"no\" ] } , \"roles\" : [ \"r\" ] } }",
        ],
        eighths: 6,
    },
    Member {
        name: "roles",
        values: &[
            "[\"r\"]",
            "[1,\"r\",[\"s\"],\"\\ud83d\\ude00\"]",
            "\"r\"",
            "null",
        ],
        eighths: 4,
    },
    Member {
        name: "permissions",
        values: &["[\"q\"]", "[]"],
        eighths: 3,
    },
    Member {
        name: "amr",
        values: &["[\"email\",\"mfa\"]", "\"email\""],
        eighths: 2,
    },
    Member {
        name: "act",
        values: &["{\"sub\":\"U9\"}", "\"U9\"", "null", "{\"sub\":7}"],
        eighths: 1,
    },
    Member {
        name: "rexp",
        values: &[
            "\"2030-01-01T00:00:00Z\"",
            "\"soon\"",
            "\"2030-01-01T00:00:60Z\"",
            "7",
        ],
        eighths: 2,
    },
    Member {
        name: "su",
        values: &["true", "false", "\"true\""],
        eighths: 1,
    },
    Member {
        name: "danu",
        values: &["false", "false", "null", "true", "0", "\"\""],
        eighths: 1,
    },
];

pub fn make(dice: &mut Dice<'_>, _: &[Vec<u8>]) -> Vec<u8> {
    json_text::object(dice, MEMBERS).into_bytes()
}

fn check(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let Ok(session) = internals::claims(text) else {
        return;
    };
    let token = bed::unsigned_token(br#"{"alg":"ES256","kid":"SK1"}"#, text.as_bytes());
    let other = match bed::other_opinion(&token) {
        Ok(claims) => claims,
        Err(why) if is_beyond(text) || why.contains("out of range") => return,
        Err(why) => panic!("accepted here, and not by the other: {why}"),
    };
    assert!(other.expiration.is_some());
    assert_eq!(other.custom["sub"], session.subject());
    assert_eq!(other.custom["iss"], session.issuer());
    // What anybody reads of the session later is the same text, and can be read.
    let claims: Map<String, Value> = session.claims().unwrap();
    assert_eq!(claims["sub"], session.subject());
    let dates = session.expires_at() >= std::time::UNIX_EPOCH;
    assert!(
        dates
            && session
                .issued_at()
                .is_none_or(|at| at >= std::time::UNIX_EPOCH)
    );
    let signed_in = matches!(
        claims.get("danu"),
        None | Some(Value::Null | Value::Bool(false))
    );
    assert_eq!(session.is_anonymous(), !signed_in);
    assert!(signed_in || session.active_tenant().is_err());
    // Whatever is asked of it, it answers.
    let _ = (
        session.actor(),
        session.refresh_expires_at(),
        session.active_tenant().is_ok(),
    );
    let _ = (
        format!("{session:?}"),
        session.authentication_methods().count(),
    );
    for id in session.tenants() {
        assert!(session.has_tenant(id));
    }
}

/// Whether a date is beyond the calendar of the other implementation.
pub fn is_beyond(text: &str) -> bool {
    let Ok(claims) = serde_json::from_str::<Map<String, Value>>(text) else {
        return true;
    };
    ["exp", "nbf", "iat"].iter().any(|name| {
        let date = claims.get(*name).and_then(Value::as_f64);
        date.is_some_and(|date| date.abs() > 8.2e12)
    })
}
