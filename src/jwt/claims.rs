//! The claims of a Descope token, read once from a payload whose signature has been verified.

use std::time::SystemTime;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    json::{self, Fault, Names},
    table::{Builder, List, Table, Text, Value},
};
use crate::ids::{TenantId, UserId};

/// A token's claims, read but not yet judged; see [`check`](super::check).
#[derive(Debug)]
pub(crate) struct Claims {
    pub(crate) table: Table,
    pub(crate) user: UserId,
    pub(crate) times: Times,
    pub(crate) current: Current,
    pub(crate) tenants: Tenants,
    pub(crate) subject: Text,
    pub(crate) issuer: Text,
    pub(crate) audience: Option<Value>,
    pub(crate) kind: Named,
    pub(crate) token_type: Named,
    pub(crate) key_bound: bool,
    pub(crate) roles: List,
    pub(crate) permissions: List,
    pub(crate) authentication_methods: List,
    pub(crate) stepped_up: bool,
    pub(crate) impersonator: Option<Value>,
    pub(crate) refresh_expires_at: Option<SystemTime>,
}

/// `NumericDate`s (RFC 7519 section 2), in seconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) expires: f64,
    pub(crate) not_before: Option<f64>,
    pub(crate) issued: Option<f64>,
}

/// The `dct` claim.
#[derive(Clone, Debug)]
pub(crate) enum Current {
    /// No tenant is selected; what is no string or no tenant id counts as none.
    None,
    /// The selected tenant; not yet compared with `tenants`.
    Tenant(TenantId),
}

/// The `tenants` claim.
#[derive(Debug)]
pub(crate) enum Tenants {
    /// Absent, null or empty: alike, since a project's template may write any of the three.
    None,
    /// Of a wrong type.
    Unusable,
    /// The user's tenants, at least one.
    Listed(Vec<Entry>),
}

/// A member of the `tenants` claim.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: Text,
    pub(crate) value: Value,
    pub(crate) roles: List,
    pub(crate) permissions: List,
}

/// A claim that must be a string if it is there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Named {
    Absent,
    Text(Text),
    NotText,
}

impl Claims {
    /// Reads a payload.
    ///
    /// # Errors
    ///
    /// The fault of a payload that is not one JSON object without duplicates, or that lacks a
    /// claim which every Descope token has, or has one of a wrong type.
    pub(crate) fn parse(payload: String) -> Result<Self, Fault> {
        let (table, read) = Table::build(payload, Reader::read)?;
        let subject = read.subject.ok_or("no_subject")?;
        let user = UserId::from_claim(table.text(read.descope_subject.unwrap_or(subject)))
            .ok_or("no_subject")?;
        Ok(Self {
            user,
            times: Times {
                expires: read.expires.ok_or("no_exp")?,
                not_before: read.not_before,
                issued: read.issued,
            },
            current: read.current,
            tenants: read.tenants,
            subject,
            issuer: read.issuer.ok_or("no_issuer")?,
            audience: read.audience,
            kind: read.kind,
            token_type: read.token_type,
            key_bound: read.key_bound,
            roles: read.roles,
            permissions: read.permissions,
            authentication_methods: read.authentication_methods,
            stepped_up: read.stepped_up,
            impersonator: read.impersonator,
            refresh_expires_at: read.refresh_expires_at,
            table,
        })
    }

    /// The selected tenant, be it one of the user's or not.
    pub(crate) fn current_tenant(&self) -> Option<&TenantId> {
        match &self.current {
            Current::Tenant(id) => Some(id),
            Current::None => None,
        }
    }

    /// The entry of a tenant.
    pub(crate) fn entry(&self, id: &str) -> Option<&Entry> {
        match &self.tenants {
            Tenants::Listed(entries) => {
                entries.iter().find(|entry| self.table.text(entry.id) == id)
            }
            Tenants::None | Tenants::Unusable => None,
        }
    }
}

/// What a payload says, before anything is known to be missing.
struct Reader {
    subject: Option<Text>,
    descope_subject: Option<Text>,
    issuer: Option<Text>,
    expires: Option<f64>,
    not_before: Option<f64>,
    issued: Option<f64>,
    audience: Option<Value>,
    kind: Named,
    token_type: Named,
    key_bound: bool,
    current: Current,
    tenants: Tenants,
    roles: List,
    permissions: List,
    authentication_methods: List,
    stepped_up: bool,
    impersonator: Option<Value>,
    refresh_expires_at: Option<SystemTime>,
}

impl Reader {
    fn read(table: &mut Builder<'_>) -> Result<Self, Fault> {
        let mut read = Self {
            subject: None,
            descope_subject: None,
            issuer: None,
            expires: None,
            not_before: None,
            issued: None,
            audience: None,
            kind: Named::Absent,
            token_type: Named::Absent,
            key_bound: false,
            current: Current::None,
            tenants: Tenants::None,
            roles: List::default(),
            permissions: List::default(),
            authentication_methods: List::default(),
            stepped_up: false,
            impersonator: None,
            refresh_expires_at: None,
        };
        let payload = table.payload();
        json::members(payload, &mut Names::new(), |member| {
            read.member(table, member.name, member.value)
        })?;
        Ok(read)
    }

    /// One claim. A wrong type is a fault, never "absent", where the claim decides about
    /// acceptance (CVE-2026-25537); it is "none" where it only grants something.
    fn member<'a>(
        &mut self,
        table: &mut Builder<'a>,
        name: &str,
        value: &'a str,
    ) -> Result<(), Fault> {
        match name {
            "sub" => self.subject = Some(table.text(value).ok_or("sub_not_a_string")?),
            "dsub" => self.descope_subject = Some(table.text(value).ok_or("dsub_not_a_string")?),
            "iss" => self.issuer = Some(table.text(value).ok_or("iss_not_a_string")?),
            "exp" => self.expires = Some(json::number(value).ok_or("exp_not_a_number")?),
            "nbf" => self.not_before = Some(json::number(value).ok_or("nbf_not_a_number")?),
            "iat" => self.issued = Some(json::number(value).ok_or("iat_not_a_number")?),
            "aud" => self.audience = Some(table.value(value)),
            "drn" => self.kind = named(table, value),
            "token_type" => self.token_type = named(table, value),
            "cnf" => self.key_bound = value != "null",
            "dct" => {
                self.current = json::string(value)
                    .and_then(|id| TenantId::from_claim(&id))
                    .map_or(Current::None, Current::Tenant);
            }
            "tenants" => self.tenants = tenants(table, value)?,
            "roles" => self.roles = table.list(value)?,
            "permissions" => self.permissions = table.list(value)?,
            "amr" => self.authentication_methods = table.list(value)?,
            "su" => self.stepped_up = value == "true",
            "act" => self.impersonator = (value != "null").then(|| table.value(value)),
            "rexp" => self.refresh_expires_at = json::string(value).and_then(|text| rfc3339(&text)),
            _ => {}
        }
        Ok(())
    }
}

fn named<'a>(table: &mut Builder<'a>, value: &'a str) -> Named {
    table.text(value).map_or(Named::NotText, Named::Text)
}

fn tenants<'a>(table: &mut Builder<'a>, value: &'a str) -> Result<Tenants, Fault> {
    if value == "null" {
        return Ok(Tenants::None);
    }
    if !value.starts_with('{') {
        return Ok(Tenants::Unusable);
    }
    // The ids' names and those of each entry's members are separate: one vector each, reused.
    let mut names_in_entry = Names::new();
    let mut entries = Vec::new();
    json::members(value, &mut Names::new(), |tenant| {
        let value = tenant.value;
        let mut entry = Entry {
            id: table.text(tenant.quoted_name).ok_or("malformed_json")?,
            value: table.value(value),
            roles: List::default(),
            permissions: List::default(),
        };
        if value.starts_with('{') {
            json::members(value, &mut names_in_entry, |member| {
                match member.name {
                    "roles" => entry.roles = table.list(member.value)?,
                    "permissions" => entry.permissions = table.list(member.value)?,
                    _ => {}
                }
                Ok(())
            })?;
        }
        entries.push(entry);
        Ok(())
    })?;
    Ok(if entries.is_empty() {
        Tenants::None
    } else {
        Tenants::Listed(entries)
    })
}

fn rfc3339(text: &str) -> Option<SystemTime> {
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(payload: &str) -> Result<Claims, Fault> {
        Claims::parse(payload.to_owned())
    }

    /// A whole payload with these members in place of the usual ones.
    fn with(members: &str) -> Result<Claims, Fault> {
        parse(&format!(
            r#"{{"iss":"P1","sub":"U1","exp":2000000000{}{members}}}"#,
            if members.is_empty() { "" } else { "," }
        ))
    }

    #[test]
    fn the_claims_that_every_token_has_are_required_and_typed() {
        assert!(with("").is_ok());
        for (payload, fault) in [
            (r#"{"sub":"U","exp":1}"#, "no_issuer"),
            (r#"{"iss":"P","exp":1}"#, "no_subject"),
            (r#"{"iss":"P","sub":"","exp":1}"#, "no_subject"),
            (r#"{"iss":"P","sub":"U"}"#, "no_exp"),
            (r#"{"iss":42,"sub":"U","exp":1}"#, "iss_not_a_string"),
            (r#"{"iss":["P"],"sub":"U","exp":1}"#, "iss_not_a_string"),
            (r#"{"iss":"P","sub":null,"exp":1}"#, "sub_not_a_string"),
            (r#"{"iss":"P","sub":"U","exp":null}"#, "exp_not_a_number"),
            (r#"{"iss":"P","sub":"U","exp":"1"}"#, "exp_not_a_number"),
            (r#"{"iss":"P","sub":"U","exp":true}"#, "exp_not_a_number"),
            (r#"{"iss":"P","sub":"U","exp":[1]}"#, "exp_not_a_number"),
            (r#"{"iss":"P","sub":"U","exp":1e400}"#, "exp_not_a_number"),
            ("[]", "malformed_json"),
        ] {
            assert_eq!(parse(payload).err(), Some(fault), "{payload}");
        }
    }

    #[test]
    fn a_wrong_type_is_never_taken_for_absent() {
        for (members, fault) in [
            (r#""nbf":"1""#, "nbf_not_a_number"),
            (r#""nbf":null"#, "nbf_not_a_number"),
            (r#""iat":{}"#, "iat_not_a_number"),
            (r#""dsub":7"#, "dsub_not_a_string"),
        ] {
            assert_eq!(with(members).err(), Some(fault), "{members}");
        }
        let claims = with(r#""drn":null,"token_type":["x"]"#).unwrap();
        assert!(matches!(claims.kind, Named::NotText));
        assert!(matches!(claims.token_type, Named::NotText));
    }

    #[test]
    fn duplicates_are_refused_at_the_top_in_tenants_and_in_each_tenant() {
        for members in [
            r#""exp":1"#,
            r#""\u0065xp":1"#,
            r#""tenants":{"T":{},"T":{}}"#,
            r#""tenants":{"T":{},"\u0054":{}}"#,
            r#""tenants":{"T":{"roles":[],"roles":[]}}"#,
            r#""x":1,"x":1"#,
        ] {
            assert_eq!(with(members).err(), Some("duplicate_member"), "{members}");
        }
    }

    #[test]
    fn the_users_own_id_is_preferred_to_an_overridden_subject() {
        let claims = with(r#""dsub":"U2real""#).unwrap();
        assert_eq!(claims.user, *"U2real");
        assert_eq!(claims.table.text(claims.subject), "U1");
    }

    #[test]
    fn a_current_tenant_is_a_tenant_id_or_none() {
        let current = |dct: &str| match with(&format!(r#""dct":{dct}"#)).unwrap().current {
            Current::None => None,
            Current::Tenant(id) => Some(id.to_string()),
        };
        assert_eq!(current(r#""T1""#).as_deref(), Some("T1"));
        for none in [
            "null",
            "\"\"",
            "\" \"",
            "7",
            "[\"T1\"]",
            "{}",
            "true",
            r#""a\r\nb""#,
        ] {
            assert_eq!(current(none), None, "{none}");
        }
    }

    #[test]
    fn tenants_are_listed_none_or_unusable() {
        for none in ["null", "{}"] {
            let claims = with(&format!(r#""tenants":{none}"#)).unwrap();
            assert!(matches!(claims.tenants, Tenants::None));
        }
        for unusable in ["[]", "\"T1\"", "1", "false"] {
            let claims = with(&format!(r#""tenants":{unusable}"#)).unwrap();
            assert!(matches!(claims.tenants, Tenants::Unusable));
        }
        let claims =
            with(r#""tenants":{"T1":{"roles":["a","b\u0026c"],"permissions":"x"},"T\u0032":null}"#)
                .unwrap();
        let entry = claims.entry("T1").unwrap();
        let roles: Vec<_> = claims.table.list(&entry.roles).collect();
        assert_eq!(roles, ["a", "b&c"]);
        assert_eq!(claims.table.list(&entry.permissions).count(), 0);
        assert!(claims.entry("T2").is_some());
        assert!(claims.entry("T3").is_none());
    }

    #[test]
    fn a_refresh_expiry_that_does_not_parse_is_none() {
        let claims = with(r#""rexp":"2030-01-01T00:00:00Z""#).unwrap();
        let expected = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_893_456_000);
        assert_eq!(claims.refresh_expires_at, Some(expected));
        for odd in ["1893456000", "\"soon\"", "null", "\"\""] {
            let claims = with(&format!(r#""rexp":{odd}"#)).unwrap();
            assert_eq!(claims.refresh_expires_at, None);
        }
    }
}
