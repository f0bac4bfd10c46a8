//! Flows: their start, and each call that goes on with one.

use serde_json::{Map, Value};

use super::{
    flow_steps::{Call, Outcome, Refusal, text},
    service::{Answer, Service, bad_request},
};
use crate::test_util::{
    canned::Canned,
    executions::{Execution, Last},
    flow::{FakeFlow, Step},
};

/// The made-up code of a flow that the project does not have.
pub(in crate::test_util) const UNKNOWN_FLOW: &str = "E991005";

const NONCE: &str = "x-descope-flow-nonce";

/// The interaction by which the component only asks if there is news.
const POLLING: &str = "polling";

impl Service<'_> {
    pub(super) fn flow_start(&mut self) -> Answer {
        let body = self.flow_body()?;
        let flow_id = needed(&body, "flowId")?;
        let flow = self.flow(flow_id)?;
        let family = self.flow_family()?;
        let empty = Map::new();
        let options = object(&body, "options", &empty)?;
        let input = object(&body, "input", &empty)?;

        let project_id = &self.settings.project_id;
        let mut execution = self.state.executions.open(project_id, flow_id);
        execution.family = family;
        execution.return_to = ["redirectUrl", "location"]
            .iter()
            .find_map(|name| text(options, name))
            .map(Into::into);
        execution.tenant = text(options, "tenant").map(Into::into);
        let shown_before = text(&body, "interactionId").is_some();
        let answer = self.begin(&flow, &mut execution, input, shown_before);
        Ok(self.leave(execution, answer))
    }

    pub(super) fn flow_next(&mut self) -> Answer {
        let body = self.flow_body()?;
        let id = needed(&body, "executionId")?;
        let step_id = needed(&body, "stepId")?;
        let polls = needed(&body, "interactionId")? == POLLING;
        let empty = Map::new();
        let input = object(&body, "input", &empty)?;

        let execution = self.state.executions.take(id);
        let mut execution = execution.ok_or_else(|| over(false))?;
        let nonce = self.request.header(NONCE);
        let refusal = if nonce.is_some_and(|nonce| !execution.take_nonce(nonce)) {
            Some(Canned::error(400, "E108201", "Flow nonce used or stale"))
        } else {
            execution.ended.then(|| over(polls))
        };
        if let Some(refusal) = refusal {
            self.state.executions.put(execution);
            return Err(refusal);
        }
        let call = Call { input, polls };
        let answer = self.go_on(&mut execution, step_id, &call);
        Ok(self.leave(execution, answer))
    }

    /// Who asks, and with what.
    fn flow_body(&self) -> Result<Map<String, Value>, Canned> {
        self.bearer()?;
        let body = self.request.object();
        body.ok_or_else(|| bad_request("the body is no JSON object"))
    }

    fn flow(&self, id: &str) -> Result<FakeFlow, Canned> {
        let flow = self.state.directory.flows.get(id);
        let unknown = || Canned::error(400, UNKNOWN_FLOW, "the project has no such flow");
        flow.cloned().ok_or_else(unknown)
    }

    /// The sign-in whose refresh token came with the call, if one did.
    fn flow_family(&mut self) -> Result<Option<usize>, Canned> {
        let token = self.presented_refresh()?;
        let family = token.map(|token| self.family_of(token)).transpose()?;
        Ok(family.map(|(index, _)| index))
    }

    fn begin(
        &mut self,
        flow: &FakeFlow,
        execution: &mut Execution,
        input: &Map<String, Value>,
        shown_before: bool,
    ) -> Answer {
        if self.brought_at_start(execution, input)? {
            execution.go_to(flow.steps.len());
        } else if shown_before && matches!(flow.steps.first(), Some(Step::Screen { .. })) {
            // The component knew the first screen, and has what was typed there.
            let polls = false;
            let outcome = self.submit(flow, execution, &Call { input, polls })?;
            return self.show(flow, execution, outcome, polls);
        }
        self.show(flow, execution, Outcome::On, false)
    }

    /// A code or a link's token that was there before the flow was; true if it says who it is.
    fn brought_at_start(
        &mut self,
        execution: &mut Execution,
        input: &Map<String, Value>,
    ) -> Result<bool, Canned> {
        let idp_initiated = input.get("idpInitiated") == Some(&Value::Bool(true));
        if let Some(code) = text(input, "exchangeCode").filter(|_| idp_initiated) {
            let found = self.arrived(execution, code, None);
            return found.map(|()| true).map_err(Refusal::into_error);
        }
        let Some(token) = text(input, "token") else {
            return Ok(false);
        };
        let login_id = self.state.executions.redeem(token);
        execution.login_id = Some(login_id.ok_or_else(|| Refusal::of_link().into_error())?);
        let last = Last::by("magiclink");
        execution.signed_in_by("email", last);
        Ok(true)
    }

    fn go_on(&mut self, execution: &mut Execution, step_id: &str, call: &Call<'_>) -> Answer {
        let flow = self.flow(&execution.flow_id)?;
        if let Some(family) = self.flow_family()? {
            execution.family = Some(family);
        }
        // A poll may come late, when another browser has gone on.
        if !call.polls && step_id != execution.step_id() {
            let description = "`stepId` is not the step that the flow is at";
            return Err(Canned::error(400, "E011003", description));
        }
        let outcome = self.submit(&flow, execution, call)?;
        self.show(&flow, execution, outcome, call.polls)
    }

    /// Keeps the flow for the next call, and gives that its nonce.
    fn leave(&mut self, mut execution: Execution, answer: Answer) -> Canned {
        let nonce = execution.give_nonce();
        self.state.executions.put(execution);
        answer
            .unwrap_or_else(|refusal| refusal)
            .header(NONCE, &nonce)
    }
}

/// The answer about a flow that is not there, or no longer.
fn over(polls: bool) -> Canned {
    if polls {
        Canned::error(400, "E103202", "Polling status not found")
    } else {
        Canned::error(400, "E103205", "Flow timed out")
    }
}

fn needed<'b>(body: &'b Map<String, Value>, name: &str) -> Result<&'b str, Canned> {
    text(body, name).ok_or_else(|| Canned::error(400, "E011002", &format!("no `{name}`")))
}

fn object<'b>(
    body: &'b Map<String, Value>,
    name: &str,
    empty: &'b Map<String, Value>,
) -> Result<&'b Map<String, Value>, Canned> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(empty),
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(bad_request(&format!("`{name}` is no object"))),
    }
}
