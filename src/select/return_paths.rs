//! Where a form's browser goes on to: a path of this site, never anywhere else.

use percent_encoding::percent_decode_str;
use url::{Position, Url};

use crate::error::Error;

/// The longest `return_to` that is looked at, in bytes.
const MAX_RETURN_TO: usize = 2048;

/// Where forms lead to.
#[derive(Clone, Debug)]
pub(super) struct ReturnPaths {
    /// The configured path, with the query it may have.
    page: Box<str>,
    /// Below which path a form's own `return_to` is followed.
    prefix: Option<Box<str>>,
}

impl ReturnPaths {
    pub(super) fn new(page: &str) -> Result<Self, Error> {
        if page.contains('#') {
            return Err(malformed(page, "leave out the fragment"));
        }
        let page = local(page).ok_or_else(|| malformed(page, NOT_LOCAL))?;
        Ok(Self {
            page: page.into(),
            prefix: None,
        })
    }

    pub(super) fn below(mut self, prefix: &str) -> Result<Self, Error> {
        if prefix.contains(['?', '#']) {
            return Err(malformed(prefix, "leave out query and fragment"));
        }
        let local = local(prefix).ok_or_else(|| malformed(prefix, NOT_LOCAL))?;
        self.prefix = Some(local.trim_end_matches('/').into());
        Ok(self)
    }

    /// Where a form that did its work leads: to its own `return_to` if that is harmless, else to
    /// the configured page.
    pub(super) fn success(&self, return_to: Option<&str>) -> String {
        return_to
            .zip(self.prefix.as_deref())
            .and_then(|(path, prefix)| local(path).filter(|path| is_below(path, prefix)))
            .unwrap_or_else(|| self.page.clone().into())
    }

    /// Where a form that failed leads.
    pub(super) fn failure(&self, code: &str) -> String {
        let separator = if self.page.contains('?') { '&' } else { '?' };
        format!("{}{separator}select_error={code}", self.page)
    }
}

/// Where a form leads that asks for `return_to`: below `prefix`, else to `page`.
#[cfg(feature = "__internals")]
pub(crate) fn location(page: &str, prefix: &str, return_to: &str) -> Result<String, Error> {
    let returning = ReturnPaths::new(page)?.below(prefix)?;
    Ok(returning.success(Some(return_to)))
}

const NOT_LOCAL: &str = "give an absolute path of this site, such as \"/app\", without \"..\"";

fn malformed(path: &str, remedy: &str) -> Error {
    Error::config(format!("the return path {path:?} is malformed: {remedy}"))
}

/// `path` as it goes into `Location`, if browsers resolve it to this very origin and to no other
/// path than it shows.
fn local(path: &str) -> Option<String> {
    // Browsers leave out tabs and line breaks, and read `\` as `/` in some places.
    if path.len() > MAX_RETURN_TO || path.contains(|c: char| c == '\\' || c.is_control()) {
        return None;
    }
    let site = Url::parse("https://site.invalid").ok()?;
    let url = site.join(path).ok()?;
    let resolved = &url[Position::BeforePath..];
    // The one change that may be made on the way is percent-encoding. Any other (dot segments, a
    // host or a scheme, a path that was relative) drops or adds a byte.
    let as_shown = percent_decode_str(resolved).eq(percent_decode_str(path));
    (url.origin() == site.origin() && as_shown).then(|| resolved.to_owned())
}

/// Whether `path` is `prefix` (without its final slash) or lies below it.
fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn returning() -> ReturnPaths {
        ReturnPaths::new("/home").unwrap().below("/app/").unwrap()
    }

    #[test]
    fn a_harmless_path_below_the_prefix_is_followed() {
        for (path, location) in [
            ("/app", "/app"),
            ("/app/", "/app/"),
            ("/app/a?b=c#d", "/app/a?b=c#d"),
            ("/app?next=//evil.test", "/app?next=//evil.test"),
            ("/app/a b/ü", "/app/a%20b/%C3%BC"),
            ("/app/..a/...", "/app/..a/..."),
            ("/app/?x=../y", "/app/?x=../y"),
            ("/app/{a}?b=it's", "/app/%7Ba%7D?b=it%27s"),
        ] {
            assert_eq!(returning().success(Some(path)), location);
        }
    }

    #[test]
    fn everything_else_leads_to_the_configured_page() {
        for path in [
            "",
            "app",
            "/other",
            "/apple",
            "//evil.test",
            "//evil.test/app",
            "/\\evil.test",
            "\\\\evil.test",
            "/app\\..\\x",
            "/\t/evil.test",
            "/app\r\nSet-Cookie: x=1",
            "/app\u{85}",
            "/app/../admin",
            "/app/%2e%2E/admin",
            "/app/.%2e/admin",
            "/app/./x",
            "/app/..",
            "https://evil.test/app",
            "javascript:alert(1)",
            " /app",
            &format!("/app/{}", "x".repeat(MAX_RETURN_TO)),
        ] {
            assert_eq!(returning().success(Some(path)), "/home", "{path:?}");
        }
        assert_eq!(returning().success(None), "/home");
    }

    #[test]
    fn without_a_prefix_no_form_chooses_its_page() {
        let returning = ReturnPaths::new("/home").unwrap();
        assert_eq!(returning.success(Some("/home")), "/home");
        assert_eq!(returning.success(Some("/app")), "/home");
    }

    #[test]
    fn the_root_is_a_prefix_of_all() {
        let returning = ReturnPaths::new("/home").unwrap().below("/").unwrap();
        assert_eq!(returning.success(Some("/any/page")), "/any/page");
        assert_eq!(returning.success(Some("//evil.test")), "/home");
    }

    #[test]
    fn a_failure_is_told_in_the_query() {
        assert_eq!(
            returning().failure("cross_site"),
            "/home?select_error=cross_site"
        );
        let returning = ReturnPaths::new("/home?tab=1").unwrap();
        assert_eq!(returning.failure("x"), "/home?tab=1&select_error=x");
    }

    #[test]
    fn configured_paths_are_held_to_the_same_rule() {
        for bad in [
            "",
            "home",
            "//evil.test",
            "/\\evil",
            "https://a.test/",
            "/a/../b",
            "/a#b",
        ] {
            assert!(ReturnPaths::new(bad).is_err(), "{bad:?}");
            assert!(returning().below(bad).is_err(), "{bad:?}");
        }
        assert!(returning().below("/a?b").is_err());
    }
}
