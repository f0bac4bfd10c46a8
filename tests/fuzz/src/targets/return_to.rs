//! Where a form leads: never off the site, never out of the prefix, as browsers resolve it.

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
    // Configured paths are held to the same rule.
    if let Ok(location) = internals::location(text, text, "") {
        let url = base.join(&location).unwrap();
        assert_eq!(url.origin(), base.origin(), "{location:?}");
    }
}
