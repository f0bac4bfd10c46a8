//! All that changes while the fake runs, behind one lock.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    families::Families,
    faults::Faults,
    people::{AccessKey, User},
    record::Record,
    ring::Ring,
};

/// What the lock guards.
pub(super) struct State {
    pub(super) ring: Ring,
    pub(super) directory: Directory,
    pub(super) families: Families,
    pub(super) faults: Faults,
    pub(super) record: Record,
    /// Counts the tokens, for their `jti`.
    pub(super) minted: u64,
}

/// Who and what the project knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    users: Vec<User>,
    access_keys: HashMap<String, AccessKey>,
    tenant_names: BTreeMap<String, String>,
    /// Login ids with a one-time code under way.
    pub(super) codes: HashSet<String>,
}

impl State {
    pub(super) fn new(ring: Ring, directory: Directory) -> Self {
        Self {
            ring,
            directory,
            families: Families::default(),
            faults: Faults::default(),
            record: Record::default(),
            minted: 0,
        }
    }

    /// A `jti` that no other token has.
    pub(super) fn next_jti(&mut self) -> String {
        self.minted += 1;
        format!("J{}", self.minted)
    }
}

impl Directory {
    /// Dates the users that were there from the start.
    pub(super) fn created(&mut self, now: i64) {
        for user in &mut self.users {
            user.created = now;
        }
    }

    /// Adds the user, or changes the one who has this login id.
    pub(super) fn set_user(&mut self, login_id: &str, change: impl FnOnce(User) -> User) {
        if let Some(user) = self.users.iter_mut().find(|user| user.login_id == login_id) {
            *user = change(user.clone());
        } else {
            let id = format!("U2fakeFakeFakeFakeFakeFak{:03}", self.users.len());
            self.users.push(change(User::new(login_id, id)));
        }
    }

    pub(super) fn set_access_key(
        &mut self,
        secret: &str,
        change: impl FnOnce(AccessKey) -> AccessKey,
    ) {
        let id = format!("K2fakeFakeFakeFakeFakeFak{:03}", self.access_keys.len());
        self.access_keys
            .insert(secret.into(), change(AccessKey::new(id)));
    }

    pub(super) fn name_tenant(&mut self, id: String, name: String) {
        self.tenant_names.insert(id, name);
    }

    pub(super) fn tenant_name(&self, id: &str) -> String {
        self.tenant_names.get(id).map_or(id, String::as_str).into()
    }

    /// The user with this user id or login id.
    pub(super) fn user(&self, id: &str) -> Option<&User> {
        self.users
            .iter()
            .find(|user| user.id == id || user.login_id == id)
    }

    pub(super) fn access_key(&self, secret: &str) -> Option<&AccessKey> {
        self.access_keys.get(secret)
    }
}
