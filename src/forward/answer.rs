//! What every answer has, whoever made it.

use http::{HeaderValue, Response, StatusCode, header};

use super::{fields, settings::NumberedCookies};

/// Finishes the head of an answer: no cache keeps it, and its cookies are where the proxy reads them.
pub(super) fn finish<B>(answer: &mut Response<B>, numbered: NumberedCookies) {
    let may_pass = answer.status() == StatusCode::OK;
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match numbered {
        // A refusal is handed to the browser as it is by all proxies but nginx, and a page's script reads
        // every field but `Set-Cookie`: the tokens of cookies that are `HttpOnly` for this reason.
        NumberedCookies::Both if !may_pass => return,
        NumberedCookies::Both | NumberedCookies::Only => {}
        NumberedCookies::Off => return,
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

    fn shown(status: u16, numbered: NumberedCookies) -> Vec<(String, String)> {
        let mut answer = Response::new(());
        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
        let headers = answer.headers_mut();
        for line in ["DS=a; Path=/", "DSR=b; Path=/"] {
            headers.append(header::SET_COOKIE, HeaderValue::from_static(line));
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public"));
        finish(&mut answer, numbered);
        let shown = |(name, value): (&http::HeaderName, &HeaderValue)| {
            (name.to_string(), value.to_str().unwrap().to_owned())
        };
        let mut shown: Vec<_> = answer.headers().iter().map(shown).collect();
        shown.sort();
        shown
    }

    fn fields(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        fields.iter().map(owned).collect()
    }

    #[test]
    fn cookies_are_where_the_proxy_reads_them_and_no_script_does() {
        let cache = ("cache-control", "no-store");
        let one = ("x-auth-set-cookie-1", "DS=a; Path=/");
        let two = ("x-auth-set-cookie-2", "DSR=b; Path=/");
        let plain = [
            ("set-cookie", "DS=a; Path=/"),
            ("set-cookie", "DSR=b; Path=/"),
        ];
        assert_eq!(
            shown(200, NumberedCookies::Both),
            fields(&[cache, plain[0], plain[1], one, two])
        );
        for status in [302, 400, 401, 403, 503] {
            assert_eq!(
                shown(status, NumberedCookies::Both),
                fields(&[cache, plain[0], plain[1]])
            );
        }
        for status in [200, 401, 403] {
            assert_eq!(
                shown(status, NumberedCookies::Only),
                fields(&[cache, one, two])
            );
            assert_eq!(
                shown(status, NumberedCookies::Off),
                fields(&[cache, plain[0], plain[1]])
            );
        }
    }
}
