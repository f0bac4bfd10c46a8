use std::{
    fmt,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use zeroize::Zeroizing;

use super::user::User;
use crate::{
    client::RawAnswer,
    cookie::{CookieGrant, refresh_age, session_age},
    ids::TenantId,
    session::Session,
    token::{RefreshToken, SessionToken},
};

/// What Descope answered when a session was renewed or a tenant was selected.
///
/// The tokens have been verified: signature, kind, the same user. All else is as Descope answered
/// it, over TLS, but not signed. Every field of the answer is here but its
/// `claims`, which are those of the [`session`](Self::session); each is `None` where the answer
/// leaves it out, has `null` or `""`, or something of another type. The meaning of the fields is
/// Descope's: see "Refresh Session" in its API reference,
/// <https://docs.descope.com/api/session/refresh>.
///
/// Cheap to clone. `Debug` shows no token.
#[derive(Clone)]
pub struct SessionAnswer {
    inner: Arc<Inner>,
    /// The new refresh token, or one that is newer than the one presented.
    refresh_token: Option<RefreshToken>,
}

struct Inner {
    session: Session,
    lost_tenant: Option<TenantId>,
    refresh: InForce,
    session_token: SessionToken,
    user: Option<User>,
    external_token: Option<OpaqueToken>,
    trusted_device_token: Option<OpaqueToken>,
    /// The fields that need no type of their own.
    rest: RawAnswer,
}

/// The refresh token that is in force after an answer: the new one, else the one that was sent.
#[derive(Clone)]
pub(crate) struct InForce {
    pub(crate) token: RefreshToken,
    pub(crate) expires_at: Option<SystemTime>,
}

/// A token that this crate passes on and never reads.
///
/// `Debug` shows nothing of it, and its memory is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct OpaqueToken(Zeroizing<String>);

impl SessionAnswer {
    /// Only for an answer whose tokens have been verified: `session` is what its session token
    /// says.
    pub(crate) fn new(mut raw: RawAnswer, session: Session, refresh: InForce) -> Self {
        let session_token = raw.session_token.take();
        debug_assert!(session_token.is_some(), "`session` was verified from it");
        Self {
            refresh_token: raw.refresh_token.take(),
            inner: Arc::new(Inner {
                session,
                lost_tenant: None,
                refresh,
                session_token: session_token.unwrap_or_else(|| SessionToken::new("")),
                user: raw.user.take().map(User::new),
                external_token: raw.external_token.take().map(OpaqueToken),
                trusted_device_token: raw.trusted_device_token.take().map(OpaqueToken),
                rest: raw,
            }),
        }
    }

    /// Notes that the session was in this tenant before and is in none now.
    pub(crate) fn with_lost_tenant(mut self, tenant: Option<TenantId>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.lost_tenant = tenant;
        }
        self
    }

    /// The cookies that give a browser the session of this answer.
    ///
    /// The session cookie outlives its token on purpose (see [`session_age`]); the refresh cookie
    /// lives as long as Descope says, but no longer than its token.
    pub(crate) fn cookie_grant(&self, now: SystemTime) -> CookieGrant<'_> {
        let session = self.session();
        let refresh_end = self
            .refresh_expires_at()
            .or_else(|| session.refresh_expires_at());
        CookieGrant {
            session_token: self.session_token().expose(),
            refresh_token: self.refresh_token().map(RefreshToken::expose),
            session_age: session_age(session.expires_at(), refresh_end, now),
            refresh_age: refresh_age(self.cookie_max_age(), refresh_end, now),
            session_scope: (self.session_cookie_name(), self.session_cookie_domain()),
            refresh_scope: (self.cookie_name(), self.cookie_domain()),
        }
    }

    /// The answer for the holder of `presented`: if another token is in force by now, it is named.
    pub(crate) fn for_holder_of(mut self, presented: &RefreshToken) -> Self {
        if self.refresh_token.is_none() && self.inner.refresh.token != *presented {
            self.refresh_token = Some(self.inner.refresh.token.clone());
        }
        self
    }

    /// The new session, verified.
    pub fn session(&self) -> &Session {
        &self.inner.session
    }

    /// The new session token (`sessionJwt`, or the session cookie of Descope's answer).
    pub fn session_token(&self) -> &SessionToken {
        &self.inner.session_token
    }

    /// The new refresh token, if there is one (`refreshJwt`, or the refresh cookie of Descope's
    /// answer). It takes the place of the one that was presented, which may be dead by now: store
    /// it before anything else. `None`: the one that was presented stays in force.
    pub fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    /// The session's current tenant (`dct`), if it has one.
    pub fn tenant(&self) -> Option<&TenantId> {
        self.inner.session.current_tenant()
    }

    /// The tenant that the session was in before a refresh, if the new session is in none: the
    /// user may have been removed from it, or the project's settings do not carry the selection
    /// on. The session is good, the user has to choose again.
    pub fn lost_tenant(&self) -> Option<&TenantId> {
        self.inner.lost_tenant.as_ref()
    }

    /// The Domain that the project's settings give the refresh cookie (`cookieDomain`).
    pub fn cookie_domain(&self) -> Option<&str> {
        self.inner.rest.cookie_domain.as_deref()
    }

    /// The Path that the project's settings give the refresh cookie (`cookiePath`).
    pub fn cookie_path(&self) -> Option<&str> {
        self.inner.rest.cookie_path.as_deref()
    }

    /// How many seconds the refresh cookie is to live (`cookieMaxAge`): the life of the refresh
    /// token, not of the session token.
    pub fn cookie_max_age(&self) -> Option<i64> {
        self.inner.rest.cookie_max_age
    }

    /// When the refresh cookie ends, in seconds since the Unix epoch (`cookieExpiration`): the
    /// end of the refresh token, not of the session token.
    pub fn cookie_expiration(&self) -> Option<i64> {
        self.inner.rest.cookie_expiration
    }

    /// The name that the project's settings give the refresh cookie (`cookieName`). `None`: `DSR`.
    pub fn cookie_name(&self) -> Option<&str> {
        self.inner.rest.cookie_name.as_deref()
    }

    /// The name that the project's settings give the session cookie (`sessionCookieName`).
    /// `None`: `DS`.
    pub fn session_cookie_name(&self) -> Option<&str> {
        self.inner.rest.session_cookie_name.as_deref()
    }

    /// The Domain that the project's settings give the session cookie (`sessionCookieDomain`).
    pub fn session_cookie_domain(&self) -> Option<&str> {
        self.inner.rest.session_cookie_domain.as_deref()
    }

    /// The user's record (`user`).
    pub fn user(&self) -> Option<&User> {
        self.inner.user.as_ref()
    }

    /// Whether this is the user's first sign-in (`firstSeen`).
    pub fn first_seen(&self) -> Option<bool> {
        self.inner.rest.first_seen
    }

    /// What the identity provider answered at single sign-on (`idpResponse`): its groups and
    /// attributes, in a shape of the provider's own.
    pub fn idp_response(&self) -> Option<&Value> {
        self.inner.rest.idp_response.as_ref()
    }

    /// When the session token expires, in seconds since the Unix epoch (`sessionExpiration`), as
    /// the answer says it; [`Session::expires_at`] is what the token says.
    pub fn session_expiration(&self) -> Option<i64> {
        self.inner.rest.session_expiration
    }

    /// Another vendor's token, made by an External Token connector (`externalToken`).
    pub fn external_token(&self) -> Option<&OpaqueToken> {
        self.inner.external_token.as_ref()
    }

    /// The id of the tenant's single sign-on configuration by which the user signed in
    /// (`tenantSSOID`).
    pub fn tenant_sso_id(&self) -> Option<&str> {
        self.inner.rest.tenant_sso_id.as_deref()
    }

    /// The token by which the user's device is trusted (`trustedDeviceJwt`).
    pub fn trusted_device_token(&self) -> Option<&OpaqueToken> {
        self.inner.trusted_device_token.as_ref()
    }

    /// After how many seconds the session should be refreshed (`nextRefreshSeconds`): more than
    /// zero only where the project has an inactivity time-out, of which a refresh counts as
    /// activity.
    pub fn next_refresh_seconds(&self) -> Option<i64> {
        self.inner.rest.next_refresh_seconds
    }

    /// The user's record as the answer brought it, for passing on: an object.
    pub(crate) fn user_json(&self) -> Option<&Value> {
        self.user().map(User::json)
    }

    /// The new session's payload: one JSON object.
    pub(crate) fn claims_json(&self) -> &str {
        self.inner.session.payload()
    }

    /// When the refresh token that is now in force expires: the new one, else the one presented.
    pub(crate) fn refresh_expires_at(&self) -> Option<SystemTime> {
        self.inner.refresh.expires_at
    }

    /// When the session token expires by its own word, in seconds since the Unix epoch.
    pub(crate) fn session_expires_unix(&self) -> i64 {
        unix_seconds(self.inner.session.expires_at())
    }
}

impl fmt::Debug for SessionAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionAnswer")
            .field("session", &self.inner.session)
            .field("session_token", &self.inner.session_token)
            .field("refresh_token", &self.refresh_token())
            .finish_non_exhaustive()
    }
}

impl OpaqueToken {
    /// The token's text. Keep it out of logs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpaqueToken(…)")
    }
}

fn unix_seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::{jwt::claims::Claims, session::TenantClaims};

    const PAYLOAD: &str =
        r#"{"sub":"U1","iss":"P1","exp":1767226200,"dct":"T1","tenants":{"T1":{}}}"#;

    fn answer(raw: RawAnswer) -> SessionAnswer {
        let claims = Claims::parse(PAYLOAD.into()).unwrap();
        SessionAnswer::new(
            RawAnswer {
                session_token: Some(SessionToken::new("eyJs")),
                ..raw
            },
            Session::new(claims, TenantClaims::default()),
            InForce {
                token: RefreshToken::new("eyJr"),
                expires_at: Some(UNIX_EPOCH + Duration::from_secs(1_769_644_800)),
            },
        )
    }

    #[test]
    fn every_field_has_its_accessor() {
        let user = json!({"userId": "U1", "somethingNew": [1]});
        let answer = answer(RawAnswer {
            refresh_token: Some(RefreshToken::new("eyJr")),
            cookie_domain: Some("example.test".into()),
            cookie_path: Some("/".into()),
            cookie_max_age: Some(2_419_199),
            cookie_expiration: Some(1_769_644_800),
            cookie_name: Some("RN".into()),
            session_cookie_name: Some("SN".into()),
            session_cookie_domain: Some("s.example.test".into()),
            user: Some(user.clone()),
            first_seen: Some(true),
            idp_response: Some(json!({"groups": []})),
            session_expiration: Some(1_767_226_200),
            external_token: Some(Zeroizing::new("eyJext".into())),
            tenant_sso_id: Some("sso".into()),
            trusted_device_token: Some(Zeroizing::new("eyJdtd".into())),
            next_refresh_seconds: Some(300),
            ..RawAnswer::default()
        });
        assert_eq!(answer.session().user_id().as_str(), "U1");
        assert_eq!(answer.session_token().expose(), "eyJs");
        assert_eq!(answer.refresh_token().unwrap().expose(), "eyJr");
        assert_eq!(answer.tenant().unwrap(), "T1");
        assert_eq!(answer.lost_tenant(), None);
        assert_eq!(answer.cookie_domain(), Some("example.test"));
        assert_eq!(answer.cookie_path(), Some("/"));
        assert_eq!(answer.cookie_max_age(), Some(2_419_199));
        assert_eq!(answer.cookie_expiration(), Some(1_769_644_800));
        assert_eq!(answer.cookie_name(), Some("RN"));
        assert_eq!(answer.session_cookie_name(), Some("SN"));
        assert_eq!(answer.session_cookie_domain(), Some("s.example.test"));
        assert_eq!(answer.user().unwrap().id().unwrap(), "U1");
        assert_eq!(answer.user_json(), Some(&user));
        assert_eq!(answer.first_seen(), Some(true));
        assert_eq!(answer.idp_response(), Some(&json!({"groups": []})));
        assert_eq!(answer.session_expiration(), Some(1_767_226_200));
        assert_eq!(answer.external_token().unwrap().expose(), "eyJext");
        assert_eq!(answer.tenant_sso_id(), Some("sso"));
        assert_eq!(answer.trusted_device_token().unwrap().expose(), "eyJdtd");
        assert_eq!(answer.next_refresh_seconds(), Some(300));
        assert_eq!(answer.claims_json(), PAYLOAD);
        assert_eq!(answer.session_expires_unix(), 1_767_226_200);
        let refresh_end = answer.refresh_expires_at().map(unix_seconds);
        assert_eq!(refresh_end, Some(1_769_644_800));

        let shown = format!(
            "{answer:?} {:?} {:?} {:?}",
            answer.user(),
            answer.external_token(),
            answer.trusted_device_token()
        );
        assert!(!shown.contains("eyJ"), "{shown}");
    }

    #[test]
    fn an_answer_of_tokens_only_has_nothing_else() {
        let answer = answer(RawAnswer::default());
        assert!(answer.refresh_token().is_none());
        assert!(answer.user().is_none());
        assert!(answer.user_json().is_none());
        assert!(answer.first_seen().is_none());
        assert!(answer.external_token().is_none());
    }

    #[test]
    fn the_holder_of_an_older_token_is_told_the_one_in_force() {
        let unrotated = answer(RawAnswer::default());
        let holder = RefreshToken::new("eyJr");
        assert!(
            unrotated
                .clone()
                .for_holder_of(&holder)
                .refresh_token()
                .is_none()
        );
        let older = unrotated.for_holder_of(&RefreshToken::new("eyJold"));
        assert_eq!(older.refresh_token().unwrap().expose(), "eyJr");
    }

    #[test]
    fn an_answer_can_go_anywhere() {
        fn anywhere<T: Clone + Send + Sync + 'static>() {}
        anywhere::<SessionAnswer>();
        anywhere::<User>();
        anywhere::<OpaqueToken>();
    }
}
