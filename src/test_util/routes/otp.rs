//! One-time codes, all of them the same.

use serde_json::{Map, Value, json};

use super::service::{Answer, Service, bad_request, not_found, sign_in};
use crate::test_util::canned::Canned;

pub(in crate::test_util) const ONE_TIME_CODE: &str = "123456";

/// How many wrong codes make the one that was sent void.
pub(in crate::test_util) const CODE_ATTEMPTS: u32 = 5;

impl Service<'_> {
    pub(super) fn sign_up(&mut self, channel: &str) -> Answer {
        let (login_id, body) = self.who(channel)?;
        if self.state.directory.user(&login_id).is_some() {
            return Err(Canned::error(400, "E062107", "User already exists"));
        }
        self.add_user(&login_id, &body)?;
        Ok(self.send_code(&login_id, channel))
    }

    pub(super) fn sign_in(&mut self, channel: &str) -> Answer {
        let (login_id, _) = self.who(channel)?;
        if self.state.directory.user(&login_id).is_none() {
            return Err(Canned::error(400, "E062108", "User not found"));
        }
        Ok(self.send_code(&login_id, channel))
    }

    pub(super) fn sign_up_or_in(&mut self, channel: &str) -> Answer {
        let (login_id, body) = self.who(channel)?;
        if self.state.directory.user(&login_id).is_none() {
            self.add_user(&login_id, &body)?;
        }
        Ok(self.send_code(&login_id, channel))
    }

    pub(super) fn verify_code(&mut self, channel: &str) -> Answer {
        let (login_id, body) = self.who(channel)?;
        let wrong = || Canned::error(401, "E061102", "Wrong code");
        let too_many = || Canned::error(401, "E061103", "Too many wrong codes, ask for a new one");
        let code = body.get("code").and_then(Value::as_str);
        let user = self.state.directory.user(&login_id);
        let user = user.map(|user| user.id.clone()).ok_or_else(wrong)?;
        let codes = &mut self.state.directory.codes;
        let wrong_so_far = codes.get_mut(&login_id).ok_or_else(wrong)?;
        if *wrong_so_far >= CODE_ATTEMPTS {
            return Err(too_many());
        }
        if code != Some(ONE_TIME_CODE) {
            *wrong_so_far += 1;
            return Err(if *wrong_so_far < CODE_ATTEMPTS {
                wrong()
            } else {
                too_many()
            });
        }
        codes.remove(&login_id);
        let first_seen = self.state.families.history(&user).next().is_none();
        let (index, issued) = sign_in(self.settings, self.state, &user, channel, None);
        Ok(self.jwt_response(index, issued, first_seen))
    }

    /// The login id of a request by this channel, and the whole body.
    fn who(&self, channel: &str) -> Result<(String, Map<String, Value>), Canned> {
        if !["email", "sms"].contains(&channel) {
            return Err(not_found(&self.request.path));
        }
        self.bearer()?;
        let body = self.request.object();
        let body = body.ok_or_else(|| bad_request("the body is no JSON object"))?;
        match body.get("loginId").and_then(Value::as_str) {
            Some(login_id) if !login_id.is_empty() => Ok((login_id.to_owned(), body)),
            _ => Err(Canned::error(400, "E011002", "no login id")),
        }
    }

    fn add_user(&mut self, login_id: &str, body: &Map<String, Value>) -> Result<(), Canned> {
        let details = body.get("user");
        let detail = |name: &str| {
            let value = details.and_then(|user| user.get(name)).or(body.get(name));
            value.and_then(Value::as_str).map(str::to_owned)
        };
        let attributes = match details.and_then(|user| user.get("customAttributes")) {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(attributes)) => attributes.clone(),
            Some(_) => return Err(bad_request("`user.customAttributes` is no object")),
        };
        let created = self.settings.now();
        self.state.directory.set_user(login_id, |mut user| {
            user.created = created;
            user.name = detail("name").unwrap_or(user.name);
            user.email = detail("email").unwrap_or(user.email);
            user.phone = detail("phone").unwrap_or(user.phone);
            user.attributes.extend(attributes);
            user
        });
        Ok(())
    }

    fn send_code(&mut self, login_id: &str, channel: &str) -> Canned {
        // A new code may be tried as often as the first.
        self.state.directory.codes.insert(login_id.into(), 0);
        let field = match channel {
            "sms" => "maskedPhone",
            _ => "maskedEmail",
        };
        let first: String = login_id.chars().take(1).collect();
        Canned::json(200, &json!({ field: format!("{first}*****") }))
    }
}
