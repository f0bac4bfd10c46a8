//! `FakeDescope`: the handle, its minting side.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use super::{
    attempts,
    people::FakeUser,
    routes::{self, Issued},
    running::Running,
    server,
    settings::{Settings, Time, TokenKind},
    signed_in::SignedIn,
    state::State,
    token::TokenBuilder,
};
use crate::clock::TestClock;

/// A stand-in for Descope on a loopback port; see the [module's documentation](super).
///
/// Clones are handles on one fake. It stops when the last of them, and the last [`TokenBuilder`],
/// is dropped.
#[derive(Clone)]
pub struct FakeDescope {
    pub(super) running: Arc<Running>,
}

impl FakeDescope {
    /// The one-time code that every sign-in by code takes: `123456`.
    pub const ONE_TIME_CODE: &'static str = routes::ONE_TIME_CODE;

    /// The `errorCode` of a selection that is refused, with status 403, because the user is not a
    /// member of the tenant: `E990403`.
    ///
    /// Both are **made up**: what the real service answers is not documented. Do not rely on them
    /// in code that talks to the real one.
    pub const NOT_A_MEMBER: &'static str = routes::NOT_A_MEMBER;

    /// The `errorCode` of a call that asks for something that the fake cannot do, such as step-up or
    /// an option of a later SDK, with status 400: `E990400`. The description names the option. So no
    /// test passes because nobody looked at what it asked for.
    ///
    /// The code is **made up**: the real service knows its options.
    pub const UNKNOWN_OPTION: &'static str = routes::UNKNOWN_OPTION;

    /// How many wrong one-time codes may be tried: with the fifth the code that was sent is void,
    /// and until a new one is sent the right code is refused too, with 401 and `E061103`.
    ///
    /// How many the real service allows is not documented.
    pub const CODE_ATTEMPTS: u32 = routes::CODE_ATTEMPTS;

    /// How long the code with which an identity provider sends somebody back can be exchanged, by the
    /// fake's clock: a minute.
    ///
    /// How long the real service takes one is not documented.
    pub const EXCHANGE_CODE_TTL: Duration = attempts::EXCHANGE_CODE_TTL;

    /// The `errorCode` of a sign-in at an identity provider whose `redirectURL` is on a domain that is
    /// not [approved](super::FakeDescopeBuilder::approved_domain), with status 400: `E991001`.
    ///
    /// Both are **made up**.
    pub const REDIRECT_NOT_APPROVED: &'static str = routes::REDIRECT_NOT_APPROVED;

    /// The `errorCode` of single sign-on whose `tenant` is neither the id of a tenant nor the e-mail
    /// address of a user who has one, with status 400: `E991002`. A bare domain is neither.
    ///
    /// Both are **made up**.
    pub const UNKNOWN_TENANT: &'static str = routes::UNKNOWN_TENANT;

    /// The `errorCode` of a code that single sign-on did not give, that was exchanged before, or that
    /// is too old, with status 401: `E991003`. Those of OAuth have `E061301`.
    ///
    /// Both are **made up**.
    pub const SSO_CODE_REFUSED: &'static str = routes::SSO_CODE_REFUSED;

    /// The `errorCode` of a selection by an anonymous user where
    /// [`anonymous_may_select`](super::FakeDescopeBuilder::anonymous_may_select) is off, with status
    /// 403: `E991004`.
    ///
    /// Both are **made up**.
    pub const ANONYMOUS_REFUSED: &'static str = routes::ANONYMOUS_REFUSED;

    /// The `errorCode` of the start of a flow that the project does not have, with status 400:
    /// `E991005`.
    ///
    /// Both are **made up**.
    pub const UNKNOWN_FLOW: &'static str = routes::UNKNOWN_FLOW;

    /// The code in a flow's `error` where a link's token was used before or is not this flow's:
    /// `E991006`.
    ///
    /// It is **made up**.
    pub const LINK_REFUSED: &'static str = routes::LINK_REFUSED;

    pub(super) fn of(running: Arc<Running>) -> Self {
        Self { running }
    }

    /// The id of the one project that this Descope knows.
    pub fn project_id(&self) -> &str {
        &self.settings().project_id
    }

    /// The base URL, without a slash at its end.
    pub fn url(&self) -> String {
        server::url(self.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.running.server.address
    }

    /// The path of the key endpoint, for the methods that take a path.
    pub fn keys_path(&self) -> String {
        format!("/v2/keys/{}", self.project_id())
    }

    /// The clock that the fake lives by.
    ///
    /// # Panics
    ///
    /// If the fake was built with [`FakeDescopeBuilder::real_time`](super::FakeDescopeBuilder::real_time).
    pub fn clock(&self) -> &TestClock {
        match &self.settings().time {
            Time::Test(clock) => clock,
            Time::Real => panic!("this FakeDescope lives in real time, it has no TestClock"),
        }
    }

    /// Starts a session token for a user, by user id or login id. A user whom the fake knows has
    /// their roles, tenants and claims in it; any other name is a user id without rights.
    pub fn session(&self, user: &str) -> TokenBuilder {
        TokenBuilder::new(Arc::clone(&self.running), TokenKind::Session, user)
    }

    /// Starts a refresh token for a user, by user id or login id.
    ///
    /// The fake takes it as the first of a sign-in of its own; a user whom it does not know is
    /// then a member of the tenants that the token names.
    pub fn refresh(&self, user: &str) -> TokenBuilder {
        TokenBuilder::new(Arc::clone(&self.running), TokenKind::Refresh, user)
    }

    /// Signs a user in, by user id or login id, as the verification of a one-time code does. An
    /// [anonymous](FakeUser::anonymous) user, who cannot do that, gets the tokens that such a visitor
    /// has.
    ///
    /// ```
    /// # use tower_descope::test_util::FakeDescope;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # if cfg!(not(any(feature = "aws-lc-rs", feature = "rust-crypto"))) { return }
    /// use tower_descope::{SessionToken, Visitor};
    ///
    /// let fake = FakeDescope::builder().user("visitor", |u| u.anonymous()).start().await;
    /// let visitor = SessionToken::new(fake.sign_in("visitor").session_jwt());
    /// let visitor = fake.descope().verify_visitor(&visitor).await.unwrap();
    /// assert!(matches!(visitor, Visitor::Anonymous(_)));
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If there is no such user.
    pub fn sign_in(&self, user: &str) -> SignedIn {
        self.sign_in_at(user, None)
    }

    /// Signs a user in, with one of their tenants active.
    ///
    /// # Panics
    ///
    /// If there is no such user, or the user is not a member of the tenant.
    pub fn sign_in_to(&self, user: &str, tenant: &str) -> SignedIn {
        self.sign_in_at(user, Some(tenant))
    }

    /// Begins a session of a user in which somebody else acts, as Descope's management call
    /// `impersonate` does: `user` by user id or login id, `actor` by the id that `act` is to have, which
    /// the fake need not know; with one of the user's tenants active, or none.
    ///
    /// Its tokens, those of renewals and selections included, have `act: {"sub": actor}`.
    ///
    /// ```
    /// # use tower_descope::{SessionToken, test_util::FakeDescope};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # if cfg!(not(any(feature = "aws-lc-rs", feature = "rust-crypto"))) { return }
    /// let fake = FakeDescope::builder()
    ///     .user("ann@acme.test", |ann| ann.id("U2ann").tenant("T2acme", |at| at))
    ///     .start()
    ///     .await;
    /// let tokens = fake.impersonate("ann@acme.test", "U2support", Some("T2acme"));
    /// let session = SessionToken::new(tokens.session_jwt());
    /// let session = fake.descope().verify(&session).await.unwrap();
    /// assert_eq!(session.user_id(), "U2ann");
    /// assert_eq!(session.actor().unwrap(), "U2support");
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If there is no such user, or the user is not a member of the tenant.
    pub fn impersonate(&self, user: &str, actor: &str, tenant: Option<&str>) -> SignedIn {
        let found = self.member(user, tenant);
        let settings = self.settings();
        let issued =
            self.with_state(|state| routes::impersonate(settings, state, &found.id, actor, tenant));
        self.signed_in(found.id, issued)
    }

    fn sign_in_at(&self, user: &str, tenant: Option<&str>) -> SignedIn {
        let found = self.member(user, tenant);
        let settings = self.settings();
        let (_, issued) =
            self.with_state(|state| routes::sign_in(settings, state, &found.id, "email", tenant));
        self.signed_in(found.id, issued)
    }

    /// A user whom the fake knows, and who is a member of the tenant.
    fn member(&self, user: &str, tenant: Option<&str>) -> FakeUser {
        let found = self.known_user(user);
        if let Some(tenant) = tenant {
            let member = found.grants.tenants.contains_key(tenant);
            assert!(
                member,
                "the user `{user}` is not a member of the tenant `{tenant}`"
            );
        }
        found
    }

    fn signed_in(&self, user_id: String, issued: Issued) -> SignedIn {
        let settings = self.settings();
        let names = self.with_state(|state| state.cookie_names.clone());
        let names = names.unwrap_or_else(|| {
            let own = |kind| settings.cookie_name(kind).to_owned();
            (own(TokenKind::Session), own(TokenKind::Refresh))
        });
        SignedIn::new(&names, user_id, issued)
    }

    /// Adds a user, or changes the one who has this login id. Tokens that are out stay as they
    /// are; the next refresh shows the change.
    pub fn set_user(&self, login_id: &str, change: impl FnOnce(FakeUser) -> FakeUser) {
        let user = self.with_state(|state| state.directory.user(login_id).cloned());
        let login_id = user.map_or(login_id.to_owned(), |user| user.login_id);
        self.with_state(|state| state.directory.set_user(&login_id, change));
    }

    /// Ends all sign-ins of a user, by user id or login id, as an administrator does.
    pub fn log_out(&self, user: &str) {
        self.with_state(|state| {
            let id = state.directory.user(user).map(|user| user.id.clone());
            let id = id.unwrap_or_else(|| user.into());
            state.families.log_out_user(&id);
        });
    }

    pub(super) fn known_user(&self, user: &str) -> FakeUser {
        let found = self.with_state(|state| state.directory.user(user).cloned());
        found.unwrap_or_else(|| {
            panic!("FakeDescope has no user `{user}`: add one with `FakeDescopeBuilder::user`")
        })
    }

    pub(super) fn settings(&self) -> &Settings {
        self.running.settings()
    }

    pub(super) fn with_state<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        self.running.with_state(act)
    }
}

impl fmt::Debug for FakeDescope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeDescope")
            .field("project_id", &self.project_id())
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}
