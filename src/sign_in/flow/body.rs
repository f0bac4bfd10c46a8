//! The body of a flow's call, as far as it decides anything.

use std::collections::BTreeMap;

use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::value::RawValue;

use super::refusal::FlowRefusal;
use crate::{client::FlowStep, endpoint::json_object};

/// The member with which a page would send a session token of its own.
const SESSION_JWT: &str = "sessionJwt";

/// A call of a flow, of which the rest is passed on unread.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, each with a word of its own"
)]
pub(super) struct FlowBody {
    /// The flow, by its id or by that of the execution.
    pub(super) flow: String,
    /// The execution that a `next` goes on with.
    pub(super) execution: Option<String>,
    pub(super) is_poll: bool,
    /// True for what a link brings: a code, or a start by an identity provider.
    pub(super) has_code: bool,
    /// True for the token of a link from a mail.
    pub(super) has_token: bool,
    /// True if the page sends a session token.
    has_session_token: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members<'a> {
    flow_id: Option<String>,
    execution_id: Option<String>,
    interaction_id: Option<String>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    options: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    exchange_code: Option<Presence>,
    idp_initiated: Option<Presence>,
    token: Option<Presence>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Options {
    descope_idp_initiated: Option<Presence>,
    session_jwt: Option<IgnoredAny>,
}

/// A member, which says something unless it is `false` or empty.
#[derive(Deserialize)]
#[serde(untagged)]
enum Presence {
    Flag(bool),
    Text(String),
    Other(IgnoredAny),
}

impl FlowBody {
    /// Reads what decides something.
    ///
    /// # Errors
    ///
    /// A text that is no JSON object, nests too deep, has a member twice at its root, in `input` or in
    /// `options`, or members of other types than those that decide something.
    pub(super) fn read(step: FlowStep, body: &[u8]) -> Result<Self, FlowRefusal> {
        let members: Members<'_> = json_object(body).map_err(|_| FlowRefusal::InvalidBody)?;
        let input: Input = object(members.input)?;
        let options: Options = object(members.options)?;
        let says = |said: Option<Presence>| {
            said.is_some_and(|said| match said {
                Presence::Flag(flag) => flag,
                Presence::Text(text) => !text.is_empty(),
                Presence::Other(_) => true,
            })
        };
        let (flow, execution) = match step {
            FlowStep::Start => (members.flow_id, None),
            FlowStep::Next => {
                let execution = members.execution_id.filter(|id| !id.is_empty());
                let id = execution.ok_or(FlowRefusal::InvalidBody)?;
                let flow = id.split("|#|").next().unwrap_or_default().to_owned();
                (Some(flow), Some(id))
            }
        };
        Ok(Self {
            flow: flow
                .filter(|id| !id.is_empty())
                .ok_or(FlowRefusal::InvalidBody)?,
            execution,
            is_poll: members.interaction_id.as_deref() == Some("polling"),
            has_code: says(input.exchange_code)
                | says(input.idp_initiated)
                | says(options.descope_idp_initiated),
            has_token: says(input.token),
            has_session_token: options.session_jwt.is_some(),
        })
    }

    /// The body that goes up: byte for byte as it came, but that a session token of the page's is taken
    /// out, and `session` is put in.
    pub(super) fn to_send(&self, body: Vec<u8>, session: Option<&str>) -> Vec<u8> {
        if session.is_none() && !self.has_session_token {
            return body;
        }
        replaced(&body, session).unwrap_or(body)
    }
}

/// A member that is an object, or absent.
fn object<T: Default + DeserializeOwned>(value: Option<&RawValue>) -> Result<T, FlowRefusal> {
    value.map_or_else(
        || Ok(T::default()),
        |value| json_object(value.get().as_bytes()).map_err(|_| FlowRefusal::InvalidBody),
    )
}

/// The same body with another `options.sessionJwt`, or none.
fn replaced(body: &[u8], session: Option<&str>) -> Option<Vec<u8>> {
    type Object = BTreeMap<String, Box<RawValue>>;
    let mut root: Object = serde_json::from_slice(body).ok()?;
    let options = root.get("options").map(|options| options.get());
    let mut options: Object = options
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    options.remove(SESSION_JWT);
    if let Some(token) = session {
        options.insert(
            SESSION_JWT.to_owned(),
            serde_json::value::to_raw_value(token).ok()?,
        );
    }
    root.insert(
        "options".to_owned(),
        serde_json::value::to_raw_value(&options).ok()?,
    );
    serde_json::to_vec(&root).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_link_can_bring_is_seen() {
        let start = |input: &str, options: &str| {
            let body = format!(r#"{{"flowId":"f","input":{input},"options":{options}}}"#);
            let body = FlowBody::read(FlowStep::Start, body.as_bytes()).unwrap();
            (body.has_code, body.has_token)
        };
        assert_eq!(start("{}", "{}"), (false, false));
        assert_eq!(start("null", "null"), (false, false));
        assert_eq!(start(r#"{"exchangeCode":""}"#, "{}"), (false, false));
        assert_eq!(start(r#"{"exchangeCode":"c"}"#, "{}"), (true, false));
        assert_eq!(start(r#"{"exchangeCode":{}}"#, "{}"), (true, false));
        assert_eq!(start(r#"{"idpInitiated":false}"#, "{}"), (false, false));
        assert_eq!(start(r#"{"idpInitiated":true}"#, "{}"), (true, false));
        assert_eq!(start("{}", r#"{"descopeIdpInitiated":"1"}"#), (true, false));
        assert_eq!(start(r#"{"token":"t"}"#, "{}"), (false, true));
    }

    #[test]
    fn a_body_goes_up_as_it_came_but_for_a_session_token() {
        let text = br#"{ "flowId": "f", "input": {"n": 1.50} }"#;
        let body = FlowBody::read(FlowStep::Start, text).unwrap();
        assert_eq!(body.to_send(text.to_vec(), None), text);
        let with = br#"{"flowId":"f","options":{"a":1.50,"sessionJwt":"x"}}"#;
        let body = FlowBody::read(FlowStep::Start, with).unwrap();
        let sent = String::from_utf8(body.to_send(with.to_vec(), None)).unwrap();
        assert_eq!(sent, r#"{"flowId":"f","options":{"a":1.50}}"#);
        let sent = String::from_utf8(body.to_send(with.to_vec(), Some("s"))).unwrap();
        assert_eq!(
            sent,
            r#"{"flowId":"f","options":{"a":1.50,"sessionJwt":"s"}}"#
        );
    }

    #[test]
    fn what_is_no_call_of_a_flow_is_refused() {
        for (step, body) in [
            (FlowStep::Start, "{}"),
            (FlowStep::Start, r#"{"flowId":""}"#),
            (FlowStep::Start, r#"{"flowId":1}"#),
            (FlowStep::Start, r#"{"flowId":"a","flowId":"b"}"#),
            (FlowStep::Start, "[]"),
            (FlowStep::Start, ""),
            (FlowStep::Next, r#"{"flowId":"f"}"#),
            (FlowStep::Next, r#"{"executionId":""}"#),
            (FlowStep::Next, r#"{"executionId":"|#|x"}"#),
            (FlowStep::Next, r#"{"executionId":"f|#|x","input":1}"#),
            (FlowStep::Next, r#"{"executionId":"f|#|x","input":[]}"#),
            (FlowStep::Start, r#"{"flowId":"f","input":{"a":1,"a":2}}"#),
            (FlowStep::Start, r#"{"flowId":"f","options":{"a":1,"a":2}}"#),
            (
                FlowStep::Next,
                r#"{"executionId":"f|#|x","input":{"a":1,"\u0061":2}}"#,
            ),
            (
                FlowStep::Next,
                r#"{"executionId":"f|#|x","options":{"sessionJwt":"a","sessionJwt":"b"}}"#,
            ),
        ] {
            assert!(FlowBody::read(step, body.as_bytes()).is_err(), "{body}");
        }
        let next = FlowBody::read(
            FlowStep::Next,
            br#"{"executionId":"sign-in|#|x","interactionId":"polling"}"#,
        );
        let next = next.unwrap();
        assert_eq!((&*next.flow, next.is_poll), ("sign-in", true));
    }
}
