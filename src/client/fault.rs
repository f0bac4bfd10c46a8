//! Why one attempt at a call failed, and whether another one may follow.

use http::StatusCode;

use super::{
    failure,
    transport::{BodyFault, UnwantedCoding},
};
use crate::error::{Error, ErrorKind};

/// The reasons why one attempt failed.
pub(super) enum CallFault {
    /// The request never left this machine.
    NotSent(reqwest::Error),
    /// The request was sent, or may have been.
    Network(reqwest::Error),
    /// Descope answered with this status.
    Status(StatusCode, Error),
    /// The answer is too large.
    TooLarge,
    /// The answer cannot be read for its encoding.
    Encoded(UnwantedCoding),
}

impl CallFault {
    /// Returns `true` if the request may be repeated: it never left, or, if `after_503`, Descope
    /// answered that it is unavailable.
    pub(super) fn is_repeatable(&self, after_503: bool) -> bool {
        match self {
            Self::NotSent(_) => true,
            Self::Status(status, error) => {
                after_503
                    && *status == StatusCode::SERVICE_UNAVAILABLE
                    && error.kind() == ErrorKind::UpstreamUnavailable
            }
            Self::Network(_) | Self::TooLarge | Self::Encoded(_) => false,
        }
    }

    /// The fault of a request that could not be sent. A connection that could not be made in time is
    /// no reason to repeat the call: its time is over.
    pub(super) fn sending(error: reqwest::Error) -> Self {
        if error.is_connect() && !error.is_timeout() {
            Self::NotSent(error)
        } else {
            Self::Network(error)
        }
    }
}

impl From<BodyFault> for CallFault {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => Self::TooLarge,
            BodyFault::Encoded(coding) => Self::Encoded(coding),
            BodyFault::Broken(error) => Self::Network(error),
        }
    }
}

impl From<CallFault> for Error {
    fn from(fault: CallFault) -> Self {
        match fault {
            CallFault::NotSent(error) => failure::network(error).never_sent(),
            CallFault::Network(error) => failure::network(error),
            CallFault::Status(_, error) => error,
            CallFault::TooLarge => {
                Self::new(ErrorKind::UpstreamInvalid, "descope's answer is too large")
            }
            CallFault::Encoded(coding) => {
                let message = format!("descope's answer cannot be read: {coding}");
                Self::new(ErrorKind::UpstreamInvalid, message)
            }
        }
    }
}
