//! The grammar of cookie names, domains and paths.

use crate::error::Error;

/// Browsers ignore longer attribute values (RFC 6265bis section 5.6).
const MAX_PATH: usize = 1024;
/// The longest host name (RFC 1035 section 2.3.4, without the root's dot).
const MAX_DOMAIN: usize = 253;

/// Refuses a name that is no token (RFC 6265 section 4.1.1).
pub(super) fn name(name: &str) -> Result<(), Error> {
    if !name.is_empty() && name.bytes().all(is_token_byte) {
        return Ok(());
    }
    Err(Error::config(format!(
        "{name:?} is no cookie name: use letters, digits, \"-\" and \"_\""
    )))
}

/// Refuses anything but a host name that cookies can be set for: no address, no port, more than one
/// label.
pub(super) fn domain(domain: &str) -> Result<(), Error> {
    let refuse = |remedy: &str| {
        let message = format!("the cookie domain {domain:?} is malformed: {remedy}");
        Err(Error::config(message))
    };
    if domain.starts_with('.') {
        return refuse("leave out the leading dot, sub-domains are included anyway");
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if domain.len() > MAX_DOMAIN || !domain.split('.').all(is_label) {
        return refuse(
            "give a host name such as \"example.com\", without scheme and port, and in punycode \
             if it is not ASCII",
        );
    }
    // Browsers compare an address as a whole (RFC 6265 section 5.1.3), so a Domain adds nothing.
    if domain
        .rsplit('.')
        .next()
        .is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return refuse("an address has no sub-domains, leave out domain(..)");
    }
    if !domain.contains('.') && domain != "localhost" {
        return refuse("browsers refuse cookies for a whole top-level domain");
    }
    Ok(())
}

/// Refuses a path that no browser can match: it has to be absolute, as it would be in a request.
pub(super) fn path(path: &str) -> Result<(), Error> {
    let refuse = |remedy: &str| {
        let message = format!("the cookie path {path:?} is malformed: {remedy}");
        Err(Error::config(message))
    };
    if !path.starts_with('/') {
        return refuse("it has to start with \"/\"");
    }
    if path.len() > MAX_PATH {
        return refuse("browsers ignore paths over 1024 bytes");
    }
    let is_path_byte = |byte: u8| byte.is_ascii_graphic() && !b";,\"\\?#<>^`{|}".contains(&byte);
    if !path.bytes().all(is_path_byte) {
        return refuse("give it percent-encoded, without query and without \";\" and \",\"");
    }
    if path.contains("//") || path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return refuse("no request matches empty, \".\" and \"..\" segments");
    }
    Ok(())
}

/// Returns `true` if browsers hold a cookie of this name to the rules of `__Host-` (in any letter
/// case, RFC 6265bis section 5.7).
pub(super) fn is_host_prefixed(name: &str) -> bool {
    name.get(..7)
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case("__Host-"))
}

/// Returns `true` if the name has one of the prefixes that demand `Secure`: `__Host-`,
/// `__Secure-`, `__Http-`, or one that browsers may add.
pub(super) fn is_prefixed(name: &str) -> bool {
    name.starts_with("__")
}

/// `tchar` of RFC 9110 section 5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tokens() {
        for good in ["DS", "__Host-DS", "a.b", "session_id"] {
            name(good).unwrap();
        }
        for bad in [
            "", "D S", "DS;", "DS=", "\"DS\"", "é", "D\0", "D\r\nS", "(DS)",
        ] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn domains_are_host_names_below_a_top_level_domain() {
        for good in [
            "example.com",
            "app.example.test",
            "xn--bcher-kva.example",
            "localhost",
        ] {
            domain(good).unwrap();
        }
        for bad in [
            "",
            ".",
            "..",
            ".test",
            "com",
            "a..b",
            "a.b.",
            "-a.com",
            "a-.com",
            "*",
            "*.a.com",
            "127.0.0.1",
            "[::1]",
            "a.com:8080",
            "https://a.com",
            "a.com; Secure",
            "é.com",
            "a,b.c",
            "a\r\n.com",
            "a.1",
            &format!("{}.com", "x".repeat(64)),
            &"x.".repeat(200),
        ] {
            assert!(domain(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn paths_are_absolute_and_can_match() {
        for good in ["/", "/app", "/app/", "/a%20b", "/a-b_c~d"] {
            path(good).unwrap();
        }
        for bad in [
            "",
            "app",
            "/a;b",
            "/a,b",
            "/a b",
            "/a\n",
            "/é",
            "//a",
            "/a/../b",
            "/.",
            "/?q",
            "/#f",
            "\\",
            "/a\\b",
            &format!("/{}", "p".repeat(1024)),
        ] {
            assert!(path(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn prefixes_are_seen_in_any_letter_case() {
        for name in ["__Host-DS", "__HOST-DS", "__host-Http-DS"] {
            assert!(is_host_prefixed(name) && is_prefixed(name), "{name}");
        }
        for name in ["__Secure-DS", "__Http-DS"] {
            assert!(!is_host_prefixed(name) && is_prefixed(name), "{name}");
        }
        assert!(!is_prefixed("DS") && !is_host_prefixed("__HostDS"));
    }
}
