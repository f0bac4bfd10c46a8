//! The claims of a Descope token, read once from a payload whose signature has been verified.

use super::table::{List, Table, Text, Value};
use crate::{
    ids::{TenantId, UserId},
    json::{self, Fault},
};

mod read;
#[cfg(test)]
mod tests;

/// A token's claims, read but not yet judged; see [`check`](super::check).
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Claims {
    /// First, since each request asks for them again.
    pub(crate) times: Times,
    pub(crate) table: Table,
    pub(crate) user: UserId,
    current: Current,
    /// The place of the selected tenant among those that are listed.
    current_place: Option<usize>,
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
    pub(crate) actor: Option<Value>,
    /// `danu`: the token is of a visitor who has not signed in.
    pub(crate) anonymous: bool,
    /// `rexp`, as it stands; when it is, is asked seldom.
    pub(crate) refresh_expires_at: Option<Text>,
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
    Listed(Box<[Entry]>),
}

/// A member of the `tenants` claim.
#[derive(Clone, Copy, Debug)]
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
    pub(crate) fn parse(payload: Box<str>) -> Result<Self, Fault> {
        let (table, read) = Table::build(payload, read::Reader::read)?;
        let subject = read.subject.ok_or("no_subject")?;
        let user = table.text(read.descope_subject.unwrap_or(subject));
        let user = match UserId::from_claim(user) {
            Some(user) => user,
            None if user.is_empty() => return Err("no_subject"),
            // A line break or an escape sequence would forge lines of every log that names users.
            None => return Err("malformed_user_id"),
        };
        let mut claims = Self {
            user,
            times: Times {
                expires: read.expires.ok_or("no_exp")?,
                not_before: read.not_before,
                issued: read.issued,
            },
            current: read.current,
            current_place: None,
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
            actor: read.actor,
            anonymous: read.anonymous,
            refresh_expires_at: read.refresh_expires_at,
            table,
        };
        // Once: each question about the active tenant's rights begins here.
        claims.current_place = claims.current_tenant().and_then(|id| {
            let mut entries = claims.entries().iter();
            entries.position(|entry| claims.table.is(entry.id, id.as_str()))
        });
        Ok(claims)
    }

    /// The selected tenant, be it one of the user's or not.
    pub(crate) fn current_tenant(&self) -> Option<&TenantId> {
        match &self.current {
            Current::Tenant(id) => Some(id),
            Current::None => None,
        }
    }

    /// The entry of the selected tenant, if the user has one.
    pub(crate) fn current_entry(&self) -> Option<&Entry> {
        self.entries().get(self.current_place?)
    }

    /// The entry of a tenant.
    pub(crate) fn entry(&self, id: &str) -> Option<&Entry> {
        let mut entries = self.entries().iter();
        entries.find(|entry| self.table.is(entry.id, id))
    }

    /// The id of who acts as the user: `act` itself if it is a string, else its `sub`.
    pub(crate) fn actor_id(&self) -> Option<UserId> {
        let act = self.table.value(self.actor?);
        if let Some(id) = json::string(act) {
            return UserId::from_claim(&id);
        }
        let mut id = None;
        json::members(act, |member| {
            if member.name == "sub" {
                id = json::string(member.value);
            }
            Ok(())
        })
        .ok()?;
        UserId::from_claim(&id?)
    }

    fn entries(&self) -> &[Entry] {
        match &self.tenants {
            Tenants::Listed(entries) => entries,
            Tenants::None | Tenants::Unusable => &[],
        }
    }
}
