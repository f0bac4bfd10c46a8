use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Semaphore;

use super::{refusal::FlowRefusal, replay::Replays, settings::FlowSettings};
use crate::{
    clock::Now,
    descope::Descope,
    limiter::TokenBucket,
    sign_in::budget::{EachOnesBudget, network},
};

/// How many calls are under way at once.
const MAX_CALLS: usize = 64;

/// The budget of an address, or of an execution.
const BURST: u32 = 30;
const INTERVAL: Duration = Duration::from_secs(1);

/// The budget of all starts, where nobody is told apart.
const STARTS: u32 = 30;
const STARTS_INTERVAL: Duration = Duration::from_secs(2);

/// How long Descope is left alone, if it names no time, and at most.
const PAUSE: Duration = Duration::from_secs(10);
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// All that the clones of a service share.
pub(super) struct Shared {
    pub(super) descope: Descope,
    pub(super) settings: FlowSettings,
    pub(super) replays: Replays,
    pub(super) calls: Arc<Semaphore>,
    addresses: EachOnesBudget<IpAddr>,
    executions: EachOnesBudget<String>,
    starts: Mutex<TokenBucket>,
    polls: Mutex<TokenBucket>,
    /// Until when Descope is left alone.
    paused: Mutex<Option<Now>>,
}

impl Shared {
    pub(super) fn new(descope: Descope, settings: FlowSettings) -> Self {
        Self {
            replays: Replays::new(descope.clock().clone()),
            calls: Arc::new(Semaphore::new(MAX_CALLS)),
            addresses: EachOnesBudget::new(BURST, INTERVAL),
            executions: EachOnesBudget::new(BURST, INTERVAL),
            starts: Mutex::new(TokenBucket::new(STARTS, STARTS_INTERVAL)),
            polls: Mutex::new(descope.half_of_sign_in_calls()),
            paused: Mutex::default(),
            descope,
            settings,
        }
    }

    /// Takes a call from the budgets: of who asks, of polls, and of all that anybody can cause.
    pub(super) fn take_call(
        &self,
        address: Option<IpAddr>,
        execution: Option<&str>,
        is_poll: bool,
    ) -> Result<(), FlowRefusal> {
        let now = self.descope.now();
        self.check_pause(now)?;
        let taken = match (address, execution) {
            (Some(address), _) => self.addresses.take(network(address), now),
            (None, Some(execution)) => self.executions.take(execution.to_owned(), now),
            (None, None) => take(&self.starts, now),
        };
        taken.map_err(FlowRefusal::RateLimited)?;
        if is_poll {
            take(&self.polls, now).map_err(FlowRefusal::RateLimited)?;
        }
        let taken = self.descope.take_sign_in_call();
        taken.map_err(FlowRefusal::RateLimited)
    }

    /// Notes that Descope asks to be left alone.
    pub(super) fn pause(&self, asked: Option<Duration>) {
        let until = self
            .descope
            .now()
            .later(asked.unwrap_or(PAUSE).min(MAX_PAUSE));
        *self.paused.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    fn check_pause(&self, now: Now) -> Result<(), FlowRefusal> {
        let paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        match *paused {
            Some(until) if until.mono > now.mono => {
                let rest = until.mono.saturating_sub(now.mono);
                Err(FlowRefusal::RateLimited(rest))
            }
            _ => Ok(()),
        }
    }
}

fn take(bucket: &Mutex<TokenBucket>, now: Now) -> Result<(), Duration> {
    let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
    bucket.take(&now)
}
