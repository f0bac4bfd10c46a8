//! The faults that a test asks the fake for.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use super::canned::Canned;

/// The script of misbehaviour; empty by default.
#[derive(Default)]
pub(super) struct Faults {
    failures: VecDeque<Failures>,
    always: Option<u16>,
    canned: HashMap<String, VecDeque<Canned>>,
    drops: HashMap<String, usize>,
    delay: Duration,
    path_delays: HashMap<String, Duration>,
    hang: bool,
    hung_paths: HashSet<String>,
}

struct Failures {
    left: usize,
    status: u16,
    code: String,
}

impl Faults {
    pub(super) fn fail(&mut self, left: usize, status: u16, code: &str) {
        self.failures.push_back(Failures {
            left,
            status,
            code: code.into(),
        });
    }

    pub(super) fn fail_always(&mut self, status: Option<u16>) {
        self.always = status;
        if status.is_none() {
            self.failures.clear();
        }
    }

    pub(super) fn respond(&mut self, path: &str, canned: Canned) {
        self.canned
            .entry(path.into())
            .or_default()
            .push_back(canned);
    }

    pub(super) fn drop_connection(&mut self, path: &str) {
        *self.drops.entry(path.into()).or_default() += 1;
    }

    pub(super) fn delay(&mut self, delay: Duration) {
        self.delay = delay;
    }

    pub(super) fn delay_path(&mut self, path: &str, delay: Duration) {
        self.path_delays.insert(path.into(), delay);
    }

    pub(super) fn hang(&mut self, on: bool) {
        self.hang = on;
    }

    pub(super) fn hang_path(&mut self, path: &str, on: bool) {
        if on {
            self.hung_paths.insert(path.into());
        } else {
            self.hung_paths.remove(path);
        }
    }

    /// The response that stands in for the service's own. The more specific instruction wins.
    pub(super) fn stand_in(&mut self, path: &str) -> Option<Canned> {
        if let Some(canned) = self.canned.get_mut(path).and_then(VecDeque::pop_front) {
            return Some(canned);
        }
        if let Some(status) = self.always {
            return Some(failure(status, "E990000"));
        }
        while let Some(next) = self.failures.front_mut() {
            if next.left == 0 {
                self.failures.pop_front();
                continue;
            }
            next.left -= 1;
            return Some(failure(next.status, &next.code));
        }
        None
    }

    /// Returns `true` if the connection is to be closed in place of this answer.
    pub(super) fn take_drop(&mut self, path: &str) -> bool {
        match self.drops.get_mut(path) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }

    pub(super) fn delay_of(&self, path: &str) -> Duration {
        self.path_delays.get(path).copied().unwrap_or(self.delay)
    }

    pub(super) fn hangs(&self, path: &str) -> bool {
        self.hang || self.hung_paths.contains(path)
    }
}

fn failure(status: u16, code: &str) -> Canned {
    Canned::error(status, code, "told to fail")
}
