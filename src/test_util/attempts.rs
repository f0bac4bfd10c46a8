//! Sign-ins by way of an identity provider: those under way, and the codes that complete them.

use std::{collections::HashMap, time::Duration};

use url::Url;

use super::settings::whole_seconds;

/// How long a code may be exchanged.
pub(super) const EXCHANGE_CODE_TTL: Duration = Duration::from_secs(60);

/// Where somebody signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Provider {
    OAuth(String),
    /// The identity provider of a tenant.
    Sso(String),
}

/// The endpoint that takes a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    OAuth,
    Sso,
}

/// A sign-in that was asked for.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) provider: Provider,
    /// Where the browser goes when it is over.
    pub(super) redirect_url: Url,
    /// The query parameter that leads the browser back into a flow, if one asked.
    pub(super) flow: Option<(String, String)>,
    /// Who is likely to sign in.
    pub(super) hint: Option<String>,
    /// Asks who it is even where the hint says so.
    pub(super) asks: bool,
}

/// Somebody whom an identity provider has sent back.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) provider: Provider,
    pub(super) user_id: String,
    expires: i64,
}

/// All attempts and all codes.
#[derive(Default)]
pub(super) struct Attempts {
    started: HashMap<String, Attempt>,
    arrivals: HashMap<String, Arrival>,
    /// How many of the next choices are refused.
    pub(super) denials: usize,
    made: u64,
}

impl Provider {
    /// The last segment of the page's path.
    pub(super) fn path(&self) -> &str {
        match self {
            Self::OAuth(name) => name,
            Self::Sso(_) => "sso",
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::OAuth(_) => Kind::OAuth,
            Self::Sso(_) => Kind::Sso,
        }
    }
}

impl Attempts {
    /// Keeps an attempt for good, as somebody may go back to the page and choose again.
    pub(super) fn start(&mut self, attempt: Attempt) -> String {
        self.made += 1;
        let id = format!("A{:06}", self.made);
        self.started.insert(id.clone(), attempt);
        id
    }

    pub(super) fn find(&self, id: &str) -> Option<&Attempt> {
        self.started.get(id)
    }

    /// A code for this user. It names the project, so that no other fake in the process has it.
    pub(super) fn issue(
        &mut self,
        project_id: &str,
        provider: Provider,
        user_id: &str,
        now: i64,
    ) -> String {
        self.made += 1;
        let code = format!("code-{project_id}-{:06}", self.made);
        let arrival = Arrival {
            provider,
            user_id: user_id.into(),
            expires: now.saturating_add(whole_seconds(EXCHANGE_CODE_TTL)),
        };
        self.arrivals.insert(code.clone(), arrival);
        code
    }

    /// Takes a code that is good at this endpoint; one that is not stays what it is.
    pub(super) fn take(&mut self, code: &str, kind: Kind, now: i64) -> Option<Arrival> {
        let arrival = self.arrivals.get(code)?;
        if arrival.provider.kind() != kind || arrival.expires <= now {
            return None;
        }
        self.arrivals.remove(code)
    }
}
