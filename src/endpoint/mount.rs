//! Where a service is mounted.

/// The prefix of the paths that a service answers, as it stands before them: it begins with a slash and
/// ends in none, or is empty. Slashes at the ends of `prefix` may be left out.
pub(crate) fn mount_prefix(prefix: &str) -> String {
    match prefix.trim_matches('/') {
        "" => String::new(),
        prefix => format!("/{prefix}"),
    }
}
