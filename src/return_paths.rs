//! The pages that a form may send its browser on to: paths of this site, never anything else.

use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;
use url::{Position, Url};

use crate::error::Error;

/// The longest path that is looked at, in bytes.
const MAX_PATH: usize = 2048;

/// The pages of this site that a browser may be sent on to: a page that is configured and, below a
/// prefix, the page that a form asks for.
///
/// A path leads to this site and nowhere else if browsers resolve it to this very origin and to no
/// other path than it shows. So `//evil.example`, `/\\evil.example`, `/app/../admin` and all that
/// has control characters is refused, in a form and in a configuration alike.
///
/// ```
/// use tower_descope::ReturnPaths;
///
/// let paths = ReturnPaths::new("/projects")?.below("/app")?;
/// assert_eq!(paths.resolve(Some("/app/invoices?page=2")), "/app/invoices?page=2");
/// assert_eq!(paths.resolve(Some("/admin")), "/projects");
/// assert_eq!(paths.resolve(Some("/app/../admin")), "/projects");
/// assert_eq!(paths.resolve(Some("//evil.example/app")), "/projects");
/// assert_eq!(paths.resolve(None), "/projects");
/// assert!(ReturnPaths::new("https://evil.example/").is_err());
/// # Ok::<(), tower_descope::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct ReturnPaths {
    /// The configured path, with the query that it may have.
    page: Box<str>,
    /// The path at or below which a request's own path is followed, without a final slash.
    prefix: Option<Box<str>>,
}

impl ReturnPaths {
    /// Leads every browser to `page`, a path of this site that may have a query.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) if the path is not one of this
    /// site, or has a fragment.
    pub fn new(page: impl AsRef<str>) -> Result<Self, Error> {
        let page = page.as_ref();
        if page.contains('#') {
            return Err(malformed(page, "leave out the fragment"));
        }
        let page = local(page).ok_or_else(|| malformed(page, NOT_LOCAL))?;
        Ok(Self {
            page: page.into(),
            prefix: None,
        })
    }

    /// Lets a request choose its own page, if that is `prefix` or lies below it. `"/"` allows every
    /// path of this site.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) if the prefix is not a path of
    /// this site, or has a query or a fragment.
    pub fn below(mut self, prefix: impl AsRef<str>) -> Result<Self, Error> {
        let prefix = prefix.as_ref();
        if prefix.contains(['?', '#']) {
            return Err(malformed(prefix, "leave out query and fragment"));
        }
        let local = local(prefix).ok_or_else(|| malformed(prefix, NOT_LOCAL))?;
        self.prefix = Some(local.trim_end_matches('/').into());
        Ok(self)
    }

    /// Returns the path to send a browser to that asks for `path`: that path itself if it is allowed,
    /// percent-encoded as browsers do it, else the configured page. It can stand in `Location`.
    pub fn resolve(&self, path: Option<&str>) -> String {
        path.zip(self.prefix.as_deref())
            .and_then(|(path, prefix)| local(path).filter(|path| is_below(path, prefix)))
            .unwrap_or_else(|| self.page.clone().into())
    }

    /// The configured page.
    pub(crate) fn page(&self) -> &str {
        &self.page
    }
}

/// The page that a request asks for, as a path of this site to come back to; `None` if browsers would
/// resolve it to another place than it shows.
pub(crate) fn page_of(uri: &Uri) -> Option<String> {
    local(uri.path_and_query()?.as_str())
}

/// A configured page with these fields added to its query, for `Location`.
pub(crate) fn page_with(page: &ReturnPaths, fields: &[(&str, &str)]) -> HeaderValue {
    let page = page.page();
    let query: String = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let separator = match query.is_empty() {
        true => "",
        false if page.contains('?') => "&",
        false => "?",
    };
    // Both are visible ASCII; if that were ever untrue, this stays on the site too.
    HeaderValue::from_str(&format!("{page}{separator}{query}"))
        .unwrap_or(const { HeaderValue::from_static("/") })
}

const NOT_LOCAL: &str = "give an absolute path of this site, such as \"/app\", without \"..\"";

fn malformed(path: &str, remedy: &str) -> Error {
    Error::config(format!("the return path {path:?} is malformed: {remedy}"))
}

/// `path` as it goes into `Location`, if browsers resolve it to this very origin and to no other
/// path than it shows.
fn local(path: &str) -> Option<String> {
    // Browsers leave out tabs and line breaks, and read `\` as `/` in some places.
    if path.len() > MAX_PATH || path.contains(|c: char| c == '\\' || c.is_control()) {
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

/// Returns `true` if `path` is `prefix` (without its final slash) or lies below it.
fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths() -> ReturnPaths {
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
            assert_eq!(paths().resolve(Some(path)), location);
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
            &format!("/app/{}", "x".repeat(MAX_PATH)),
        ] {
            assert_eq!(paths().resolve(Some(path)), "/home", "{path:?}");
        }
        assert_eq!(paths().resolve(None), "/home");
    }

    #[test]
    fn without_a_prefix_no_form_chooses_its_page() {
        let paths = ReturnPaths::new("/home").unwrap();
        assert_eq!(paths.resolve(Some("/home")), "/home");
        assert_eq!(paths.resolve(Some("/app")), "/home");
    }

    #[test]
    fn the_root_is_a_prefix_of_all() {
        let paths = ReturnPaths::new("/home").unwrap().below("/").unwrap();
        assert_eq!(paths.resolve(Some("/any/page")), "/any/page");
        assert_eq!(paths.resolve(Some("//evil.test")), "/home");
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
            assert!(paths().below(bad).is_err(), "{bad:?}");
        }
        assert!(paths().below("/a?b").is_err());
    }
}
