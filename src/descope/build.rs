use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use jwks_client_rs::source::JwksSource;

use super::{
    builder::DescopeBuilder,
    handle::{Descope, DescopeInner},
    notices::Notices,
};
use crate::{
    client::transport::{self, Connections},
    client::{ClientSettings, CredentialStyle, DescopeClient},
    cookie::CookieReader,
    error::Error,
    jwks::{DescopeKeys, KeyEndpoint, KeyOrigin, KeyStore, parse_public_key},
    jwt::key::VerifyingKey,
    limiter::OnceAMinute,
    metrics,
    origin::AllowedOrigins,
    rotation::{Bounds, KeepTimes, QueueSettings, RotationQueue},
    shared::{self, Replica, SharedTimes},
    verifier::SessionCache,
    verifier::Verifier,
};

/// How long a call that rotates a token is listened to: Descope may have rotated it although its
/// answer comes too late for the caller.
const LISTEN: Duration = Duration::from_secs(60);

/// The pause before a request is repeated, as in Descope's SDKs.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// How long a connection is kept without a call: bursts come when many sessions expire at once, and
/// between them an open connection is of no use to either side.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

const MAX_CONNECTIONS: usize = 65_536;

const MAX_SESSION_CACHE: usize = 1 << 24;

const MAX_KEPT_SESSIONS: usize = 1_000_000;
const MIN_KEPT_SESSION_BYTES: usize = 65_536;

impl DescopeBuilder {
    /// Checks the settings and makes the handle. Fetches nothing; see [`Descope::warm_up`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) for the first setting that
    /// is wrong, or if a crate feature is missing; the message says which and what to do.
    pub fn build(self) -> Result<Descope, Error> {
        metrics::describe();
        let variables = self.variables;
        transport::check_project_id(&self.project_id)
            .map_err(|error| error.in_variable(variables.project_id))?;
        self.check_ranges()?;
        self.key_cache.check()?;
        if VerifyingKey::backend().is_none() {
            return Err(Error::config(
                "no crypto backend: enable the feature `aws-lc-rs` or `rust-crypto` of \
                 tower-descope",
            ));
        }
        self.cookies.check()?;
        self.check_sign_in()?;
        let exchanger = self.exchanger()?;
        let origins = AllowedOrigins::new(&self.origins)?;
        let rules = self.rules()?;
        let base_url = self.chosen_base_url()?;
        let base_url = transport::parse_base_url(&base_url, self.http.danger_plain_http)
            .map_err(|error| error.in_variable(variables.base_url))?;
        let for_keys = Connections {
            timeout: self.key_cache.policy().deadline,
            // Keys are fetched once in minutes, and by whichever runtime comes by.
            kept: 0,
            idle_timeout: IDLE_TIMEOUT,
        };
        let for_calls = Connections {
            timeout: self.timeout,
            kept: self.max_connections,
            idle_timeout: IDLE_TIMEOUT,
        };
        let build = |connections| transport::build(&self.http, &base_url, connections);
        let keys = self.keys(build(for_keys)?, &base_url)?;
        let http = build(for_calls)?;
        let client = DescopeClient::new(
            http,
            base_url,
            ClientSettings {
                project_id: self.project_id.clone(),
                timeout: self.timeout,
                listen: self.timeout.max(LISTEN),
                max_connections: self.max_connections,
                clock: self.clock.clone(),
                retry_delay: self.clock.pause(RETRY_DELAY),
                rotation: self.rotation,
                style: if self.cookie_managed {
                    CredentialStyle::Cookie
                } else {
                    CredentialStyle::Bearer
                },
                session_names: rules.session_kinds.iter().cloned().collect(),
                refresh_names: rules.refresh_kinds.iter().cloned().collect(),
            },
        );
        let queue = QueueSettings {
            times: KeepTimes {
                keep: self.keep_answers,
                undelivered: self.undelivered_answers,
            },
            bounds: Bounds {
                families: self.kept_sessions,
                bytes: self.kept_session_bytes,
            },
            timeout: self.timeout,
            shared: self.shared_state.is_some(),
        };
        let shared = self.replica()?;
        let marks = self.marks(shared.as_ref())?;
        let queue = RotationQueue::new(queue, self.clock.clone());
        #[cfg(feature = "test-util")]
        self.tell_built();
        Ok(Descope {
            inner: Arc::new(DescopeInner {
                project_id: self.project_id,
                cookie_reader: CookieReader::new(&self.cookies),
                cookies: self.cookies,
                origins,
                verifier: Verifier {
                    keys,
                    sessions: SessionCache::new(self.session_cache),
                    refresh_tokens: queue.clone(),
                    rules,
                    tenant_claims: self.tenant_claims,
                    marks,
                    max_token_len: self.max_token_len,
                    clock: self.clock,
                    clock_warning: OnceAMinute::default(),
                    runtime_warning: OnceAMinute::default(),
                },
                notices: Notices::default(),
                client,
                queue,
                shared,
                rotation: self.rotation,
                exchanger,
                sign_in_calls: Mutex::new(self.sign_in.budget.bucket()),
                sign_in: self.sign_in,
                timeout: self.timeout,
            }),
        })
    }

    /// The handle's part of the shared state.
    fn replica(&self) -> Result<Option<Replica>, Error> {
        let Some(state) = &self.shared_state else {
            return Ok(None);
        };
        let times = SharedTimes {
            call: self.timeout,
            keep: self.keep_answers,
            undelivered: self.undelivered_answers,
        };
        let bounds = shared::Bounds {
            number: self.kept_sessions,
            bytes: self.kept_session_bytes,
        };
        state
            .replica(&self.project_id, &self.clock, times, bounds)
            .map(Some)
    }

    /// The base URL as it was set, else that of the region. Two sources that could contradict each other
    /// are an error: one of them would lose in silence, and tokens would go to the wrong place.
    fn chosen_base_url(&self) -> Result<String, Error> {
        let of_project = transport::project_region(&self.project_id);
        let Some(region) = &self.region else {
            let by_region = || transport::region_base_url(of_project);
            return Ok(self.base_url.clone().unwrap_or_else(by_region));
        };
        transport::check_region(region)?;
        if self.base_url.is_some() {
            let source = self.variables.base_url.unwrap_or("base_url");
            return Err(Error::config(format!(
                "{source} and region(\"{region}\") both say where descope is: leave one out"
            )));
        }
        if let Some(other) = of_project.filter(|other| other != region) {
            return Err(Error::config(format!(
                "region is `{region}`, but the project id names the region `{other}`: leave \
                 region out"
            )));
        }
        Ok(transport::region_base_url(Some(region)))
    }

    fn keys(&self, http: reqwest::Client, base_url: &reqwest::Url) -> Result<KeyStore, Error> {
        let fetched = DescopeKeys::new(http, base_url, &self.project_id, self.key_cache);
        let (source, origin): (Arc<dyn JwksSource + Send + Sync>, _) =
            match (&self.public_key, &self.source) {
                (Some(_), Some(_)) => {
                    return Err(Error::config(
                        "public_key and jwks_source cannot be combined: choose one",
                    )
                    .in_variable(self.variables.public_key));
                }
                (Some(jwk), None) => {
                    let key = parse_public_key(jwk)
                        .map_err(|error| error.in_variable(self.variables.public_key))?;
                    return Ok(KeyStore::fixed(key));
                }
                (None, Some(source)) => (Arc::clone(source), KeyOrigin::Source),
                (None, None) => {
                    let origin = KeyOrigin::Endpoint(KeyEndpoint {
                        url: fetched.url().to_string(),
                        project_id_setting: self
                            .variables
                            .project_id
                            .unwrap_or("the builder's project id (not DESCOPE_PROJECT_ID)"),
                        base_url_setting: match (self.variables.base_url, &self.base_url) {
                            (Some(variable), _) => variable,
                            (None, Some(_)) => "base_url",
                            (None, None) if self.region.is_some() => "region",
                            (None, None) => "base_url (not set: it follows from the project id)",
                        },
                    });
                    (Arc::new(fetched), origin)
                }
            };
        let policy = self.key_cache.policy();
        Ok(KeyStore::new(source, policy, self.clock.clone(), origin))
    }

    fn check_ranges(&self) -> Result<(), Error> {
        const SECOND: Duration = Duration::from_secs(1);
        const TENTH: Duration = Duration::from_millis(100);
        const ZERO: Duration = Duration::ZERO;
        for (name, value, least, most) in [
            ("leeway", self.leeway, ZERO, 60 * SECOND),
            (
                "issued_at_leeway",
                self.issued_at_leeway,
                ZERO,
                600 * SECOND,
            ),
            ("timeout", self.timeout, TENTH, 60 * SECOND),
            ("keep_answers", self.keep_answers, ZERO, 300 * SECOND),
        ] {
            if value < least || value > most {
                return Err(Error::config(format!(
                    "{name} is {value:?}, it must be from {least:?} to {most:?}"
                )));
            }
        }
        if !(1_024..=65_536).contains(&self.max_token_len) {
            return Err(Error::config(format!(
                "max_token_len is {}, it must be from 1024 to 65536 bytes",
                self.max_token_len
            )));
        }
        if !(1..=MAX_CONNECTIONS).contains(&self.max_connections) {
            return Err(Error::config(format!(
                "max_connections is {}, it must be from 1 to {MAX_CONNECTIONS}; leave it out for 128",
                self.max_connections
            )));
        }
        if !(1..=MAX_KEPT_SESSIONS).contains(&self.kept_sessions) {
            return Err(Error::config(format!(
                "kept_sessions is {}, it must be from 1 to {MAX_KEPT_SESSIONS}",
                self.kept_sessions
            )));
        }
        if self.kept_session_bytes < MIN_KEPT_SESSION_BYTES {
            return Err(Error::config(format!(
                "kept_session_bytes is {}, it must be at least {MIN_KEPT_SESSION_BYTES}",
                self.kept_session_bytes
            )));
        }
        if self.session_cache.entries > MAX_SESSION_CACHE {
            return Err(Error::config(format!(
                "session_cache is {}, it must be at most {MAX_SESSION_CACHE} sessions",
                self.session_cache.entries
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwks::KeyCache;

    #[test]
    fn wrong_settings_are_named_at_build() {
        let project = || Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z");
        // On the heap: it is larger than what should be on the stack.
        for (builder, named) in vec![
            (Descope::builder("P2/../evil"), "project id"),
            (Descope::builder(""), "project id"),
            (project().leeway(Duration::from_secs(61)), "leeway"),
            (
                project().keep_answers(Duration::from_secs(301)),
                "keep_answers",
            ),
            (project().max_connections(0), "max_connections"),
            (project().max_connections(1 << 20), "max_connections"),
            (project().kept_sessions(0), "kept_sessions"),
            (project().kept_session_bytes(1), "kept_session_bytes"),
            (project().max_token_len(10), "max_token_len"),
            (project().session_cache(1 << 25), "session_cache"),
            (
                project().key_cache(KeyCache::new().ttl(Duration::from_secs(9))),
                "ttl of key_cache",
            ),
            (project().resource_server(true), "audience"),
            (project().session_kinds(["DSR"]), "DSR"),
            (project().refresh_kinds(["DS"]), "DS"),
            (project().base_url("http://descope.example"), "https"),
            (project().origins(["app.example.com"]), "origin"),
            (project().public_key("{}"), "public_key"),
        ] {
            let error = builder.build().unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::InvalidConfig);
            let message = error.to_string();
            assert!(message.contains(named), "{message}");
        }
        assert!(project().build().is_ok());
    }

    #[test]
    fn a_region_is_a_base_url() {
        let built = |builder: DescopeBuilder| builder.chosen_base_url().unwrap();
        let project = || Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z");
        let of_region = Descope::builder("Puse12aAc4T2V93bddihGEx2Ryhc8e5Z");
        assert_eq!(built(project()), "https://api.descope.com");
        assert_eq!(
            built(project().region("euc1")),
            "https://api.euc1.descope.com"
        );
        assert_eq!(
            built(of_region.region("use1")),
            "https://api.use1.descope.com"
        );
        let of_region = Descope::builder("Puse12aAc4T2V93bddihGEx2Ryhc8e5Z");
        for (builder, named) in [
            (project().region("euc1.evil.test/"), "region must be"),
            (project().region("EUC1"), "region must be"),
            (project().region(""), "region must be"),
            (
                project()
                    .region("euc1")
                    .base_url("https://auth.example.com"),
                "leave one out",
            ),
            (of_region.region("euc1"), "names the region `use1`"),
        ] {
            let message = builder.build().unwrap_err().to_string();
            assert!(message.contains(named), "{message}");
        }
    }
}
