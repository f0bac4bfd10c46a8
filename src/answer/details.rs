//! The fields of a session's answer beside its tokens and its user.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::{
    fields::{duration, unix_time},
    session::SessionAnswer,
};
use crate::{json::UnparsedJson, token::OpaqueToken};

impl SessionAnswer {
    /// The Domain that the project's settings give the refresh cookie (`cookieDomain`).
    pub fn cookie_domain(&self) -> Option<&str> {
        self.parts.rest.cookie_domain.as_deref()
    }

    /// The Path that the project's settings give the refresh cookie (`cookiePath`).
    pub fn cookie_path(&self) -> Option<&str> {
        self.parts.rest.cookie_path.as_deref()
    }

    /// How long the refresh cookie is to live (`cookieMaxAge`): the life of the refresh token, not
    /// of the session token.
    pub fn cookie_max_age(&self) -> Option<Duration> {
        duration(self.parts.rest.cookie_max_age?)
    }

    /// When the refresh cookie ends (`cookieExpiration`): the end of the refresh token, not of the
    /// session token.
    pub fn cookie_expiration(&self) -> Option<SystemTime> {
        unix_time(self.parts.rest.cookie_expiration?)
    }

    /// The name that the project's settings give the refresh cookie (`cookieName`). `None`: `DSR`.
    pub fn cookie_name(&self) -> Option<&str> {
        self.parts.rest.cookie_name.as_deref()
    }

    /// The name that the project's settings give the session cookie (`sessionCookieName`).
    /// `None`: `DS`.
    pub fn session_cookie_name(&self) -> Option<&str> {
        self.parts.rest.session_cookie_name.as_deref()
    }

    /// The Domain that the project's settings give the session cookie (`sessionCookieDomain`).
    pub fn session_cookie_domain(&self) -> Option<&str> {
        self.parts.rest.session_cookie_domain.as_deref()
    }

    /// `true` if this is the user's first sign-in (`firstSeen`).
    pub fn first_seen(&self) -> Option<bool> {
        self.parts.rest.first_seen
    }

    /// The identity provider's answer at single sign-on (`idpResponse`): its groups and
    /// attributes, in a shape of the provider's own.
    pub fn idp_response(&self) -> Option<&Value> {
        self.parts
            .rest
            .idp_response
            .as_ref()
            .map(UnparsedJson::value)
    }

    /// When the session token expires (`sessionExpiration`), as the answer says it;
    /// [`Session::expires_at`](crate::Session::expires_at) is what the token says.
    pub fn session_expiration(&self) -> Option<SystemTime> {
        unix_time(self.parts.rest.session_expiration?)
    }

    /// Another vendor's token, made by an External Token connector (`externalToken`).
    pub fn external_token(&self) -> Option<&OpaqueToken> {
        self.parts.external_token.as_ref()
    }

    /// The id of the tenant's single sign-on configuration by which the user signed in
    /// (`tenantSSOID`).
    pub fn tenant_sso_id(&self) -> Option<&str> {
        self.parts.rest.tenant_sso_id.as_deref()
    }

    /// The token by which the user's device is trusted (`trustedDeviceJwt`).
    pub fn trusted_device_token(&self) -> Option<&OpaqueToken> {
        self.parts.trusted_device_token.as_ref()
    }

    /// The token by which the user's device is known again (`knownDeviceJwt`).
    pub fn known_device_token(&self) -> Option<&OpaqueToken> {
        self.parts.known_device_token.as_ref()
    }

    /// How soon the session should be refreshed (`nextRefreshSeconds`): more than zero only where
    /// the project has an inactivity time-out, of which a refresh counts as activity.
    pub fn next_refresh(&self) -> Option<Duration> {
        duration(self.parts.rest.next_refresh_seconds?)
    }
}
