//! The cookies that the inner service wrote itself, beside those of a renewal.
//!
//! A browser knows a cookie by name, Domain and Path. A line of the inner service that *sets* a
//! cookie of our name is its word on the session (a sign-in), whatever the scope. One that *removes*
//! such a cookie may be about another one: applications clean up what an older release of theirs set
//! for a path or a domain, often on each answer.

use std::time::SystemTime;

use cookie::{Cookie, time::Duration};
use http::{HeaderMap, HeaderValue, header};

/// The cookies that a response sets or removes already.
pub(super) struct InnerCookies {
    cookies: Vec<Cookie<'static>>,
    now: SystemTime,
}

impl InnerCookies {
    pub(super) fn of(headers: &HeaderMap, now: SystemTime) -> Self {
        let lines = headers.get_all(header::SET_COOKIE).iter();
        Self {
            cookies: lines.filter_map(parse).collect(),
            now,
        }
    }

    /// Returns `true` if the inner service has spoken for the cookie of this line of ours, which must
    /// not be written then.
    pub(super) fn hold_back(&self, line: &HeaderValue) -> bool {
        if self.cookies.is_empty() {
            return false;
        }
        let Some(ours) = parse(line) else {
            return false;
        };
        self.cookies
            .iter()
            .filter(|inner| inner.name() == ours.name())
            .any(|inner| !self.is_removal(inner) || !is_elsewhere(inner, &ours))
    }

    /// Returns `true` for a line that makes a browser forget the cookie: `Max-Age` of zero or less, and
    /// without `Max-Age` an `Expires` that is over (RFC 6265 section 5.3).
    fn is_removal(&self, cookie: &Cookie<'_>) -> bool {
        match cookie.max_age() {
            Some(age) => age <= Duration::ZERO,
            None => cookie
                .expires_datetime()
                .is_some_and(|end| SystemTime::from(end) <= self.now),
        }
    }
}

/// Returns `true` if the Domain or the Path of a line is written out and is not that of ours.
fn is_elsewhere(inner: &Cookie<'_>, ours: &Cookie<'_>) -> bool {
    let other_domain = inner.domain().is_some_and(|domain| {
        let same = |ours: &str| ours.eq_ignore_ascii_case(domain);
        !ours.domain().is_some_and(same)
    });
    // A Path that is not absolute counts as none (RFC 6265 section 5.2.4).
    let written = inner.path().filter(|path| path.starts_with('/'));
    other_domain || written.is_some_and(|path| ours.path() != Some(path))
}

/// Reads a line as browsers do: attributes in any letter case, the last of a kind counts, what is not
/// understood is ignored. `None` for a line that sets no cookie with a name.
fn parse(line: &HeaderValue) -> Option<Cookie<'static>> {
    let line = String::from_utf8_lossy(line.as_bytes());
    Cookie::parse(line.into_owned()).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOST_ONLY: &str = "DS=a.b.c; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=60";
    const OF_DOMAIN: &str = "DS=a.b.c; Path=/app; Domain=example.test; Max-Age=60";
    const PAST: &str = "Thu, 01 Jan 1970 00:00:00 GMT";

    /// Returns `true` if `inner` holds `ours` back, in January 2026.
    fn holds_back(inner: &str, ours: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        for line in inner.split('\n') {
            let line = HeaderValue::from_bytes(line.as_bytes()).unwrap();
            headers.append(header::SET_COOKIE, line);
        }
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        InnerCookies::of(&headers, now).hold_back(&HeaderValue::from_static(ours))
    }

    #[test]
    fn a_line_that_sets_a_cookie_of_our_name_is_the_inner_services_word_whatever_its_scope() {
        for line in [
            "DS=x",
            "DS=",
            "DS=x; Path=/app",
            "DS=x; Domain=other.test; Path=/app",
            "DS=x; Max-Age=1; Path=/app",
            "DS=x; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/app",
            "DS=x; Expires=Fri, 01 Jan 2027 00:00:00 GMT; Path=/app",
            "DS=x; Expires=never; Path=/app",
            "DS=x; Max-Age=soon; Path=/app",
            " DS =x; Path=/app",
            "DS=\u{fc}; Path=/app",
        ] {
            assert!(holds_back(line, HOST_ONLY), "{line}");
            assert!(holds_back(line, OF_DOMAIN), "{line}");
        }
    }

    #[test]
    fn a_removal_of_the_cookie_in_our_scope_is_the_inner_services_word() {
        for scope in [
            "",
            "; Path=/",
            "; PATH=/",
            "; Path=",
            "; Path=app",
            "; Domain=; Path=/",
        ] {
            for end in ["Max-Age=0", "max-age=-1", &format!("Expires={PAST}")] {
                let line = format!("DS={scope}; {end}");
                assert!(holds_back(&line, HOST_ONLY), "{line}");
            }
        }
        for scope in [
            "",
            "; Path=/app",
            "; Domain=example.test",
            "; domain=.EXAMPLE.test",
            "; Domain=other.test; Domain=example.test; Path=/app",
        ] {
            let line = format!("DS={scope}; Max-Age=0");
            assert!(holds_back(&line, OF_DOMAIN), "{line}");
        }
    }

    #[test]
    fn a_removal_in_another_scope_is_about_another_cookie() {
        for scope in [
            "Path=/app",
            "path=/app; Path=/ap",
            "Domain=example.test",
            "Domain=example.test; Path=/",
            "Domain=app.example.test",
        ] {
            for end in [
                "Max-Age=0",
                "MAX-AGE=-5",
                "Max-Age=0; Expires=Fri, 01 Jan 2027 00:00:00 GMT",
                &format!("Expires={PAST}"),
                "expires=Thu, 01-Jan-1970 00:00:01 GMT",
                "Expires=Thu, 01-Jan-70 00:00:01 GMT",
            ] {
                let line = format!("DS=; {scope}; {end}");
                assert!(!holds_back(&line, HOST_ONLY), "{line}");
            }
        }
        for scope in [
            "Path=/",
            "Path=/app/",
            "Domain=test; Path=/app",
            "Domain=app.example.test",
        ] {
            let line = format!("DS=gone; {scope}; Max-Age=0");
            assert!(!holds_back(&line, OF_DOMAIN), "{line}");
        }
    }

    #[test]
    fn of_several_lines_one_is_enough_and_other_names_do_not_count() {
        let clean_up = "DS=; Path=/app; Max-Age=0";
        assert!(!holds_back(clean_up, HOST_ONLY));
        assert!(holds_back(&format!("{clean_up}\nDS=x"), HOST_ONLY));
        assert!(holds_back(
            &format!("DS=; Max-Age=0\n{clean_up}"),
            HOST_ONLY
        ));
        for line in [
            "DSR=x",
            "ds=x",
            "DS",
            "=DS",
            "",
            "x=DS=y",
            "DS; Path=/x=y",
            ";DS=x",
        ] {
            assert!(!holds_back(line, HOST_ONLY), "{line}");
        }
    }
}
