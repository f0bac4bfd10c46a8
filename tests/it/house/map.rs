//! ARCHITECTURE.md is the map: it names files that are there, and its walks stay short.

use std::{collections::BTreeSet, fs, path::Path};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn architecture() -> String {
    fs::read_to_string(repository().join("ARCHITECTURE.md")).unwrap()
}

/// The files of `src` that a text names in backquotes with their rooms.
fn files(text: &str) -> BTreeSet<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_source = |name: &str| Path::new(name).extension().is_some_and(|it| it == "rs");
    let files = quoted.filter(|name| is_source(name) && name.contains('/'));
    files
        .filter(|name| !name.starts_with("tests/") && !name.starts_with("examples/"))
        .collect()
}

/// The text of a section, up to the next heading of whatever level.
fn section<'t>(text: &'t str, heading: &str) -> &'t str {
    let (_, rest) = text.split_once(heading).expect(heading);
    rest.split("\n#").next().unwrap_or(rest)
}

#[test]
fn every_file_that_the_map_names_is_there() {
    let text = architecture();
    // The table of the rotation room names its files without the room.
    let rotation = section(&text, "### The files of the rotation room").to_owned();
    let source = repository().join("src");
    let missing: Vec<_> = files(&text)
        .into_iter()
        .filter(|file| {
            let in_rotation = files(&rotation).contains(file);
            let room = if in_rotation { "rotation" } else { "" };
            !source.join(file).is_file() && !source.join(room).join(file).is_file()
        })
        .collect();
    assert!(files(&text).len() > 50, "the files were found");
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn a_renewal_is_understood_from_twelve_files() {
    let text = architecture();
    let walk = files(section(
        &text,
        "## Walk 2: a request whose session is renewed",
    ));
    assert_eq!(walk.len(), 12, "{walk:#?}");
}
