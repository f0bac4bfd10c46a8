//! What every answer has, whoever made it.

use http::{HeaderMap, HeaderValue, header};

use super::{fields, settings::NumberedCookies};

/// Finishes the head of an answer: no cache keeps it, and its cookies are where the proxy reads them.
pub(super) fn finish(headers: &mut HeaderMap, numbered: NumberedCookies) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if numbered == NumberedCookies::Off {
        return;
    }
    let lines: Vec<HeaderValue> = headers
        .get_all(header::SET_COOKIE)
        .iter()
        .cloned()
        .collect();
    if numbered == NumberedCookies::Only {
        headers.remove(header::SET_COOKIE);
    }
    // As many as there are at most, which `build` has seen to.
    for (name, line) in fields::NUMBERED_COOKIES.into_iter().zip(lines) {
        headers.insert(name, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(numbered: NumberedCookies) -> Vec<(String, String)> {
        let mut headers = HeaderMap::new();
        for line in ["DS=a; Path=/", "DSR=b; Path=/"] {
            headers.append(header::SET_COOKIE, HeaderValue::from_static(line));
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public"));
        finish(&mut headers, numbered);
        let shown = |(name, value): (&http::HeaderName, &HeaderValue)| {
            (name.to_string(), value.to_str().unwrap().to_owned())
        };
        let mut shown: Vec<_> = headers.iter().map(shown).collect();
        shown.sort();
        shown
    }

    fn fields(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        fields.iter().map(owned).collect()
    }

    #[test]
    fn cookies_are_where_the_proxy_reads_them() {
        let cache = ("cache-control", "no-store");
        let one = ("x-auth-set-cookie-1", "DS=a; Path=/");
        let two = ("x-auth-set-cookie-2", "DSR=b; Path=/");
        let plain = [
            ("set-cookie", "DS=a; Path=/"),
            ("set-cookie", "DSR=b; Path=/"),
        ];
        assert_eq!(
            shown(NumberedCookies::Both),
            fields(&[cache, plain[0], plain[1], one, two])
        );
        assert_eq!(shown(NumberedCookies::Only), fields(&[cache, one, two]));
        assert_eq!(
            shown(NumberedCookies::Off),
            fields(&[cache, plain[0], plain[1]])
        );
    }
}
