//! Refusals as the session calls answer them.
//!
//! Descope's browser SDK takes every 4xx of a call about the session for "signed out". So 401
//! means that the session is gone, and whatever may be better a moment later is 503.

use std::time::Duration;

use crate::endpoint::{Refusal, RefusalKind};

/// The refusal, as a 503 where nothing is known about the session.
pub(super) fn as_session_call(refusal: Refusal) -> Refusal {
    match refusal.kind() {
        // The browser has newer cookies, and is to repeat the call with them.
        RefusalKind::ReplacedToken => refusal
            .of_kind(RefusalKind::RenewalUnavailable)
            .retry_after(Duration::from_secs(1)),
        RefusalKind::TenantRefused { .. }
        | RefusalKind::RateLimited
        | RefusalKind::UpstreamInvalid
        | RefusalKind::UpstreamTimeout => refusal.of_kind(RefusalKind::RenewalUnavailable),
        _ => refusal,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        descope::RefreshRefusal,
        error::{Error, ErrorKind},
    };

    fn of(error: Error) -> (u16, &'static str) {
        let refusal = as_session_call(error.into());
        (refusal.kind().status().as_u16(), refusal.code())
    }

    #[test]
    fn only_a_session_that_is_gone_is_a_401_and_what_may_get_better_a_503() {
        let refused = |status| Error::new(ErrorKind::Refused, "refused").with_status(status);
        let unavailable = (503, "renewal_unavailable");
        for status in [400, 401, 403, 404, 422] {
            assert_eq!(of(refused(status)), unavailable, "{status}");
        }
        for status in [400, 403, 404, 422] {
            assert_eq!(of(refused(status).with_code("E011001")), unavailable);
        }
        let invalid = (401, "invalid_token");
        assert_eq!(of(refused(401).with_code("E011001")), invalid);
        for status in [400, 401, 403, 404, 422] {
            let token_refused = refused(status).with_code("E061005");
            assert_eq!(of(token_refused), invalid, "{status}");
        }
        for (kind, expected) in [
            (ErrorKind::SessionEnded, (401, "expired_token")),
            (ErrorKind::RefreshTokenReused, (401, "invalid_token")),
            (ErrorKind::InvalidRefreshToken, (401, "invalid_token")),
            (ErrorKind::RateLimited, unavailable),
            (ErrorKind::UpstreamInvalid, unavailable),
            (ErrorKind::UpstreamUnavailable, unavailable),
            (ErrorKind::UpstreamTimeout, unavailable),
            (ErrorKind::KeysUnavailable, (503, "keys_unavailable")),
            (ErrorKind::CookieTooLarge, (502, "cookie_too_large")),
            (ErrorKind::NoRuntime, (500, "internal_error")),
        ] {
            assert_eq!(of(Error::new(kind, "x")), expected, "{kind:?}");
        }
    }

    #[test]
    fn every_503_says_when_to_come_again() {
        let after = |after| {
            let error = Error::new(ErrorKind::RateLimited, "x").with_retry_after(after);
            let response = as_session_call(error.into()).into_response();
            response.headers()["retry-after"]
                .to_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(after(None), "10");
        assert_eq!(after(Some(Duration::from_secs(17))), "17");
        assert_eq!(after(Some(Duration::from_millis(300))), "1");
        let keys = RefreshRefusal::Unavailable {
            retry_after: Duration::from_secs(3),
        };
        let keys = Refusal::from(keys).into_response();
        assert_eq!(keys.headers()["retry-after"], "3");
    }

    #[test]
    fn each_401_has_a_challenge_and_only_the_end_removes_cookies() {
        for kind in [
            RefusalKind::MissingRefreshToken,
            RefusalKind::ExpiredToken,
            RefusalKind::InvalidToken,
        ] {
            let refusal = Refusal::new(kind);
            assert!(refusal.is_no_session() && !refusal.ends_session());
            let response = refusal.into_response();
            assert!(response.headers().contains_key("www-authenticate"));
        }
        let over = Error::new(ErrorKind::SessionEnded, "x");
        assert!(Refusal::from(over.with_session_ended()).ends_session());
        assert!(!Refusal::from(RefreshRefusal::Expired).ends_session());
        assert!(!Refusal::from(RefreshRefusal::Ambiguous).is_no_session());
    }
}
