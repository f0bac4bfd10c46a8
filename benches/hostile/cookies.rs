//! `Cookie` fields that hold no session, as long as a browser may send them, and longer.

use std::fmt::Write as _;

use tower_descope::{Renewal, TenantLayer, cookie::SessionCookies};

use crate::{
    bed::Bed,
    door::{NOT_FOUND, not_found, through, without_fetches},
    row::{Bench, Row},
};

/// The length of the longest field that servers take as a rule.
const FIELD: usize = 16 * 1024;

pub(crate) fn bench(bench: &mut Bench, bed: &Bed) {
    let layer = |cookies| {
        let builder = bed.fake.descope_builder().cookies(cookies);
        TenantLayer::new(without_fetches(bed, bed.warm(builder)))
    };
    let plain = layer(SessionCookies::new());
    let renewing = layer(SessionCookies::new()).renew(Renewal::new());
    let prefixed = layer(SessionCookies::host_prefixed()).renew(Renewal::new());
    let many = layer(
        SessionCookies::host_prefixed()
            .session_fallbacks(["DS", "sid", "s1", "s2", "s3"])
            .refresh_fallbacks(["DSR", "refresh", "r1", "r2", "r4"]),
    )
    .renew(Renewal::new());
    let layers = [
        ("plain", &plain),
        ("renew", &renewing),
        ("renew_host", &prefixed),
        ("renew_twelve_names", &many),
    ];

    let mut rows = vec![not_found(NOT_FOUND, &[])];
    for (text, name) in [(";", "semicolons"), ("a=1; ", "pairs")] {
        for (kind, layer) in layers {
            rows.push(one(&format!("{name}_{kind}"), layer, &filled(text)));
        }
    }
    for (name, text) in [
        ("equals", "="),
        ("equals_and_semicolons", "=;"),
        ("spaces", " "),
        ("last_letters", "xS=1; "),
        ("longer_names", "xDS=1; "),
        ("names_in_values", "a=DS=DS=; "),
        ("empty_values", "DS=; "),
        ("equal_values", "DS=x; "),
        ("three_dots", "DS=a.b.c; "),
        ("equal_tokens_by_shape", "DS=e30.e30.AA; "),
        ("quoted_values", "DS=\"e30.e30.AA\"; "),
    ] {
        rows.push(one(&format!("{name}_renew"), &renewing, &filled(text)));
    }
    for (name, text) in [
        ("different_values", "DS=#; "),
        ("different_tokens_by_shape", "DS=e30.e30.A#; "),
        // A payload long enough to hold the claims of a session, which it lacks.
        (
            "different_strangers_tokens",
            "DS=e30.eyJpc3MiOiJvdGhlciIsInN1YiI6IlUxIiwiZXhwIjoxfQ.A#; ",
        ),
    ] {
        rows.push(one(&format!("{name}_renew"), &renewing, &numbered(text)));
    }
    let kilobyte = "a=1; ".repeat(1_024 / 5);
    let fields = vec![("cookie", kilobyte.as_str()); 64];
    rows.push(through("64_fields_renew", &renewing, &fields[..63]).over(NOT_FOUND));
    bench.group("cookies", rows);

    // More than is read, in fields as long as a server may take them.
    let text = filled("a=1; ");
    let fields = vec![("cookie", text.as_str()); 24];
    let rows = vec![
        not_found("390_kb_not_found", &fields),
        through("390_kb_plain", &plain, &fields).over("390_kb_not_found"),
        through("390_kb_renew_host", &prefixed, &fields).over("390_kb_not_found"),
    ];
    bench.group("long_cookies", rows);
}

fn one(name: &str, layer: &TenantLayer, field: &str) -> Row {
    through(name, layer, &[("cookie", field)]).over(NOT_FOUND)
}

/// A field of nothing but this text.
fn filled(text: &str) -> String {
    text.repeat(FIELD / text.len())
}

/// The same, with a number in the place of `#`, so that no two are equal.
fn numbered(text: &str) -> String {
    let (before, after) = text.split_once('#').expect("a place for the number");
    let mut field = String::new();
    for number in 1_000.. {
        if field.len() + text.len() + 4 > FIELD {
            break;
        }
        let _ = write!(field, "{before}{number}{after}");
    }
    field
}
