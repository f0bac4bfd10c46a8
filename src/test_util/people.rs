//! Who exists: users and access keys.

use serde_json::{Map, Value, json};

use super::grants::{Grants, TenantGrant};

/// A user of the fake project; made by [`FakeDescopeBuilder::user`].
///
/// [`FakeDescopeBuilder::user`]: super::FakeDescopeBuilder::user
#[derive(Clone, Debug)]
#[must_use]
pub struct FakeUser {
    pub(super) id: String,
    pub(super) login_id: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) phone: String,
    pub(super) attributes: Map<String, Value>,
    pub(super) grants: Grants,
    /// When the user came to be, in Unix seconds.
    pub(super) created: i64,
}

/// An access key of the fake project; made by [`FakeDescopeBuilder::access_key`].
///
/// [`FakeDescopeBuilder::access_key`]: super::FakeDescopeBuilder::access_key
#[derive(Clone, Debug)]
#[must_use]
pub struct FakeAccessKey {
    pub(super) id: String,
    pub(super) grants: Grants,
}

impl FakeUser {
    pub(super) fn new(login_id: &str, id: String) -> Self {
        let (email, phone) = if login_id.contains('@') {
            (login_id, "")
        } else if login_id.starts_with('+') {
            ("", login_id)
        } else {
            ("", "")
        };
        Self {
            id,
            login_id: login_id.into(),
            name: String::new(),
            email: email.into(),
            phone: phone.into(),
            attributes: Map::new(),
            grants: Grants::default(),
            created: 0,
        }
    }

    /// The user id, the tokens' `sub`; made up if not given.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// The display name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The e-mail address; a login id with an `@` in it is the default.
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = email.into();
        self
    }

    /// The phone number; a login id that starts with `+` is the default.
    pub fn phone(mut self, phone: impl Into<String>) -> Self {
        self.phone = phone.into();
        self
    }

    /// Makes the user a member of a tenant.
    pub fn tenant(
        mut self,
        id: impl Into<String>,
        grant: impl FnOnce(TenantGrant) -> TenantGrant,
    ) -> Self {
        self.grants.tenant(id.into(), grant);
        self
    }

    /// Ends a membership.
    pub fn without_tenant(mut self, id: &str) -> Self {
        self.grants.tenants.remove(id);
        self
    }

    /// A role in the project itself, outside all tenants.
    pub fn project_role(mut self, role: impl Into<String>) -> Self {
        self.grants.roles.push(role.into());
        self
    }

    /// A permission in the project itself, outside all tenants.
    pub fn project_permission(mut self, permission: impl Into<String>) -> Self {
        self.grants.permissions.push(permission.into());
        self
    }

    /// A custom claim of the user's tokens, session and refresh.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.grants.claims.insert(name.into(), value.into());
        self
    }

    /// Makes the user an anonymous visitor: all their tokens have no `amr`, and their session tokens
    /// say `danu: true`. Refresh tokens do not say so, unless by [`danu_in_refresh_tokens`] or, one
    /// alone, by [`TokenBuilder::anonymous`]; whether Descope's do is not documented.
    ///
    /// No identity provider knows such a user. Whoever signs in is another user with another id.
    ///
    /// [`danu_in_refresh_tokens`]: super::FakeDescopeBuilder::danu_in_refresh_tokens
    /// [`TokenBuilder::anonymous`]: super::TokenBuilder::anonymous
    pub fn anonymous(mut self) -> Self {
        self.grants.anonymous = true;
        self
    }

    /// A custom attribute, as `/v1/auth/me` shows it.
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// Returns `true` for the user id, the login id and the e-mail address.
    pub(super) fn is_named(&self, name: &str) -> bool {
        [&self.id, &self.login_id, &self.email]
            .iter()
            .any(|own| *own == name)
    }

    /// The user as the API shows it.
    pub(super) fn json(&self, tenant_name: impl Fn(&str) -> String) -> Value {
        let tenants = self.grants.tenants.iter().map(|(id, grant)| {
            json!({
                "tenantId": id,
                "tenantName": tenant_name(id),
                "roleNames": grant.roles,
                "permissions": grant.permissions,
            })
        });
        json!({
            "loginIds": [self.login_id],
            "userId": self.id,
            "name": self.name,
            "email": self.email,
            "phone": self.phone,
            "verifiedEmail": !self.email.is_empty(),
            "verifiedPhone": !self.phone.is_empty(),
            "roleNames": self.grants.roles,
            "status": "enabled",
            "test": true,
            "userTenants": tenants.collect::<Vec<_>>(),
            "customAttributes": self.attributes,
            "picture": "",
            "givenName": "",
            "familyName": "",
            "createdTime": self.created,
            "ssoAppIds": [],
            "externalIds": [self.login_id],
            "OAuth": {},
            "SAML": false,
            "TOTP": false,
            "SCIM": false,
            "webauthn": false,
            "password": false,
            "push": false,
            "OIDC": false,
            "editable": true,
            "consentExpiration": 0,
        })
    }
}

impl FakeAccessKey {
    pub(super) fn new(id: String) -> Self {
        Self {
            id,
            grants: Grants::default(),
        }
    }

    /// The key's id, the tokens' `sub`; made up if not given.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// Gives the key rights in a tenant.
    pub fn tenant(
        mut self,
        id: impl Into<String>,
        grant: impl FnOnce(TenantGrant) -> TenantGrant,
    ) -> Self {
        self.grants.tenant(id.into(), grant);
        self
    }

    /// A role in the project itself, outside all tenants.
    pub fn project_role(mut self, role: impl Into<String>) -> Self {
        self.grants.roles.push(role.into());
        self
    }

    /// A permission in the project itself, outside all tenants.
    pub fn project_permission(mut self, permission: impl Into<String>) -> Self {
        self.grants.permissions.push(permission.into());
        self
    }

    /// A custom claim of the key's tokens.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.grants.claims.insert(name.into(), value.into());
        self
    }
}
