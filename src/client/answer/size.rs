//! The memory that an answer takes.

use super::RawAnswer;
use crate::{json::UnparsedJson, token::OpaqueToken};

impl RawAnswer {
    /// The memory that its fields take, in bytes, roughly; the session's own tokens aside.
    pub(crate) fn size(&self) -> usize {
        let json = [&self.user, &self.idp_response];
        let texts = [
            &self.cookie_domain,
            &self.cookie_path,
            &self.cookie_name,
            &self.session_cookie_name,
            &self.session_cookie_domain,
            &self.tenant_sso_id,
        ];
        let others = [
            &self.external_token,
            &self.trusted_device_token,
            &self.known_device_token,
        ];
        let others = others.into_iter().flatten().map(OpaqueToken::expose);
        json.into_iter()
            .flatten()
            .map(UnparsedJson::size)
            .sum::<usize>()
            + texts.into_iter().flatten().map(String::len).sum::<usize>()
            + others.map(str::len).sum::<usize>()
    }

    /// The answer without what may be large: the user's record, and the identity provider's answer.
    pub(crate) fn without_records(&self) -> Self {
        Self {
            cookie_domain: self.cookie_domain.clone(),
            cookie_path: self.cookie_path.clone(),
            cookie_max_age: self.cookie_max_age,
            cookie_expiration: self.cookie_expiration,
            cookie_name: self.cookie_name.clone(),
            session_cookie_name: self.session_cookie_name.clone(),
            session_cookie_domain: self.session_cookie_domain.clone(),
            first_seen: self.first_seen,
            session_expiration: self.session_expiration,
            tenant_sso_id: self.tenant_sso_id.clone(),
            next_refresh_seconds: self.next_refresh_seconds,
            ..Self::default()
        }
    }
}
