use super::{FakeDescope, TokenBuilder, settings::Time};
use crate::{Descope, DescopeBuilder, Rejection, Session};

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
    pub fn descope_builder(&self) -> DescopeBuilder {
        let builder = Descope::builder(self.project_id())
            .base_url(self.url())
            .danger_plain_http_base_url(true);
        match &self.settings().time {
            Time::Test(clock) => builder.clock(clock.clone()),
            Time::Real => builder,
        }
    }
}

impl TokenBuilder {
    /// The session of this token, through the real verifier: a value for unit tests of handlers,
    /// which nothing else can make.
    ///
    /// # Errors
    ///
    /// Why the token is no session.
    pub async fn verify(&self) -> Result<Session, Rejection> {
        self.fake.descope().verify(&self.token()).await
    }
}
