//! One-time codes, all of them the same.

use serde_json::{Map, Value, json};

use super::service::{Answer, Service, bad_request, sign_in};
use crate::test_util::canned::Canned;

pub(in crate::test_util) const ONE_TIME_CODE: &str = "123456";

impl Service<'_> {
    pub(super) fn otp(&mut self, step: &str, channel: &str) -> Answer {
        self.bearer()?;
        let body = self.request.object();
        let body = body.ok_or_else(|| bad_request("the body is no JSON object"))?;
        let login_id = body.get("loginId").and_then(Value::as_str).unwrap_or("");
        if login_id.is_empty() {
            return Err(Canned::error(400, "E011002", "no login id"));
        }
        let known = self.state.directory.user(login_id).is_some();
        match step {
            "signup" if known => Err(Canned::error(400, "E062107", "User already exists")),
            "signin" if !known => Err(Canned::error(400, "E062108", "User not found")),
            "signup" | "signup-in" => {
                if !known {
                    self.sign_up(login_id, &body);
                }
                Ok(self.send_code(login_id, channel))
            }
            "signin" => Ok(self.send_code(login_id, channel)),
            "verify" => self.verify_code(login_id, channel, &body),
            _ => Err(bad_request("no such step")),
        }
    }

    fn sign_up(&mut self, login_id: &str, body: &Map<String, Value>) {
        let details = body.get("user");
        let detail = |name: &str| {
            let value = details.and_then(|user| user.get(name)).or(body.get(name));
            value.and_then(Value::as_str).map(str::to_owned)
        };
        let created = self.settings.now();
        self.state.directory.set_user(login_id, |mut user| {
            user.created = created;
            user.name = detail("name").unwrap_or(user.name);
            user.email = detail("email").unwrap_or(user.email);
            user.phone = detail("phone").unwrap_or(user.phone);
            user
        });
    }

    fn send_code(&mut self, login_id: &str, channel: &str) -> Canned {
        self.state.directory.codes.insert(login_id.into());
        let field = match channel {
            "sms" => "maskedPhone",
            _ => "maskedEmail",
        };
        let first: String = login_id.chars().take(1).collect();
        Canned::json(200, &json!({ field: format!("{first}*****") }))
    }

    fn verify_code(&mut self, login_id: &str, channel: &str, body: &Map<String, Value>) -> Answer {
        let code = body.get("code").and_then(Value::as_str);
        let user = self
            .state
            .directory
            .user(login_id)
            .map(|user| user.id.clone());
        let wrong = || Canned::error(401, "E061102", "Wrong code");
        let user = user.ok_or_else(wrong)?;
        if code != Some(ONE_TIME_CODE) || !self.state.directory.codes.remove(login_id) {
            return Err(wrong());
        }
        let first_seen = self.state.families.history(&user).next().is_none();
        let (index, issued) = sign_in(self.settings, self.state, &user, channel, None);
        Ok(self.jwt_response(index, issued, first_seen))
    }
}
