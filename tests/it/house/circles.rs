//! No import circle, within a room either: whoever changes a file knows which others can notice.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::floors::{code, rust_files};

/// A module's path below the crate: `["jwks", "store"]`.
type Module = Vec<String>;

/// The paths that the `use` items of a file name, as they are written, without groups.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("use ") {
        let begins_item = rest[..start].ends_with(['\n', ' ', ')']) || start == 0;
        let item = &rest[start + 4..];
        let end = item.find(';').unwrap_or(item.len());
        if begins_item
            && ["crate::", "super::", "self::"]
                .iter()
                .any(|it| item.starts_with(it))
        {
            expand(&item[..end], &mut Vec::new(), &mut found);
        }
        rest = &item[end..];
    }
    found
}

fn expand(item: &str, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let item = item.trim();
    if let Some(group) = item.strip_prefix('{') {
        let (mut depth, mut start) = (0, 0);
        let group = &group[..group.rfind('}').unwrap_or(group.len())];
        for (at, character) in group.char_indices().chain([(group.len(), ',')]) {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    expand(&group[start..at], &mut prefix.clone(), found);
                    start = at + 1;
                }
                _ => {}
            }
        }
    } else if let Some((name, rest)) = item.split_once("::") {
        prefix.push(name.trim().to_owned());
        expand(rest, prefix, found);
    } else if !item.is_empty() {
        prefix.push(item.split(" as ").next().unwrap_or(item).trim().to_owned());
        found.push(prefix.clone());
    }
}

/// The path from the crate's root that a `use` path in `module` means.
fn absolute(module: &Module, path: &[String]) -> Vec<String> {
    let mut base = module.clone();
    let mut rest = path;
    while let Some((first, more)) = rest.split_first() {
        match first.as_str() {
            "crate" => base.clear(),
            "super" => drop(base.pop()),
            "self" => {}
            _ => break,
        }
        rest = more;
    }
    base.extend(rest.iter().cloned());
    base
}

struct Sources {
    texts: BTreeMap<Module, String>,
}

impl Sources {
    fn read() -> Self {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = Vec::new();
        rust_files(&src, &mut files);
        let texts = files.iter().map(|file| {
            let inside = file.strip_prefix(&src).unwrap().with_extension("");
            let mut module: Module = inside
                .iter()
                .map(|part| part.to_str().unwrap().to_owned())
                .collect();
            if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
                module.pop();
            }
            (module, code(&fs::read_to_string(file).unwrap()).to_owned())
        });
        Self {
            texts: texts.collect(),
        }
    }

    /// The file that defines what a path names: re-exports are followed.
    fn definition(&self, path: &[String], hops: u8) -> Option<Module> {
        let length = (0..=path.len())
            .rev()
            .find(|length| self.texts.contains_key(&path[..*length]))?;
        let (module, rest) = path.split_at(length);
        let module = module.to_vec();
        let Some(name) = rest.first().filter(|_| hops > 0) else {
            return Some(module);
        };
        let text = &self.texts[&module];
        let exported = paths(text)
            .into_iter()
            .find(|path| path.last() == Some(name))
            .map(|path| absolute(&module, &path));
        match exported {
            Some(path) if path[..] != module[..] => self.definition(&path, hops - 1),
            _ => Some(module),
        }
    }

    /// The files that each file imports from. What a `mod.rs` re-exports is no import of its own.
    fn imports(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let folders: BTreeSet<&[String]> = self
            .texts
            .keys()
            .filter_map(|module| module.split_last().map(|(_, folder)| folder))
            .collect();
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let is_mod = |module: &Module| {
            let folder = module
                .iter()
                .fold(src.clone(), |path, part| path.join(part));
            folders.contains(&module[..]) && folder.join("mod.rs").exists()
        };
        let mut imports = BTreeMap::new();
        for (module, text) in &self.texts {
            if module.is_empty() || is_mod(module) || is_test(module) {
                continue;
            }
            let targets = paths(text).into_iter().filter_map(|path| {
                let target = self.definition(&absolute(module, &path), 4)?;
                (target != *module && !target.is_empty() && !is_mod(&target)).then_some(target)
            });
            imports.insert(module.clone(), targets.collect());
        }
        imports
    }
}

/// Files that are compiled for tests alone may look at anything.
fn is_test(module: &Module) -> bool {
    let names = [
        "tests",
        "vectors",
        "wycheproof",
        "published",
        "inverse",
        "edges",
    ];
    module
        .iter()
        .any(|part| names.contains(&part.as_str()) || part.ends_with("_tests"))
}

#[test]
fn no_file_imports_from_one_that_imports_from_it() {
    let imports = Sources::read().imports();
    assert!(imports.len() > 80, "the sources were found");
    let edges: usize = imports.values().map(BTreeSet::len).sum();
    assert!(edges > 300, "the imports were read: {edges}");
    // Files that import nothing that is left, or that nothing left imports, are taken away until
    // there are none: the rest is circles, and what joins them.
    let mut left = imports;
    loop {
        let done: Vec<Module> = left
            .iter()
            .filter(|(module, targets)| {
                !targets.iter().any(|target| left.contains_key(target))
                    || !left.values().any(|targets| targets.contains(*module))
            })
            .map(|(module, _)| module.clone())
            .collect();
        if done.is_empty() {
            break;
        }
        for module in done {
            left.remove(&module);
        }
    }
    let circle: Vec<String> = left
        .iter()
        .map(|(module, targets)| {
            let targets = targets.iter().filter(|target| left.contains_key(*target));
            let targets: Vec<String> = targets.map(|target| target.join("/")).collect();
            format!("{} -> {}", module.join("/"), targets.join(", "))
        })
        .collect();
    assert!(circle.is_empty(), "in a circle:\n{}", circle.join("\n"));
}

#[test]
fn a_circle_is_seen_through_groups_and_re_exports() {
    let texts = [
        ("room", "pub use self::{a::A, b::B};"),
        ("room/a", "use super::B;"),
        ("room/b", "use crate::{room::A, other};"),
        ("other", ""),
    ];
    let texts = texts.map(|(module, text)| {
        let module = module.split('/').map(str::to_owned).collect::<Module>();
        (module, text.to_owned())
    });
    let sources = Sources {
        texts: texts.into(),
    };
    let module = |path: &str| path.split('/').map(str::to_owned).collect::<Module>();
    for (from, text, to) in [
        ("room/a", "use super::B;", "room/b"),
        ("room/b", "use crate::{room::A, other};", "room/a"),
    ] {
        let from = module(from);
        let targets: Vec<Module> = paths(text)
            .iter()
            .filter_map(|path| sources.definition(&absolute(&from, path), 4))
            .collect();
        assert!(targets.contains(&module(to)), "{targets:?}");
    }
}
