//! Telling a person who opens a page from a program that asks for data.

use http::{HeaderValue, Method, header};

use super::{check::SEC_FETCH_MODE, host::single};
use crate::head::RequestHead;

/// Returns `true` for a GET or HEAD by which a browser opens a page, in a window or in a frame: it says
/// so itself (`Sec-Fetch-Mode: navigate`) or, where it is too old for that, accepts HTML by name.
pub(crate) fn is_navigation(head: RequestHead<'_>) -> bool {
    if ![Method::GET, Method::HEAD].contains(head.method) {
        return false;
    }
    match single(head.headers, &SEC_FETCH_MODE, "") {
        Ok(Some(mode)) => mode == "navigate",
        Ok(None) => head
            .headers
            .get_all(header::ACCEPT)
            .iter()
            .any(accepts_html),
        Err(_) => false,
    }
}

/// Returns `true` if one of the media ranges is that of HTML, and not to say that it is unwanted. A
/// range such as `*/*`, which every program sends, says nothing.
fn accepts_html(field: &HeaderValue) -> bool {
    let ranges = field.as_bytes().split(|&byte| byte == b',');
    ranges.into_iter().any(|range| {
        let mut parts = range.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let is_html = parts.next().is_some_and(|range| {
            range.eq_ignore_ascii_case(b"text/html")
                || range.eq_ignore_ascii_case(b"application/xhtml+xml")
        });
        is_html && !parts.any(is_zero_weight)
    })
}

/// Returns `true` for `q=0`, `q=0.0` and so on (RFC 9110 section 12.4.2).
fn is_zero_weight(parameter: &[u8]) -> bool {
    let [b'q' | b'Q', b'=', weight @ ..] = parameter else {
        return false;
    };
    weight.first() == Some(&b'0') && weight.iter().all(|byte| matches!(byte, b'0' | b'.'))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn navigates(method: &str, fields: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().method(method);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        is_navigation((&request.body(()).unwrap()).into())
    }

    #[test]
    fn a_browser_that_opens_a_page_navigates() {
        let chromium = [
            ("sec-fetch-mode", "navigate"),
            ("accept", "text/html,*/*;q=0.8"),
        ];
        let old = [(
            "accept",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        )];
        for method in ["GET", "HEAD"] {
            assert!(navigates(method, &chromium));
            assert!(navigates(method, &old));
        }
        assert!(navigates("GET", &[("sec-fetch-mode", "navigate")]));
        assert!(navigates(
            "GET",
            &[
                ("accept", "application/json"),
                ("accept", "Text/HTML;q=0.5")
            ]
        ));
    }

    #[test]
    fn forms_scripts_and_programs_do_not() {
        for (method, fields) in [
            (
                "POST",
                &[("sec-fetch-mode", "navigate"), ("accept", "text/html")][..],
            ),
            (
                "GET",
                &[("sec-fetch-mode", "cors"), ("accept", "text/html")],
            ),
            (
                "GET",
                &[
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-mode", "navigate"),
                ],
            ),
            ("GET", &[("accept", "*/*")]),
            ("GET", &[("accept", "application/json")]),
            ("GET", &[("accept", "text/html;q=0, application/json")]),
            ("GET", &[("accept", "text/html; level=1; q=0.000")]),
            ("GET", &[("accept", "text/htmlx")]),
            ("GET", &[]),
        ] {
            assert!(!navigates(method, fields), "{method} {fields:?}");
        }
    }
}
