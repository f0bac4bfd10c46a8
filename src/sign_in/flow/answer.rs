//! An answer of a flow, without anything that a script could use as a credential.

use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value, value::RawValue};

use super::refusal::FlowRefusal;
use crate::{
    client::{PassedReply, RawAnswer},
    descope::Descope,
    sign_in::SignedIn,
};

/// The nonce that the next call of an execution has to send.
pub(super) const NONCE: HeaderName = HeaderName::from_static("x-descope-flow-nonce");

const MAX_NONCE: usize = 128;

/// The members of a refusal of Descope's that are passed on.
const OF_REFUSALS: [&str; 4] = ["errorCode", "errorDescription", "errorMessage", "message"];

/// The members of the session that the component needs beside the tokens, where there is one.
const OF_SESSION: [&str; 3] = ["firstSeen", "tenantSSOID", "cookieExpiration"];

/// Where an answer may send the browser.
const URLS: [(&str, &str); 4] = [
    ("redirect", "url"),
    ("samlIdpResponse", "url"),
    ("wsFedIdpResponse", "url"),
    ("", "openInNewTabUrl"),
];

/// The browser SDK sets no timer at all for a smaller figure.
const MIN_NEXT_REFRESH: i64 = 20;

/// The member of an answer that has its session.
const AUTH_INFO: &str = "authInfo";

/// An answer, read.
pub(super) struct FlowAnswer {
    pub(super) status: StatusCode,
    pub(super) nonce: Option<HeaderValue>,
    body: Map<String, Value>,
}

impl FlowAnswer {
    /// Reads an answer of a status that is passed on: a success, or a refusal with its reason.
    ///
    /// # Errors
    ///
    /// Another status, a body that is no JSON object, or a refusal that is not Descope's.
    pub(super) fn read(reply: &PassedReply) -> Result<Self, FlowRefusal> {
        let status = reply.status;
        if !status.is_success() && !status.is_client_error() {
            return Err(if status.is_server_error() {
                FlowRefusal::UpstreamUnavailable
            } else {
                FlowRefusal::UpstreamInvalid
            });
        }
        let body: Option<Map<String, Value>> = serde_json::from_slice(&reply.body).ok();
        let body = if status.is_client_error() {
            // What has no code of Descope's comes from something in between.
            let coded = body.filter(|body| body.get("errorCode").is_some_and(Value::is_string));
            let mut body = coded.ok_or_else(|| FlowRefusal::from(&reply.refusal()))?;
            body.retain(|name, value| OF_REFUSALS.contains(&&**name) && value.is_string());
            body
        } else {
            body.ok_or(FlowRefusal::UpstreamInvalid)?
        };
        Ok(Self {
            status,
            nonce: reply.header(&NONCE, MAX_NONCE),
            body,
        })
    }

    /// The execution that the answer is of.
    pub(super) fn execution(&self) -> Option<&str> {
        let id = self.body.get("executionId")?.as_str()?;
        Some(id).filter(|id| !id.is_empty())
    }

    /// A text of the session in an answer.
    pub(super) fn session_text(&self, name: &str) -> Option<&str> {
        self.body.get(AUTH_INFO)?.get(name)?.as_str()
    }

    /// A boolean of the flow's output, if it says so.
    pub(super) fn output(&self, name: &str) -> Option<bool> {
        self.body.get("output")?.get(name)?.as_bool()
    }

    /// The session in an answer, unverified.
    pub(super) fn session(descope: &Descope, reply: &PassedReply) -> Option<RawAnswer> {
        if !reply.status.is_success() {
            return None;
        }
        let text: std::collections::BTreeMap<String, Box<RawValue>> =
            serde_json::from_slice(&reply.body).ok()?;
        let info = text.get(AUTH_INFO)?.get();
        let raw = descope
            .client()
            .flow_session(info.as_bytes().to_vec(), &reply.headers)
            .ok()?;
        Some(raw)
    }

    /// Checks where the answer sends the browser.
    ///
    /// # Errors
    ///
    /// A URL of another scheme, which would run as a script or leave the browser.
    pub(super) fn check_urls(&self) -> Result<(), FlowRefusal> {
        for (object, member) in URLS {
            let holder = match object {
                "" => Some(&self.body),
                object => self.body.get(object).and_then(Value::as_object),
            };
            let url = holder.and_then(|holder| holder.get(member));
            let is_web = |url: &str| {
                let url = url::Url::parse(url);
                url.is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
            };
            match url {
                None | Some(Value::Null) => {}
                Some(Value::String(url)) if url.is_empty() || is_web(url) => {}
                Some(_) => return Err(FlowRefusal::UpstreamInvalid),
            }
        }
        Ok(())
    }

    /// Writes the session anew: of what Descope said, that which is no credential; of what was verified,
    /// what the component shows. `None`: the answer brought none.
    pub(super) fn write_session(&mut self, signed_in: Option<&SignedIn>) {
        let Some(info) = self.body.get_mut(AUTH_INFO) else {
            return;
        };
        let Some(before) = info.as_object() else {
            *info = Value::Null;
            return;
        };
        let mut anew = Map::new();
        for name in OF_SESSION {
            if let Some(value) = before.get(name).filter(|value| is_plain(value)) {
                anew.insert(name.to_owned(), value.clone());
            }
        }
        if let Some(signed_in) = signed_in {
            let answer = signed_in.answer();
            if let Some(user) = signed_in.user() {
                anew.insert("user".into(), user.json().clone());
            }
            if let Ok(claims) = serde_json::from_str(answer.claims_json()) {
                anew.insert("claims".into(), claims);
            }
            anew.insert(
                "sessionExpiration".into(),
                answer.session_expires_unix().into(),
            );
            if let Some(seconds) = answer
                .next_refresh_seconds()
                .filter(|seconds| *seconds > MIN_NEXT_REFRESH)
            {
                anew.insert("nextRefreshSeconds".into(), seconds.into());
            }
        }
        // There, and empty: the component takes them for a session in cookies.
        anew.insert("sessionJwt".into(), "".into());
        anew.insert("refreshJwt".into(), "".into());
        *info = Value::Object(anew);
    }

    /// Leaves out who used the flow last, which is nobody's business but of the browser that did.
    pub(super) fn leave_out_last_user(&mut self) {
        if let Some(last) = self.body.get_mut("lastAuth") {
            *last = Value::Object(Map::new());
        }
    }

    /// Empties every text that holds one of these tokens, or one that looks like a token of this
    /// project.
    pub(super) fn empty_tokens(&mut self, descope: &Descope, tokens: &[&str]) {
        for (name, value) in &mut self.body {
            empty_tokens(value, name, descope, tokens);
        }
    }

    pub(super) fn into_body(self) -> Vec<u8> {
        serde_json::to_vec(&self.body).unwrap_or_default()
    }
}

fn is_plain(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

fn empty_tokens(value: &mut Value, path: &str, descope: &Descope, tokens: &[&str]) {
    match value {
        Value::String(text) => {
            let holds = tokens.iter().any(|token| text.contains(token));
            if holds || compact_jwts(text).any(|part| descope.is_token(part)) {
                tracing::warn!(
                    path,
                    "descope's answer to a flow has a token where none belongs: it is left out"
                );
                text.clear();
            }
        }
        Value::Array(items) => {
            for item in items {
                empty_tokens(item, path, descope, tokens);
            }
        }
        Value::Object(members) => {
            members.retain(|name, _| !tokens.iter().any(|token| name.contains(token)));
            for (name, member) in members {
                empty_tokens(member, &format!("{path}.{name}"), descope, tokens);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The parts of a text that have the characters and the dots of a compact JWT.
fn compact_jwts(text: &str) -> impl Iterator<Item = &str> {
    let is_other = |character: char| {
        !(character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.'))
    };
    text.split(is_other)
        .filter(|part| part.bytes().filter(|byte| *byte == b'.').count() >= 2)
        .flat_map(|part| {
            // A sentence may end behind a token, and words stand before it.
            let dots: Vec<_> = part.match_indices('.').map(|(at, _)| at).collect();
            let ends = dots.clone().into_iter().skip(2).chain([part.len()]);
            let starts = std::iter::once(0).chain(dots.into_iter().map(|at| at + 1));
            starts
                .zip(ends)
                .filter_map(|(start, end)| part.get(start..end))
                .collect::<Vec<_>>()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_wherever_they_stand_in_a_text() {
        let parts = |text: &'static str| compact_jwts(text).collect::<Vec<_>>();
        assert_eq!(parts("see a.b.c, please"), ["a.b.c"]);
        assert_eq!(parts("https://x/?t=a.b.c&x=1"), ["a.b.c"]);
        assert_eq!(parts("a.b.c."), ["a.b.c", "b.c."]);
        assert_eq!(parts("www.x.a.b.c"), ["www.x.a", "x.a.b", "a.b.c"]);
        assert!(parts("no dots. Here.").is_empty());
    }
}
