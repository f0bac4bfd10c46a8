//! The fake's page.

use std::fmt;

use super::canned::Canned;

/// No script and no form: forms would need `form-action`, which counts for where they lead in the
/// end, too, and so would have to name the service.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:3rem auto;\
                     padding:0 1rem}ul{list-style:none;padding:0}li a{display:block;\
                     padding:.6rem 1rem;margin:.5rem 0;border:1px solid #888;border-radius:.4rem}\
                     small{color:#666}";

/// Text as it may stand in an element or in a quoted attribute.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c => write!(f, "{c}"),
        })
    }
}

/// A value in the query of a link.
pub(super) fn query_value(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A page with this text for a title and this HTML in it.
pub(super) fn page(title: &str, body: &str) -> Canned {
    let title = Escaped(title);
    let html = format!(
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>{STYLE}</style></head>
<body><main><h1>{title}</h1>
<p>This is the identity provider of FakeDescope. It asks nobody for a password.</p>
{body}
</main></body></html>
"#
    );
    Canned::html(200, html)
        .header("content-security-policy", POLICY)
        .header("cache-control", "no-store")
}
