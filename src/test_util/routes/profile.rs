//! Who am I, where may I go, when was I here.

use serde_json::{Value, json};

use super::service::{Answer, Service, bad_request};
use crate::test_util::canned::Canned;

impl Service<'_> {
    /// The user at the root, not below `user`.
    pub(super) fn me(&mut self) -> Answer {
        let index = self.family()?;
        let directory = &self.state.directory;
        let user = self.state.families.get(index).user(directory);
        Ok(Canned::json(
            200,
            &user.json(|id| directory.tenant_name(id)),
        ))
    }

    pub(super) fn my_tenants(&mut self) -> Answer {
        let index = self.family()?;
        let body = self.request.object();
        let body = body.ok_or_else(|| bad_request("the body is no JSON object"))?;
        let active_only = match body.get("dct") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(active_only)) => *active_only,
            Some(_) => return Err(bad_request("`dct` is neither true nor false")),
        };
        let ids = match body.get("ids") {
            None | Some(Value::Null) => None,
            Some(Value::Array(ids)) if ids.is_empty() => None,
            Some(Value::Array(ids)) => Some(ids),
            Some(_) => return Err(bad_request("`ids` is no list")),
        };
        if active_only && ids.is_some() {
            return Err(bad_request("both `dct` and `ids`"));
        }
        let directory = &self.state.directory;
        let family = self.state.families.get(index);
        let user = family.user(directory);
        let wanted = |id: &str| match ids {
            Some(ids) => ids.iter().any(|wanted| wanted == id),
            None => !active_only || family.active.as_deref() == Some(id),
        };
        let tenants = user.grants.tenants.keys().filter(|id| wanted(id));
        let tenants = tenants.map(
            |id| json!({ "id": id, "name": directory.tenant_name(id), "customAttributes": {} }),
        );
        Ok(Canned::json(
            200,
            &json!({ "tenants": tenants.collect::<Vec<_>>() }),
        ))
    }

    /// A list at the root, newest first.
    pub(super) fn history(&mut self) -> Answer {
        let index = self.family()?;
        let user = self.state.families.get(index).user(&self.state.directory);
        let logins = self.state.families.history(&user.id).map(|family| {
            json!({
                "userId": user.id,
                "loginTime": family.signed_in,
                "city": "",
                "country": "",
                "ip": "127.0.0.1",
                "selectedTenant": family.active.as_deref().unwrap_or(""),
            })
        });
        Ok(Canned::json(200, &Value::Array(logins.collect())))
    }
}
