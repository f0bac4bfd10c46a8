//! The `JWTResponse` and the cookies that go with it.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use super::service::{Issued, Service};
use crate::test_util::{
    canned::Canned,
    settings::TokenKind,
    settings::{ResponseMethod, Settings},
};

/// The cookies of the CDN in front of the real service, which concern no client.
const CDN_COOKIE: &str =
    "__cf_bm=fake; path=/; domain=.descope.com; HttpOnly; Secure; SameSite=None";

impl Service<'_> {
    /// The answer that hands out tokens of a family, each where the project wants it.
    pub(super) fn jwt_response(&self, index: usize, issued: Issued, first_seen: bool) -> Canned {
        let (body, cookies) = self.tokens(index, issued, first_seen);
        with_cookies(Canned::json(200, &Value::Object(body)), &cookies)
    }

    /// The same, before it is an answer.
    pub(super) fn tokens(
        &self,
        index: usize,
        issued: Issued,
        first_seen: bool,
    ) -> (Map<String, Value>, Vec<String>) {
        let family = self.state.families.get(index);
        let directory = &self.state.directory;
        let user = family.user(directory).json(|id| directory.tenant_name(id));

        let now = self.settings.now();
        let mut cookies = Vec::new();
        let mut place =
            |kind: TokenKind, token: String, expires: i64| match self.settings.response(kind) {
                ResponseMethod::Body => token,
                ResponseMethod::Cookies => {
                    if !token.is_empty() {
                        let name = self.settings.cookie_name(kind);
                        cookies.push(cookie(self.settings, name, &token, now, expires));
                    }
                    String::new()
                }
            };
        let refresh = place(
            TokenKind::Refresh,
            issued.refresh.unwrap_or_default(),
            family.expires,
        );
        let session = place(TokenKind::Session, issued.session, issued.session_expires);

        let mut body = self.token_fields(&session, &refresh, family.expires);
        body.insert("user".into(), user);
        body.insert("firstSeen".into(), first_seen.into());
        body.insert("idpResponse".into(), Value::Null);
        body.insert("sessionExpiration".into(), issued.session_expires.into());
        body.insert("externalToken".into(), "".into());
        body.insert("claims".into(), Value::Object(issued.session_claims));
        body.insert("tenantSSOID".into(), "".into());
        body.insert("trustedDeviceJwt".into(), "".into());
        body.insert("nextRefreshSeconds".into(), 0.into());
        (body, cookies)
    }

    /// The answer to a logout: no tokens, and cookies that delete what the project set.
    pub(super) fn logged_out(&self) -> Canned {
        let mut cookies = Vec::new();
        for kind in [TokenKind::Refresh, TokenKind::Session] {
            if self.settings.response(kind) == ResponseMethod::Cookies {
                let name = self.settings.cookie_name(kind);
                cookies.push(cookie(self.settings, name, "", 0, 0));
            }
        }
        let body = self.token_fields("", "", 0);
        with_cookies(Canned::json(200, &Value::Object(body)), &cookies)
    }

    fn token_fields(&self, session: &str, refresh: &str, expires: i64) -> Map<String, Value> {
        let max_age = expires.saturating_sub(self.settings.now()).max(0);
        let fields = json!({
            "sessionJwt": session,
            "refreshJwt": refresh,
            "cookieDomain": self.settings.cookie_domain,
            "cookiePath": "/",
            "cookieMaxAge": max_age,
            "cookieExpiration": expires,
            "cookieName": self.settings.refresh_cookie,
            "sessionCookieName": self.settings.session_cookie,
            "sessionCookieDomain": self.settings.cookie_domain,
        });
        match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }
}

pub(super) fn with_cookies(mut answer: Canned, cookies: &[String]) -> Canned {
    for cookie in cookies {
        answer = answer.cookie(cookie);
    }
    if cookies.is_empty() {
        answer
    } else {
        answer.cookie(CDN_COOKIE)
    }
}

pub(super) fn cookie(
    settings: &Settings,
    name: &str,
    token: &str,
    now: i64,
    expires: i64,
) -> String {
    let domain = match settings.cookie_domain.as_str() {
        "" => String::new(),
        domain => format!(" Domain={domain};"),
    };
    let date = http_date(expires);
    let max_age = expires.saturating_sub(now).max(0);
    format!(
        "{name}={token}; Path=/;{domain} Expires={date}; Max-Age={max_age}; HttpOnly; Secure; \
         SameSite=None"
    )
}

fn http_date(unix: i64) -> String {
    // The format ends with the year 9999, and the crate panics beyond it.
    let last = 253_402_300_799;
    let since = Duration::from_secs(u64::try_from(unix).unwrap_or_default().min(last));
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since)
}
