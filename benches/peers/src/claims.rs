//! The claims as an application with tenants would declare them for a peer that asks for a type.

use std::collections::HashMap;

use serde::Deserialize;

use crate::bed::PERMISSION;

#[derive(Clone, Debug, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub sub: String,
    pub exp: u64,
    #[serde(default)]
    pub dct: Option<String>,
    #[serde(default)]
    pub tenants: HashMap<String, Membership>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Membership {
    pub roles: Vec<String>,
    pub permissions: Vec<String>,
}

impl Claims {
    /// What a handler asks: may this user do it in the active tenant?
    pub fn permits(&self) -> bool {
        permits(self.dct.as_deref(), &self.tenants)
    }
}

pub(crate) fn permits(active: Option<&str>, tenants: &HashMap<String, Membership>) -> bool {
    let member = active.and_then(|active| tenants.get(active));
    member.is_some_and(|member| member.permissions.iter().any(|name| name == PERMISSION))
}
