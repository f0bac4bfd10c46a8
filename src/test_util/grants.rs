//! Roles and permissions, in the project and in its tenants.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A member's roles and permissions in one tenant.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct TenantGrant {
    pub(super) roles: Vec<String>,
    pub(super) permissions: Vec<String>,
    pub(super) claims: Map<String, Value>,
}

/// All that ends up in a token about its subject's rights.
#[derive(Clone, Debug, Default)]
pub(super) struct Grants {
    pub(super) roles: Vec<String>,
    pub(super) permissions: Vec<String>,
    pub(super) tenants: BTreeMap<String, TenantGrant>,
    pub(super) claims: Map<String, Value>,
    /// True for a visitor who has not signed in.
    pub(super) anonymous: bool,
}

impl TenantGrant {
    /// A role in the tenant.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// A permission in the tenant.
    pub fn permission(mut self, permission: impl Into<String>) -> Self {
        self.permissions.push(permission.into());
        self
    }

    /// One more member of the tenant's entry in the `tenants` claim, as templates add them.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    pub(super) fn json(&self) -> Value {
        let mut entry = self.claims.clone();
        insert_list(&mut entry, "roles", &self.roles);
        insert_list(&mut entry, "permissions", &self.permissions);
        Value::Object(entry)
    }
}

impl Grants {
    pub(super) fn tenant(&mut self, id: String, grant: impl FnOnce(TenantGrant) -> TenantGrant) {
        let entry = self.tenants.entry(id).or_default();
        *entry = grant(std::mem::take(entry));
    }
}

/// An empty list is left out, as Descope's default template does.
pub(super) fn insert_list(into: &mut Map<String, Value>, name: &str, list: &[String]) {
    if !list.is_empty() {
        into.insert(name.into(), json!(list));
    }
}
