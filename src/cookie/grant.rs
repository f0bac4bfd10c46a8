//! The cookies of a session that was opened: the lines for both tokens.
//!
//! The tenant selection, the session routes and the renewal in the layer all write them here.

use std::time::{Duration, SystemTime};

use http::HeaderValue;

use crate::{
    cookie::{CookieAttributes, CookieKind, SessionCookies},
    error::Error,
};

/// The tokens that a browser is to hold, with the lifetimes and scopes of their cookies.
#[derive(Clone, Copy)]
pub(crate) struct CookieGrant<'a> {
    pub(crate) session_token: &'a str,
    /// The new refresh token; `None` if the one that was presented stays in force.
    pub(crate) refresh_token: Option<&'a str>,
    pub(crate) session_age: Duration,
    pub(crate) refresh_age: Duration,
    /// The name and the domain that Descope gives the session cookie.
    pub(crate) session_scope: (Option<&'a str>, Option<&'a str>),
    pub(crate) refresh_scope: (Option<&'a str>, Option<&'a str>),
}

impl CookieGrant<'_> {
    /// Appends the `Set-Cookie` lines of both tokens.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CookieTooLarge`](crate::ErrorKind::CookieTooLarge) for a token that browsers
    /// would drop. If it is the session token, the browser's session cookie stays as it was, but a
    /// new refresh token that fits is still written: the one that it replaces may have been
    /// rotated out, and without the new one the user would be signed out.
    pub(crate) fn write(
        &self,
        cookies: &SessionCookies,
        attributes: CookieAttributes,
        lines: &mut Vec<HeaderValue>,
    ) -> Result<(), Error> {
        let (name, domain) = self.session_scope;
        let place = cookies.place(CookieKind::Session, name, domain);
        // Not returned at once: see above.
        let session = cookies.set(place, self.session_token, self.session_age, attributes);
        if let Some(token) = self.refresh_token {
            RefreshGrant {
                token,
                age: self.refresh_age,
                scope: self.refresh_scope,
            }
            .write(cookies, attributes, lines)?;
        }
        let session = session?;
        lines.extend(cookies.evictions(CookieKind::Session, place, attributes));
        lines.push(session);
        Ok(())
    }
}

/// A new refresh token alone, whose answer holds no session that can be used.
#[derive(Clone, Copy)]
pub(crate) struct RefreshGrant<'a> {
    pub(crate) token: &'a str,
    pub(crate) age: Duration,
    /// The name and the domain that Descope gives the refresh cookie.
    pub(crate) scope: (Option<&'a str>, Option<&'a str>),
}

impl RefreshGrant<'_> {
    /// Appends the `Set-Cookie` lines of the token.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CookieTooLarge`](crate::ErrorKind::CookieTooLarge) if browsers would drop it.
    pub(crate) fn write(
        self,
        cookies: &SessionCookies,
        attributes: CookieAttributes,
        lines: &mut Vec<HeaderValue>,
    ) -> Result<(), Error> {
        let (name, domain) = self.scope;
        let place = cookies.place(CookieKind::Refresh, name, domain);
        let refresh = cookies.set(place, self.token, self.age, attributes)?;
        lines.extend(cookies.evictions(CookieKind::Refresh, place, attributes));
        lines.push(refresh);
        cookies.write_remembered(place, self.age, attributes, lines)
    }
}

/// Returns the lifetime of the session cookie. It ends with the refresh token, far beyond the
/// session token, so that renewal finds an expired token rather than none.
pub(crate) fn session_age(
    session_end: SystemTime,
    refresh_end: Option<SystemTime>,
    now: SystemTime,
) -> Duration {
    let end = refresh_end.map_or(session_end, |end| end.max(session_end));
    end.duration_since(now).unwrap_or_default()
}

/// Returns the lifetime of the refresh cookie: as long as Descope says (`cookieMaxAge`), but no
/// longer than its token.
pub(crate) fn refresh_age(
    max_age: Option<i64>,
    end: Option<SystemTime>,
    now: SystemTime,
) -> Duration {
    let left = end.map_or(Duration::MAX, |end| {
        end.duration_since(now).unwrap_or_default()
    });
    max_age
        .and_then(|seconds| u64::try_from(seconds).ok())
        .filter(|seconds| *seconds > 0)
        .map_or(left, |seconds| left.min(Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const GRANT: CookieGrant<'_> = CookieGrant {
        session_token: "ses.si.on",
        refresh_token: Some("ref.re.sh"),
        session_age: HOUR,
        refresh_age: HOUR,
        session_scope: (None, None),
        refresh_scope: (None, None),
    };

    fn written(grant: CookieGrant<'_>, cookies: &SessionCookies) -> (Vec<String>, bool) {
        let mut lines = Vec::new();
        let written = grant.write(cookies, CookieAttributes::USUAL, &mut lines);
        let lines = lines.iter().map(|line| line.to_str().unwrap().to_owned());
        (lines.collect(), written.is_ok())
    }

    #[test]
    fn both_cookies_are_written_after_what_clears_their_former_scopes() {
        let cookies = SessionCookies::new().former_cookie_scope(Some("a.test"), "/");
        let (lines, ok) = written(GRANT, &cookies);
        assert!(ok);
        let starts = ["DSR=; ", "DSR=ref.re.sh; ", "DS=; ", "DS=ses.si.on; "];
        assert_eq!(lines.len(), starts.len());
        for (line, start) in lines.iter().zip(starts) {
            assert!(line.starts_with(start), "{line}");
        }
    }

    #[test]
    fn without_a_new_refresh_token_its_cookie_is_left_alone_everywhere() {
        let cookies = SessionCookies::new().former_cookie_scope(Some("a.test"), "/");
        let grant = CookieGrant {
            refresh_token: None,
            ..GRANT
        };
        let (lines, ok) = written(grant, &cookies);
        assert!(
            ok && lines.iter().all(|line| line.starts_with("DS=")),
            "{lines:?}"
        );
    }

    #[test]
    fn a_session_that_is_too_large_does_not_cost_the_new_refresh_token() {
        let large = format!("a.b.{}", "c".repeat(4096));
        let grant = CookieGrant {
            session_token: &large,
            ..GRANT
        };
        let (lines, ok) = written(grant, &SessionCookies::new());
        assert!(!ok);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("DSR=ref.re.sh; "));
    }

    #[test]
    fn a_refresh_token_that_is_too_large_leaves_both_cookies() {
        let large = format!("a.b.{}", "c".repeat(4096));
        let grant = CookieGrant {
            refresh_token: Some(&large),
            ..GRANT
        };
        let (lines, ok) = written(grant, &SessionCookies::new());
        assert!(!ok && lines.is_empty());
    }

    #[test]
    fn cookies_live_until_the_refresh_token_s_end() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let (ten_minutes, weeks) = (now + HOUR / 6, now + HOUR * 500);
        assert_eq!(session_age(ten_minutes, Some(weeks), now), HOUR * 500);
        assert_eq!(session_age(ten_minutes, None, now), HOUR / 6);
        assert_eq!(session_age(ten_minutes, Some(now), now), HOUR / 6);
        assert_eq!(session_age(now - HOUR, None, now), Duration::ZERO);
        for (max_age, expected) in [
            (Some(60), Duration::from_secs(60)),
            (Some(i64::MAX), HOUR * 500),
            (Some(0), HOUR * 500),
            (Some(-1), HOUR * 500),
            (Some(i64::MIN), HOUR * 500),
            (None, HOUR * 500),
        ] {
            assert_eq!(refresh_age(max_age, Some(weeks), now), expected);
        }
        assert_eq!(refresh_age(None, None, now), Duration::MAX);
    }
}
