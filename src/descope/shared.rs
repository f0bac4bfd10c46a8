//! The state that a handle shares with other replicas: its setting, its status, its ticks.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Weak,
    time::Duration,
};

use super::{
    builder::DescopeBuilder,
    handle::{Descope, DescopeInner},
};
use crate::{
    error::Error,
    ids::UserId,
    shared::{Replica, SharedState, SharedStatus},
};

/// How often all replicas are asked what they know alike.
const TICK: Duration = Duration::from_secs(1);

impl DescopeBuilder {
    /// Shares the use of refresh tokens with the other replicas of this service, so that a browser may go
    /// to any of them. Default: nothing is shared, and this process is taken for the only one.
    ///
    /// Give every replica the same, and the same settings of this builder. With
    /// [`rotation(false)`](Self::rotation) no refresh token is claimed, since none can be used twice.
    ///
    /// ```
    /// use tower_descope::{Descope, SharedState};
    ///
    /// # #[cfg(feature = "test-util")] {
    /// // In a service: `SharedState::redis(RedisSettings::new(url, secret))`.
    /// let shared = SharedState::in_memory();
    /// let descope = Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z")
    ///     .shared_state(shared)
    ///     .build()?;
    /// # }
    /// # Ok::<(), tower_descope::Error>(())
    /// ```
    pub fn shared_state(mut self, state: SharedState) -> Self {
        self.shared_state = Some(state);
        self
    }
}

impl Descope {
    /// The status of the state that this replica shares with others; `None` without
    /// [`shared_state`](crate::DescopeBuilder::shared_state).
    pub fn shared_status(&self) -> Option<SharedStatus> {
        self.inner.shared.as_ref().map(Replica::status)
    }

    /// The shared state, where refresh tokens are claimed: not where the project does not rotate them,
    /// for there nothing can be used twice.
    pub(crate) fn claims(&self) -> Option<&Replica> {
        self.sharing().filter(|_| self.inner.rotation)
    }

    /// The state that this replica shares with others, if it does.
    pub(super) fn sharing(&self) -> Option<&Replica> {
        let shared = self.inner.shared.as_ref()?;
        self.keep_ticking(shared);
        Some(shared)
    }

    /// How much of the window before a session's end counts for a user: where replicas share their state
    /// and Descope's limit of calls, between half and all of it, so that the sessions of many users who
    /// began at once are not renewed in one second.
    #[inline]
    pub(crate) fn early_share(&self, user: &UserId) -> f64 {
        if self.inner.shared.is_none() {
            return 1.0;
        }
        let mut hasher = DefaultHasher::new();
        user.as_str().hash(&mut hasher);
        let [byte, ..] = hasher.finish().to_le_bytes();
        f64::from(byte).mul_add(0.5 / 255.0, 0.5)
    }

    /// Asks the store for the first time, if there is one.
    pub(super) async fn warm_up_shared(&self) -> Result<(), Error> {
        let Some(shared) = &self.inner.shared else {
            return Ok(());
        };
        self.keep_ticking(shared);
        shared.tick(None).await?;
        match self.marks() {
            Some(view) => shared.learn_marks(view).await,
            None => Ok(()),
        }
    }

    /// Waits until the store has been told all that it is to be told, for `limit` at most.
    pub(super) async fn drain_shared(&self, limit: Duration) {
        let Some(shared) = &self.inner.shared else {
            return;
        };
        shared.deliver(self.inner.queue.take_delivered());
        let all_told = async {
            shared.drained().await;
            if let Some(view) = self.marks() {
                shared.all_marks_told(view).await;
            }
        };
        tokio::select! {
            biased;
            () = all_told => {}
            () = self.clock().deadline(limit) => {
                tracing::error!("the process ends before the shared state was told all");
            }
        }
    }

    /// Sees to it that the replicas' common knowledge is asked for, from the first use on and as long as
    /// the handle lives.
    fn keep_ticking(&self, shared: &Replica) {
        let Some(ticking) = shared.begin_ticking() else {
            return;
        };
        let handle = std::sync::Arc::downgrade(&self.inner);
        ticking.run(self.clock().clone(), TICK, move || tick(handle.clone()));
    }
}

/// Tells all replicas what this one has learned, and learns from them. Returns `false` once the handle
/// is gone.
async fn tick(handle: Weak<DescopeInner>) -> bool {
    let Some(inner) = handle.upgrade() else {
        return false;
    };
    let descope = Descope { inner };
    if let Some(shared) = &descope.inner.shared {
        let queue = &descope.inner.queue;
        shared.deliver(queue.take_delivered());
        let news = queue.slow_down_news();
        let left = news.and_then(|news| news.left(descope.now()));
        if let Ok(tick) = shared.tick(left).await {
            queue.note_slow_down(news, tick.slow_down);
        }
    }
    true
}
