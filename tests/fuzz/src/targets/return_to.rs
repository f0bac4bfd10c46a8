//! Where a form leads: never off the site, never out of the prefix, as browsers resolve it. And, since
//! the crate asks the `url` crate too, just where the rule says in the words of a program without it.

use http::HeaderValue;
use tower_descope::internals;
use url::Url;

use crate::{dice::Dice, harness::Target};

pub const TARGET: Target = Target {
    name: "return_to",
    make,
    check,
    slow: 1,
};

fn make(dice: &mut Dice<'_>, _: &[Vec<u8>]) -> Vec<u8> {
    let mut text = String::new();
    for _ in 0..=dice.below(8) {
        text.push_str(dice.pick(&[
            "/app",
            "/",
            "//",
            "\\",
            "/\\",
            "..",
            "/..",
            "%2e",
            "%2E",
            ".",
            ";",
            "?",
            "#",
            "@",
            ":",
            "evil.test",
            "https://evil.test",
            "javascript:",
            "\t",
            "\r\n",
            "\0",
            " ",
            "é",
            "%",
            "%2f",
            "%5c",
            "a",
            "\u{85}",
            "\u{2028}",
            "／",
            "|",
            "^",
            "[",
            "<",
            "\"",
        ]));
    }
    text.into_bytes()
}

fn check(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let base = Url::parse("https://app.example.test/tenant/select").unwrap();
    for (prefix, root) in [("/app", "/app"), ("/", "")] {
        let location = internals::location("/home", prefix, text).unwrap();
        HeaderValue::from_str(&location).unwrap();
        let url = base.join(&location).unwrap();
        assert_eq!(url.origin(), base.origin(), "{location:?}");
        let path = url.path();
        let below = path == root || path.starts_with(&format!("{root}/"));
        assert!(path == "/home" || below, "{location:?} is {path:?}");
    }
    let location = internals::location("/home", "/", text).unwrap();
    assert_eq!(
        location != "/home",
        is_plain(text) && text != "/home",
        "{text:?}"
    );
    // Configured paths are held to the same rule.
    if let Ok(location) = internals::location(text, text, "") {
        let url = base.join(&location).unwrap();
        assert_eq!(url.origin(), base.origin(), "{location:?}");
    }
}

/// Whether a text is a path of this site that browsers take as it stands.
fn is_plain(text: &str) -> bool {
    let path = text.split(['?', '#']).next().unwrap();
    let is_dots = |segment: &str| {
        let dots = segment.to_ascii_lowercase().replace("%2e", ".");
        matches!(dots.as_str(), "." | "..")
    };
    text.starts_with('/')
        && !text.starts_with("//")
        && !text.ends_with(' ')
        && !text.contains(|c: char| c == '\\' || c.is_control())
        && !path.split('/').any(is_dots)
        && text.len() <= 2_048
}
