//! The token of a session that a request was admitted with.

use std::collections::HashSet;

use base64_simd::URL_SAFE_NO_PAD;
use http::HeaderMap;

use super::handle::Descope;
use crate::{
    cookie::CookieKind,
    jwt::check::TokenUse,
    session::Session,
    token::{self, Authorization, SessionToken},
    verifier::VerificationStep,
};

impl Descope {
    /// Returns the token of the session that a request with these fields was admitted with: that of its
    /// bearer token, of the access key that it presents, or of one of its cookies. `None` where none of
    /// them is this session's, as after a renewal.
    ///
    /// A session does not keep its token, which is as long as all the rest of it.
    pub(crate) fn token_of(&self, session: &Session, headers: &HeaderMap) -> Option<SessionToken> {
        let payload = URL_SAFE_NO_PAD.encode_to_string(session.payload());
        let is_of_session = |token: &str| token.split('.').nth(1) == Some(payload.as_str());
        match token::authorization(headers) {
            Authorization::Bearer(credential) => {
                // Its session may have been exchanged anew meanwhile, and be as good.
                if let Some(token) = self.machine_token(credential.as_bytes()) {
                    return Some(token);
                }
                let text = credential.text().filter(|text| is_of_session(text));
                return text.map(SessionToken::new);
            }
            Authorization::Absent => {}
            Authorization::Malformed | Authorization::Several => return None,
        }
        let presented = self.cookie_reader().presented(headers).ok()?;
        let mut seen = HashSet::new();
        let mut found = presented
            .of_kind(CookieKind::Session)
            .map(|(_, value)| value)
            .filter(|value| is_of_session(value) && seen.insert(*value));
        let first = found.next()?;
        let Some(second) = found.next() else {
            return Some(SessionToken::new(first));
        };
        // One payload with several signatures: somebody has planted a copy that no key has signed.
        [first, second]
            .into_iter()
            .chain(found)
            .find(|value| self.is_genuine(value))
            .map(SessionToken::new)
    }

    fn is_genuine(&self, token: &str) -> bool {
        let step = self.inner.verifier.start(token, TokenUse::Session);
        matches!(step, VerificationStep::Done(Ok(_)))
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;
    use crate::{access_key::AccessKeys, test_util::FakeDescope, token::AccessKey};

    fn cookies(field: &str) -> HeaderMap {
        let field = HeaderValue::from_str(field).unwrap();
        HeaderMap::from_iter([(header::COOKIE, field)])
    }

    #[tokio::test]
    async fn of_several_cookies_it_is_the_one_that_the_session_was_read_from() {
        let fake = FakeDescope::start().await;
        let descope = fake.descope();
        let token = fake.session("U1").token();
        let other = fake.session("U2").token();
        let session = descope.verify(&SessionToken::new(&*token)).await.unwrap();
        let found = |field: &str| {
            let found = descope.token_of(&session, &cookies(field));
            found.map(|token| token.expose().to_owned())
        };
        assert_eq!(
            found(&format!("DS={other}; DS={token}")),
            Some(token.clone())
        );
        assert_eq!(found(&format!("DS={other}")), None);
        assert_eq!(found(&format!("DSR={token}")), None, "another kind");
        // The same payload under another signature, in any order.
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (_, others) = other.rsplit_once('.').unwrap();
        assert_ne!(signature, others);
        let planted = format!("{signed}.{others}");
        for field in [
            format!("DS={planted}; DS={token}"),
            format!("DS={token}; DS={planted}"),
        ] {
            assert_eq!(found(&field), Some(token.clone()));
        }
    }

    #[tokio::test]
    async fn of_a_machine_it_is_the_token_that_its_key_was_exchanged_for() {
        let fake = FakeDescope::builder()
            .access_key("K2nightlyExportOfAllProjects", |key| key.id("K2id"))
            .start()
            .await;
        let keys = AccessKeys::new().key_prefix("K2");
        let descope = fake.descope_builder().access_keys(keys).build().unwrap();
        let session = descope
            .verify_access_key(&AccessKey::new("K2nightlyExportOfAllProjects"))
            .await;
        let session = session.unwrap();
        let field = HeaderValue::from_static("Bearer K2nightlyExportOfAllProjects");
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, field)]);
        let token = descope.token_of(&session, &headers).unwrap();
        let again = descope.verify(&token).await.unwrap();
        assert_eq!(again.user_id(), "K2id");
        assert_ne!(token.expose(), "K2nightlyExportOfAllProjects");
    }
}
