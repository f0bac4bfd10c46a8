//! From a subject's rights to the claims of a token.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::{
    grants::{Grants, insert_list},
    settings::{Settings, Template, TokenKind},
};

/// The content of a token before it is text.
#[derive(Clone, Debug)]
pub(super) struct Claims {
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) drn: String,
    /// Makes two tokens of one second differ.
    pub(super) jti: String,
    pub(super) amr: Vec<String>,
    pub(super) issued_at: i64,
    pub(super) expires: i64,
    /// When the refresh token beside this session token ends.
    pub(super) refresh_expires: Option<i64>,
    pub(super) active: Option<String>,
    /// Who acts as the subject.
    pub(super) actor: Option<String>,
    pub(super) template: Template,
    pub(super) grants: Grants,
}

impl Claims {
    /// The claims that the service gives `subject` at the time `now`.
    pub(super) fn new(
        settings: &Settings,
        kind: TokenKind,
        subject: &str,
        grants: &Grants,
        jti: String,
        now: i64,
    ) -> Self {
        let refresh_expires = now.saturating_add(settings.refresh_ttl);
        let mut grants = grants.clone();
        // A visitor has not signed in, by whatever method.
        let amr = if grants.anonymous {
            Vec::new()
        } else {
            vec!["email".into()]
        };
        if kind == TokenKind::Refresh {
            // Rights are looked up again at each refresh; only custom claims travel along.
            grants.roles.clear();
            grants.permissions.clear();
            grants.tenants.clear();
            grants.anonymous &= settings.danu_in_refresh_tokens;
        }
        Self {
            subject: subject.into(),
            issuer: settings.project_id.clone(),
            drn: settings.cookie_name(kind).into(),
            jti,
            amr,
            issued_at: now,
            expires: match kind {
                TokenKind::Session => now.saturating_add(settings.session_ttl),
                TokenKind::Refresh => refresh_expires,
            },
            refresh_expires: (kind == TokenKind::Session).then_some(refresh_expires),
            active: None,
            actor: None,
            template: settings.template,
            grants,
        }
    }

    pub(super) fn json(&self) -> Map<String, Value> {
        let mut claims = Map::new();
        claims.insert("iss".into(), self.issuer.as_str().into());
        claims.insert("sub".into(), self.subject.as_str().into());
        claims.insert("drn".into(), self.drn.as_str().into());
        claims.insert("jti".into(), self.jti.as_str().into());
        claims.insert("iat".into(), self.issued_at.into());
        claims.insert("exp".into(), self.expires.into());
        if self.grants.anonymous {
            claims.insert("danu".into(), true.into());
        } else if !self.amr.is_empty() {
            claims.insert("amr".into(), json!(self.amr));
        }
        if let Some(expires) = self.refresh_expires {
            claims.insert("rexp".into(), rfc3339(expires).into());
        }
        if let Some(active) = &self.active {
            claims.insert("dct".into(), active.as_str().into());
        }
        if let Some(id) = &self.actor {
            claims.insert("act".into(), actor(id));
        }
        self.rights(&mut claims);
        for (name, value) in &self.grants.claims {
            claims.insert(name.clone(), value.clone());
        }
        claims
    }

    fn rights(&self, claims: &mut Map<String, Value>) {
        let grants = &self.grants;
        match self.template {
            Template::Default => {
                insert_list(claims, "roles", &grants.roles);
                insert_list(claims, "permissions", &grants.permissions);
                if !grants.tenants.is_empty() {
                    let entries = grants
                        .tenants
                        .iter()
                        .map(|(id, grant)| (id.clone(), grant.json()));
                    claims.insert("tenants".into(), Value::Object(entries.collect()));
                }
            }
            Template::CurrentTenant => {
                let active = self.active.as_ref().and_then(|id| grants.tenants.get(id));
                if let Some(grant) = active {
                    insert_list(claims, "roles", &grant.roles);
                    insert_list(claims, "permissions", &grant.permissions);
                }
            }
        }
    }
}

/// The `act` claim.
pub(super) fn actor(id: &str) -> Value {
    json!({ "sub": id })
}

/// `2030-01-01T00:00:00Z`
pub(super) fn rfc3339(unix: i64) -> String {
    let Ok(date) = OffsetDateTime::from_unix_timestamp(unix) else {
        return "9999-12-31T23:59:59Z".into();
    };
    let (hour, minute, second) = date.to_hms();
    format!(
        "{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_rfc3339() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_706_234_380), "2024-01-26T01:59:40Z");
        assert_eq!(rfc3339(i64::MAX), "9999-12-31T23:59:59Z");
    }
}
