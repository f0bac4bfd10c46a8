//! The threat model names the test that holds each promise; here is that these tests exist.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

const CHAPTER: &str = include_str!("../../../src/docs/threat_model.md");

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == ending)
        {
            found.push(path);
        }
    }
}

/// The module path of a source file, as the chapter writes it: `it::select::refused`,
/// `origin::tests`.
fn module(file: &Path, root: &Path, prefix: &str) -> String {
    let path = file.strip_prefix(root).unwrap().with_extension("");
    let mut parts: Vec<_> = path.iter().map(|part| part.to_str().unwrap()).collect();
    if matches!(parts.last(), Some(&"mod" | &"main" | &"lib")) {
        parts.pop();
    }
    let module = parts.join("::");
    match (prefix, module.as_str()) {
        ("", _) => module,
        (_, "") => prefix.to_owned(),
        _ => format!("{prefix}::{module}"),
    }
}

/// The tests of each module. Tests within a file may stand in a module `tests` of it.
fn tests() -> BTreeMap<String, Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (folder, prefix) in [("src", ""), ("tests/it", "it")] {
        let folder = root.join(folder);
        let mut sources = Vec::new();
        files(&folder, "rs", &mut sources);
        for file in sources {
            let text = fs::read_to_string(&file).unwrap();
            let mut lines = text.lines().map(str::trim_start);
            let names = tests.entry(module(&file, &folder, prefix)).or_default();
            while let Some(line) = lines.next() {
                if !(line.starts_with("#[test]") || line.starts_with("#[tokio::test")) {
                    continue;
                }
                let function = lines.find_map(|line| line.split_once("fn "));
                let (_, rest) = function.expect("a test is a function");
                names.push(rest.split('(').next().unwrap().to_owned());
            }
        }
    }
    tests
}

/// What the chapter names: in parentheses after a promise, in code quotes, with `::`.
fn named() -> Vec<&'static str> {
    let mut named = Vec::new();
    for (at, quoted) in CHAPTER.split('`').enumerate() {
        let is_path = quoted
            .bytes()
            .all(|byte| byte == b'_' || byte == b':' || byte.is_ascii_alphanumeric());
        // Types start with a capital.
        let is_test =
            quoted.contains("::") && quoted.starts_with(|first: char| first.is_ascii_lowercase());
        if at % 2 == 1 && is_path && is_test {
            named.push(quoted);
        }
    }
    named
}

#[test]
fn each_test_that_the_threat_model_names_exists() {
    let tests = tests();
    let named = named();
    assert!(named.len() > 50, "{} tests are named", named.len());
    let missing: Vec<_> = named
        .iter()
        .filter(|path| {
            let (module, test) = path.rsplit_once("::").unwrap();
            let inner = module.strip_suffix("::tests").unwrap_or(module);
            ![module, inner]
                .iter()
                .filter_map(|module| tests.get(*module))
                .any(|names| names.iter().any(|name| name == test))
        })
        .collect();
    assert!(missing.is_empty(), "named, but not there: {missing:#?}");
}

/// Checks outside of cargo are named by their script and their words.
#[test]
fn each_check_that_the_threat_model_names_is_in_its_script() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
    let mut seen = 0;
    for (at, quoted) in CHAPTER.split('`').enumerate() {
        let Some((script, words)) = quoted.split_once(": ").filter(|_| at % 2 == 1) else {
            continue;
        };
        if Path::new(script)
            .extension()
            .is_none_or(|extension| extension != "mjs")
        {
            continue;
        }
        // Packages leave the suites out.
        let Ok(text) = fs::read_to_string(root.join(script)) else {
            assert!(!root.exists(), "{script} is not there");
            continue;
        };
        assert!(text.contains(words), "{script} has no {words:?}");
        seen += 1;
    }
    assert!(seen > 5 || !root.exists(), "{seen} checks are named");
}
