use std::fmt;

use http::HeaderMap;
use zeroize::Zeroizing;

use super::adopt::Adopt;
use crate::{
    client::{CodeChannel, Exchange},
    descope::Descope,
    error::{Error, ErrorKind},
};

/// The longest address or number that is sent, in bytes: that of an e-mail address (RFC 5321 section
/// 4.5.3.1, 64 and 255 and what is between them).
const MAX_LOGIN: usize = 320;

/// The longest one-time code that is sent, in bytes.
const MAX_CODE: usize = 32;

/// The longest code of a redirect that is sent, in bytes.
const MAX_EXCHANGE_CODE: usize = 2_048;

/// Who gets a one-time code: an e-mail address or a telephone number, which is the user's login id at
/// Descope.
///
/// `Debug` shows the way, not the address.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeRecipient {
    channel: CodeChannel,
    login: String,
}

/// # Signing in by a code
impl Descope {
    /// Has a one-time code sent (`POST /v1/auth/otp/signup-in/…`). A user who is not known yet is
    /// created with this login id.
    ///
    /// **Limit it**, per person and address: messages cost money, and Descope's own limit counts all of
    /// this server's calls as one. Answer the same for everybody, so that nobody learns who has an
    /// account.
    ///
    /// # Panics
    ///
    /// On a tokio runtime without timers; see [`Descope`](Self#panics).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`] for an address that Descope refuses, or that can be none (empty, over
    /// 320 bytes, control characters), for which no call is made; and those of every call,
    /// of which [`Error::is_transient`] says what may pass. The call is not repeated after a 503.
    pub async fn send_code(&self, to: &CodeRecipient) -> Result<(), Error> {
        to.check()?;
        self.client().send_code(to.channel, &to.login).await
    }

    /// Signs somebody in by the one-time code that was sent to them
    /// (`POST /v1/auth/otp/verify/…`): a call, and then as [`adopt`](Self::adopt).
    ///
    /// # Panics
    ///
    /// As [`adopt`](Self::adopt).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`] for a wrong code: with Descope's [`upstream_code`](Error::upstream_code), or
    /// without a call for a text that can be no code (it has 1 to 32 letters and digits), or no address;
    /// those of every call, of which [`Error::is_transient`] says what may pass; and those of
    /// [`adopt`](Self::adopt), but [`ErrorKind::UpstreamInvalid`] for tokens of Descope's answer that are
    /// not good. The call is not repeated after a 503.
    pub fn verify_code(&self, request: &HeaderMap, to: &CodeRecipient, code: &str) -> Adopt {
        let client = self.client().clone();
        let to = to.clone();
        let code = Zeroizing::new(code.to_owned());
        Adopt::by_call(self, request, async move {
            to.check()?;
            check_code(&code, MAX_CODE, |byte| byte.is_ascii_alphanumeric())?;
            client.verify_code(to.channel, &to.login, &code).await
        })
    }

    /// Signs somebody in by the code with which an identity provider has sent them back: a call, and
    /// then as [`adopt`](Self::adopt). For callbacks of one's own; whoever writes one has to know that
    /// this browser began the attempt (a `state` in a cookie), or another site signs its visitor in as
    /// somebody else. A code works once.
    ///
    /// # Panics
    ///
    /// As [`adopt`](Self::adopt).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`] for a code that Descope refuses, or, without a call, for a text that can be
    /// none (up to 2,048 visible ASCII characters); the others are those of
    /// [`verify_code`](Self::verify_code).
    pub fn exchange_code(&self, request: &HeaderMap, by: Exchange, code: &str) -> Adopt {
        let client = self.client().clone();
        let code = Zeroizing::new(code.to_owned());
        Adopt::by_call(self, request, async move {
            check_code(&code, MAX_EXCHANGE_CODE, |byte| byte.is_ascii_graphic())?;
            client.exchange_code(by, &code).await
        })
    }
}

impl CodeRecipient {
    /// Somebody with an e-mail address.
    pub fn email(address: impl Into<String>) -> Self {
        Self {
            channel: CodeChannel::Email,
            login: address.into(),
        }
    }

    /// Somebody with a telephone number, with its country's prefix (`+1…`), who gets a text message.
    pub fn sms(number: impl Into<String>) -> Self {
        Self {
            channel: CodeChannel::Sms,
            login: number.into(),
        }
    }

    fn check(&self) -> Result<(), Error> {
        let is_login = (1..=MAX_LOGIN).contains(&self.login.len());
        if is_login && !self.login.chars().any(char::is_control) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Refused,
            "the text can be no address to send a code to: it has 1 to 320 bytes without control \
             characters",
        ))
    }
}

impl fmt::Debug for CodeRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeRecipient")
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

fn check_code(code: &str, longest: usize, is_legal: impl Fn(u8) -> bool) -> Result<(), Error> {
    if (1..=longest).contains(&code.len()) && code.bytes().all(is_legal) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Refused, "the text can be no code"))
}
