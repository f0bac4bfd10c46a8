//! `FakeDescope`: telling it how to behave, and asking what it saw.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use super::{
    canned::Canned,
    fake::FakeDescope,
    faults::Faults,
    keys,
    record::{Record, Recorded},
};

/// How long the waiting methods wait, in real time.
const PATIENCE: Duration = Duration::from_secs(5);

/// # Keys
impl FakeDescope {
    /// Replaces the signing key: the new one is published, the old one no longer. Returns the new
    /// key's `kid`.
    ///
    /// There are four RSA keys, which take turns, and one of each other type, which comes back
    /// under a new `kid`.
    pub fn rotate_keys(&self) -> String {
        self.with_state(|state| state.ring.rotate(false))
    }

    /// Replaces the signing key and keeps the old one published, as a careful rotation does.
    /// Returns the new key's `kid`.
    pub fn rotate_keys_keeping_old(&self) -> String {
        self.with_state(|state| state.ring.rotate(true))
    }

    /// Publishes a second key that signs nothing yet, and returns its `kid`.
    pub fn add_key(&self) -> String {
        let algorithm = self.settings().algorithm;
        self.with_state(|state| state.ring.add(algorithm))
    }

    /// Publishes a second key, for this algorithm, and returns its `kid`.
    ///
    /// # Panics
    ///
    /// If the name is not one that [`FakeDescopeBuilder::algorithm`] takes.
    ///
    /// [`FakeDescopeBuilder::algorithm`]: super::FakeDescopeBuilder::algorithm
    pub fn add_key_for(&self, algorithm: &str) -> String {
        let algorithm = keys::algorithm(algorithm);
        self.with_state(|state| state.ring.add(algorithm))
    }

    /// Takes a key out of the published set. If it is the signing key, it goes on signing.
    ///
    /// # Panics
    ///
    /// If there never was such a key.
    pub fn remove_key(&self, kid: &str) {
        let known = self.with_state(|state| state.ring.remove(kid));
        assert!(known, "the project never had a key `{kid}`");
    }

    /// The `kid` of the key that signs.
    pub fn current_kid(&self) -> String {
        self.with_state(|state| state.ring.current().kid.clone())
    }

    /// The published key set, as the key endpoint answers it.
    pub fn jwks(&self) -> serde_json::Value {
        self.with_state(|state| state.ring.jwks())
    }

    /// Answers this text at the key endpoint in place of the key set; `None` ends it.
    pub fn set_jwks_body(&self, body: Option<String>) {
        self.with_state(|state| state.ring.body = body);
    }

    /// The status of the key endpoint's answers; 200 by default.
    pub fn set_jwks_status(&self, status: u16) {
        self.with_state(|state| state.ring.status = status);
    }
}

/// # Misbehaviour
///
/// A path is everything between the host and the query, as in `/v1/auth/refresh`. Where several
/// instructions fit a request, the most specific one counts: [`respond_next`](Self::respond_next),
/// then [`fail_always`](Self::fail_always), then [`fail_next`](Self::fail_next). Requests that are
/// failed are recorded, but have no effect.
impl FakeDescope {
    /// Fails the next `requests` requests, to whatever path, with status 503.
    pub fn fail_next(&self, requests: usize) {
        self.fail_next_with(requests, 503, "E990503");
    }

    /// Fails the next `requests` requests, to whatever path, with this status and `errorCode`.
    pub fn fail_next_with(&self, requests: usize, status: u16, error_code: &str) {
        self.script(|faults| faults.fail(requests, status, error_code));
    }

    /// Fails every request with this status; `None` ends this and what is left of
    /// [`fail_next`](Self::fail_next).
    pub fn fail_always(&self, status: Option<u16>) {
        self.script(|faults| faults.fail_always(status));
    }

    /// Gives this response to the next request to `path`, without any effect on the state. Several
    /// calls queue up.
    pub fn respond_next(&self, path: &str, response: Canned) {
        self.script(|faults| faults.respond(path, response));
    }

    /// Delays every answer by this much real time. The request is processed at once, only its
    /// answer waits.
    pub fn delay(&self, delay: Duration) {
        self.script(|faults| faults.delay(delay));
    }

    /// Delays the answers to one path; this counts instead of [`delay`](Self::delay).
    pub fn delay_path(&self, path: &str, delay: Duration) {
        self.script(|faults| faults.delay_path(path, delay));
    }

    /// Holds every answer back until called with false. The requests are processed at once, only
    /// their answers wait.
    pub fn hang(&self, on: bool) {
        self.script(|faults| faults.hang(on));
    }

    /// Holds the answers to one path back until called with false.
    pub fn hang_path(&self, path: &str, on: bool) {
        self.script(|faults| faults.hang_path(path, on));
    }

    /// Processes the next request to `path`, then closes the connection without an answer: what a
    /// client sees when the answer is lost. Several calls add up.
    pub fn drop_connection_next(&self, path: &str) {
        self.script(|faults| faults.drop_connection(path));
    }

    /// With true, closes the port and every connection, so that new ones are refused; with false,
    /// listens again on the same port. Both are done when the call returns.
    ///
    /// # Panics
    ///
    /// If another process took the port meanwhile.
    pub fn down(&self, down: bool) {
        self.running.server.down(down);
    }

    fn script(&self, act: impl FnOnce(&mut Faults)) {
        self.with_state(|state| act(&mut state.faults));
        self.running.shared.changed.send_replace(());
    }
}

/// # What it was asked
impl FakeDescope {
    /// How many requests came to the key endpoint.
    pub fn key_fetches(&self) -> usize {
        self.with_state(|state| state.record.key_fetches())
    }

    /// How many requests came to `path`.
    pub fn calls(&self, path: &str) -> usize {
        self.with_state(|state| state.record.calls(path))
    }

    /// How many connections were opened to it, since it was started. Key fetches open one each.
    pub fn connections(&self) -> usize {
        self.running.shared.connections.load(Relaxed)
    }

    /// All requests, oldest first.
    pub fn requests(&self) -> Vec<Recorded> {
        self.with_state(|state| state.record.requests.clone())
    }

    /// Forgets all requests; every count starts again at 0.
    pub fn clear_requests(&self) {
        self.with_state(|state| state.record.requests.clear());
    }

    /// Waits until `n` requests came to the key endpoint.
    ///
    /// # Panics
    ///
    /// If they have not come after 5 seconds of real time.
    pub async fn wait_for_key_fetches(&self, n: usize) {
        self.wait_for("the key endpoint", n, Record::key_fetches)
            .await;
    }

    /// Waits until `n` requests came to `path`.
    ///
    /// # Panics
    ///
    /// If they have not come after 5 seconds of real time.
    pub async fn wait_for_calls(&self, path: &str, n: usize) {
        let wanted = path.to_owned();
        self.wait_for(path, n, move |record| record.calls(&wanted))
            .await;
    }

    async fn wait_for(
        &self,
        what: &str,
        n: usize,
        count: impl Fn(&Record) -> usize + Send + Sync + 'static,
    ) {
        let shared = self.running.shared.clone();
        let waiting = async move {
            let mut changed = shared.changed.subscribe();
            let enough = async {
                while shared.with_state(|state| count(&state.record)) < n {
                    // The sender lives in `shared`, so this cannot fail.
                    let _ = changed.changed().await;
                }
            };
            let _ = tokio::time::timeout(PATIENCE, enough).await;
            shared.with_state(|state| count(&state.record))
        };
        // On the fake's own runtime: the test's may have its time paused.
        let seen = self.running.server.spawn(waiting).await;
        assert!(
            seen >= n,
            "FakeDescope waited {PATIENCE:?} for {n} requests to {what} and saw {seen}"
        );
    }
}
