//! Flows under way, and the links that they have sent.

use std::collections::{HashMap, HashSet};

/// A link that a flow has sent to somebody.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FakeLink {
    /// To whom: the login id.
    pub login_id: String,
    /// The token, which the page that the link leads to hands to the flow as `input.token`.
    pub token: String,
    /// The flow under way that takes the token.
    pub execution_id: String,
    /// The step that takes it.
    pub step_id: String,
    /// Where the link leads: the flow's `options.redirectUrl`, else its `options.location`, with
    /// `descope-login-flow` and `t` in the query; none if the flow was started without either.
    pub url: Option<String>,
}

/// All flows that were started.
#[derive(Default)]
pub(super) struct Executions {
    all: HashMap<String, Execution>,
    pub(super) links: Vec<FakeLink>,
    /// The login ids behind the tokens that nobody has brought yet.
    tokens: HashMap<String, String>,
    made: u64,
}

/// A flow under way.
#[derive(Default)]
pub(super) struct Execution {
    pub(super) id: String,
    pub(super) flow_id: String,
    /// The step that it waits at.
    pub(super) at: usize,
    pub(super) ended: bool,
    /// Where a browser comes back to.
    pub(super) return_to: Option<String>,
    /// The tenant that the start named.
    pub(super) tenant: Option<String>,
    /// The sign-in whose refresh token came with a call.
    pub(super) family: Option<usize>,
    /// Who it is by what was typed.
    pub(super) login_id: Option<String>,
    /// Who it is by what an identity provider said.
    pub(super) user_id: Option<String>,
    pub(super) methods: Vec<&'static str>,
    /// The tenant whose identity provider said it.
    pub(super) sso_tenant: Option<String>,
    /// How it was signed in last, as the component remembers it.
    pub(super) last: Last,
    pub(super) polls: u32,
    pub(super) link: Option<Link>,
    nonces: HashSet<String>,
    sequence: u64,
}

/// The way in that was taken last.
#[derive(Default)]
pub(super) struct Last {
    pub(super) method: &'static str,
    pub(super) provider: String,
}

/// The link that was sent last.
pub(super) struct Link {
    pub(super) token: String,
    /// Somebody has brought the token.
    pub(super) followed: bool,
}

impl Executions {
    pub(super) fn open(&mut self, project_id: &str, flow_id: &str) -> Execution {
        let number = self.number();
        Execution {
            id: format!("{flow_id}|#|{project_id}-{number:06}"),
            flow_id: flow_id.into(),
            ..Execution::default()
        }
    }

    /// A number that nothing else here has.
    pub(super) fn number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// A token of a link to this login id.
    pub(super) fn new_token(&mut self, login_id: &str) -> String {
        let token = format!("link-{:06}", self.number());
        self.tokens.insert(token.clone(), login_id.into());
        token
    }

    /// Takes a link's token, which works once; whose it is.
    pub(super) fn redeem(&mut self, token: &str) -> Option<String> {
        self.tokens.remove(token)
    }

    pub(super) fn take(&mut self, id: &str) -> Option<Execution> {
        self.all.remove(id)
    }

    pub(super) fn put(&mut self, execution: Execution) {
        self.all.insert(execution.id.clone(), execution);
    }
}

impl Last {
    pub(super) fn by(method: &'static str) -> Self {
        let provider = String::new();
        Self { method, provider }
    }
}

impl Execution {
    /// A nonce for the next call. It names the execution, so that no other one takes it.
    pub(super) fn give_nonce(&mut self) -> String {
        self.sequence += 1;
        let own = self.id.rsplit('-').next().unwrap_or_default();
        let nonce = format!("{}.nonce{own}", self.sequence);
        self.nonces.insert(nonce.clone());
        nonce
    }

    /// Takes a nonce that was given and not used.
    pub(super) fn take_nonce(&mut self, nonce: &str) -> bool {
        self.nonces.remove(nonce)
    }

    /// Goes on to the next step.
    pub(super) fn pass(&mut self) {
        self.go_to(self.at + 1);
    }

    pub(super) fn go_to(&mut self, step: usize) {
        self.at = step;
        self.polls = 0;
        self.link = None;
    }

    /// Notes a way in that was taken.
    pub(super) fn signed_in_by(&mut self, method: &'static str, last: Last) {
        if !self.methods.contains(&method) {
            self.methods.push(method);
        }
        self.last = last;
    }

    pub(super) fn step_id(&self) -> String {
        (self.at + 1).to_string()
    }

    /// The query parameter that leads a browser back to this step.
    pub(super) fn run_ids(&self) -> String {
        format!("{}_{}", self.id, self.step_id())
    }
}
