//! The private functions that the fuzz targets and the engines' tests of this repository call: thin
//! wrappers, no logic.
//!
//! They are not part of the API: anything here may change or go in any release.

#[cfg(feature = "redis")]
#[expect(
    clippy::panic,
    reason = "test code: what cannot go on ends, with a message"
)]
pub mod shared;

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Uri, Version};

use crate::{
    client::{RawAnswer, transport},
    cookie::{CookieAttributes, CookieKind, CookieReader, SessionCookies},
    descope::Descope,
    endpoint::{FormEncoding, MediaType},
    error::Error,
    head::RequestHead,
    ids::TenantId,
    jwks,
    jwt::{check, claims::Claims, compact, header::Header},
    origin::{self, AllowedOrigins, WhenAbsent},
    rejection::Rejection,
    return_paths::ReturnPaths,
    select,
    session::{Session, TenantClaims},
    steps,
    token::{OpaqueToken, RefreshToken, SessionToken},
};

/// The reason of a refusal: a fixed text.
pub type Fault = &'static str;

/// A token's decoded segments, and its signing input.
#[derive(Debug)]
#[non_exhaustive]
pub struct Compact<'a> {
    pub header: Result<String, Fault>,
    pub payload: Result<String, Fault>,
    pub signature: Result<Vec<u8>, Fault>,
    pub signing_input: &'a [u8],
}

/// The members of a JOSE header that are read.
#[derive(Debug)]
#[non_exhaustive]
pub struct Jose {
    pub alg: String,
    pub kid: String,
    pub access_token: bool,
}

/// The fields of an answer of Descope's that are read.
#[derive(Debug)]
#[non_exhaustive]
pub struct Answer {
    /// True if the body could be read; if not, there is a refresh token and nothing else.
    pub whole: bool,
    pub session_token: Option<String>,
    pub refresh_token: Option<String>,
    pub texts: [(&'static str, Option<String>); 9],
    pub numbers: [(&'static str, Option<i64>); 4],
    pub user: Option<serde_json::Value>,
    pub idp_response: Option<serde_json::Value>,
    pub first_seen: Option<bool>,
}

/// The two cookies and their tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenKind {
    Session,
    Refresh,
}

/// Returns the result of some work, and how many steps of reading a request's bytes it took.
pub fn counted<T>(work: impl FnOnce() -> T) -> (T, usize) {
    steps::of(work)
}

/// Splits and decodes a token.
pub fn compact(token: &str, max_len: usize) -> Result<Compact<'_>, Fault> {
    let compact = compact::Compact::parse(token.as_bytes(), max_len)?;
    let mut room = compact::HeaderRoom::default();
    Ok(Compact {
        header: compact.header(&mut room).map(str::to_owned),
        payload: compact.payload().map(String::from),
        signature: compact.signature().map(|it| it.as_bytes().to_vec()),
        signing_input: compact.signing_input(),
    })
}

/// Reads a decoded header.
pub fn header(text: &str) -> Result<Jose, Fault> {
    let header = Header::parse(text)?;
    Ok(Jose {
        alg: header.alg.into(),
        kid: header.kid.into(),
        access_token: header.access_token,
    })
}

/// Reads a payload without judging it.
pub fn claims(payload: &str) -> Result<Session, Fault> {
    let claims = Claims::parse(payload.into())?;
    Ok(Session::new(
        claims,
        TenantClaims::default(),
        crate::clock::Clock::System,
        None,
    ))
}

/// Returns the names of the usable keys of a set.
pub fn usable_kids(json: &[u8]) -> Option<Vec<String>> {
    let set = jwks::parse_key_set(json).ok()?;
    Some(jwks::usable_kids(&set.keys()))
}

/// Verifies a refresh token as it is verified before it is sent to Descope.
pub async fn refresh_verdict(descope: &Descope, token: &str) -> Result<(), Rejection> {
    let token_use = check::TokenUse::Refresh;
    let token = descope.verifier().verify(token, token_use).await?;
    token.time_check.verdict()
}

/// Checks the settings of cookies as `build()` does.
pub fn check_cookies(cookies: &SessionCookies) -> Result<(), Error> {
    cookies.check()
}

/// Returns the values that a request has under the names of one kind of cookie, each with its name,
/// in the order in which they came.
pub fn cookie_values<'h>(
    cookies: &'h SessionCookies,
    kind: TokenKind,
    headers: &'h HeaderMap,
) -> Vec<(&'h str, &'h str)> {
    let kind = cookie_kind(kind);
    let reader = CookieReader::new(cookies);
    let Ok(values) = reader.presented(headers) else {
        return Vec::new();
    };
    values
        .of_kind(kind)
        .filter_map(|(slot, value)| Some((cookies.name(slot)?, value)))
        .collect()
}

/// Returns the `Set-Cookie` lines for a token: its own, and those that remove older cookies.
pub fn set_cookies(
    cookies: &SessionCookies,
    kind: TokenKind,
    token: &str,
    max_age: Duration,
    insecure: bool,
) -> Result<Vec<HeaderValue>, Error> {
    let kind = cookie_kind(kind);
    let place = cookies.place(kind, None, None);
    let mut lines = vec![cookies.set(place, token, max_age, attributes(insecure))?];
    lines.extend(cookies.evictions(kind, place, attributes(insecure)));
    Ok(lines)
}

const fn attributes(insecure: bool) -> CookieAttributes {
    CookieAttributes {
        insecure,
        persistent: true,
    }
}

/// Returns the `Set-Cookie` lines of a sign-out.
pub fn removals(cookies: &SessionCookies, insecure: bool) -> Vec<HeaderValue> {
    cookies.removals(attributes(insecure))
}

/// Reads the body of a tenant selection: the tenant, and a form's `return_to`.
pub fn selection(is_form: bool, body: &[u8]) -> Option<(TenantId, Option<String>)> {
    let media_type = if is_form {
        MediaType::Form(FormEncoding::UrlEncoded)
    } else {
        MediaType::Json
    };
    select::asked(media_type, body)
}

/// Returns the `Location` after a form.
pub fn location(page: &str, prefix: &str, return_to: &str) -> Result<String, Error> {
    let paths = ReturnPaths::new(page)?.below(prefix)?;
    Ok(paths.resolve(Some(return_to)))
}

/// Reads an answer of Descope's.
pub fn answer(headers: HeaderMap, body: &[u8], names: [&str; 2]) -> Result<Answer, Error> {
    let raw = RawAnswer::of(headers, body, names)?;
    let exposed = |token: Option<OpaqueToken>| token.map(|it| it.expose().to_owned());
    Ok(Answer {
        whole: raw.fault.is_none(),
        session_token: raw
            .session_token()
            .map(|it| SessionToken::expose(it).into()),
        refresh_token: raw
            .refresh_token()
            .map(|it| RefreshToken::expose(it).into()),
        texts: [
            ("cookieDomain", raw.cookie_domain),
            ("cookiePath", raw.cookie_path),
            ("cookieName", raw.cookie_name),
            ("sessionCookieName", raw.session_cookie_name),
            ("sessionCookieDomain", raw.session_cookie_domain),
            ("tenantSSOID", raw.tenant_sso_id),
            ("externalToken", exposed(raw.external_token)),
            ("trustedDeviceJwt", exposed(raw.trusted_device_token)),
            ("knownDeviceJwt", exposed(raw.known_device_token)),
        ],
        numbers: [
            ("cookieMaxAge", raw.cookie_max_age),
            ("cookieExpiration", raw.cookie_expiration),
            ("sessionExpiration", raw.session_expiration),
            ("nextRefreshSeconds", raw.next_refresh_seconds),
        ],
        user: raw.user.map(|user| user.value().clone()),
        idp_response: raw.idp_response.map(|response| response.value().clone()),
        first_seen: raw.first_seen,
    })
}

/// Checks a base URL and ends its path in a slash.
pub fn base_url(text: &str, danger_plain_http: bool) -> Result<String, Error> {
    transport::parse_base_url(text, danger_plain_http).map(Into::into)
}

/// Checks a project id as `build()` does.
pub fn check_project_id(id: &str) -> Result<(), Error> {
    transport::check_project_id(id)
}

/// Returns the base URL that a project id names.
pub fn region_base_url(id: &str) -> String {
    transport::region_base_url(transport::project_region(id))
}

/// Runs the cross-site check, given the origins of other front ends.
///
/// The outer error is about the origins.
pub fn cross_site(
    origins: &[&str],
    headers: &HeaderMap,
    uri: &Uri,
    form: bool,
) -> Result<Result<(), Fault>, Error> {
    let origins = AllowedOrigins::new(origins.iter().copied())?;
    let when_absent = if form {
        WhenAbsent::Refuse
    } else {
        WhenAbsent::Allow
    };
    let head = RequestHead {
        method: &Method::POST,
        uri,
        version: Version::HTTP_11,
        headers,
    };
    Ok(origin::check(head, &origins, when_absent))
}

fn cookie_kind(kind: TokenKind) -> CookieKind {
    match kind {
        TokenKind::Session => CookieKind::Session,
        TokenKind::Refresh => CookieKind::Refresh,
    }
}
