//! Reading the `Set-Cookie` fields of an answer.

use cookie::{Cookie, time};
use http::{HeaderMap, header::SET_COOKIE};

/// Returns the value of the cookie called `name`, exactly.
///
/// Of several the last counts, as browsers would store them (RFC 6265 section 5.3, step 11); one
/// that removes the cookie (an empty value, `Max-Age` of zero or less) leaves none. Cookies of
/// other names, such as those of the CDN, are ignored, and so are Domain and Path: the value is
/// verified, and written with the configured attributes.
pub(super) fn value(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookie = headers
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|line| Cookie::parse(line.to_str().ok()?).ok())
        .rfind(|cookie| cookie.name() == name)?;
    let removed = cookie.value().is_empty()
        || cookie
            .max_age()
            .is_some_and(|max_age| max_age <= time::Duration::ZERO);
    (!removed).then(|| cookie.value().to_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const DS: &str = "DS=s1.s2.s3; Path=/; Domain=api.descope.com; Expires=Tue, 02 Sep 2025 \
                      15:29:32 GMT; Max-Age=3599; HttpOnly; Secure; SameSite=None";
    const DSR: &str = "DSR=r1.r2.r3; Path=/; HttpOnly; Secure; SameSite=None";
    const DSTEST: &str = "DSTEST=c1; path=/; expires=Tue, 02-Sep-25 14:59:32 GMT; \
                          domain=.descope.com; HttpOnly; Secure; SameSite=None";

    fn headers(lines: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(SET_COOKIE, HeaderValue::from_static(line));
        }
        headers
    }

    #[test]
    fn names_are_exact_whatever_the_order() {
        for lines in [[DS, DSR, DSTEST], [DSTEST, DSR, DS]] {
            let headers = headers(&lines);
            assert_eq!(value(&headers, "DS").unwrap(), "s1.s2.s3");
            assert_eq!(value(&headers, "DSR").unwrap(), "r1.r2.r3");
            assert_eq!(value(&headers, "DSTEST").unwrap(), "c1");
            assert_eq!(value(&headers, "ds"), None);
            assert_eq!(value(&headers, "D"), None);
        }
        // Folded into one line, which RFC 6265 section 3 forbids: only the first is a cookie.
        let mut folded = HeaderMap::new();
        let line = [DS, DSR, DSTEST].join(", ");
        folded.append(SET_COOKIE, HeaderValue::from_str(&line).unwrap());
        assert_eq!(value(&folded, "DS").unwrap(), "s1.s2.s3");
        assert_eq!(value(&folded, "DSR"), None);
    }

    #[test]
    fn of_several_cookies_of_one_name_the_last_counts() {
        assert_eq!(
            value(&headers(&["DS=old; Path=/", "DS=new; Path=/a"]), "DS").unwrap(),
            "new"
        );
        for removal in ["DS=", "DS=x; Max-Age=0", "DS=x; max-age=-1"] {
            assert_eq!(value(&headers(&["DS=old", removal]), "DS"), None);
        }
        assert_eq!(value(&headers(&["DS=", "DS=new"]), "DS").unwrap(), "new");
    }

    #[test]
    fn odd_lines_are_no_cookies() {
        let mut headers = headers(&["DS", "=x", "", "other; DS=inner", "x=DS=inner"]);
        headers.append(SET_COOKIE, HeaderValue::from_bytes(b"DS=\xff").unwrap());
        assert_eq!(value(&headers, "DS"), None);
    }
}
