//! The chapter shows what is tested here: each of its blocks is a part of the sources, to the letter.

use std::{collections::BTreeMap, fs, path::Path};

const CHAPTER: &str = include_str!("../../../../src/docs/recipes.md");

/// The recipes of all source files, by name: the file, and what stands between the marks.
fn recipes() -> BTreeMap<String, (String, String)> {
    let mut recipes = BTreeMap::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let file = path.file_name().unwrap().to_str().unwrap();
        for part in text.split("\n// recipe: ").skip(1) {
            let (name, rest) = part.split_once('\n').unwrap();
            let (code, _) = rest
                .split_once("\n// end of recipe\n")
                .expect("a recipe ends");
            let recipe = (file.to_owned(), format!("{code}\n"));
            let twice = recipes.insert(name.to_owned(), recipe);
            assert!(twice.is_none(), "{name} is there twice");
        }
    }
    recipes
}

/// The blocks of Rust in the chapter, each with the text before it.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let mut parts = CHAPTER.split("```");
    let mut blocks = Vec::new();
    while let (Some(before), Some(block)) = (parts.next(), parts.next()) {
        // What needs a crate that this one does not have is `ignore`d by the crate's own tests.
        let code = block.strip_prefix("rust,ignore\n");
        match code.or_else(|| block.strip_prefix("rust\n")) {
            Some(code) => blocks.push((before, code)),
            None => assert!(!block.starts_with("rust"), "not compared: {block}"),
        }
    }
    blocks
}

#[test]
fn each_block_of_the_chapter_is_a_tested_recipe_and_each_recipe_is_in_it() {
    let mut recipes = recipes();
    assert!(recipes.len() >= 8, "{:?}", recipes.keys());
    for (before, code) in blocks() {
        let found = recipes.iter().find(|(_, (_, recipe))| recipe == code);
        let Some((name, (file, _))) = found else {
            panic!("no recipe is this, to the letter:\n{code}");
        };
        let link = format!("tests/recipes/src/{file}");
        assert!(
            before.contains(&link),
            "{name}: the text does not name {link}"
        );
        let name = name.clone();
        recipes.remove(&name);
    }
    assert!(recipes.is_empty(), "not shown: {:?}", recipes.keys());
}
