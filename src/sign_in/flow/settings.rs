use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use http::{HeaderName, header, request::Parts};

use crate::{descope::Descope, endpoint::mount_prefix, error::Error};

/// The deadline of a call unless told otherwise, and its bounds.
const TIMEOUT: Duration = Duration::from_secs(30);
const SHORTEST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(120);

/// Builds a [`FlowRoutes`](super::FlowRoutes).
#[must_use = "a builder does nothing until `build()`"]
pub struct FlowRoutesBuilder {
    descope: Descope,
    settings: FlowSettings,
    forwarded: Option<String>,
}

/// Tells the address of whoever sent a request.
pub(super) type ClientAddress = Arc<dyn Fn(&Parts) -> Option<IpAddr> + Send + Sync>;

/// How "stay signed in" is decided.
#[derive(Clone, Debug)]
pub(super) enum Remember {
    /// As it was.
    AsBefore,
    Always(bool),
    /// By a member of the flow's output.
    Output(String),
}

/// The settings, checked.
#[derive(Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, each with a word of its own"
)]
pub(super) struct FlowSettings {
    /// The path below which the routes are; empty, or it begins with a slash.
    pub(super) prefix: String,
    pub(super) signed_in_flows: Vec<String>,
    pub(super) session_token: bool,
    pub(super) links_from_other_browsers: bool,
    pub(super) idp_initiated: bool,
    pub(super) allow_anonymous: bool,
    pub(super) rotate: bool,
    pub(super) remember: Remember,
    pub(super) timeout: Duration,
    pub(super) client_address: Option<ClientAddress>,
    pub(super) forward_address: Option<HeaderName>,
}

impl FlowRoutesBuilder {
    pub(super) fn new(descope: Descope) -> Self {
        Self {
            descope,
            forwarded: None,
            settings: FlowSettings {
                prefix: String::new(),
                signed_in_flows: Vec::new(),
                session_token: false,
                links_from_other_browsers: false,
                idp_initiated: false,
                allow_anonymous: false,
                rotate: false,
                remember: Remember::AsBefore,
                timeout: TIMEOUT,
                client_address: None,
                forward_address: None,
            },
        }
    }

    /// The flows that are for somebody who is signed in, by their ids: step-up, a passkey to add. They get
    /// the browser's refresh token, verified, and only in executions that this browser has started;
    /// no other flow does. Default: none.
    pub fn signed_in_flows<I>(mut self, flows: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.settings.signed_in_flows = flows.into_iter().map(Into::into).collect();
        self
    }

    /// Sets whether those flows get the session token too (`options.sessionJwt`), if it is still good.
    /// Default `false`.
    pub fn session_token_in_flows(mut self, send: bool) -> Self {
        self.settings.session_token = send;
        self
    }

    /// Sets whether the link of a mail signs in the browser that opens it, although another one asked for
    /// it. Default `false`: then the one that asked is signed in, and a link that somebody else sends
    /// signs nobody in as them.
    pub fn links_from_other_browsers(mut self, allow: bool) -> Self {
        self.settings.links_from_other_browsers = allow;
        self
    }

    /// Sets whether an identity provider may begin a sign-in by itself. Default `false`: such a link
    /// signs its reader in as whoever made it.
    pub fn idp_initiated(mut self, allow: bool) -> Self {
        self.settings.idp_initiated = allow;
        self
    }

    /// As [`Adopt::allow_anonymous`](crate::sign_in::Adopt::allow_anonymous).
    pub fn allow_anonymous(mut self, allow: bool) -> Self {
        self.settings.allow_anonymous = allow;
        self
    }

    /// As [`Adopt::rotate`](crate::sign_in::Adopt::rotate). No script sees the tokens, so it is `false` by
    /// default.
    pub fn rotate(mut self, rotate: bool) -> Self {
        self.settings.rotate = rotate;
        self
    }

    /// As [`Adopt::remember`](crate::sign_in::Adopt::remember), for all flows.
    pub fn remember(mut self, remember: bool) -> Self {
        self.settings.remember = Remember::Always(remember);
        self
    }

    /// The same by a boolean in the flow's output, of this name.
    pub fn remember_output(mut self, name: impl Into<String>) -> Self {
        self.settings.remember = Remember::Output(name.into());
        self
    }

    /// The deadline of a call to Descope. Default 30 seconds; from 5 to 120; of it connecting may take the
    /// handle's [`timeout`](crate::DescopeBuilder::timeout). Calls of
    /// [`signed_in_flows`](Self::signed_in_flows) end after 15 seconds, and after the handle's
    /// [`timeout`](crate::DescopeBuilder::timeout): renewals of that session wait for them.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Tells who asks, so that each address has a budget of its own (60 calls a minute, 30 at once; of IPv6
    /// each /64). Default: each execution has one, and all starts share 30 a minute.
    pub fn client_address(
        mut self,
        address: impl Fn(&Parts) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        self.settings.client_address = Some(Arc::new(address));
        self
    }

    /// Sends the address that [`client_address`](Self::client_address) tells to Descope, in this header
    /// (`x-forwarded-for`), in the place of whatever came. Default: not sent. Whether Descope reads it is
    /// not documented.
    pub fn forward_client_address(mut self, header: impl Into<String>) -> Self {
        self.forwarded = Some(header.into());
        self
    }

    /// Serves paths below `prefix`, for example `/v1/flow`; slashes at its ends may be left out. Only
    /// where nobody has taken the prefix off before: axum's `nest_service` does, hyper does not.
    pub fn at(mut self, prefix: impl AsRef<str>) -> Self {
        self.settings.prefix = mount_prefix(prefix.as_ref());
        self
    }

    /// The settings, checked.
    ///
    /// # Errors
    ///
    /// The first setting that is wrong.
    pub(super) fn checked(mut self) -> Result<(Descope, FlowSettings), Error> {
        let timeout = self.settings.timeout;
        if !(SHORTEST..=LONGEST).contains(&timeout) {
            return Err(Error::config(format!(
                "the timeout of FlowRoutes is {timeout:?}, it must be from 5 to 120 seconds"
            )));
        }
        if let Some(name) = self.forwarded {
            let header = HeaderName::try_from(name.as_str()).ok();
            let header = header.filter(|header| !is_taken(header)).ok_or_else(|| {
                Error::config(format!(
                    "forward_client_address({name:?}) is no name for a header that says where a request came \
                     from: choose one that has no other meaning, such as \"x-forwarded-for\""
                ))
            })?;
            if self.settings.client_address.is_none() {
                return Err(Error::config(
                    "forward_client_address takes client_address too: what the request says of it \
                     anybody can write",
                ));
            }
            self.settings.forward_address = Some(header);
        }
        Ok((self.descope, self.settings))
    }
}

/// Returns `true` for a header by which a call to Descope is sent or is authorized.
fn is_taken(header: &HeaderName) -> bool {
    let taken = [
        header::ACCEPT,
        header::ACCEPT_ENCODING,
        header::ACCEPT_LANGUAGE,
        header::AUTHORIZATION,
        header::CONNECTION,
        header::COOKIE,
        header::EXPECT,
        header::HOST,
        header::ORIGIN,
        header::PROXY_AUTHORIZATION,
        header::REFERER,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::USER_AGENT,
    ];
    let name = header.as_str();
    taken.contains(header) || name.starts_with("content-") || name.starts_with("x-descope-")
}

impl fmt::Debug for FlowRoutesBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowRoutesBuilder")
            .field("signed_in_flows", &self.settings.signed_in_flows)
            .finish_non_exhaustive()
    }
}
