//! Who and what the project knows.

use std::collections::{BTreeMap, HashMap};

use super::{
    flow::FakeFlow,
    people::{FakeAccessKey, FakeUser},
};

/// Users, access keys, tenants and flows.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    users: Vec<FakeUser>,
    access_keys: HashMap<String, FakeAccessKey>,
    tenant_names: BTreeMap<String, String>,
    /// The scripts of the flows, by the flows' ids.
    pub(super) flows: BTreeMap<String, FakeFlow>,
    /// Login ids with a one-time code under way, and how many wrong ones were tried.
    pub(super) codes: HashMap<String, u32>,
}

impl Directory {
    /// Dates the users that were there from the start.
    pub(super) fn created(&mut self, now: i64) {
        for user in &mut self.users {
            user.created = now;
        }
    }

    /// Adds the user, or changes the one who has this login id.
    pub(super) fn set_user(&mut self, login_id: &str, change: impl FnOnce(FakeUser) -> FakeUser) {
        if let Some(user) = self.users.iter_mut().find(|user| user.login_id == login_id) {
            *user = change(user.clone());
        } else {
            let id = format!("U2fakeFakeFakeFakeFakeFak{:03}", self.users.len());
            self.users.push(change(FakeUser::new(login_id, id)));
        }
    }

    pub(super) fn set_access_key(
        &mut self,
        secret: &str,
        change: impl FnOnce(FakeAccessKey) -> FakeAccessKey,
    ) {
        let id = format!("K2fakeFakeFakeFakeFakeFak{:03}", self.access_keys.len());
        self.access_keys
            .insert(secret.into(), change(FakeAccessKey::new(id)));
    }

    pub(super) fn name_tenant(&mut self, id: String, name: String) {
        self.tenant_names.insert(id, name);
    }

    pub(super) fn tenant_name(&self, id: &str) -> String {
        self.tenant_names.get(id).map_or(id, String::as_str).into()
    }

    /// The user with this user id or login id.
    pub(super) fn user(&self, id: &str) -> Option<&FakeUser> {
        self.users
            .iter()
            .find(|user| user.id == id || user.login_id == id)
    }

    pub(super) fn users(&self) -> impl Iterator<Item = &FakeUser> {
        self.users.iter()
    }

    /// The tenant whose single sign-on is asked for, by its id or by the e-mail address of a user who
    /// has one. Of several it is the first.
    pub(super) fn tenant_of(&self, asked: &str) -> Option<String> {
        let mut memberships = self
            .users
            .iter()
            .flat_map(|user| user.grants.tenants.keys());
        if self.tenant_names.contains_key(asked) || memberships.any(|id| id == asked) {
            return Some(asked.into());
        }
        // A user whose login id has no `@` in it may be called like a domain.
        let address = Some(asked).filter(|asked| asked.contains('@'))?;
        let user = self.users.iter().find(|user| user.is_named(address))?;
        user.grants.tenants.keys().next().cloned()
    }

    pub(super) fn access_key(&self, secret: &str) -> Option<&FakeAccessKey> {
        self.access_keys.get(secret)
    }
}
