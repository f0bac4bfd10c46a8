//! Key sets: what is no key is left out, for a reason of its own and not of its neighbours'.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tower_descope::internals;

use crate::{
    dice::Dice,
    harness::Target,
    json_text::{self, Member},
    policy::base64url,
};

pub const TARGET: Target = Target {
    name: "key_set",
    make,
    check,
    slow: 4,
};

const N: &str = "\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw\"";

const RSA: &[Member] = &[
    Member {
        name: "kty",
        values: &["\"RSA\"", "\"oct\"", "\"rsa\"", "\"EC\"", "[\"RSA\"]"],
        eighths: 8,
    },
    Member {
        name: "kid",
        values: &["\"a\"", "\"b\"", "\"A\"", "\"\"", "7"],
        eighths: 8,
    },
    Member {
        name: "alg",
        values: &["\"RS256\"", "\"PS512\"", "\"HS256\"", "\"ES256\"", "null"],
        eighths: 6,
    },
    Member {
        name: "use",
        values: &["\"sig\"", "\"enc\"", "\"SIG\"", "null"],
        eighths: 6,
    },
    Member {
        name: "n",
        values: &[N, "\"AQAB\"", "\"AA\"", "\"\""],
        eighths: 8,
    },
    Member {
        name: "e",
        values: &[
            "\"AQAB\"",
            "\"Aw\"",
            "\"AQ\"",
            "\"Ag\"",
            "\"AQAB=\"",
            "\"AAEAAQ\"",
            "\"AgAAAAE\"",
        ],
        eighths: 8,
    },
    Member {
        name: "key_ops",
        values: &["[\"verify\"]", "[\"sign\"]", "[]", "\"verify\""],
        eighths: 1,
    },
    Member {
        name: "d",
        values: &["\"AQAB\"", "null"],
        eighths: 0,
    },
];

const EC: &[Member] = &[
    Member {
        name: "kty",
        values: &["\"EC\"", "\"OKP\"", "\"Ec\""],
        eighths: 8,
    },
    Member {
        name: "kid",
        values: &["\"b\"", "\"a\"", "\"c\""],
        eighths: 8,
    },
    Member {
        name: "alg",
        values: &["\"ES256\"", "\"ES384\"", "\"ES512\"", "\"RS256\""],
        eighths: 7,
    },
    Member {
        name: "crv",
        values: &["\"P-256\"", "\"P-384\"", "\"secp256k1\""],
        eighths: 8,
    },
    Member {
        name: "x",
        values: &[
            "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"",
            "\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\"",
            "\"\"",
        ],
        eighths: 8,
    },
    Member {
        name: "y",
        values: &[
            "\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"",
            "\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"",
            "\"AA\"",
        ],
        eighths: 8,
    },
];

/// Another key under the name of the one above.
const NAMESAKE: &[Member] = &[
    Member {
        name: "kty",
        values: &["\"EC\""],
        eighths: 8,
    },
    Member {
        name: "kid",
        values: &["\"b\"", "\"a\""],
        eighths: 8,
    },
    Member {
        name: "alg",
        values: &["\"ES256\""],
        eighths: 8,
    },
    Member {
        name: "crv",
        values: &["\"P-256\""],
        eighths: 8,
    },
    Member {
        name: "x",
        values: &["\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\""],
        eighths: 8,
    },
    Member {
        name: "y",
        values: &["\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\""],
        eighths: 8,
    },
];

const OKP: &[Member] = &[
    Member {
        name: "kty",
        values: &["\"OKP\"", "\"EC\""],
        eighths: 8,
    },
    Member {
        name: "kid",
        values: &["\"c\"", "\"a\""],
        eighths: 8,
    },
    Member {
        name: "alg",
        values: &["\"EdDSA\"", "\"Ed25519\""],
        eighths: 8,
    },
    Member {
        name: "crv",
        values: &["\"Ed25519\"", "\"X25519\"", "\"Ed448\""],
        eighths: 8,
    },
    Member {
        name: "x",
        values: &[
            "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"",
            "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"",
            "\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"",
            "\"7P___________________________________________38\"",
        ],
        eighths: 8,
    },
];

fn make(dice: &mut Dice<'_>, _: &[Vec<u8>]) -> Vec<u8> {
    let many = if dice.one_in(32) { 99 } else { 1 };
    let keys: Vec<String> = (0..dice.below(4) * many)
        .map(|_| match dice.below(8) {
            0..3 => json_text::object(dice, RSA),
            3 | 4 => json_text::object(dice, EC),
            5 => json_text::object(dice, NAMESAKE),
            6 => json_text::object(dice, OKP),
            _ => json_text::odd_value(dice),
        })
        .collect();
    let name = dice.pick(&["keys", "keys", "keys", "keys", "Keys", "k\\u0065ys"]);
    let marks = if dice.one_in(16) {
        1 + dice.below(2)
    } else {
        0
    };
    let marks = "\u{feff}".repeat(marks);
    format!("{marks}{{\"{name}\":[{}]}}", keys.join(",")).into_bytes()
}

fn check(text: &[u8]) {
    let kids = internals::usable_kids(text);
    // One byte order mark may stand in front.
    let json = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let set: Option<Map<String, Value>> = serde_json::from_slice(json).ok();
    let keys = set.as_ref().and_then(|set| set.get("keys")?.as_array());
    let is_set = keys.is_some_and(|keys| keys.len() <= 100);
    assert_eq!(kids.is_some(), is_set);
    let (Some(kids), Some(keys)) = (kids, keys) else {
        return;
    };
    for (at, kid) in kids.iter().enumerate() {
        assert!(!kid.is_empty() && !kids[..at].contains(kid), "{kids:?}");
        let named: Vec<&Value> = keys.iter().filter(|key| key["kid"] == **kid).collect();
        assert!(named.iter().all(|key| may_verify(key)), "{kid}: {named:?}");
    }
    // Neither their order nor a stranger among them changes anything.
    let mut turned = keys.clone();
    turned.reverse();
    let turned = json!({"keys": turned}).to_string();
    assert_eq!(
        internals::usable_kids(turned.as_bytes()),
        Some(kids.clone())
    );
    if keys.len() < 100 {
        let mut more = keys.clone();
        more.insert(
            keys.len() / 2,
            json!({"kty": "oct", "kid": "stranger", "k": "AA"}),
        );
        let more = json!({"keys": more}).to_string();
        assert_eq!(internals::usable_kids(more.as_bytes()), Some(kids.clone()));
    }
    // A name is usable if all that bears it is usable alone, and one and the same.
    let mut named: BTreeMap<&str, Vec<Option<String>>> = BTreeMap::new();
    for key in keys {
        let one = json!({"keys": [key]}).to_string();
        let usable = internals::usable_kids(one.as_bytes()).unwrap();
        if let Some(kid) = key["kid"].as_str() {
            let what = (!usable.is_empty()).then(|| material(key));
            named.entry(kid).or_default().push(what);
        }
    }
    named.retain(|_, keys| keys[0].is_some() && keys.iter().all(|key| *key == keys[0]));
    let expected: Vec<&str> = named.into_keys().collect();
    assert_eq!(kids, expected);
}

/// What a key is, however it is written.
fn material(key: &Value) -> String {
    let number = |name: &str| {
        let bytes = base64url(key[name].as_str()?)?;
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        Some(bytes[zeros..].to_vec())
    };
    let by_curve = match key["crv"].as_str() {
        Some("P-256") => "ES256",
        Some("P-384") => "ES384",
        Some("Ed25519") => "EdDSA",
        _ => "RS256",
    };
    let alg = match key["kty"].as_str() {
        Some("RSA") => key["alg"].as_str().unwrap_or("RS256"),
        _ => key["alg"].as_str().unwrap_or(by_curve),
    };
    let names = match key["kty"].as_str() {
        Some("RSA") => ["n", "e"],
        Some("EC") => ["x", "y"],
        _ => ["x", "x"],
    };
    format!("{alg} {:?}", names.map(number))
}

/// The rules of the policy that can be seen without arithmetic.
fn may_verify(key: &Value) -> bool {
    let text = |name: &str| key[name].as_str().unwrap_or_default();
    let bytes = |name: &str| base64url(text(name)).unwrap_or_default();
    let secret = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];
    let purpose = key.get("use").is_none_or(|it| it == "sig")
        && key.get("key_ops").is_none_or(|it| {
            it.as_array()
                .is_some_and(|ops| ops.iter().any(|op| op == "verify"))
        });
    let is_alg = |alg: &str| key.get("alg").is_none_or(|it| it == alg);
    let fits = match (text("kty"), text("crv")) {
        ("RSA", _) => {
            let algs = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
            let modulus = bytes("n");
            let bits = modulus.iter().skip_while(|&&byte| byte == 0).count() * 8;
            let alg = key.get("alg").is_none() || algs.contains(&text("alg"));
            alg && (2_048..=4_096).contains(&bits) && bytes("e").last().is_some_and(|e| e % 2 == 1)
        }
        ("EC", "P-256") => is_alg("ES256") && bytes("x").len() == 32,
        ("EC", "P-384") => is_alg("ES384") && bytes("x").len() == 48,
        ("OKP", "Ed25519") => is_alg("EdDSA") && bytes("x").len() == 32,
        _ => false,
    };
    fits && purpose && !secret.iter().any(|name| key.get(*name).is_some())
}
