//! The words of the sources: the field's own, in full sentences.

use std::{fs, path::Path};

use super::floors::rust_files;

/// Words of an earlier private vocabulary.
const RETIRED: &[&str] = &[
    "spend",
    "spends",
    "spent",
    "spending",
    "wish",
    "wishes",
    "escort",
    "lately",
    "afresh",
    "spoil",
    "spoilt",
    "untold",
    "is_behind",
    "unruly",
    "come_near",
    "Hold",
    "Ride",
    "Said",
    "Granted",
    "Returning",
    "Genuine",
    "Got",
];

fn sources() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    files
        .iter()
        .map(|file| {
            let name = file.strip_prefix(&src).unwrap().display().to_string();
            (name, fs::read_to_string(file).unwrap())
        })
        .collect()
}

/// The words of a line, where `snake_case` is one word.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|character: char| character != '_' && !character.is_alphanumeric())
}

#[test]
fn retired_words_appear_nowhere() {
    let mut found = Vec::new();
    for (file, text) in sources() {
        for (number, line) in (1..).zip(text.lines()) {
            // A capital is a type's name, not the beginning of a sentence.
            let is_comment = line.trim_start().starts_with("//");
            for word in words(line) {
                let retired = RETIRED.contains(&word)
                    && !(is_comment && word.starts_with(char::is_uppercase));
                if retired {
                    found.push(format!("{file}:{number}: {word}"));
                }
            }
        }
    }
    assert!(found.is_empty(), "retired words:\n{}", found.join("\n"));
}

#[test]
fn a_doc_comment_says_what_an_item_is_or_does() {
    let mut riddles = Vec::new();
    for (file, text) in sources() {
        for (number, line) in (1..).zip(text.lines()) {
            let doc = ["/// ", "//! "]
                .iter()
                .find_map(|mark| line.trim_start().strip_prefix(mark));
            if doc.is_some_and(|doc| ["What", "Whether"].contains(&words(doc).next().unwrap())) {
                riddles.push(format!("{file}:{number}: {}", line.trim()));
            }
        }
    }
    assert!(riddles.len() <= 10, "{}", riddles.join("\n"));
}
