//! Answers about a user that the user asks for: their tenants, and when they signed in.

use std::{fmt, time::SystemTime};

use serde::Serialize;
use serde_json::{Map, Value};

use super::fields::{text, time};
use crate::ids::{TenantId, UserId};

/// Which of a user's tenants [`Descope::my_tenants`](crate::Descope::my_tenants) asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhichTenants {
    /// The session's current tenant (`dct`).
    Current,
    /// Those of these that the user is a member of (`ids`).
    Listed(Vec<TenantId>),
}

/// A tenant as Descope describes it to its members.
///
/// Not signed; see [`Session::tenant`](crate::Session::tenant) for what is.
#[derive(Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct TenantRecord {
    json: Value,
}

/// One sign-in of a user, as Descope remembers it.
///
/// `Debug` shows the time only: the rest says where somebody was.
#[derive(Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct SignIn {
    json: Value,
}

impl TenantRecord {
    pub(crate) fn new(json: Value) -> Self {
        Self { json }
    }

    /// The tenant's id (`id`), if it can be one.
    pub fn id(&self) -> Option<TenantId> {
        TenantId::from_claim(text(&self.json, "id")?)
    }

    /// The tenant's display name (`name`).
    pub fn name(&self) -> Option<&str> {
        text(&self.json, "name")
    }

    /// Attributes that the project has added (`customAttributes`).
    pub fn custom_attributes(&self) -> Option<&Map<String, Value>> {
        self.json.get("customAttributes")?.as_object()
    }
}

impl fmt::Debug for TenantRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantRecord")
            .field("id", &self.id())
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

impl SignIn {
    pub(crate) fn new(json: Value) -> Self {
        Self { json }
    }

    /// Descope's id of the user (`userId`), if it can be one.
    pub fn user_id(&self) -> Option<UserId> {
        UserId::from_claim(text(&self.json, "userId")?)
    }

    /// When it was (`loginTime`).
    pub fn time(&self) -> Option<SystemTime> {
        time(&self.json, "loginTime")
    }

    /// The city that the address belongs to (`city`).
    pub fn city(&self) -> Option<&str> {
        text(&self.json, "city")
    }

    /// The country that the address belongs to (`country`).
    pub fn country(&self) -> Option<&str> {
        text(&self.json, "country")
    }

    /// The address that the user came from (`ip`).
    pub fn ip(&self) -> Option<&str> {
        text(&self.json, "ip")
    }

    /// The tenant that was chosen (`selectedTenant`), if it can be one.
    pub fn selected_tenant(&self) -> Option<TenantId> {
        TenantId::from_claim(text(&self.json, "selectedTenant")?)
    }
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn")
            .field("time", &self.time())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use serde_json::json;

    use super::*;

    #[test]
    fn every_field_is_typed_and_odd_ones_are_none() {
        let tenant = TenantRecord::new(json!({
            "id": "T1", "name": "One", "customAttributes": {"plan": "gold"}, "new": [1],
        }));
        assert_eq!(tenant.id().unwrap(), *"T1");
        assert_eq!(tenant.name(), Some("One"));
        assert_eq!(tenant.custom_attributes().unwrap()["plan"], "gold");
        let odd = TenantRecord::new(json!({"id": "\r\n", "name": 7, "customAttributes": []}));
        assert_eq!((odd.id(), odd.name()), (None, None));
        assert!(odd.custom_attributes().is_none());

        let sign_in = SignIn::new(json!({
            "userId": "U1", "loginTime": 1_700_000_000, "city": "Zurich", "country": "CH",
            "ip": "192.0.2.7", "selectedTenant": "T1",
        }));
        assert_eq!(sign_in.user_id().unwrap(), "U1");
        let time = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        assert_eq!(sign_in.time(), Some(time));
        assert_eq!(sign_in.city(), Some("Zurich"));
        assert_eq!(sign_in.country(), Some("CH"));
        assert_eq!(sign_in.ip(), Some("192.0.2.7"));
        assert_eq!(sign_in.selected_tenant().unwrap(), *"T1");
        assert_eq!(
            format!("{sign_in:?}"),
            format!("SignIn {{ time: Some({time:?}), .. }}")
        );
        let odd = SignIn::new(json!({"loginTime": "x", "city": ""}));
        assert_eq!((odd.time(), odd.city()), (None, None));
    }
}
