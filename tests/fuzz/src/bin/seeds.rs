//! Writes the seed corpora anew: a few of each target's own makings, and, where `COOKIE_VECTORS`
//! and `JWS_VECTORS` name them, some tens of the shared vectors. What people added stays.

use std::{collections::BTreeSet, env, fs};

use serde_json::Value;
use tower_descope_fuzz::{harness, targets};

/// Longer seeds are mutated into more of the same.
const MAX_SEED: usize = 4_096;

fn main() {
    for target in targets::ALL {
        // Some of its algorithms sign with chance: a token of another run is genuine, and not one
        // of those that the target has signed.
        if target.name == "real_tokens" {
            continue;
        }
        for number in 0..12 {
            let text = harness::make(target, number);
            write(target.name, &format!("made-{number:02}"), &text);
        }
    }
    if let Some(vectors) = vectors("COOKIE_VECTORS") {
        cookies(&vectors);
    }
    if let Some(vectors) = vectors("JWS_VECTORS") {
        tokens(&vectors);
    }
}

fn vectors(variable: &str) -> Option<Value> {
    let path = env::var_os(variable)?;
    Some(serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
}

fn write(target: &str, name: &str, text: &[u8]) {
    if text.is_empty() || text.len() > MAX_SEED || !harness::is_text(text) {
        return;
    }
    let folder = harness::folder(target).join("corpus");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), text).unwrap();
}

fn cookies(vectors: &Value) {
    for case in vectors["header_cases"]
        .as_array()
        .unwrap()
        .iter()
        .step_by(4)
    {
        let fields = case["fields"].as_array().unwrap();
        let fields: Vec<&str> = fields.iter().filter_map(Value::as_str).collect();
        let name = format!("vector-{}", case["id"].as_str().unwrap());
        write("cookie_header", &name, fields.join("\n").as_bytes());
    }
    for case in vectors["writer_cases"]
        .as_array()
        .unwrap()
        .iter()
        .step_by(2)
    {
        let text = |name: &str| case[name].as_str().unwrap_or_default().to_owned();
        let (path, age) = (case["path"].as_str().unwrap_or("/"), &case["max_age"]);
        let fields = [
            &text("name"),
            "DSR",
            &text("domain"),
            path,
            "",
            &text("value"),
            &age.to_string(),
        ];
        let name = format!("vector-{}", text("id"));
        write("set_cookie", &name, fields.join("\n").as_bytes());
    }
}

fn tokens(vectors: &Value) {
    let mut seen = BTreeSet::new();
    for case in vectors["cases"].as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap_or_default().to_owned();
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let id: String = text("id").chars().map(plain).take(60).collect();
        let name = format!("vector-{id}");
        // A few of each source and reason.
        let mut few = |target: &'static str, sort: String, most: usize, text: &[u8]| {
            let number = seen
                .iter()
                .filter(|(to, of, _)| *to == target && *of == sort)
                .count();
            let all = seen.iter().filter(|(to, _, _)| *to == target).count();
            if number < most && all < 32 && seen.insert((target, sort, text.to_vec())) {
                write(target, &name, text);
            }
        };
        let sort = format!("{} {}", text("source"), text("expected"));
        few("compact", sort.clone(), 2, text("token").as_bytes());
        few(
            "key_set",
            sort.clone(),
            2,
            case["jwks"].to_string().as_bytes(),
        );
        let segments = text("token");
        let mut segments = segments.split('.').map(harness::decode);
        if let Some(header) = segments.next().flatten() {
            few("header", sort.clone(), 3, &header);
        }
        if text("level") == "jwt" {
            few("real_tokens", sort.clone(), 4, text("token").as_bytes());
            if let Some(payload) = segments.next().flatten() {
                few("claims", sort, 4, &payload);
            }
        }
    }
}
