//! Sign-ins: each is a family of refresh tokens of which, with rotation, only the newest counts.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{directory::Directory, grants::TenantGrant, people::FakeUser, settings::Settings};

/// Every sign-in so far.
#[derive(Default)]
pub(super) struct Families {
    all: Vec<Family>,
    /// Which family a refresh token belongs to, by its `jti`.
    members: HashMap<String, usize>,
}

/// One sign-in and what became of it.
pub(super) struct Family {
    user_id: String,
    /// Whom the token names, for the case that the directory does not know the user.
    stranger: Option<Box<FakeUser>>,
    /// The tenant selected last.
    pub(super) active: Option<String>,
    /// Who acts as the user.
    pub(super) actor: Option<String>,
    pub(super) amr: Vec<String>,
    pub(super) signed_in: i64,
    /// When the newest refresh token ends.
    pub(super) expires: i64,
    newest: String,
    fate: Fate,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Live,
    LoggedOut,
    Killed,
}

/// Why a refresh token of ours is good for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dead {
    LoggedOut,
    Reused,
}

impl Families {
    /// A new sign-in of a known user.
    pub(super) fn open(&mut self, user_id: &str, amr: Vec<String>, now: i64) -> usize {
        self.all.push(Family {
            user_id: user_id.into(),
            stranger: None,
            active: None,
            actor: None,
            amr,
            signed_in: now,
            expires: now,
            newest: String::new(),
            fate: Fate::Live,
        });
        self.all.len() - 1
    }

    /// The family of a refresh token with these verified claims, if it may still be used.
    ///
    /// A token that no sign-in issued comes from [`FakeDescope::refresh`]; it starts a family.
    ///
    /// [`FakeDescope::refresh`]: super::FakeDescope::refresh
    pub(super) fn admit(
        &mut self,
        claims: &Map<String, Value>,
        settings: &Settings,
    ) -> Result<usize, Dead> {
        let jti = text(claims, "jti").unwrap_or_default();
        let user_id = text(claims, "sub").unwrap_or_default();
        // A token made by hand may have any `jti`, and need not have one.
        let index = match self.members.get(jti) {
            Some(index) if self.all[*index].user_id == user_id => *index,
            _ => self.adopt(jti, claims),
        };
        let family = &mut self.all[index];
        match family.fate {
            Fate::Live => {}
            Fate::LoggedOut => return Err(Dead::LoggedOut),
            Fate::Killed => return Err(Dead::Reused),
        }
        if settings.rotation && family.newest != jti {
            if settings.reuse_kills_family {
                family.fate = Fate::Killed;
            }
            return Err(Dead::Reused);
        }
        Ok(index)
    }

    fn adopt(&mut self, jti: &str, claims: &Map<String, Value>) -> usize {
        let user_id = text(claims, "sub").unwrap_or_default();
        let amr = claims.get("amr").map(list).unwrap_or_default();
        let index = self.open(user_id, amr, number(claims, "iat"));
        let family = &mut self.all[index];
        family.stranger = Some(Box::new(stranger(user_id, claims)));
        family.active = text(claims, "dct").map(Into::into);
        self.renew(index, jti.into(), number(claims, "exp"));
        index
    }

    /// Makes `jti` the newest refresh token of a family.
    pub(super) fn renew(&mut self, index: usize, jti: String, expires: i64) {
        self.members.insert(jti.clone(), index);
        self.all[index].newest = jti;
        self.all[index].expires = expires;
    }

    pub(super) fn get(&self, index: usize) -> &Family {
        &self.all[index]
    }

    pub(super) fn select(&mut self, index: usize, tenant: Option<String>) {
        self.all[index].active = tenant;
    }

    /// Has somebody act as the user of a sign-in, from the next token on.
    pub(super) fn impersonate(&mut self, index: usize, actor: String) {
        self.all[index].actor = Some(actor);
    }

    /// Adds ways in which the user of a sign-in has proven who they are.
    pub(super) fn add_methods(&mut self, index: usize, methods: impl Iterator<Item = String>) {
        let amr = &mut self.all[index].amr;
        for method in methods {
            if !amr.contains(&method) {
                amr.push(method);
            }
        }
    }

    pub(super) fn forget_methods(&mut self, index: usize) {
        self.all[index].amr.clear();
    }

    pub(super) fn log_out(&mut self, index: usize) {
        self.all[index].fate = Fate::LoggedOut;
    }

    /// Ends every sign-in of the user who has the sign-in `index`.
    pub(super) fn log_out_all(&mut self, index: usize) {
        let user_id = self.all[index].user_id.clone();
        for family in self.of(&user_id) {
            family.fate = Fate::LoggedOut;
        }
    }

    /// Ends every sign-in of a user.
    pub(super) fn log_out_user(&mut self, user_id: &str) {
        for family in self.of(user_id) {
            family.fate = Fate::LoggedOut;
        }
    }

    fn of(&mut self, user_id: &str) -> impl Iterator<Item = &mut Family> {
        self.all
            .iter_mut()
            .filter(move |family| family.user_id == user_id && family.fate == Fate::Live)
    }

    /// The sign-ins of a user, newest first.
    pub(super) fn history(&self, user_id: &str) -> impl Iterator<Item = &Family> {
        self.all
            .iter()
            .rev()
            .filter(move |family| family.user_id == user_id)
    }
}

impl Family {
    /// Whose sign-in it is.
    pub(super) fn user(&self, directory: &Directory) -> FakeUser {
        let known = directory.user(&self.user_id);
        known
            .or(self.stranger.as_deref())
            .cloned()
            .unwrap_or_else(|| FakeUser::new(&self.user_id, self.user_id.clone()))
    }
}

/// The user that a token made by hand describes.
fn stranger(user_id: &str, claims: &Map<String, Value>) -> FakeUser {
    let mut user = FakeUser::new(user_id, user_id.into());
    user.grants.anonymous = claims.get("danu") == Some(&Value::Bool(true));
    let Some(Value::Object(tenants)) = claims.get("tenants") else {
        return user;
    };
    for (id, entry) in tenants {
        let grant = TenantGrant {
            roles: strings(entry, "roles"),
            permissions: strings(entry, "permissions"),
            claims: Map::new(),
        };
        user.grants.tenants.insert(id.clone(), grant);
    }
    user
}

fn strings(entry: &Value, name: &str) -> Vec<String> {
    entry.get(name).map(list).unwrap_or_default()
}

/// The texts in a list; what is no list has none.
fn list(value: &Value) -> Vec<String> {
    let items = value.as_array();
    items
        .into_iter()
        .flatten()
        .filter_map(|item| item.as_str().map(Into::into))
        .collect()
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

fn number(claims: &Map<String, Value>, name: &str) -> i64 {
    claims.get(name).and_then(Value::as_i64).unwrap_or_default()
}
