//! The house has floors, and imports point down. Read from the `use` lines, so that a circle is
//! found by a test and not by the next person who needs to move something.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Which module stands on which floor; it may use floors below its own.
const FLOORS: &[(&str, u8)] = &[
    ("internals", 14),
    ("forward", 13),
    ("routes", 12),
    ("sign_in", 11),
    ("auth", 12),
    ("select", 11),
    ("webhook", 11),
    ("gate", 11),
    ("renewal", 10),
    ("endpoint", 10),
    ("url_tenant", 7),
    ("guard", 6),
    ("watch", 10),
    ("descope", 9),
    ("verifier", 8),
    ("extract", 7),
    ("jwks", 7),
    ("access_key", 7),
    ("answer", 7),
    ("telemetry", 5),
    ("rotation", 6),
    ("shared", 6),
    ("session", 4),
    ("revocation", 3),
    ("client", 4),
    ("cookie", 3),
    ("jwt", 2),
    ("digest", 1),
    ("limiter", 1),
    ("metrics", 1),
    ("random", 1),
    ("running", 1),
    ("json", 1),
    ("origin", 1),
    ("rejection", 0),
    ("return_paths", 0),
    ("clock", 0),
    ("error", 0),
    ("head", 0),
    ("ids", 0),
    ("steps", 0),
    ("token", 0),
];

/// Below `crate::`, the module that a path names; within `ids`, `error` is beside it, and so on
/// for the vocabulary of floor 0.
const VOCABULARY: u8 = 0;

pub(super) fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The top-level modules that a file's `use crate::…` items name.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("use crate::") {
        let item = &rest[start + "use crate::".len()..];
        let end = item.find(';').expect("a use item ends");
        let item = &item[..end];
        if let Some(group) = item.strip_prefix('{') {
            let mut depth = 0;
            let mut name = String::new();
            for character in group.chars() {
                match character {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        found.push(std::mem::take(&mut name));
                        continue;
                    }
                    _ => {}
                }
                name.push(character);
            }
            found.push(name);
        } else {
            found.push(item.to_owned());
        }
        rest = &rest[start + "use crate::".len() + end..];
    }
    found
        .iter()
        .map(|path| {
            path.trim()
                .split([':', ' ', '}'])
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .filter(|name| !name.is_empty())
        .collect()
}

/// A file without its tests: those may use anything.
pub(super) fn code(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or(text)
}

#[test]
fn imports_point_down() {
    let floors: BTreeMap<&str, u8> = FLOORS.iter().copied().collect();
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    assert!(files.len() > 20, "the sources were found");
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&src).unwrap();
        let module = inside.iter().next().unwrap().to_str().unwrap();
        let module = module.strip_suffix(".rs").unwrap_or(module);
        // The door to the street, and the stand-in, which stands apart.
        if ["lib", "test_util"].contains(&module) {
            continue;
        }
        let floor = *floors
            .get(module)
            .unwrap_or_else(|| panic!("say in FLOORS on which floor `{module}` stands"));
        let text = fs::read_to_string(&file).unwrap();
        for name in imports(code(&text)) {
            // Types that lib.rs exports are named in docs and tests only.
            let Some(&other) = floors.get(name.as_str()) else {
                wrong.push(format!("{} uses crate::{name}", inside.display()));
                continue;
            };
            let beside = other == VOCABULARY && floor == VOCABULARY;
            if name != module && other >= floor && !beside {
                wrong.push(format!(
                    "{} (floor {floor}) uses {name} (floor {other})",
                    inside.display()
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "imports that point up or sideways:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_fake_shares_no_code_with_what_it_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/test_util");
    let mut files = Vec::new();
    rust_files(&folder, &mut files);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for name in imports(&text) {
            // The handle that tests ask the fake for is the public one.
            let public = [
                "clock",
                "test_util",
                "Descope",
                "DescopeBuilder",
                "Rejection",
                "Session",
                "SessionToken",
            ];
            assert!(
                public.contains(&name.as_str()),
                "{} uses {name}",
                file.display()
            );
        }
    }
}

/// What the fuzz targets reach of the inside is behind a feature, and the signature check is the
/// same with it.
#[test]
fn the_internals_are_behind_a_feature_that_changes_no_verdict() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let feature = "#[cfg(feature = \"__internals\")]\n";
    let mut files = Vec::new();
    rust_files(&src.join("jwt"), &mut files);
    rust_files(&src.join("verifier"), &mut files);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("__internals"), "{}", file.display());
    }
    let root = fs::read_to_string(src.join("lib.rs")).unwrap();
    assert!(root.contains(&format!("{feature}#[doc(hidden)]\npub mod internals;")));
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let manifest = fs::read_to_string(manifest).unwrap();
    assert!(manifest.contains("\n__internals = []\n"));
    assert_eq!(
        manifest.matches("__internals").count(),
        1,
        "nothing turns it on"
    );
}

#[test]
fn no_file_is_too_long_to_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests/it", "benches/hot_path", "examples"] {
        rust_files(&root.join(folder), &mut files);
    }
    let long: Vec<String> = files
        .iter()
        .map(|file| (file, fs::read_to_string(file).unwrap().lines().count()))
        .filter(|(_, lines)| *lines > 400)
        .map(|(file, lines)| format!("{}: {lines} lines", file.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}
