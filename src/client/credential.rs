//! The headers of a call, built from scratch: nothing of a client's request is sent to Descope.

use base64_simd::URL_SAFE_NO_PAD;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, CONTENT_TYPE, COOKIE},
};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::settings::{ClientSettings, CredentialStyle};
use crate::{
    error::{Error, ErrorKind},
    token::{AccessKey, RefreshToken, is_base64url},
};

const PROJECT_ID: HeaderName = HeaderName::from_static("x-descope-project-id");
const REFRESH_COOKIE_NAME: HeaderName = HeaderName::from_static("x-descope-refresh-cookie-name");
const SDK_NAME: HeaderName = HeaderName::from_static("x-descope-sdk-name");
const SDK_VERSION: HeaderName = HeaderName::from_static("x-descope-sdk-version");

/// Descope's name of a refresh token and of its cookie, unless names are customised.
const DEFAULT_REFRESH_NAME: &str = "DSR";

/// Builds the headers of a call that presents a refresh token.
///
/// # Errors
///
/// [`ErrorKind::InvalidRefreshToken`] for a text that is no compact JWT by its characters: it
/// could break out of its header.
pub(super) fn headers(
    settings: &ClientSettings,
    refresh: &RefreshToken,
) -> Result<HeaderMap, Error> {
    let project_id = &settings.project_id;
    let token = refresh.expose();
    if token.is_empty() || !token.split('.').all(is_base64url) {
        return Err(Error::new(
            ErrorKind::InvalidRefreshToken,
            "the refresh token is not a JWT",
        ));
    }
    let mut headers = HeaderMap::with_capacity(8);
    match settings.style {
        CredentialStyle::Bearer => {
            headers.insert(
                AUTHORIZATION,
                secret(format!("Bearer {project_id}:{token}"))?,
            );
        }
        CredentialStyle::Cookie => {
            let name = cookie_name(token, &settings.refresh_names);
            headers.insert(AUTHORIZATION, text(&format!("Bearer {project_id}"))?);
            headers.insert(COOKIE, secret(format!("{name}={token}"))?);
            headers.insert(REFRESH_COOKIE_NAME, text(&name)?);
        }
    }
    common(&mut headers, project_id)?;
    Ok(headers)
}

/// Builds the headers of a call that presents an access key. It is always a bearer token, also for
/// projects that manage their refresh tokens in cookies.
///
/// # Errors
///
/// [`ErrorKind::InvalidAccessKey`] for a text that is no access key by its characters: it could
/// break out of its place, or is a token.
pub(super) fn access_key_headers(
    settings: &ClientSettings,
    key: &AccessKey,
) -> Result<HeaderMap, Error> {
    if !key.is_plausible() {
        return Err(Error::new(
            ErrorKind::InvalidAccessKey,
            "the text is no access key",
        ));
    }
    let project_id = &settings.project_id;
    let credential = format!("Bearer {project_id}:{}", key.expose());
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(AUTHORIZATION, secret(credential)?);
    common(&mut headers, project_id)?;
    Ok(headers)
}

/// Builds the headers of a call for somebody who has no session yet.
///
/// # Errors
///
/// A project id that does not fit into a header.
pub(super) fn sign_in_headers(settings: &ClientSettings) -> Result<HeaderMap, Error> {
    let project_id = &settings.project_id;
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(AUTHORIZATION, text(&format!("Bearer {project_id}"))?);
    common(&mut headers, project_id)?;
    Ok(headers)
}

fn common(headers: &mut HeaderMap, project_id: &str) -> Result<(), Error> {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(PROJECT_ID, text(project_id)?);
    headers.insert(SDK_NAME, HeaderValue::from_static("rust-tower-descope"));
    headers.insert(
        SDK_VERSION,
        HeaderValue::from_static(env!("CARGO_PKG_VERSION")),
    );
    Ok(())
}

/// Returns the name of the token's cookie at Descope: the `drn` ("Descope resource name") of its
/// payload, if it is one of the configured names. The cookie in the browser may have another name
/// (`__Host-DSR`), which Descope does not know.
fn cookie_name(token: &str, known: &[String]) -> String {
    #[derive(Deserialize)]
    struct Kind {
        drn: String,
    }
    // Unverified: the name is compared with the configured ones, and Descope judges the token.
    let kind = token
        .split('.')
        .nth(1)
        .and_then(|payload| URL_SAFE_NO_PAD.decode_to_vec(payload).ok())
        .and_then(|payload| serde_json::from_slice::<Kind>(&payload).ok());
    match kind {
        Some(kind) if known.contains(&kind.drn) => kind.drn,
        _ => DEFAULT_REFRESH_NAME.to_owned(),
    }
}

fn text(value: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(value).map_err(|error| {
        Error::config("the project id or a cookie name does not fit into a header")
            .with_source(error)
    })
}

/// Makes a header value that HPACK must not index and `Debug` must not show.
fn secret(value: String) -> Result<HeaderValue, Error> {
    let value = Zeroizing::new(value);
    let mut value = text(&value)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn settings(style: CredentialStyle) -> ClientSettings {
        ClientSettings {
            project_id: "P1".into(),
            timeout: Duration::from_secs(1),
            listen: Duration::from_secs(1),
            max_connections: 1,
            clock: crate::clock::Clock::System,
            retry_delay: Duration::from_millis(1),
            rotation: true,
            style,
            session_names: vec!["DS".into()],
            refresh_names: vec!["DSR".into(), "__Host-DSR".into(), "acme-refresh".into()],
        }
    }

    fn token(payload: &str) -> RefreshToken {
        RefreshToken::new(format!(
            "e30.{}.c2ln",
            URL_SAFE_NO_PAD.encode_to_string(payload)
        ))
    }

    #[test]
    fn a_bearer_token_follows_the_project_id() {
        let headers = headers(
            &settings(CredentialStyle::Bearer),
            &RefreshToken::new("a.b.c"),
        )
        .unwrap();
        assert_eq!(headers[AUTHORIZATION], "Bearer P1:a.b.c");
        assert!(headers[AUTHORIZATION].is_sensitive());
        assert_eq!(headers[CONTENT_TYPE], "application/json");
        assert_eq!(headers[PROJECT_ID], "P1");
        assert_eq!(headers[SDK_NAME], "rust-tower-descope");
        assert_eq!(headers[SDK_VERSION], env!("CARGO_PKG_VERSION"));
        assert_eq!(headers.len(), 5);
        assert!(!format!("{headers:?}").contains("a.b.c"));
    }

    #[test]
    fn a_cookie_is_named_as_its_token_says_if_that_name_is_known() {
        for (payload, name) in [
            (r#"{"drn":"acme-refresh"}"#, "acme-refresh"),
            (r#"{"drn":"DSR"}"#, "DSR"),
            (r#"{"drn":"other"}"#, "DSR"),
            (r#"{"drn":7}"#, "DSR"),
            (r#"{"drn":"x\r\ny: z"}"#, "DSR"),
            ("no json", "DSR"),
        ] {
            let token = token(payload);
            let headers = headers(&settings(CredentialStyle::Cookie), &token).unwrap();
            assert_eq!(headers[AUTHORIZATION], "Bearer P1");
            assert_eq!(headers[COOKIE], format!("{name}={}", token.expose()));
            assert!(headers[COOKIE].is_sensitive());
            assert_eq!(headers[REFRESH_COOKIE_NAME], name, "{payload}");
        }
    }

    #[test]
    fn an_access_key_follows_the_project_id_whatever_the_style() {
        for style in [CredentialStyle::Bearer, CredentialStyle::Cookie] {
            let key = AccessKey::new("K2abc-_~+/=");
            let headers = access_key_headers(&settings(style), &key).unwrap();
            assert_eq!(headers[AUTHORIZATION], "Bearer P1:K2abc-_~+/=");
            assert!(headers[AUTHORIZATION].is_sensitive());
            assert_eq!(headers[PROJECT_ID], "P1");
            assert_eq!(headers.len(), 5);
            for bad in ["", "a;b", "a b", "a\r\nb", "a,b", "a:b", "a.b.c", "é"] {
                let error = access_key_headers(&settings(style), &AccessKey::new(bad)).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidAccessKey, "{bad:?}");
            }
        }
    }

    #[test]
    fn a_token_cannot_break_out_of_its_header() {
        for bad in ["", "a;b", "a b", "a\r\nb", "a,b", "a:b", "a=b", "é"] {
            for style in [CredentialStyle::Bearer, CredentialStyle::Cookie] {
                let error = headers(&settings(style), &RefreshToken::new(bad)).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidRefreshToken, "{bad:?}");
            }
        }
    }
}
