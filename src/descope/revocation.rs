//! Revocation: the setting, the marks that are made, the status.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinHandle;

use super::{builder::DescopeBuilder, handle::Descope, present::PresentedRefresh};
use crate::{
    error::Error,
    ids::UserId,
    revocation::{CutMark, Mark, MarkName, Revocation, RevocationStatus, RevocationView},
    shared::Replica,
};

/// How long a sign-out waits for the shared state to take its marks: they hold here at once, and are told
/// in the background as long as that takes.
const PATIENCE: Duration = Duration::from_millis(250);

impl DescopeBuilder {
    /// Refuses sessions that were revoked, before their time is over: after a sign-out, and wherever
    /// [`Descope::revoke`] says so. Default: off, and a session token is good until it expires. See
    /// [`revocation`](crate::revocation) for what that is and costs.
    ///
    /// Give every replica the same.
    pub fn revocation(mut self, revocation: Revocation) -> Self {
        self.revocation = Some(revocation);
        self
    }

    /// The marks of a new handle.
    pub(super) fn marks(
        &self,
        shared: Option<&Replica>,
    ) -> Result<Option<Arc<RevocationView>>, Error> {
        let Some(revocation) = &self.revocation else {
            return Ok(None);
        };
        revocation.check()?;
        let view = Arc::new(RevocationView::new(revocation.clone(), self.clock.clone()));
        if let Some(shared) = shared {
            shared.inform(&view);
        }
        Ok(Some(view))
    }
}

/// # Revocation
impl Descope {
    /// Refuses sessions from now on: here at once, and on all replicas that
    /// [share their state](DescopeBuilder::shared_state) within a fraction of a second. Nothing is said to
    /// Descope: where a user should not come in again, tell it, too.
    ///
    /// ```
    /// # #[cfg(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_descope::{Mark, Revocation, SessionToken, TenantId, test_util::FakeDescope};
    ///
    /// let fake = FakeDescope::start().await;
    /// let builder = fake.descope_builder().revocation(Revocation::available());
    /// let descope = builder.build()?;
    /// let of_acme = SessionToken::new(fake.session("U1").tenant("acme", |t| t).token());
    /// let of_other = SessionToken::new(fake.session("U2").tenant("other", |t| t).token());
    ///
    /// descope.revoke(Mark::tenant(&TenantId::new("acme")?)).await?;
    /// assert!(descope.verify(&of_acme).await.is_err());
    /// assert!(descope.verify(&of_other).await.is_ok());
    /// # Ok(())
    /// # }
    /// # #[cfg(not(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) without
    /// [`revocation`](DescopeBuilder::revocation), for a mark about what is no session token, or where
    /// there is no room for one more ([`Revocation::max_marks`]).
    /// [`ErrorKind::SharedStateUnavailable`](crate::ErrorKind::SharedStateUnavailable) where other
    /// replicas could not be told: the mark holds here, and they are told as soon as the shared state can
    /// be reached, while this process runs.
    pub async fn revoke(&self, mark: Mark) -> Result<(), Error> {
        let view = self.revocable()?;
        let name = mark.name()?;
        tracing::info!(?mark, "sessions are revoked");
        self.mark_and_tell(view, &[name]).await
    }

    /// As [`revoke`](Self::revoke), of several at once, which are told together and logged by the caller.
    ///
    /// # Errors
    ///
    /// As `revoke`; all of them hold here, or none.
    pub(crate) async fn revoke_all(&self, marks: &[Mark]) -> Result<(), Error> {
        let view = self.revocable()?;
        let names: Result<Vec<_>, _> = marks.iter().map(Mark::name).collect();
        self.mark_and_tell(view, &names?).await
    }

    fn revocable(&self) -> Result<&Arc<RevocationView>, Error> {
        self.marks().ok_or_else(|| {
            Error::config("nothing is revoked: switch it on with DescopeBuilder::revocation")
        })
    }

    async fn mark_and_tell(&self, view: &RevocationView, names: &[MarkName]) -> Result<(), Error> {
        let marks = view.mark(names, self.now());
        if let Some(shared) = self.sharing() {
            shared.tell_marks(view, &marks).await?;
        }
        if view.knows(names) {
            Ok(())
        } else {
            Err(Error::config(
                "there are more marks than Revocation::max_marks allows: this one does not hold here; raise it",
            ))
        }
    }

    /// The status of revocation; `None` without [`revocation`](DescopeBuilder::revocation). For a health
    /// check, or a gauge of one's own.
    pub fn revocation_status(&self) -> Option<RevocationStatus> {
        self.marks().map(|view| view.status())
    }

    /// The marks by which sessions may be refused, where revocation is on.
    pub(crate) fn marks(&self) -> Option<&Arc<RevocationView>> {
        self.inner.verifier.marks.as_ref()
    }

    /// Marks what was ended by a sign-out: here at once. Waits a little for the shared state to take it.
    pub(super) async fn mark(&self, names: Vec<MarkName>) {
        let Some(view) = self.marks() else { return };
        if names.is_empty() {
            return;
        }
        let marks = view.mark(&names, self.now());
        self.tell_soon(view, marks).await;
    }

    /// Tells other replicas of marks. Waits a little for the shared state to take them.
    async fn tell_soon(&self, view: &Arc<RevocationView>, marks: Vec<CutMark>) {
        let Some(telling) = self.tell_in_background(view, marks) else {
            return;
        };
        tokio::select! {
            biased;
            _ = telling => {}
            () = self.clock().deadline(PATIENCE) => {}
        }
    }

    /// Tells other replicas of marks, whoever goes away; `None` where there are none to tell.
    pub(super) fn tell_in_background(
        &self,
        view: &Arc<RevocationView>,
        marks: Vec<CutMark>,
    ) -> Option<JoinHandle<()>> {
        let shared = self.sharing()?.clone();
        let runtime = tokio::runtime::Handle::try_current().ok()?;
        let view = Arc::clone(view);
        // What fails is tried again by the task that reads marks.
        Some(runtime.spawn(async move {
            if let Err(error) = shared.tell_marks(&view, &marks).await {
                tracing::debug!(%error, "other replicas are told of a sign-out later");
            }
        }))
    }

    /// Marks the sessions of a family that is signed out, as far as this process knows them; with
    /// `everywhere` all sessions of its user, and `also` is told, too.
    pub(super) async fn mark_signed_out(
        &self,
        presented: &PresentedRefresh,
        everywhere: bool,
        also: Option<CutMark>,
    ) {
        let Some(view) = self.marks() else { return };
        if everywhere {
            let user = &presented.verified.user;
            // It fails without a crypto backend only, and then nothing was verified either.
            let names: Vec<_> = Mark::user(user).name().into_iter().collect();
            let mut marks = view.mark(&names, self.now());
            marks.extend(also);
            self.tell_soon(view, marks).await;
        } else {
            let mut names = presented.family.given_sessions(view.horizon());
            // For connections at other replicas, which know the session by an earlier token.
            names.extend(MarkName::sign_out(&presented.verified.user));
            self.mark(names).await;
        }
    }

    /// Marks all sessions of a user.
    pub(super) async fn mark_user(&self, user: &UserId) {
        // It fails without a crypto backend only, and then nothing was verified either.
        self.mark(Mark::user(user).name().into_iter().collect())
            .await;
    }
}
