//! The JSON body of a tenant selection: against `serde_json`.

use tower_descope::internals;

use crate::{
    dice::Dice,
    harness::Target,
    json::{Json, NoJson},
    json_text::{self, Member},
};

pub const TARGET: Target = Target {
    name: "select_json",
    make,
    check,
    slow: 1,
};

const MEMBERS: &[Member] = &[
    Member {
        name: "tenant",
        values: &[
            "\"T1\"",
            "\"T\\u0031\"",
            "\"\"",
            "\" \"",
            "\"\\u0085\"",
            "\"a\\r\\nb\"",
            "[\"T1\"]",
            "null",
            "7",
        ],
        eighths: 8,
    },
    Member {
        name: "fpData",
        values: &["{\"tenant\":\"T2\",\"tenant\":\"T3\"}", "{}", "null"],
        eighths: 2,
    },
    Member {
        name: "return_to",
        values: &["\"/app\""],
        eighths: 2,
    },
];

fn make(dice: &mut Dice<'_>, _: &[Vec<u8>]) -> Vec<u8> {
    if dice.one_in(16) {
        let id = "ü".repeat(100 + dice.below(60));
        return format!("{{\"tenant\":\"{id}\"}}").into_bytes();
    }
    json_text::object(dice, MEMBERS).into_bytes()
}

fn check(text: &[u8]) {
    let ours = internals::selection(false, text);
    let ours = ours.map(|(tenant, return_to)| {
        assert_eq!(return_to, None, "that is for forms");
        tenant.as_str().to_owned()
    });
    let Ok(text) = std::str::from_utf8(text) else {
        assert_eq!(ours, None);
        return;
    };
    match Json::parse(text) {
        Err(NoJson::OutOfRange) => {}
        Err(NoJson::Wrong) => assert_eq!(ours, None),
        Ok(json) => {
            let tenant = json.get("tenant").and_then(Json::text);
            let expected = tenant.filter(|id| !json.has_duplicates() && is_tenant(id));
            assert_eq!(ours.as_deref(), expected);
        }
    }
}

/// The one rule for tenant ids: 256 bytes at most, something in them, and no control characters.
pub fn is_tenant(id: &str) -> bool {
    id.len() <= 256 && !id.trim().is_empty() && !id.chars().any(char::is_control)
}
