//! The calls of Descope's flows, as its sign-in component makes them.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use reqwest::Url;
use zeroize::Zeroizing;

use super::{
    answer::RawAnswer,
    call::{DescopeClient, PassedReply},
    credential,
    endpoint::{FLOW_NEXT, FLOW_START},
    failure,
    reply::Reply,
    set_cookie,
};
use crate::{error::Error, token::RefreshToken};

/// The names of the device tokens' cookies at Descope, and of the headers that they are sent in.
pub(crate) const DEVICE_TOKENS: [(&str, HeaderName); 2] = [
    (
        "DTD",
        HeaderName::from_static("x-descope-trusted-device-token"),
    ),
    (
        "DKD",
        HeaderName::from_static("x-descope-known-device-token"),
    ),
];

/// How long a page may take.
const PAGE_TIMEOUT: Duration = Duration::from_secs(5);

/// The two calls of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlowStep {
    Start,
    Next,
}

/// A call of a flow. Nothing of it is sent that is not named here.
pub(crate) struct FlowCall {
    pub(crate) step: FlowStep,
    /// The headers of the page's request that are passed on, and the device tokens.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) timeout: Duration,
}

impl DescopeClient {
    /// Makes a call of a flow, with the refresh token of who is signed in, where there is one.
    pub(crate) async fn flow(
        &self,
        call: FlowCall,
        refresh: Option<&RefreshToken>,
    ) -> Result<PassedReply, Error> {
        let settings = &self.inner.settings;
        let mut headers = match refresh {
            Some(refresh) => credential::headers(settings, refresh)?,
            None => credential::sign_in_headers(settings)?,
        };
        // The page's own names of its SDK stand in the place of ours.
        for (name, value) in &call.headers {
            headers.insert(name, value.clone());
        }
        let endpoint = match call.step {
            FlowStep::Start => FLOW_START,
            FlowStep::Next => FLOW_NEXT,
        };
        self.pass_on(endpoint, headers, call.body, call.timeout)
            .await
    }

    /// Fetches a page of a flow; `None` where there is none.
    pub(crate) async fn flow_page(&self, url: &str) -> Result<Option<Vec<u8>>, Error> {
        let url = Url::parse(url).map_err(|error| {
            Error::config("the url of a flow's page is malformed").with_source(error)
        })?;
        let reply = self.fetch(url, PAGE_TIMEOUT).await?;
        match reply.status {
            StatusCode::OK => Ok(Some(reply.body.to_vec())),
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => Ok(None),
            _ => Err(reply.refusal()),
        }
    }

    /// Reads the session in the `authInfo` of a flow's answer, with the cookies of the answer.
    pub(crate) fn flow_session(
        &self,
        auth_info: Vec<u8>,
        headers: &HeaderMap,
    ) -> Result<RawAnswer, Error> {
        self.session(&Reply {
            headers: headers.clone(),
            body: Ok(Zeroizing::new(auth_info)),
        })
    }
}

impl PassedReply {
    /// The error that the status stands for, for what depends on it.
    pub(crate) fn refusal(&self) -> Error {
        failure::refused(self.status, &self.headers, &self.body, SystemTime::now())
    }

    /// The value of a cookie that the answer sets.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        set_cookie::value(&self.headers, name)
    }

    /// A header, if it comes once and is visible ASCII of at most so many bytes.
    pub(crate) fn header(&self, name: &HeaderName, longest: usize) -> Option<HeaderValue> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?;
        let is_plain = value.len() <= longest && value.as_bytes().iter().all(u8::is_ascii_graphic);
        (is_plain && values.next().is_none()).then(|| value.clone())
    }
}
