//! What the environment may change, and how the cookies are kept.

use std::{env, str::FromStr};

use tower_descope::cookie::{CookieLife, SameSite, SessionCookies};

/// True where cookies are sent without `Secure`.
pub(crate) fn is_insecure() -> bool {
    env::var("DEMO_INSECURE_COOKIES").is_ok_and(|value| value == "1")
}

/// How the session's cookies are named, scoped and kept. All that is written in the demo follows it.
pub(crate) fn cookies() -> SessionCookies {
    let insecure = is_insecure();
    let plain = env::var("DEMO_COOKIE_NAMES").is_ok_and(|value| value == "plain");
    let strict = env::var("DEMO_SAME_SITE").is_ok_and(|value| value == "strict");
    // Browsers refuse `__Host-` cookies without `Secure`.
    let cookies = if plain || insecure {
        SessionCookies::new()
    } else {
        // Nobody has cookies of other names from before, and a sibling host could plant them.
        SessionCookies::host_prefixed().without_fallbacks()
    };
    cookies
        // Links from mails arrive signed in; the layer guards writes by itself.
        .same_site(if strict {
            SameSite::Strict
        } else {
            SameSite::Lax
        })
        // The box "Stay signed in" decides.
        .life(CookieLife::Chosen)
        .danger_insecure_cookies_on_loopback(insecure)
}

/// A number of the environment.
pub(crate) fn number<N: FromStr>(name: &str, default: N) -> Result<N, String> {
    env::var(name).map_or(Ok(default), |text| {
        text.parse()
            .map_err(|_| format!("{name}={text:?} is no number that fits"))
    })
}
