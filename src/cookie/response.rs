//! The cookies of a response, and the fields that keep it out of caches.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The fields that tell one kind of cache what to keep, and whose names end in neither of
/// [`FOR_SOME_CACHES`].
const OF_VENDORS: [&str; 2] = ["edge-control", "x-accel-expires"];

/// How the names of fields end that outrank `Cache-Control` at the caches that know them: those of
/// RFC 9213, whose vendors prefix their own names, and of the Edge Architecture Specification.
const FOR_SOME_CACHES: [&str; 2] = ["cache-control", "surrogate-control"];

/// Adds `Set-Cookie` lines to a response, and takes out of its head whatever allows a cache to store
/// it: a stored response would hand one user's tokens to the next.
pub(crate) fn add_to_response(headers: &mut HeaderMap, lines: Vec<HeaderValue>) {
    for line in lines {
        headers.append(header::SET_COOKIE, line);
    }
    let permissions: Vec<HeaderName> = headers
        .keys()
        .filter(|name| permits_storing(name))
        .cloned()
        .collect();
    for name in permissions {
        headers.remove(name);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// Returns `true` for a field by which some cache may store a response whatever `Cache-Control` says;
/// and for `Cache-Control` itself.
fn permits_storing(name: &HeaderName) -> bool {
    let name = name.as_str();
    OF_VENDORS.contains(&name) || FOR_SOME_CACHES.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_that_allows_storing_is_left_beside_cookies() {
        let mut headers = HeaderMap::new();
        for name in [
            "cache-control",
            "cdn-cache-control",
            "cloudflare-cdn-cache-control",
            "vercel-cdn-cache-control",
            "netlify-cdn-cache-control",
            "akamai-cache-control",
            "x-somebodys-cache-control",
            "surrogate-control",
            "fastly-surrogate-control",
            "edge-control",
            "x-accel-expires",
        ] {
            headers.append(name, HeaderValue::from_static("public, max-age=600"));
            headers.append(name, HeaderValue::from_static("s-maxage=600"));
        }
        headers.insert("vary", HeaderValue::from_static("Accept"));
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        headers.insert("set-cookie", HeaderValue::from_static("theme=dark"));
        add_to_response(&mut headers, vec![HeaderValue::from_static("DS=x")]);
        let mut left: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        left.sort_unstable();
        assert_eq!(
            left,
            [
                ("cache-control", "no-store"),
                ("set-cookie", "DS=x"),
                ("set-cookie", "theme=dark"),
                ("vary", "Accept"),
                ("x-accel-buffering", "no"),
            ]
        );
    }
}
