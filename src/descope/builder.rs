use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use jwks_client_rs::source::JwksSource;

use super::{handle::Descope, sign_in_rules::SignInRules, variables::Variables};
#[cfg(feature = "test-util")]
use crate::clock::TestClock;
use crate::{
    access_key::AccessKeys, client::transport::HttpSettings, clock::Clock, cookie::SessionCookies,
    jwks::KeyCache, revocation::Revocation, session::TenantClaims, shared::SharedState,
    verifier::Bounds,
};

/// Builds a [`Descope`]. Setters never fail; [`build`](Self::build) checks everything.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use tower_descope::{Descope, cookie::SessionCookies};
///
/// let descope = Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z")
///     .cookies(SessionCookies::host_prefixed())
///     .timeout(Duration::from_secs(5))
///     .build()?;
/// # Ok::<(), tower_descope::Error>(())
/// ```
#[must_use = "a builder does nothing until `build()`"]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, each named after its setter"
)]
pub struct DescopeBuilder {
    pub(super) project_id: String,
    pub(super) base_url: Option<String>,
    pub(super) region: Option<String>,
    pub(super) public_key: Option<String>,
    pub(super) source: Option<Arc<dyn JwksSource + Send + Sync>>,
    pub(super) clock: Clock,
    pub(super) cookies: SessionCookies,
    pub(super) origins: Vec<String>,
    pub(super) issuers: BTreeSet<String>,
    pub(super) audience: BTreeSet<String>,
    pub(super) session_kinds: BTreeSet<String>,
    pub(super) refresh_kinds: BTreeSet<String>,
    pub(super) resource_server: bool,
    pub(super) require_kind: bool,
    pub(super) refresh_without_kind: bool,
    pub(super) tenant_claims: TenantClaims,
    pub(super) leeway: Duration,
    pub(super) issued_at_leeway: Duration,
    pub(super) max_token_len: usize,
    pub(super) session_cache: Bounds,
    pub(super) http: HttpSettings,
    pub(super) timeout: Duration,
    pub(super) max_connections: usize,
    pub(super) cookie_managed: bool,
    pub(super) rotation: bool,
    pub(super) keep_answers: Duration,
    pub(super) undelivered_answers: Option<Duration>,
    pub(super) kept_sessions: usize,
    pub(super) kept_session_bytes: usize,
    pub(super) shared_state: Option<SharedState>,
    pub(super) revocation: Option<Revocation>,
    pub(super) key_cache: KeyCache,
    pub(super) access_keys: Option<AccessKeys>,
    pub(super) sign_in: SignInRules,
    pub(super) variables: Variables,
    #[cfg(feature = "test-util")]
    pub(super) cookie_names_told: Option<TellCookieNames>,
}

/// Takes the names of the session and of the refresh cookie.
#[cfg(feature = "test-util")]
type TellCookieNames = Box<dyn Fn(&str, &str) + Send + Sync>;

impl Descope {
    /// Starts a configuration for a project, named by its id (`P…`).
    pub fn builder(project_id: impl Into<String>) -> DescopeBuilder {
        DescopeBuilder {
            project_id: project_id.into(),
            base_url: None,
            region: None,
            public_key: None,
            source: None,
            clock: Clock::System,
            cookies: SessionCookies::new(),
            origins: Vec::new(),
            issuers: BTreeSet::new(),
            audience: BTreeSet::new(),
            session_kinds: BTreeSet::new(),
            refresh_kinds: BTreeSet::new(),
            resource_server: false,
            require_kind: false,
            refresh_without_kind: false,
            tenant_claims: TenantClaims::default(),
            leeway: Duration::from_secs(5),
            issued_at_leeway: Duration::from_secs(60),
            max_token_len: 16 * 1024,
            session_cache: Bounds {
                entries: 10_000,
                bytes: 32 * 1024 * 1024,
                compact: false,
            },
            http: HttpSettings::default(),
            timeout: Duration::from_secs(10),
            max_connections: 128,
            cookie_managed: false,
            rotation: true,
            keep_answers: Duration::from_secs(60),
            undelivered_answers: None,
            kept_sessions: 10_000,
            kept_session_bytes: 32 * 1024 * 1024,
            shared_state: None,
            revocation: None,
            key_cache: KeyCache::default(),
            access_keys: None,
            sign_in: SignInRules::default(),
            variables: Variables::default(),
            #[cfg(feature = "test-util")]
            cookie_names_told: None,
        }
    }
}

impl DescopeBuilder {
    /// The base URL of Descope. Default: by the project id's region, for example
    /// `https://api.descope.com`, as Descope's Go and Python SDKs choose it. Set it for a custom
    /// domain. Must be `https`, or `http` on loopback: `localhost`, 127.0.0.0/8, `[::1]`, and names
    /// that end in `.localhost`, which are connected to without asking a resolver.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self.variables.base_url = None;
        self
    }

    /// The region that the project is in, by its short name: `region("euc1")` makes the base URL
    /// `https://api.euc1.descope.com`. Default: the one that a long project id names itself, else
    /// none. Not beside a [`base_url`](Self::base_url), be it set here or by `DESCOPE_BASE_URI` or
    /// `DESCOPE_BASE_URL` ([`from_env`](Self::from_env)), nor against the project id: then
    /// [`build`](Self::build) fails.
    ///
    /// ```
    /// use tower_descope::Descope;
    ///
    /// let project = || Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z").region("euc1");
    /// assert!(project().build().is_ok());
    /// assert!(project().base_url("https://auth.example.com").build().is_err());
    /// ```
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Permits a [`base_url`](Self::base_url) of plain `http` beyond loopback, for test beds
    /// where the fake runs on another host. **Tokens then cross the network in the clear, and who
    /// controls the network controls the keys.** Off by default; a warning is logged at build.
    pub fn danger_plain_http_base_url(mut self, permit: bool) -> Self {
        self.http.danger_plain_http = permit;
        self
    }

    /// One fixed public key, as a JWK, in place of the key endpoint: no key is ever fetched, and
    /// tokens that name another `kid` are refused. Cannot be combined with
    /// [`jwks_source`](Self::jwks_source).
    pub fn public_key(mut self, jwk: impl Into<String>) -> Self {
        self.public_key = Some(jwk.into());
        self.variables.public_key = None;
        self
    }

    /// Where keys come from, in place of the project's key endpoint: a file, a proxy, a cache of
    /// one's own. See [`crate::jwks`]. Size, status and redirects are then the source's duty, and
    /// so are `use` and `key_ops` of EC and OKP keys, which
    /// [`JsonWebKey`](crate::jwks::JsonWebKey) does not carry; deadline, number, strength and
    /// curve of the keys are still checked here.
    pub fn jwks_source(mut self, source: impl JwksSource + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// How cookies are named and scoped. Default: [`SessionCookies::new`] (`DS`, `DSR`);
    /// [`SessionCookies::host_prefixed`] is recommended for a service on one host.
    pub fn cookies(mut self, cookies: SessionCookies) -> Self {
        self.cookies = cookies;
        self
    }

    /// Origins (`https://app.example.com`) whose pages may act with this service's cookies,
    /// besides its own. Default: none, so that only the service's own origin may.
    ///
    /// They are added to the rule that an `Origin` which equals the request's own host passes, and do
    /// not replace it: listing the public origin shuts nobody out who passed without.
    ///
    /// Listing another origin also takes a CORS layer of the application's *outside* of ours,
    /// with credentials allowed and `OPTIONS` answered.
    pub fn origins<O: Into<String>>(mut self, origins: impl IntoIterator<Item = O>) -> Self {
        self.origins = origins.into_iter().map(Into::into).collect();
        self
    }

    /// The most sessions whose tokens need not be verified again, since they were a moment ago.
    /// Default 10,000; at most 16,777,216; 0 turns the cache off.
    ///
    /// A cached token is refused the moment it would be refused otherwise: the whole of it is
    /// compared, and its time and its key are checked on each hit. What is cached spares the
    /// signature check and the reading, some hundred times what a hit costs. Sessions are cached
    /// per handle; tokens that come only once do not displace others.
    pub fn session_cache(mut self, entries: usize) -> Self {
        self.session_cache.entries = entries;
        self
    }

    /// The memory of that cache, in bytes, all bookkeeping counted. Default 33,554,432 (32 MiB),
    /// about 14,000 sessions with tokens of 1.2 KB; 0 turns the cache off. Nothing of it is taken
    /// before it is needed, but for 9 to 18 bytes per session that there may be (147 KB by
    /// default), and 576 bytes at least.
    pub fn session_cache_bytes(mut self, bytes: usize) -> Self {
        self.session_cache.bytes = bytes;
        self
    }

    /// Keeps the tokens of that cache without their payloads, which their sessions hold anyway: the
    /// payload of a token that comes again is decoded and compared with its session's. A request that
    /// finds its session takes a quarter longer, and a session a third less memory (1.6 KB instead of
    /// 2.5 for a token of 1.1 KB): for services with more sessions than memory. Default off.
    pub fn compact_session_cache(mut self, compact: bool) -> Self {
        self.session_cache.compact = compact;
        self
    }

    /// The deadline of one call to Descope in all, connecting included. Default 10 seconds; from
    /// 100 milliseconds to 60 seconds. A call that may bring a new refresh token is listened to for 60
    /// seconds in all; an answer that comes after the deadline is kept for the next call.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The most connections to Descope that calls have at once. Default 128; from 1 to 65,536. It is the
    /// calls that are counted: a connection of a call that was given up may close a moment later.
    ///
    /// A call has a connection to itself, until its answer is there or its time is over. Beyond the
    /// limit calls wait, the first to come goes first, for as long as the [`timeout`](Self::timeout).
    /// A call that gets no connection by then is not made, and nothing is lost: requests are answered
    /// 503 with `Retry-After`, typed calls with
    /// [`ErrorKind::Throttled`](crate::ErrorKind::Throttled), and a sign-out is sent later.
    ///
    /// A quarter of the connections, one at least, is for calls that rotate no refresh token, such as
    /// sign-outs and access keys, so that a refresh which Descope does not answer holds up others of
    /// its kind alone; with a single connection all share that. Connections without a call are closed
    /// after ten seconds of real time. Key fetches are not counted: they open one of their own each
    /// time.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// Sends calls through a proxy, for example `http://proxy.internal:3128`. Default: none, and
    /// the environment's `HTTP_PROXY` is not read, since refresh tokens would travel through it.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.http.proxy = Some(url.into());
        self
    }

    /// Reads the system's proxy settings (`HTTPS_PROXY` and the like). Off by default; see
    /// [`proxy`](Self::proxy). Never for loopback.
    pub fn system_proxy(mut self, read: bool) -> Self {
        self.http.system_proxy = read;
        self
    }

    /// Trusts a further root certificate, in PEM, for the calls to Descope.
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.http.root_certificates.push(pem.into());
        self
    }

    /// Says that the project manages its refresh tokens in cookies, so that they are sent to
    /// Descope as cookies too (it refuses such a token elsewhere). Off by default. Answers are understood either
    /// way: tokens are taken from the body, else from `Set-Cookie`.
    pub fn cookie_managed(mut self, managed: bool) -> Self {
        self.cookie_managed = managed;
        self
    }

    /// Says if the project rotates refresh tokens. Default `true`, the safe assumption: a call that
    /// Descope answered with 503 is then not repeated here, since a token that is used twice ends
    /// its session. With `false` it is, once.
    pub fn rotation(mut self, rotates: bool) -> Self {
        self.rotation = rotates;
        self
    }

    /// How long the answer to a used refresh token is kept, for requests that still carry it: a
    /// browser repeats a request whose connection broke, or drops an answer on its way. Default
    /// 60 seconds; at most 300; zero keeps none.
    ///
    /// Once the browser has shown the new refresh token, a request with an old one is answered for
    /// so long again; then, until 15 minutes after, it is refused here without any call, since it
    /// may have waited in a proxy.
    pub fn keep_answers(mut self, keep: Duration) -> Self {
        self.keep_answers = keep;
        self
    }

    /// How long a new refresh token that no browser has shown yet is kept for whoever holds the one
    /// before. Default: as long as the token lives, so that an answer that was lost on Friday is
    /// made up for on Monday. Zero keeps it no longer than [`keep_answers`](Self::keep_answers).
    ///
    /// Until then a replaced token is not sent to Descope again, so that Descope does not take it
    /// for stolen. With zero here and there nothing is kept.
    pub fn undelivered_answers(mut self, keep: Duration) -> Self {
        self.undelivered_answers = Some(keep);
        self
    }

    /// The most sessions of which answers and tokens are kept, for
    /// [`keep_answers`](Self::keep_answers) and [`undelivered_answers`](Self::undelivered_answers).
    /// Default 10,000; from 1 to 1,000,000. Sessions in use may be more for a moment. What gives
    /// way first is of least use; sessions within their keep time go last, with an error event.
    pub fn kept_sessions(mut self, sessions: usize) -> Self {
        self.kept_sessions = sessions;
        self
    }

    /// The memory of what is kept, in bytes. Default 33,554,432 (32 MiB); at least 65,536.
    pub fn kept_session_bytes(mut self, bytes: usize) -> Self {
        self.kept_session_bytes = bytes;
        self
    }

    /// How fetched keys are cached: see [`KeyCache`] for the settings, their defaults and bounds.
    pub fn key_cache(mut self, settings: KeyCache) -> Self {
        self.key_cache = settings;
        self
    }

    /// A clock that a test moves, in place of the machine's.
    #[cfg(feature = "test-util")]
    #[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
    pub fn clock(mut self, clock: TestClock) -> Self {
        self.clock = Clock::Test(clock);
        self
    }

    /// Has the handle's names of the session and of the refresh cookie told once it is built.
    #[cfg(feature = "test-util")]
    pub(crate) fn tell_cookie_names(
        mut self,
        tell: impl Fn(&str, &str) + Send + Sync + 'static,
    ) -> Self {
        self.cookie_names_told = Some(Box::new(tell));
        self
    }

    #[cfg(feature = "test-util")]
    pub(super) fn tell_built(&self) {
        let names = (
            self.cookies.session_names().next(),
            self.cookies.refresh_names().next(),
        );
        if let (Some(tell), (Some(session), Some(refresh))) = (&self.cookie_names_told, names) {
            tell(session, refresh);
        }
    }
}

impl fmt::Debug for DescopeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DescopeBuilder")
            .field("project_id", &self.project_id)
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}
