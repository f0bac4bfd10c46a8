use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::Extensions;
use serde::de::DeserializeOwned;

use super::{marks::SessionMarks, membership::read_claims, tenant_claims::TenantClaims};
use crate::{
    clock::{Clock, rfc3339, system_time},
    error::Error,
    ids::UserId,
    jwt::claims::{Claims, Tenants},
    rejection::{Rejection, RejectionKind},
    revocation::RevocationView,
};

/// A verified session: who the user is, which tenants they belong to, and until when.
///
/// A session is shared, not copied: cloning it is cheap. As an axum extractor (feature `axum`),
/// `Session` refuses requests without one. `Option<Session>`, behind
/// [`TenantLayer::optional`](crate::TenantLayer::optional), is `None` where the token is missing, or
/// has expired, or its session was [revoked](crate::revocation); anything else that is wrong is
/// still refused.
///
/// A handler that has a session serves somebody who has signed in: an
/// [anonymous](Self::is_anonymous) one is refused, and `None` to `Option<Session>`.
#[derive(Clone)]
pub struct Session {
    pub(super) shared: Arc<SessionShared>,
}

/// The claims come first, beside the count of the clones, since each request asks for them.
#[repr(C)]
pub(super) struct SessionShared {
    pub(super) claims: Claims,
    pub(super) tenant_claims: TenantClaims,
    /// The clock of the handle that verified it.
    pub(super) clock: Clock,
    /// Where that has revocation on.
    pub(super) marks: Option<SessionMarks>,
}

impl Session {
    /// Only for what has been verified. `marks` are those by which it may be refused.
    pub(crate) fn new(
        claims: Claims,
        tenant_claims: TenantClaims,
        clock: Clock,
        marks: Option<&Arc<RevocationView>>,
    ) -> Self {
        let marks = marks.map(|view| SessionMarks::new(view, &claims));
        Self {
            shared: Arc::new(SessionShared {
                claims,
                tenant_claims,
                clock,
                marks,
            }),
        }
    }

    /// The session that [`TenantLayer`](crate::TenantLayer) left in a request's extensions: for
    /// hyper, tonic and middleware. axum handlers name `Session` as an argument instead.
    ///
    /// # Errors
    ///
    /// Why there is none: what the layer found (in [`optional`](crate::TenantLayer::optional)
    /// mode), or [`RejectionKind::LayerMissing`] where no layer ran.
    /// [`RejectionKind::AnonymousSession`] for an [anonymous](Self::is_anonymous) one, whoever put it
    /// there.
    pub fn from_extensions(extensions: &Extensions) -> Result<&Self, Rejection> {
        let session = extensions.get::<Self>().ok_or_else(|| {
            extensions
                .get::<Rejection>()
                .cloned()
                .unwrap_or_else(|| Rejection::new(RejectionKind::LayerMissing))
        })?;
        session.require_signed_in()?;
        Ok(session)
    }

    /// The user: Descope's own id (`dsub`), else the token's `sub`. Of a session made from an
    /// access key, the key's id.
    pub fn user_id(&self) -> &UserId {
        &self.shared.claims.user
    }

    /// The token's `sub`, unchanged: another text than [`user_id`](Self::user_id) only where
    /// the project's JWT template overrides the subject.
    pub fn subject(&self) -> &str {
        let claims = &self.shared.claims;
        claims.table.text(claims.subject)
    }

    /// The token's issuer, unchanged.
    pub fn issuer(&self) -> &str {
        let claims = &self.shared.claims;
        claims.table.text(claims.issuer)
    }

    /// When the session token expires (`exp`), at most the year 9999.
    pub fn expires_at(&self) -> SystemTime {
        system_time(self.shared.claims.times.expires)
    }

    /// How long the session token is still good, by the clock of the [`Descope`](crate::Descope)
    /// that verified it, which tests may move; zero once it has expired.
    ///
    /// ```
    /// # #[cfg(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use tower_descope::{SessionToken, test_util::{FakeDescope, TestClock}};
    ///
    /// let clock = TestClock::new();
    /// let fake = FakeDescope::builder().clock(clock.clone()).start().await;
    /// let token = SessionToken::new(fake.session("U2ann").expires_in(600).token());
    /// let session = fake.descope().verify(&token).await?;
    /// clock.advance(Duration::from_secs(400));
    /// assert_eq!(session.expires_in().as_secs().div_ceil(10), 20);
    /// clock.advance(Duration::from_secs(400));
    /// assert_eq!(session.expires_in(), Duration::ZERO);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
    /// # fn main() {}
    /// ```
    pub fn expires_in(&self) -> Duration {
        self.expires_at()
            .duration_since(self.now())
            .unwrap_or_default()
    }

    /// The time, by the clock of the handle that verified the session.
    pub(super) fn now(&self) -> SystemTime {
        self.shared.clock.now().date()
    }

    /// When the session token was issued (`iat`), if it says so.
    pub fn issued_at(&self) -> Option<SystemTime> {
        self.shared.claims.times.issued.map(system_time)
    }

    /// When the matching refresh token expires (`rexp`), if the token says so: after it the user
    /// must sign in again.
    pub fn refresh_expires_at(&self) -> Option<SystemTime> {
        let claims = &self.shared.claims;
        rfc3339(claims.table.text(claims.refresh_expires_at?))
    }

    /// How the user signed in (`amr`), for example `email`, `pwd`, `mfa`.
    pub fn authentication_methods(&self) -> impl Iterator<Item = &str> {
        let claims = &self.shared.claims;
        claims.table.list(claims.authentication_methods)
    }

    /// `true` if this is the session of a visitor who has not signed in, which Descope makes for
    /// anonymous users (`danu`, whatever it says but `false` and `null`).
    ///
    /// [`TenantLayer`](crate::TenantLayer), [`Descope::verify`](crate::Descope::verify), the
    /// extractors and both `from_extensions` refuse such a session, so that no handler takes a
    /// visitor for a user, and [`active_tenant`](Self::active_tenant) knows no tenant of it; a handler that
    /// serves visitors names [`Visitor`](crate::Visitor). One that was refreshed is in [`SessionAnswer::session`](crate::SessionAnswer::session) all the same:
    /// ask there.
    pub fn is_anonymous(&self) -> bool {
        self.shared.claims.anonymous
    }

    /// Reads the whole payload as a type of one's own, for custom claims.
    ///
    /// ```
    /// # use tower_descope::{Error, Session};
    /// #[derive(serde::Deserialize)]
    /// struct Plan {
    ///     plan: String,
    /// }
    ///
    /// fn plan(session: &Session) -> Result<String, Error> {
    ///     Ok(session.claims::<Plan>()?.plan)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidClaims`](crate::ErrorKind::InvalidClaims) if the payload does not fit
    /// `T`.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, Error> {
        read_claims(self.payload())
    }

    /// Asks that this is the user whom a page was rendered for.
    ///
    /// In one tab somebody else signs in; the other still shows the form of the user before. Let the
    /// form carry the user's id, and compare it here before writing, as
    /// [`ActiveTenant::require_id`](crate::ActiveTenant::require_id) does for the tenant.
    ///
    /// # Errors
    ///
    /// [`RejectionKind::UserMismatch`] if the session is another user's now.
    pub fn require_user_id(&self, rendered_for: &UserId) -> Result<(), Rejection> {
        if self.user_id() == rendered_for {
            Ok(())
        } else {
            Err(Rejection::because(
                RejectionKind::UserMismatch,
                "rendered_for_another_user",
            ))
        }
    }

    /// Refuses an anonymous session.
    #[inline]
    pub(crate) fn require_signed_in(&self) -> Result<(), Rejection> {
        if self.is_anonymous() {
            return Err(Rejection::new(RejectionKind::AnonymousSession));
        }
        Ok(())
    }

    /// Returns `true` if both are clones of one session.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// The verified payload: one JSON object.
    pub(crate) fn payload(&self) -> &str {
        self.shared.claims.table.payload()
    }

    /// The verified claims, for what is checked about a token beyond its session.
    #[inline]
    pub(crate) fn verified(&self) -> &Claims {
        &self.shared.claims
    }

    /// The memory that the session takes, in bytes, with what the allocator adds to each piece.
    pub(crate) fn heap_bytes(&self) -> usize {
        /// Two counters of an `Arc`.
        const COUNTERS: usize = 16;
        /// The surplus that allocators commonly add to the pieces of a session.
        const PIECES: usize = 6 * 16;
        let claims = &self.shared.claims;
        let listed = match &claims.tenants {
            Tenants::Listed(entries) => size_of_val(&**entries),
            Tenants::None | Tenants::Unusable => 0,
        };
        let ids = claims.user.as_str().len()
            + claims.current_tenant().map_or(0, |id| id.as_str().len())
            + 2 * COUNTERS;
        COUNTERS + size_of::<SessionShared>() + claims.table.heap_bytes() + listed + ids + PIECES
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("user_id", self.user_id())
            .field("current_tenant", &self.current_tenant())
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}
