//! Common parts of all endpoints: who asks, and how tokens are issued.

use serde_json::{Map, Value};

use crate::test_util::{
    canned::Canned,
    claims::Claims,
    families::Dead,
    record::Recorded,
    settings::{ResponseMethod, Settings, TokenKind},
    state::State,
};

/// The made-up code of a tenant that somebody is not a member of.
pub(in crate::test_util) const NOT_A_MEMBER: &str = "E990403";

/// The answer of an endpoint; an error is an answer too.
pub(super) type Answer = Result<Canned, Canned>;

/// One request at work on the state.
pub(in crate::test_util) struct Service<'a> {
    pub(super) settings: &'a Settings,
    pub(super) state: &'a mut State,
    pub(super) request: &'a Recorded,
}

/// The tokens that an answer carries.
pub(in crate::test_util) struct Issued {
    pub(in crate::test_util) session: String,
    pub(in crate::test_util) session_claims: Map<String, Value>,
    pub(in crate::test_util) session_expires: i64,
    /// None if the client keeps the one it has.
    pub(in crate::test_util) refresh: Option<String>,
}

impl<'a> Service<'a> {
    pub(in crate::test_util) fn new(
        settings: &'a Settings,
        state: &'a mut State,
        request: &'a Recorded,
    ) -> Self {
        Self {
            settings,
            state,
            request,
        }
    }

    pub(super) fn keys(&self, project_id: &str) -> Answer {
        if project_id != self.settings.project_id {
            return Err(not_found(&self.request.path));
        }
        let ring = &self.state.ring;
        let answer = Canned::json(ring.status, &ring.jwks());
        Ok(match &ring.body {
            Some(body) => answer.body(body.clone()),
            None => answer,
        })
    }

    /// The second part of the bearer token, once the first is our project.
    pub(super) fn bearer(&self) -> Result<Option<&'a str>, Canned> {
        let bearer = self.request.bearer();
        let bearer = bearer.ok_or_else(|| bad_request("no project id in `Authorization`"))?;
        if bearer.project_id != self.settings.project_id {
            return Err(bad_request("not the id of this project"));
        }
        Ok(bearer.token)
    }

    /// The presented refresh token, wherever this project lets it stand.
    pub(super) fn presented_refresh(&self) -> Result<Option<&'a str>, Canned> {
        let bearer = self.bearer()?;
        let cookie = self
            .request
            .header("x-descope-refresh-cookie-name")
            .and_then(|name| self.request.cookie(name))
            .or_else(|| {
                self.request
                    .cookie(self.settings.cookie_name(TokenKind::Refresh))
            });
        let in_cookies = self.settings.refresh_response == ResponseMethod::Cookies;
        if in_cookies && !self.settings.bearer_beside_cookies {
            if cookie.is_none() && bearer.is_some() {
                return Err(invalid_token("this project's refresh tokens are cookies"));
            }
            return Ok(cookie);
        }
        Ok(bearer.or(cookie))
    }

    /// The family of the presented refresh token.
    pub(super) fn family(&mut self) -> Result<usize, Canned> {
        let token = self.presented_refresh()?;
        let token = token.ok_or_else(|| invalid_token("no refresh token"))?;
        self.family_of(token).map(|(index, _)| index)
    }

    /// A refresh token's family and verified claims.
    pub(super) fn family_of(&mut self, token: &str) -> Result<(usize, Map<String, Value>), Canned> {
        let claims = self.read(token, TokenKind::Refresh)?;
        match self.state.families.admit(&claims, self.settings) {
            Ok(index) => Ok((index, claims)),
            Err(Dead::LoggedOut) => Err(Canned::error(401, "E064001", "Token is logged out")),
            Err(Dead::Reused) => Err(Canned::error(
                400,
                "E064006",
                "JWT family ID invalidated, cannot use this token",
            )),
        }
    }

    /// The claims of a token of this project that is of the right kind and not expired.
    pub(super) fn read(&self, token: &str, kind: TokenKind) -> Result<Map<String, Value>, Canned> {
        let claims = self.state.ring.read(token);
        let claims = claims.ok_or_else(|| invalid_token("not a token of this project"))?;
        let is_of_kind = match claims.get("drn") {
            Some(drn) => drn == self.settings.cookie_name(kind),
            // An access key's session.
            None => kind == TokenKind::Session && !self.settings.drn_in_access_key_sessions,
        };
        if !is_of_kind {
            return Err(invalid_token("a token of another kind"));
        }
        let expires = claims.get("exp").and_then(Value::as_i64);
        if expires.is_none_or(|expires| expires <= self.settings.now()) {
            return Err(invalid_token("expired"));
        }
        Ok(claims)
    }
}

/// A new session token of a family, and a new refresh token if asked for.
pub(super) fn issue(
    settings: &Settings,
    state: &mut State,
    index: usize,
    with_refresh: bool,
) -> Issued {
    let now = settings.now();
    let family = state.families.get(index);
    let user = family.user(&state.directory);
    let mut active = family.active.clone();
    let amr = family.amr.clone();
    let actor = family.actor.clone();
    let mut refresh_expires = family.expires;

    // A membership that ended ends the selection; a single one may be selected by itself.
    let tenants = &user.grants.tenants;
    active = active.filter(|id| tenants.contains_key(id));
    if active.is_none() && settings.auto_tenant && tenants.len() == 1 {
        active = tenants.keys().next().cloned();
    }

    let claims = |kind: TokenKind, jti: String| {
        let mut claims = Claims::new(settings, kind, &user.id, &user.grants, jti, now);
        claims.active.clone_from(&active);
        claims.amr.clone_from(&amr);
        claims.actor.clone_from(&actor);
        claims
    };
    let refresh = with_refresh.then(|| {
        let jti = state.next_jti();
        let claims = claims(TokenKind::Refresh, jti.clone());
        refresh_expires = claims.expires;
        state.families.renew(index, jti, claims.expires);
        state.ring.issue(&claims.json())
    });
    let mut session = claims(TokenKind::Session, state.next_jti());
    session.refresh_expires = Some(refresh_expires);
    let session_claims = session.json();
    state.families.select(index, active.clone());
    Issued {
        session: state.ring.issue(&session_claims),
        session_claims,
        session_expires: session.expires,
        refresh,
    }
}

/// Opens a family for a user and issues its first tokens, by this method.
pub(in crate::test_util) fn sign_in(
    settings: &Settings,
    state: &mut State,
    user_id: &str,
    method: &str,
    tenant: Option<&str>,
) -> (usize, Issued) {
    open(settings, state, user_id, vec![method.into()], tenant)
}

/// The same by several methods, or by none.
pub(super) fn open(
    settings: &Settings,
    state: &mut State,
    user_id: &str,
    mut methods: Vec<String>,
    tenant: Option<&str>,
) -> (usize, Issued) {
    let user = state.directory.user(user_id);
    let anonymous = user.is_some_and(|user| user.grants.anonymous);
    if anonymous || settings.without_methods {
        methods.clear();
    }
    let index = state.families.open(user_id, methods, settings.now());
    state.families.select(index, tenant.map(Into::into));
    (index, issue(settings, state, index, true))
}

/// Opens a family in which `actor` acts as a user, and issues its first tokens.
pub(in crate::test_util) fn impersonate(
    settings: &Settings,
    state: &mut State,
    user_id: &str,
    actor: &str,
    tenant: Option<&str>,
) -> Issued {
    let methods = vec!["email".to_owned()];
    let index = state.families.open(user_id, methods, settings.now());
    state.families.select(index, tenant.map(Into::into));
    state.families.impersonate(index, actor.to_owned());
    issue(settings, state, index, true)
}

pub(super) fn bad_request(description: &str) -> Canned {
    Canned::error(400, "E011001", description)
}

pub(super) fn invalid_token(description: &str) -> Canned {
    Canned::error(401, "E061005", description)
}

pub(super) fn not_found(path: &str) -> Canned {
    if path.starts_with("/v1/auth/otp/") {
        return bad_request("no such step or channel");
    }
    Canned::error(404, "E990404", "no such endpoint")
}
