//! The steps of a flow: the input that each takes, and what it shows.

use serde_json::{Map, Value, json};
use url::Url;

use super::{
    exchange::SSO_CODE_REFUSED,
    otp::ONE_TIME_CODE,
    service::{Answer, Service},
};
use crate::test_util::{
    attempts::{Attempt, Kind, Provider},
    canned::Canned,
    executions::{Execution, FakeLink, Last, Link},
    flow::{Asks, FakeFlow, Step, opened_id, screen_id},
};

/// The made-up code of a link's token that is not good.
pub(in crate::test_util) const LINK_REFUSED: &str = "E991006";

/// The query parameter that leads a browser back into a flow.
const RUN_IDS: &str = "descope-login-flow";

/// One call, as far as the steps look at it.
pub(super) struct Call<'b> {
    pub(super) input: &'b Map<String, Value>,
    pub(super) polls: bool,
}

/// The result of an input.
pub(super) enum Outcome {
    /// The flow is where it is to be.
    On,
    /// It says why it stays, or has gone back.
    Refused(Refusal),
    /// Another browser goes on.
    Elsewhere,
}

/// An error within an answer that is none.
pub(super) struct Refusal {
    code: &'static str,
    description: String,
}

impl Refusal {
    fn new(code: &'static str, description: impl Into<String>) -> Self {
        let description = description.into();
        Self { code, description }
    }

    pub(super) fn of_link() -> Self {
        Self::new(LINK_REFUSED, "The link was used before, or is another's")
    }

    /// As the answer to a call that has no flow to stay in.
    pub(super) fn into_error(self) -> Canned {
        Canned::error(401, self.code, &self.description)
    }
}

impl Service<'_> {
    /// Takes what was brought to the step that the flow is at.
    pub(super) fn submit(
        &mut self,
        flow: &FakeFlow,
        execution: &mut Execution,
        call: &Call<'_>,
    ) -> Result<Outcome, Canned> {
        let refused = |code, description| Ok(Outcome::Refused(Refusal::new(code, description)));
        match &flow.steps[execution.at..] {
            [Step::Screen { .. }, ..] if call.polls => {}
            [Step::Screen { asks, .. }, ..] => match asks {
                Asks::Nothing => execution.pass(),
                Asks::Login => {
                    let names = ["loginId", "email"];
                    let login_id = names.iter().find_map(|name| text(call.input, name));
                    let Some(login_id) = login_id else {
                        return refused("E011002", "no login id");
                    };
                    execution.login_id = Some(login_id.into());
                    execution.pass();
                }
                Asks::Code => {
                    if text(call.input, "code") != Some(ONE_TIME_CODE) {
                        return refused("E061102", "Wrong code");
                    }
                    let channel = channel(execution.login_id.as_deref());
                    execution.signed_in_by(channel, Last::by("otp"));
                    execution.pass();
                }
            },
            [Step::Redirect(provider), ..] => {
                if let Some(refusal) = self.came_back(execution, provider, call.input) {
                    execution.go_to(flow.question_at(execution.at).unwrap_or(execution.at));
                    return Ok(Outcome::Refused(refusal));
                }
            }
            [Step::Poll { times }, ..] => {
                execution.polls += u32::from(call.polls);
                if execution.polls >= *times {
                    execution.pass();
                }
            }
            [Step::Link { elsewhere }, ..] => {
                return Ok(self.followed(execution, *elsewhere, call));
            }
            [] => {}
        }
        Ok(Outcome::On)
    }

    /// A return from an identity provider; without one, the flow leads there again.
    fn came_back(
        &mut self,
        execution: &mut Execution,
        provider: &Provider,
        input: &Map<String, Value>,
    ) -> Option<Refusal> {
        if let Some(error) = text(input, "exchangeError") {
            let description = format!("The identity provider sent back: {error}");
            return Some(Refusal::new(code_refused(provider.kind()), description));
        }
        let code = text(input, "exchangeCode")?;
        let arrived = self.arrived(execution, code, Some(provider.kind()));
        if arrived.is_ok() {
            execution.pass();
        }
        arrived.err()
    }

    /// Who it is by an exchange code, of this kind or of any.
    pub(super) fn arrived(
        &mut self,
        execution: &mut Execution,
        code: &str,
        kind: Option<Kind>,
    ) -> Result<(), Refusal> {
        let kinds = kind.map_or(vec![Kind::OAuth, Kind::Sso], |kind| vec![kind]);
        let now = self.settings.now();
        let attempts = &mut self.state.attempts;
        let arrival = kinds
            .iter()
            .find_map(|kind| attempts.take(code, *kind, now));
        let arrival = arrival
            .ok_or_else(|| Refusal::new(code_refused(kinds[0]), "Failed to exchange the code"))?;
        execution.user_id = Some(arrival.user_id);
        match arrival.provider {
            Provider::OAuth(provider) => execution.signed_in_by(
                "oauth",
                Last {
                    method: "oauth",
                    provider,
                },
            ),
            Provider::Sso(tenant) => {
                execution.sso_tenant = Some(tenant);
                execution.signed_in_by("fed", Last::by("sso"));
            }
        }
        Ok(())
    }

    fn followed(&mut self, execution: &mut Execution, elsewhere: bool, call: &Call<'_>) -> Outcome {
        if let Some(token) = text(call.input, "token") {
            let own = execution.link.as_mut().filter(|link| link.token == token);
            let Some(link) = own.filter(|_| self.state.executions.redeem(token).is_some()) else {
                return Outcome::Refused(Refusal::of_link());
            };
            link.followed = true;
            if elsewhere {
                return Outcome::Elsewhere;
            }
        } else if !call.polls {
            // Whoever asks again gets another link, and the last one is void.
            if let Some(link) = execution.link.take() {
                self.state.executions.redeem(&link.token);
            }
        }
        if execution.link.as_ref().is_some_and(|link| link.followed) {
            let channel = channel(execution.login_id.as_deref());
            let method = if elsewhere {
                "enchantedlink"
            } else {
                "magiclink"
            };
            execution.signed_in_by(channel, Last::by(method));
            execution.pass();
        }
        Outcome::On
    }

    /// The step that the flow is at now. A poll is told no more than to ask again, where that is all.
    pub(super) fn show(
        &mut self,
        flow: &FakeFlow,
        execution: &mut Execution,
        outcome: Outcome,
        polls: bool,
    ) -> Answer {
        let Some(step) = flow.steps.get(execution.at) else {
            return self.finish(flow, execution);
        };
        let (action, name) = match step {
            Step::Screen { .. } => ("screen", "Screen"),
            Step::Redirect(_) => ("redirect", "Redirect"),
            Step::Poll { .. } => (if polls { "poll" } else { "screen" }, "Poll"),
            Step::Link { .. } => (if polls { "poll" } else { "screen" }, "Link"),
        };
        let mut body = self.flow_answer(execution, "waiting", action, name);
        if let Outcome::Elsewhere = outcome {
            let id = opened_id(&execution.flow_id, execution.at);
            body.insert("screen".into(), json!({"id": id, "state": {}}));
            return Ok(Canned::json(200, &Value::Object(body)));
        }
        match step {
            Step::Redirect(provider) => {
                let url = self.lead_to(execution, provider)?;
                body.insert("redirect".into(), json!({"url": url, "isPopup": false}));
            }
            Step::Link { .. } if execution.link.is_none() => self.send_link(execution)?,
            _ => {}
        }
        let mut state = Map::new();
        if let Outcome::Refused(refusal) = outcome {
            state.insert("errorText".into(), refusal.description.as_str().into());
            let message = format!("{} (from the fake)", refusal.description);
            body.insert(
                "error".into(),
                json!({
                    "code": refusal.code,
                    "description": refusal.description,
                    "message": message,
                }),
            );
        }
        if let Some(screen) = flow.screen_at(execution.at) {
            let id = screen_id(&execution.flow_id, screen);
            body.insert("screen".into(), json!({"id": id, "state": state}));
        }
        Ok(Canned::json(200, &Value::Object(body)))
    }

    /// The members of every answer of a flow.
    pub(super) fn flow_answer(
        &self,
        execution: &Execution,
        status: &str,
        action: &str,
        step_name: &str,
    ) -> Map<String, Value> {
        let mut last = Map::new();
        let known = execution.user_id.as_ref().or(execution.login_id.as_ref());
        if let Some(id) = known {
            let user = self.state.directory.user(id);
            let login_id = user.map_or(id, |user| &user.login_id);
            last.insert("loginId".into(), login_id.as_str().into());
            last.insert("name".into(), user.map_or("", |user| &user.name).into());
        }
        let way = &execution.last;
        for (name, value) in [
            ("authMethod", way.method),
            ("oauthProvider", way.provider.as_str()),
        ] {
            if !value.is_empty() {
                last.insert(name.into(), value.into());
            }
        }
        let mut body = Map::new();
        body.insert("executionId".into(), execution.id.as_str().into());
        body.insert("stepId".into(), execution.step_id().into());
        body.insert("stepName".into(), step_name.into());
        body.insert("status".into(), status.into());
        body.insert("action".into(), action.into());
        body.insert("lastAuth".into(), last.into());
        body
    }

    /// The address of the identity provider's page.
    fn lead_to(&mut self, execution: &Execution, provider: &Provider) -> Result<String, Canned> {
        let redirect_url = self.way_back(execution)?;
        let redirect_url = redirect_url.ok_or_else(|| {
            let description = "a redirect needs `options.redirectUrl` or `options.location`";
            Canned::error(400, "E011002", description)
        })?;
        let provider = match (provider, &execution.tenant) {
            (Provider::Sso(_), Some(asked)) => Provider::Sso(self.sso_tenant(asked)?),
            _ => provider.clone(),
        };
        Ok(self.attempt(Attempt {
            provider,
            redirect_url,
            flow: Some((RUN_IDS.into(), execution.run_ids())),
            hint: execution.login_id.clone(),
            asks: false,
        }))
    }

    /// Where a browser comes back to, without what leads it into the flow.
    fn way_back(&self, execution: &Execution) -> Result<Option<Url>, Canned> {
        let asked = execution.return_to.as_deref();
        let url = asked
            .map(|url| self.approved(url, "redirectUrl"))
            .transpose()?;
        Ok(url.map(|url| without(url, &[RUN_IDS, "code", "err", "t"])))
    }

    fn send_link(&mut self, execution: &mut Execution) -> Result<(), Canned> {
        let url = self.way_back(execution)?;
        let nobody = || Canned::error(400, "E011002", "a link needs a login id");
        let login_id = execution.login_id.clone().ok_or_else(nobody)?;
        let token = self.state.executions.new_token(&login_id);
        let url = url.map(|mut url| {
            url.query_pairs_mut()
                .append_pair(RUN_IDS, &execution.run_ids())
                .append_pair("t", &token);
            url.into()
        });
        self.state.executions.links.push(FakeLink {
            login_id,
            token: token.clone(),
            execution_id: execution.id.clone(),
            step_id: execution.step_id(),
            url,
        });
        execution.link = Some(Link {
            token,
            followed: false,
        });
        Ok(())
    }
}

/// A member that has text in it.
pub(super) fn text<'b>(object: &'b Map<String, Value>, name: &str) -> Option<&'b str> {
    let text = object.get(name).and_then(Value::as_str);
    text.filter(|text| !text.is_empty())
}

/// How a code or a link reaches somebody, which is the method in the tokens, too.
fn channel(login_id: Option<&str>) -> &'static str {
    match login_id {
        Some(login_id) if login_id.starts_with('+') => "sms",
        _ => "email",
    }
}

fn code_refused(kind: Kind) -> &'static str {
    match kind {
        Kind::OAuth => "E061301",
        Kind::Sso => SSO_CODE_REFUSED,
    }
}

/// The same address without these parameters; one that has none of them stays as it is written.
fn without(mut url: Url, names: &[&str]) -> Url {
    let gone = |name: &str| names.contains(&name);
    if url.query_pairs().any(|(name, _)| gone(&name)) {
        let pairs: Vec<_> = url.query_pairs().into_owned().collect();
        let kept = pairs.into_iter().filter(|(name, _)| !gone(name));
        url.query_pairs_mut().clear().extend_pairs(kept);
    }
    url
}
