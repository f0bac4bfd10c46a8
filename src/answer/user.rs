use std::{fmt, time::SystemTime};

use serde_json::{Map, Value};

use super::fields::{flag, items, text, texts, time};
use crate::{
    ids::{TenantId, UserId},
    json::UnparsedJson,
};

/// A user's record as Descope's answer has it.
///
/// Not signed: what a user may do is decided by the
/// [`Session`](crate::Session), never by this. Each field is `None` or empty where the answer
/// leaves it out, has `null` or `""`, or something of another type. `Debug` shows the id only.
#[derive(Clone, PartialEq)]
pub struct User {
    /// An object.
    json: UnparsedJson,
}

/// A user's place in one of their tenants, as Descope's answer has it.
///
/// Not signed; see [`Session::tenant`](crate::Session::tenant) for what is.
#[derive(Clone, Copy, PartialEq)]
pub struct UserTenant<'a> {
    json: &'a Value,
}

impl User {
    /// `json` is an object.
    pub(crate) fn new(json: impl Into<UnparsedJson>) -> Self {
        Self { json: json.into() }
    }

    /// Returns `true` for the record of this user.
    pub(crate) fn is_of(&self, user: &UserId) -> bool {
        self.json
            .text("userId")
            .is_some_and(|id| id == user.as_str())
    }

    /// Descope's id of the user (`userId`), if it can be one.
    pub fn id(&self) -> Option<UserId> {
        UserId::from_claim(text(self.json(), "userId")?)
    }

    /// The ids that the user signs in with (`loginIds`): mail addresses, phone numbers, names.
    pub fn login_ids(&self) -> impl Iterator<Item = &str> {
        texts(self.json(), "loginIds")
    }

    /// The display name (`name`).
    pub fn name(&self) -> Option<&str> {
        text(self.json(), "name")
    }

    /// The given name (`givenName`).
    pub fn given_name(&self) -> Option<&str> {
        text(self.json(), "givenName")
    }

    /// The middle name (`middleName`).
    pub fn middle_name(&self) -> Option<&str> {
        text(self.json(), "middleName")
    }

    /// The family name (`familyName`).
    pub fn family_name(&self) -> Option<&str> {
        text(self.json(), "familyName")
    }

    /// The URL of a picture (`picture`), as the user or their identity provider set it.
    pub fn picture(&self) -> Option<&str> {
        text(self.json(), "picture")
    }

    /// The mail address (`email`); see [`is_email_verified`](Self::is_email_verified).
    pub fn email(&self) -> Option<&str> {
        text(self.json(), "email")
    }

    /// `true` if the user has shown that the mail address is theirs (`verifiedEmail`).
    pub fn is_email_verified(&self) -> Option<bool> {
        flag(self.json(), "verifiedEmail")
    }

    /// The phone number (`phone`); see [`is_phone_verified`](Self::is_phone_verified).
    pub fn phone(&self) -> Option<&str> {
        text(self.json(), "phone")
    }

    /// `true` if the user has shown that the phone number is theirs (`verifiedPhone`).
    pub fn is_phone_verified(&self) -> Option<bool> {
        flag(self.json(), "verifiedPhone")
    }

    /// The project-wide roles (`roleNames`).
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        texts(self.json(), "roleNames")
    }

    /// The tenants that the user belongs to (`userTenants`).
    pub fn tenants(&self) -> impl Iterator<Item = UserTenant<'_>> {
        items(self.json(), "userTenants")
            .filter(|json| json.is_object())
            .map(|json| UserTenant { json })
    }

    /// The custom attributes (`customAttributes`).
    pub fn custom_attributes(&self) -> Option<&Map<String, Value>> {
        self.json().get("customAttributes")?.as_object()
    }

    /// The state of the user (`status`): `enabled`, `disabled` or `invited`.
    pub fn status(&self) -> Option<&str> {
        text(self.json(), "status")
    }

    /// `true` for a test user (`test`).
    pub fn is_test(&self) -> Option<bool> {
        flag(self.json(), "test")
    }

    /// `true` if the user may be edited here (`editable`): not where a directory owns them.
    pub fn is_editable(&self) -> Option<bool> {
        flag(self.json(), "editable")
    }

    /// When the user was created (`createdTime`).
    pub fn created_time(&self) -> Option<SystemTime> {
        time(self.json(), "createdTime")
    }

    /// When the user's consent ends (`consentExpiration`).
    pub fn consent_expiration(&self) -> Option<SystemTime> {
        time(self.json(), "consentExpiration")
    }

    /// The ids of the federated applications that the user may open (`ssoAppIds`).
    pub fn sso_app_ids(&self) -> impl Iterator<Item = &str> {
        texts(self.json(), "ssoAppIds")
    }

    /// The user's ids in other systems (`externalIds`).
    pub fn external_ids(&self) -> impl Iterator<Item = &str> {
        texts(self.json(), "externalIds")
    }

    /// The OAuth providers that the user has signed in with (`OAuth`), for example `google`.
    pub fn oauth_providers(&self) -> impl Iterator<Item = &str> {
        self.json()
            .get("OAuth")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter(|(_, used)| used.as_bool() == Some(true))
            .map(|(provider, _)| provider.as_str())
    }

    /// `true` if the user has signed in by SAML (`SAML`).
    pub fn has_saml(&self) -> Option<bool> {
        flag(self.json(), "SAML")
    }

    /// `true` if the user has signed in by `OpenID` Connect (`OIDC`).
    pub fn has_oidc(&self) -> Option<bool> {
        flag(self.json(), "OIDC")
    }

    /// `true` if the user is provisioned by SCIM (`SCIM`).
    pub fn has_scim(&self) -> Option<bool> {
        flag(self.json(), "SCIM")
    }

    /// `true` if the user has set up an authenticator app (`TOTP`).
    pub fn has_totp(&self) -> Option<bool> {
        flag(self.json(), "TOTP")
    }

    /// `true` if the user has registered a passkey (`webauthn`).
    pub fn has_webauthn(&self) -> Option<bool> {
        flag(self.json(), "webauthn")
    }

    /// `true` if the user has set a password (`password`).
    pub fn has_password(&self) -> Option<bool> {
        flag(self.json(), "password")
    }

    /// `true` if the user has set up push notifications as a factor (`push`).
    pub fn has_push(&self) -> Option<bool> {
        flag(self.json(), "push")
    }

    /// The record as it came.
    pub(crate) fn json(&self) -> &Value {
        self.json.value()
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

impl<'a> UserTenant<'a> {
    /// The tenant's id (`tenantId`), if it can be one.
    pub fn id(&self) -> Option<TenantId> {
        TenantId::from_claim(text(self.json, "tenantId")?)
    }

    /// The tenant's display name (`tenantName`).
    pub fn name(&self) -> Option<&'a str> {
        text(self.json, "tenantName")
    }

    /// The user's roles in the tenant (`roleNames`).
    pub fn roles(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        texts(self.json, "roleNames")
    }

    /// The user's permissions in the tenant (`permissions`).
    pub fn permissions(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        texts(self.json, "permissions")
    }
}

impl fmt::Debug for UserTenant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserTenant")
            .field("id", &self.id())
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use serde_json::json;

    use super::*;

    #[test]
    fn every_field_of_a_user_is_typed() {
        let user = User::new(json!({
            "loginIds": ["ann@acme.test", 7], "userId": "U2demo", "name": "Ann", "email": "a@b.c",
            "phone": "", "verifiedEmail": true, "verifiedPhone": false, "roleNames": ["Staff"],
            "status": "enabled", "test": false, "customAttributes": {"plan": "gold"},
            "userTenants": [
                {"tenantId": "T2acme", "tenantName": "Acme", "roleNames": ["Owner"],
                 "permissions": ["invoice.write"]},
                {"tenantId": "\r\n"},
                "odd",
            ],
            "picture": null, "givenName": "A", "middleName": "B", "familyName": "N",
            "createdTime": 1_703_815_180, "consentExpiration": 0, "ssoAppIds": ["app"],
            "externalIds": ["x"], "OAuth": {"google": true, "github": false}, "SAML": false,
            "OIDC": true, "SCIM": false, "TOTP": true, "webauthn": false, "password": true,
            "push": false, "editable": true,
        }));
        assert_eq!(user.id().unwrap(), "U2demo");
        assert_eq!(user.login_ids().collect::<Vec<_>>(), ["ann@acme.test"]);
        assert_eq!(user.name(), Some("Ann"));
        assert_eq!(user.given_name(), Some("A"));
        assert_eq!(user.middle_name(), Some("B"));
        assert_eq!(user.family_name(), Some("N"));
        assert_eq!(user.picture(), None);
        assert_eq!(user.email(), Some("a@b.c"));
        assert_eq!(user.is_email_verified(), Some(true));
        assert_eq!(user.phone(), None);
        assert_eq!(user.is_phone_verified(), Some(false));
        assert_eq!(user.roles().collect::<Vec<_>>(), ["Staff"]);
        assert_eq!(user.custom_attributes().unwrap()["plan"], "gold");
        assert_eq!(user.status(), Some("enabled"));
        assert_eq!(user.is_test(), Some(false));
        assert_eq!(user.is_editable(), Some(true));
        let created = UNIX_EPOCH + Duration::from_secs(1_703_815_180);
        assert_eq!(user.created_time(), Some(created));
        assert_eq!(user.consent_expiration(), Some(UNIX_EPOCH));
        assert_eq!(user.sso_app_ids().collect::<Vec<_>>(), ["app"]);
        assert_eq!(user.external_ids().collect::<Vec<_>>(), ["x"]);
        assert_eq!(user.oauth_providers().collect::<Vec<_>>(), ["google"]);
        assert_eq!(user.has_saml(), Some(false));
        assert_eq!(user.has_oidc(), Some(true));
        assert_eq!(user.has_scim(), Some(false));
        assert_eq!(user.has_totp(), Some(true));
        assert_eq!(user.has_webauthn(), Some(false));
        assert_eq!(user.has_password(), Some(true));
        assert_eq!(user.has_push(), Some(false));

        let tenants: Vec<_> = user.tenants().collect();
        assert_eq!(tenants.len(), 2);
        assert_eq!(tenants[0].id().unwrap(), *"T2acme");
        assert_eq!(tenants[0].name(), Some("Acme"));
        assert_eq!(tenants[0].roles().collect::<Vec<_>>(), ["Owner"]);
        assert_eq!(
            tenants[0].permissions().collect::<Vec<_>>(),
            ["invoice.write"]
        );
        assert_eq!(tenants[1].id(), None);
        assert_eq!(
            format!("{user:?}"),
            r#"User { id: Some(UserId("U2demo")), .. }"#
        );
    }

    #[test]
    fn a_user_without_fields_has_none() {
        for json in [
            json!({}),
            json!({"userTenants": {}, "roleNames": "Staff", "name": 7}),
        ] {
            let user = User::new(json);
            assert_eq!(user.id(), None);
            assert_eq!(user.name(), None);
            assert_eq!(user.roles().count(), 0);
            assert_eq!(user.tenants().count(), 0);
            assert!(user.custom_attributes().is_none());
        }
    }
}
