//! Signing in against Descope's public API: the part of an app that this crate leaves to you. A
//! code by e-mail is used because it is the same for the fake and for a real project.

use std::{
    collections::HashMap,
    env, fmt,
    sync::{PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use axum::http::{HeaderValue, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tower_descope::{Descope, RefreshToken, SessionToken, TenantId, test_util::FakeDescope};

use crate::cookies::CookieStyle;

/// The code that the fake always accepts.
const FAKE_CODE: &str = FakeDescope::ONE_TIME_CODE;

/// Who can be chosen on the sign-in page while the fake is in use: login, name, what they are.
pub(crate) const PEOPLE: [(&str, &str, &str); 3] = [
    (
        "ann@acme.test",
        "Ann Archer",
        "Owner of Acme Robotics and of Beta Bakery",
    ),
    (
        "ben@acme.test",
        "Ben Osei",
        "Editor at Acme Robotics, viewer at Beta Bakery",
    ),
    (
        "cleo@beta.test",
        "Cleo Castillo",
        "Editor at Beta Bakery, and nowhere else",
    ),
];

pub(crate) struct Accounts {
    base_url: String,
    project_id: String,
    http: reqwest::Client,
    cookies: CookieStyle,
    offline: bool,
    /// Names of users and tenants by id, as Descope told them at sign-in: tokens hold only ids.
    names: RwLock<HashMap<String, String>>,
}

/// Why somebody could not sign in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SignInFailure {
    /// Descope said no.
    Refused,
    /// Descope asked to slow down.
    TooOften,
    /// Descope gave no usable answer.
    Unreachable,
    /// The project hands its tokens out as cookies of its own.
    TokensInCookies,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    session_jwt: String,
    #[serde(default)]
    refresh_jwt: String,
    user: Option<User>,
}

#[derive(Deserialize)]
struct User {
    #[serde(rename = "userId")]
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default, rename = "userTenants")]
    tenants: Vec<Tenant>,
}

#[derive(Deserialize)]
struct Tenant {
    #[serde(rename = "tenantId")]
    id: String,
    #[serde(default, rename = "tenantName")]
    name: String,
}

impl Accounts {
    pub(crate) fn new(
        descope: &Descope,
        fake: Option<&FakeDescope>,
        cookies: CookieStyle,
    ) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        // The fake speaks plain http: no certificates are needed, and a slim image has none.
        let http = if fake.is_some() {
            http.tls_certs_only([])
        } else {
            http
        };
        let accounts = Self {
            base_url: match fake {
                Some(fake) => fake.url(),
                None => base_url(descope.project_id()),
            },
            project_id: descope.project_id().to_owned(),
            http: http.build()?,
            cookies,
            offline: fake.is_some(),
            names: RwLock::default(),
        };
        if fake.is_some() {
            // The fake's keys are the same at each start: a browser may still be signed in.
            for (id, name) in [
                ("U2ann", "Ann Archer"),
                ("U2ben", "Ben Osei"),
                ("U2cleo", "Cleo Castillo"),
                ("T2acme", "Acme Robotics"),
                ("T2beta", "Beta Bakery"),
            ] {
                accounts.learn(id, name);
            }
        }
        Ok(accounts)
    }

    /// The code that needs no e-mail, with the fake.
    pub(crate) fn known_code(&self) -> Option<&'static str> {
        self.offline.then_some(FAKE_CODE)
    }

    pub(crate) fn cookies(&self) -> CookieStyle {
        self.cookies
    }

    /// The name of a user or tenant; its id if nobody signed in who told it.
    pub(crate) fn name_of(&self, id: &str) -> String {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        names.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }

    fn learn(&self, id: &str, name: &str) {
        if !name.is_empty() {
            let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
            names.insert(id.to_owned(), name.to_owned());
        }
    }

    pub(crate) async fn send_code(&self, login: &str) -> Result<(), SignInFailure> {
        let body = json!({ "loginId": login });
        self.call("/v1/auth/otp/signup-in/email", &self.project_id, &body)
            .await
            .map(drop)
    }

    /// Checks the code and makes the session's cookies.
    pub(crate) async fn sign_in(
        &self,
        descope: &Descope,
        login: &str,
        code: &str,
    ) -> Result<Vec<HeaderValue>, SignInFailure> {
        let body = json!({ "loginId": login, "code": code });
        let answer = self
            .call("/v1/auth/otp/verify/email", &self.project_id, &body)
            .await?;
        let answer: Answer =
            serde_json::from_slice(&answer).map_err(|_| SignInFailure::Unreachable)?;
        if answer.session_jwt.is_empty() || answer.refresh_jwt.is_empty() {
            return Err(SignInFailure::TokensInCookies);
        }
        if let Some(user) = answer.user {
            let name = if user.name.is_empty() {
                &user.email
            } else {
                &user.name
            };
            self.learn(&user.id, name);
            for tenant in &user.tenants {
                self.learn(&tenant.id, &tenant.name);
            }
        }
        // Checked before it goes into a cookie, and read: who is it, until when?
        let unverified = |rejection| {
            tracing::warn!(%rejection, "the tokens of a sign-in do not verify");
            SignInFailure::Unreachable
        };
        let mut session_jwt = answer.session_jwt;
        let mut refresh_jwt = answer.refresh_jwt;
        let mut session = descope
            .verify(&SessionToken::new(&session_jwt))
            .await
            .map_err(unverified)?;
        // Who belongs to one tenant need not choose.
        let only = match session.tenants().collect::<Vec<_>>()[..] {
            [only] => TenantId::new(only).ok(),
            _ => None,
        };
        if let Some(tenant) = only.filter(|_| session.active_tenant().is_err()) {
            let refresh = RefreshToken::new(refresh_jwt.as_str());
            match descope.select_tenant(&refresh, &tenant).await {
                Ok(selection) => {
                    session = selection.session().clone();
                    session_jwt = selection.session_token().expose().into();
                    // With rotation on, the one before is spent.
                    if let Some(next) = selection.refresh_token() {
                        refresh_jwt = next.expose().into();
                    }
                }
                // The picker will do.
                Err(error) => tracing::warn!(%error, "the only tenant was not selected"),
            }
        }
        // Both cookies live until the refresh token's end, as those that the crate writes.
        let age = session
            .refresh_expires_at()
            .and_then(|end| end.duration_since(SystemTime::now()).ok())
            .map_or(28 * 24 * 60 * 60, |left| left.as_secs());
        let (session_name, refresh_name) = self.cookies.names();
        Ok(vec![
            self.cookies.line(session_name, &session_jwt, age),
            self.cookies.line(refresh_name, &refresh_jwt, age),
        ])
    }

    async fn call(&self, path: &str, bearer: &str, body: &Value) -> Result<Vec<u8>, SignInFailure> {
        let unreachable = |error: reqwest::Error| {
            tracing::warn!(error = %error.without_url(), path, "descope did not answer");
            SignInFailure::Unreachable
        };
        let response = self
            .http
            .post(format!("{}{path}", self.base_url))
            .bearer_auth(bearer)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.to_string())
            .send()
            .await
            .map_err(unreachable)?;
        match response.status().as_u16() {
            200..300 => Ok(response.bytes().await.map_err(unreachable)?.into()),
            429 => Err(SignInFailure::TooOften),
            400..500 => Err(SignInFailure::Refused),
            _ => Err(SignInFailure::Unreachable),
        }
    }
}

impl fmt::Display for SignInFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => {
                "Descope refused that. Check the address or the code; a code works once and for \
                 a few minutes, and after several wrong ones you need a new one."
            }
            Self::TooOften => "That was tried too often. Wait a minute, then try again.",
            Self::Unreachable => "Descope gave no usable answer. Try again in a moment.",
            Self::TokensInCookies => {
                "This project hands its tokens out as cookies of its own. The demo needs them in \
                 the answer's body: Project settings, Session management, Token response method."
            }
        })
    }
}

/// Where the project's API is, by the same rule as the crate's own.
fn base_url(project_id: &str) -> String {
    let set = |name| env::var(name).ok().filter(|url| !url.trim().is_empty());
    set("DESCOPE_BASE_URI")
        .or_else(|| set("DESCOPE_BASE_URL"))
        .map_or_else(
            || match project_id.get(1..5).filter(|_| project_id.len() >= 32) {
                Some(region) => format!("https://api.{region}.descope.com"),
                None => "https://api.descope.com".to_owned(),
            },
            |url| url.trim().trim_end_matches('/').to_owned(),
        )
}
