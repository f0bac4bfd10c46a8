use std::sync::Arc;

use super::{claims, fake::FakeDescope, settings::Time, token::TokenBuilder};
use crate::{Descope, DescopeBuilder, Rejection, Session, SessionToken};

impl FakeDescope {
    /// A handle to this fake: its project, its address, its clock.
    ///
    /// # Panics
    ///
    /// If no crypto backend is enabled.
    pub fn descope(&self) -> Descope {
        self.descope_builder()
            .build()
            .unwrap_or_else(|error| panic!("a handle to the fake can be built: {error}"))
    }

    /// Settings of a handle to this fake, for further ones.
    ///
    /// Where the variable `FAKE_DESCOPE_SESSION_CACHE` holds a number, that is how many verified
    /// sessions it may cache; so a whole suite can be run with the cache off (`0`).
    ///
    /// [`SignedIn::cookies`](super::SignedIn::cookies) follows the cookie names of the handle that
    /// this builds.
    pub fn descope_builder(&self) -> DescopeBuilder {
        let shared = Arc::clone(&self.running.shared);
        self.settings_of_a_handle()
            .tell_cookie_names(move |session, refresh| {
                let names = (session.to_owned(), refresh.to_owned());
                shared.with_state(|state| state.cookie_names = Some(names));
            })
    }

    fn settings_of_a_handle(&self) -> DescopeBuilder {
        let mut builder = Descope::builder(self.project_id())
            .base_url(self.url())
            .danger_plain_http_base_url(true);
        let cache = std::env::var("FAKE_DESCOPE_SESSION_CACHE").ok();
        if let Some(sessions) = cache.and_then(|sessions| sessions.parse().ok()) {
            builder = builder.session_cache(sessions);
        }
        match &self.settings().time {
            Time::Test(clock) => builder.clock(clock.clone()),
            Time::Real => builder,
        }
    }
}

impl TokenBuilder {
    /// A session in which the user has stepped up, `su: true`, at the time of its
    /// [`issued_at`](Self::issued_at).
    pub fn stepped_up(self) -> Self {
        self.claim("su", true)
    }

    /// A session in which somebody else acts as the user: `act`, as an object with the actor's id as
    /// `sub`.
    pub fn impersonated_by(self, actor: impl AsRef<str>) -> Self {
        self.claim("act", claims::actor(actor.as_ref()))
    }

    /// The session of this token, through the real verifier: a value for unit tests of handlers,
    /// which nothing else can make.
    ///
    /// # Errors
    ///
    /// Why the token is no session.
    ///
    /// # Panics
    ///
    /// If [`active`](Self::active) named a tenant of which the user is no member, or if no crypto
    /// backend is enabled.
    pub async fn verify(&self) -> Result<Session, Rejection> {
        // A handle of nobody's: the names of its cookies are nothing to follow.
        FakeDescope::of(Arc::clone(&self.running))
            .settings_of_a_handle()
            .build()
            .unwrap_or_else(|error| panic!("a handle to the fake can be built: {error}"))
            .verify(&SessionToken::new(self.token()))
            .await
    }
}
