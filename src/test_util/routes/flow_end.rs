//! How a flow ends.

use serde_json::{Map, Value, json};

use super::{
    answer::{cookie, with_cookies},
    service::{Answer, Issued, Service, issue, open},
};
use crate::test_util::{
    canned::Canned,
    executions::Execution,
    flow::{End, FakeFlow},
    settings::{ResponseMethod, TokenKind},
};

/// How long a device token lives, in seconds: half a year, a guess.
const DEVICE_TTL: i64 = 180 * 86_400;

impl Service<'_> {
    pub(super) fn finish(&mut self, flow: &FakeFlow, execution: &mut Execution) -> Answer {
        let session = match &flow.end {
            End::Fails(code) => {
                execution.ended = true;
                return Err(Canned::error(400, code, "the flow has failed"));
            }
            End::WithoutSession => None,
            End::Anonymously => {
                let user = self.new_visitor();
                Some(self.flow_session(execution, &user, false))
            }
            End::Completes {
                login_id,
                authenticated,
            } => {
                let user = self.who_it_is(execution, login_id.as_deref())?;
                Some(self.flow_session(execution, &user, *authenticated))
            }
        };
        execution.ended = true;
        let mut body = self.flow_answer(execution, "completed", "none", "End");
        body.insert("output".into(), flow.output.clone().into());
        let mut cookies = Vec::new();
        if let Some((index, issued, first_seen)) = session {
            let (mut auth_info, of_tokens) = self.tokens(index, issued, first_seen);
            cookies = of_tokens;
            self.device_tokens(flow, index, &mut auth_info, &mut cookies);
            body.insert("authInfo".into(), auth_info.into());
        }
        Ok(with_cookies(
            Canned::json(200, &Value::Object(body)),
            &cookies,
        ))
    }

    /// The id of the user for whom the flow ends.
    fn who_it_is(&mut self, execution: &Execution, named: Option<&str>) -> Result<String, Canned> {
        if let (None, Some(user_id)) = (named, &execution.user_id) {
            return Ok(user_id.clone());
        }
        if let Some(login_id) = named.or(execution.login_id.as_deref()) {
            return Ok(self.known_or_new(login_id));
        }
        let family = execution.family.map(|index| self.state.families.get(index));
        let family = family.ok_or_else(|| {
            let description = "the flow completes, and nothing in it has said for whom";
            Canned::error(400, "E011002", description)
        })?;
        Ok(family.user(&self.state.directory).id)
    }

    fn known_or_new(&mut self, login_id: &str) -> String {
        let now = self.settings.now();
        let directory = &mut self.state.directory;
        if directory.user(login_id).is_none() {
            directory.set_user(login_id, |mut user| {
                user.created = now;
                user
            });
        }
        let user = directory.user(login_id);
        user.map(|user| user.id.clone()).unwrap_or_default()
    }

    fn new_visitor(&mut self) -> String {
        let login_id = format!("anonymous-{:06}", self.state.executions.number());
        let id = self.known_or_new(&login_id);
        let directory = &mut self.state.directory;
        directory.set_user(&login_id, crate::test_util::FakeUser::anonymous);
        id
    }

    /// The first session of a sign-in, or the next one of that whose refresh token came along.
    fn flow_session(
        &mut self,
        execution: &Execution,
        user_id: &str,
        authenticated: bool,
    ) -> (usize, Issued, bool) {
        let methods = || execution.methods.iter().map(|method| (*method).to_owned());
        let same_user = execution.family.filter(|index| {
            let family = self.state.families.get(*index);
            family.user(&self.state.directory).id == user_id
        });
        if let Some(index) = same_user.filter(|_| !self.settings.flow_opens_family) {
            let families = &mut self.state.families;
            if authenticated && !self.settings.without_methods {
                families.add_methods(index, methods());
            } else {
                families.forget_methods(index);
            }
            let rotation = self.settings.rotation;
            let issued = issue(self.settings, self.state, index, rotation);
            return (index, issued, false);
        }
        let mut methods: Vec<_> = methods().filter(|_| authenticated).collect();
        if authenticated && methods.is_empty() {
            methods.push("email".into());
        }
        let selects = self.settings.sso_selects_tenant;
        let tenant = execution.sso_tenant.as_deref().filter(|_| selects);
        let first_seen = self.state.families.history(user_id).next().is_none();
        let (index, issued) = open(self.settings, self.state, user_id, methods, tenant);
        (index, issued, first_seen)
    }

    /// Adds the device tokens of the script, where the project's refresh tokens go.
    fn device_tokens(
        &mut self,
        flow: &FakeFlow,
        index: usize,
        auth_info: &mut Map<String, Value>,
        cookies: &mut Vec<String>,
    ) {
        let user_id = self
            .state
            .families
            .get(index)
            .user(&self.state.directory)
            .id;
        let now = self.settings.now();
        let expires = now.saturating_add(DEVICE_TTL);
        for (wanted, drn, field) in [
            (flow.trusts_device, "DTD", "trustedDeviceJwt"),
            (flow.knows_device, "DKD", "knownDeviceJwt"),
        ] {
            if !wanted {
                continue;
            }
            let claims = json!({
                "iss": self.settings.project_id,
                "sub": user_id,
                "drn": drn,
                "jti": self.state.next_jti(),
                "iat": now,
                "exp": expires,
            });
            let claims = claims.as_object().cloned().unwrap_or_default();
            let token = self.state.ring.issue(&claims);
            match self.settings.response(TokenKind::Refresh) {
                ResponseMethod::Body => {
                    auth_info.insert(field.into(), token.into());
                }
                ResponseMethod::Cookies => {
                    auth_info.insert(field.into(), "".into());
                    cookies.push(cookie(self.settings, drn, &token, now, expires));
                }
            }
        }
    }
}
