//! `FakeDescopeBuilder`.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use super::{
    directory::Directory,
    fake::FakeDescope,
    flow::{self, FakeFlow},
    keys,
    people::{FakeAccessKey, FakeUser},
    ring::Ring,
    running::Running,
    settings::{ResponseMethod, Settings, Template, Time, whole_seconds},
    state::State,
};
use crate::clock::TestClock;

/// Configures and starts a [`FakeDescope`]; made by [`FakeDescope::builder`].
#[derive(Clone, Debug)]
#[must_use = "nothing runs before `start`"]
pub struct FakeDescopeBuilder {
    settings: Settings,
    directory: Directory,
    listen: SocketAddr,
}

impl FakeDescope {
    /// Starts a fake with the default configuration: no users, a [`TestClock`] of its own, a free
    /// port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// As [`FakeDescopeBuilder::start`] does.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Configures a fake before it starts.
    pub fn builder() -> FakeDescopeBuilder {
        FakeDescopeBuilder::new()
    }
}

impl FakeDescopeBuilder {
    fn new() -> Self {
        Self {
            settings: Settings::default(),
            directory: Directory::default(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        }
    }

    /// The id of the one project that this Descope knows; by default one that no other fake in the
    /// process has, `P2fakeFakeFakeFakeFakeFak000` for the first.
    ///
    /// All fakes sign with the same keys. Give two of them the same id, and they are one project:
    /// each one's tokens are good at the other.
    pub fn project_id(mut self, id: impl Into<String>) -> Self {
        self.settings.project_id = id.into();
        self
    }

    /// The clock to live by, usually shared with the service under test; a new one by default.
    pub fn clock(mut self, clock: TestClock) -> Self {
        self.settings.time = Time::Test(clock);
        self
    }

    /// Lives by the machine's clock instead of a [`TestClock`].
    pub fn real_time(mut self) -> Self {
        self.settings.time = Time::Real;
        self
    }

    /// Where to listen; a free port of 127.0.0.1 by default.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// A tenant and its display name. Tenants that only appear in a user's memberships exist too,
    /// with their id for a name.
    pub fn tenant(mut self, id: impl Into<String>, name: impl Into<String>) -> Self {
        self.directory.name_tenant(id.into(), name.into());
        self
    }

    /// A user with this login id, who can sign in by one-time code.
    pub fn user(mut self, login_id: &str, user: impl FnOnce(FakeUser) -> FakeUser) -> Self {
        self.directory.set_user(login_id, user);
        self
    }

    /// An access key with this secret, to be exchanged for a session token.
    pub fn access_key(
        mut self,
        secret: &str,
        key: impl FnOnce(FakeAccessKey) -> FakeAccessKey,
    ) -> Self {
        self.directory.set_access_key(secret, key);
        self
    }

    /// A flow of this id, as a script of steps; see [`FakeFlow`].
    ///
    /// # Panics
    ///
    /// If the id has anything in it but letters, digits and `-`, or nothing at all.
    pub fn flow(mut self, id: &str, script: impl FnOnce(FakeFlow) -> FakeFlow) -> Self {
        assert!(flow::is_flow_id(id), "no flow can be called `{id}`");
        let script = script(FakeFlow::new());
        self.directory.flows.insert(id.into(), script);
        self
    }

    /// Sets if each refresh replaces the refresh token; true by default.
    pub fn rotation(mut self, on: bool) -> Self {
        self.settings.rotation = on;
        self
    }

    /// How session tokens are handed out.
    pub fn session_response(mut self, method: ResponseMethod) -> Self {
        self.settings.session_response = method;
        self
    }

    /// How refresh tokens are handed out. With [`ResponseMethod::Cookies`] a refresh token counts
    /// only as a cookie: in the `Authorization` header it is refused.
    pub fn refresh_response(mut self, method: ResponseMethod) -> Self {
        self.settings.refresh_response = method;
        self
    }

    /// Takes refresh tokens in the `Authorization` header even where the project manages them in
    /// cookies; false by default, as the real service is reported to refuse that. Server-side SDKs
    /// know no other way.
    pub fn bearer_beside_cookies(mut self, on: bool) -> Self {
        self.settings.bearer_beside_cookies = on;
        self
    }

    /// Names the project's cookies. The names then stand in the answers' `sessionCookieName` and
    /// `cookieName` (empty by default) and in the tokens' `drn`.
    pub fn cookie_names(mut self, session: impl Into<String>, refresh: impl Into<String>) -> Self {
        self.settings.session_cookie = session.into();
        self.settings.refresh_cookie = refresh.into();
        self
    }

    /// The domain of the project's cookies: the answers' `cookieDomain` and `sessionCookieDomain`
    /// and the cookies' `Domain`. Empty by default.
    pub fn cookie_domain(mut self, domain: impl Into<String>) -> Self {
        self.settings.cookie_domain = domain.into();
        self
    }

    /// How long session tokens live; 10 minutes by default.
    pub fn session_ttl(mut self, ttl: Duration) -> Self {
        self.settings.session_ttl = whole_seconds(ttl);
        self
    }

    /// How long refresh tokens live; 28 days by default.
    pub fn refresh_ttl(mut self, ttl: Duration) -> Self {
        self.settings.refresh_ttl = whole_seconds(ttl);
        self
    }

    /// The algorithm that tokens are signed with: `RS256` (the default), `RS384`, `RS512`,
    /// `PS256`, `PS384`, `PS512`, `ES256`, `ES384` or `EdDSA`.
    ///
    /// # Panics
    ///
    /// With any other name.
    pub fn algorithm(mut self, name: &str) -> Self {
        self.settings.algorithm = keys::algorithm(name);
        self
    }

    /// The shape of session tokens.
    pub fn jwt_template(mut self, template: Template) -> Self {
        self.settings.template = template;
        self
    }

    /// Sets if a user with exactly one tenant has it active from the start; false by default.
    pub fn auto_tenant(mut self, on: bool) -> Self {
        self.settings.auto_tenant = on;
        self
    }

    /// Sets if a tenant selection returns a refresh token although rotation is off; false by
    /// default. What the real service does is not known: its documentation says yes, the official
    /// SDKs' tests allow no.
    ///
    /// With true, the selection is in the new refresh token only, and the old one has none. With
    /// false, the service remembers it.
    pub fn select_returns_refresh_without_rotation(mut self, on: bool) -> Self {
        self.settings.select_returns_refresh = on;
        self
    }

    /// Sets if presenting a rotated-out refresh token ends the whole family, its newest token
    /// included; true by default. What the real service does is not known for certain: its error
    /// text says so.
    pub fn reuse_kills_family(mut self, on: bool) -> Self {
        self.settings.reuse_kills_family = on;
        self
    }

    /// Approves a domain: from then on the `redirectURL` of a sign-in at an identity provider must
    /// have one of those named here for its host, exactly. Without any, every host is good.
    ///
    /// The real service's answer otherwise is not known; the fake refuses with 400 and
    /// [`FakeDescope::REDIRECT_NOT_APPROVED`], also where a flow leads back to its page. Nor is it known if subdomains count.
    pub fn approved_domain(mut self, domain: impl Into<String>) -> Self {
        self.settings.approved_domains.push(domain.into());
        self
    }

    /// Sets if the query of a `redirectURL` is gone when the browser comes back, so that `code` or
    /// `err` is all that is in it; false by default. What the real service does is not known for
    /// certain: its sign-in component counts on the query.
    pub fn drops_redirect_query(mut self, on: bool) -> Self {
        self.settings.drops_redirect_query = on;
        self
    }

    /// Sets if single sign-on makes the tenant whose identity provider it was the active one; false by
    /// default. What the real service does is not known.
    pub fn sso_selects_tenant(mut self, on: bool) -> Self {
        self.settings.sso_selects_tenant = on;
        self
    }

    /// Sets if the tokens of a sign-in say nothing of how it was done: no `amr`, neither in the answers
    /// to one-time codes and exchanges nor in what is refreshed; false by default. Projects may
    /// configure which claims there are, and if the real service then leaves this one out is not known.
    pub fn without_methods(mut self, on: bool) -> Self {
        self.settings.without_methods = on;
        self
    }

    /// Sets if an anonymous user may select a tenant of which they are a member; true by default. With
    /// false that is refused with 403 and [`FakeDescope::ANONYMOUS_REFUSED`]. What the real service
    /// does is not known.
    pub fn anonymous_may_select(mut self, on: bool) -> Self {
        self.settings.anonymous_may_select = on;
        self
    }

    /// Sets if the refresh tokens of anonymous users say `danu: true`, as their session tokens do;
    /// false by default. Whether the real ones do is not known.
    pub fn danu_in_refresh_tokens(mut self, on: bool) -> Self {
        self.settings.danu_in_refresh_tokens = on;
        self
    }

    /// Sets if a flow that completes for the user whose refresh token came with its calls opens a
    /// sign-in of its own; false by default: it goes on with the one that the token belongs to. What
    /// the real service does is not known.
    pub fn flow_opens_family(mut self, on: bool) -> Self {
        self.settings.flow_opens_family = on;
        self
    }

    /// Sets if the sessions of access keys say their kind (`drn`), as those of users do; true by default. It
    /// is not known if the real service's do.
    pub fn drn_in_access_key_sessions(mut self, on: bool) -> Self {
        self.settings.drn_in_access_key_sessions = on;
        self
    }

    /// Starts the fake on a thread of its own. It runs until the last clone of the handle is
    /// dropped.
    ///
    /// Each start logs a warning, in every build: whoever finds that line in the log of a service
    /// that runs for others has found a service that lets everybody in, because the fake's keys are
    /// in this crate's source.
    ///
    /// # Panics
    ///
    /// If the address cannot be listened on, or if neither of the features `aws-lc-rs` and
    /// `rust-crypto` is enabled.
    #[expect(
        clippy::unused_async,
        reason = "a start that really waits must not break those who call it today"
    )]
    pub async fn start(mut self) -> FakeDescope {
        keys::require_backend();
        self.directory.created(self.settings.now());
        let state = State::new(Ring::new(self.settings.algorithm), self.directory);
        let fake = FakeDescope::of(Arc::new(Running::start(self.listen, self.settings, state)));
        tracing::warn!(
            project_id = fake.project_id(),
            address = %fake.address(),
            "FakeDescope has started, for tests and trials only: it signs with keys that everybody \
             knows, so whoever trusts its project lets everybody in"
        );
        fake
    }
}
