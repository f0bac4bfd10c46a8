//! The calls that present a refresh token, one by one.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use bytes::Bytes;
use http::HeaderMap;
use serde::Serialize;
use serde_json::Value;

use super::{
    answer::RawAnswer,
    call::DescopeClient,
    endpoint::{HISTORY, LOGOUT, LOGOUT_ALL, ME, MY_TENANTS, REFRESH, SELECT_TENANT},
    reply::Reply,
};
use crate::{
    error::{Error, ErrorKind},
    ids::TenantId,
    token::RefreshToken,
};

/// The body of a call without parameters.
const EMPTY_OBJECT: Bytes = Bytes::from_static(b"{}");

#[derive(Serialize)]
struct SelectBody<'a> {
    tenant: &'a TenantId,
}

/// The two forms of a request for tenants; Descope wants exactly one of them.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TenantsBody<'a> {
    Dct(bool),
    Ids(&'a [TenantId]),
}

/// Each call fails as [`DescopeClient::call`] does, and with [`ErrorKind::UpstreamInvalid`] for an
/// answer of another shape.
impl DescopeClient {
    /// Makes a tenant the current one of the session.
    pub(crate) async fn select_tenant(
        &self,
        refresh: &RefreshToken,
        tenant: &TenantId,
    ) -> Result<RawAnswer, Error> {
        let body = to_json(&SelectBody { tenant })?;
        let reply = self.call(SELECT_TENANT, refresh, body.into()).await?;
        Ok(self.session(&reply)?.without_sent(refresh))
    }

    /// Opens a new session. `try-refresh` is not used: its answer without a session does not say
    /// why there is none. `devices` are headers that tell Descope of the browser's device.
    pub(crate) async fn refresh(
        &self,
        refresh: &RefreshToken,
        devices: Option<&HeaderMap>,
    ) -> Result<RawAnswer, Error> {
        let call = self.call_from(REFRESH, refresh, devices, EMPTY_OBJECT);
        let reply = call.await?;
        Ok(self.session(&reply)?.without_sent(refresh))
    }

    /// Ends this session, or all of its user's. The body of the answer is not read.
    pub(crate) async fn logout(
        &self,
        refresh: &RefreshToken,
        everywhere: bool,
    ) -> Result<(), Error> {
        let endpoint = if everywhere { LOGOUT_ALL } else { LOGOUT };
        self.call(endpoint, refresh, EMPTY_OBJECT).await?;
        Ok(())
    }

    /// Fetches the user's record: an object.
    pub(crate) async fn me(&self, refresh: &RefreshToken) -> Result<Value, Error> {
        let reply = self.call(ME, refresh, Bytes::new()).await?;
        let user: Value = read(&reply)?;
        user.is_object()
            .then_some(user)
            .ok_or_else(|| invalid("descope's answer is no user"))
    }

    /// Fetches the tenants of the user that `which` names.
    pub(crate) async fn my_tenants(
        &self,
        refresh: &RefreshToken,
        which: TenantsBody<'_>,
    ) -> Result<Vec<Value>, Error> {
        let body = to_json(&which)?;
        let reply = self.call(MY_TENANTS, refresh, body.into()).await?;
        let mut answer: Value = read(&reply)?;
        match answer.get_mut("tenants").map(Value::take) {
            Some(Value::Array(tenants)) => Ok(tenants),
            None | Some(Value::Null) if answer.is_object() => Ok(Vec::new()),
            _ => Err(invalid("descope's answer has no list of tenants")),
        }
    }

    /// Fetches the user's sign-ins. They are a list at the root, or below `authHistory` as it is
    /// documented, which is left out where there are none.
    pub(crate) async fn history(&self, refresh: &RefreshToken) -> Result<Vec<Value>, Error> {
        let reply = self.call(HISTORY, refresh, Bytes::new()).await?;
        let entries = match read(&reply)? {
            Value::Array(entries) => Some(entries),
            Value::Object(mut members) => match members.remove("authHistory") {
                Some(Value::Array(entries)) => Some(entries),
                None | Some(Value::Null) => Some(Vec::new()),
                Some(_) => None,
            },
            _ => None,
        };
        entries.ok_or_else(|| invalid("descope's answer is no history"))
    }

    /// Reads an answer that opens a session, whichever call brought it.
    pub(super) fn session(&self, reply: &Reply) -> Result<RawAnswer, Error> {
        let settings = &self.inner.settings;
        let answer = RawAnswer::read(reply, &settings.session_names, &settings.refresh_names)?;
        if answer.session_token().is_some() {
            let seconds = answer.next_refresh_seconds.unwrap_or_default();
            let seconds = u64::try_from(seconds).unwrap_or_default();
            self.inner.next_refresh.store(seconds, Relaxed);
        }
        Ok(answer)
    }

    /// How old a session may become before it is to be refreshed, if Descope's newest answer says so.
    pub(crate) fn next_refresh(&self) -> Option<Duration> {
        match self.inner.next_refresh.load(Relaxed) {
            0 => None,
            seconds => Some(Duration::from_secs(seconds)),
        }
    }
}

fn to_json(body: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(body).map_err(|error| {
        Error::new(
            ErrorKind::InvalidTenantId,
            "the tenant id cannot be written",
        )
        .with_source(error)
    })
}

fn read(reply: &Reply) -> Result<Value, Error> {
    // The error of serde_json quotes the body: it is no source.
    serde_json::from_slice(reply.body()?).map_err(|_| invalid("descope's answer is not JSON"))
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::UpstreamInvalid, message)
}
