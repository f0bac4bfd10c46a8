use std::{
    fmt,
    future::{Future, pending},
    time::{Duration, SystemTime},
};

use http::request::Parts;
use tokio::sync::watch;

use crate::{
    descope::{Descope, SharedLook, VerifiedRefresh, WatchedFamily},
    session::Session,
};

/// How often the shared state is asked at least, so that what is forgotten there after a while has been
/// seen.
const LOOK_EVERY: Duration = Duration::from_secs(300);

/// How long after a replica has told of a sign-out the shared state knows which session it is.
const SIGN_OUT_TAKES: Duration = Duration::from_millis(500);

/// The pause before the shared state is asked again whether another replica has renewed a session, and
/// how often: a connection whose session is over stays no longer open for that.
const ASK_AGAIN: Duration = Duration::from_secs(1);
const ASK_MOST: u32 = 30;

/// A watch over the session that a connection was opened with; see the [module](crate::watch).
///
/// It is no task and holds no lock: it costs a timer while somebody waits for it. Dropping it ends it.
#[must_use = "a watch does nothing until `ended` is awaited"]
pub struct SessionWatch {
    descope: Descope,
    session: Option<Session>,
    /// When the newest session ends that is known of its browser.
    until: SystemTime,
    family: Option<WatchedFamily>,
    /// Told of each mark that becomes known here.
    marks: Option<watch::Receiver<()>>,
    /// When the shared state was asked last, on the monotonic clock.
    looked_at: Duration,
    /// How often the shared state could not say at the end.
    unanswered: u32,
    end: Option<SessionEnd>,
}

/// The reason why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEnd {
    /// The request had no session to begin with.
    Missing,
    /// Its time is over, and its browser has no newer one.
    Expired,
    /// Its user signed out, or signed in anew in the same browser.
    SignedOut,
    /// A [`Mark`](crate::Mark) is about it: also where its user signed out at another replica.
    Revoked,
}

/// # Connections
impl Descope {
    /// Watches over the session of the request that opens a connection. `parts` are the request's own,
    /// from inside of the layer: for axum an extractor, for hyper and tonic what
    /// [`Request::into_parts`](http::Request::into_parts) makes.
    ///
    /// A session that has no end here but its own time: one whose request brought no refresh cookie.
    pub fn watch(&self, parts: &Parts) -> SessionWatch {
        let session = Session::from_extensions(&parts.extensions).ok().cloned();
        let family = session
            .as_ref()
            .and_then(|session| self.watched_family(parts, session));
        let marks = self.marks().map(|view| view.changes());
        SessionWatch {
            descope: self.clone(),
            until: session
                .as_ref()
                .map_or(SystemTime::UNIX_EPOCH, Session::expires_at),
            session,
            family,
            marks,
            looked_at: self.now().mono,
            unanswered: 0,
            end: None,
        }
    }
}

impl SessionWatch {
    /// Completes when the session is over, and at once from then on. It may be dropped and called again:
    /// nothing is lost, as in a branch of `tokio::select!`.
    ///
    /// # Panics
    ///
    /// On a tokio runtime without timers; see [`Descope`](Descope#panics).
    pub async fn ended(&mut self) -> SessionEnd {
        loop {
            if let Some(end) = self.known_end() {
                self.end = Some(end);
                return end;
            }
            let left = self.left();
            let look_in = self.look_in(left);
            if look_in.is_some_and(|it| it.is_zero()) {
                self.end = self.end_at_replicas(left.is_zero()).await;
                continue;
            }
            if left.is_zero() {
                self.end = Some(SessionEnd::Expired);
                continue;
            }
            let left = look_in.unwrap_or(left);
            let clock = self.descope.clock().clone();
            let family = self.family.as_mut().map(|family| &mut family.news);
            let (family, marks) = (next(family), next(self.marks.as_mut()));
            tokio::select! {
                biased;
                () = family => {}
                () = marks => {}
                () = clock.sleep(left) => {}
            }
        }
    }

    /// The session that the connection was opened with; `None` without one.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// The end, as far as it is known without waiting.
    fn known_end(&mut self) -> Option<SessionEnd> {
        let Some(session) = &self.session else {
            return Some(SessionEnd::Missing);
        };
        if self.end.is_some() {
            return self.end;
        }
        if let Some(family) = &mut self.family {
            let news = *family.news.borrow_and_update();
            if news.has_ended {
                return Some(SessionEnd::SignedOut);
            }
            self.until = self.until.max(news.session_end.unwrap_or(self.until));
        }
        session.revoked_at().map(|_| SessionEnd::Revoked)
    }

    /// How long the session is good yet.
    fn left(&self) -> Duration {
        let now = self.descope.now().date();
        self.until.duration_since(now).unwrap_or_default()
    }

    fn presented(&self) -> Option<&VerifiedRefresh> {
        self.family.as_ref()?.presented.as_deref()
    }

    /// In how long the shared state is to be asked: at the end of the session's time, after a sign-out of
    /// its user's, or where it was not asked for long. `None` without shared state.
    fn look_in(&self, left: Duration) -> Option<Duration> {
        let presented = self.presented()?;
        let now = self.descope.now().mono;
        let view = self.descope.marks();
        let signed_out = view.and_then(|view| view.signed_out_at(&presented.user));
        let signed_out = signed_out.filter(|at| *at >= self.looked_at);
        let at = signed_out.map_or(self.looked_at.saturating_add(LOOK_EVERY), |at| {
            at.saturating_add(SIGN_OUT_TAKES)
        });
        Some(at.saturating_sub(now).min(left))
    }

    /// The end that other replicas know of. At the end of its time the session is over unless one of them
    /// has renewed it.
    async fn end_at_replicas(&mut self, is_over: bool) -> Option<SessionEnd> {
        // Before it is asked: a mark that comes meanwhile is looked at once more.
        self.looked_at = self.descope.now().mono;
        let descope = self.descope.clone();
        let family = self.family.as_mut()?;
        let presented = family.presented.as_deref_mut()?;
        // In a box, so that the many who only wait have no room for it.
        match Box::pin(descope.look_at_replicas(presented)).await {
            SharedLook::Ended => Some(SessionEnd::SignedOut),
            SharedLook::RenewedUntil(end) if end > self.until => {
                self.until = end;
                self.unanswered = 0;
                None
            }
            SharedLook::Unknown if self.unanswered < ASK_MOST => {
                if is_over {
                    self.unanswered += 1;
                }
                Box::pin(descope.clock().deadline(ASK_AGAIN)).await;
                None
            }
            _ if is_over => Some(SessionEnd::Expired),
            _ => None,
        }
    }
}

/// Waits for the next change, if there is something that may change.
async fn next<T>(changes: Option<&mut watch::Receiver<T>>) {
    match changes {
        Some(changes) => match changes.changed().await {
            Ok(()) => {}
            Err(_) => pending().await,
        },
        None => pending().await,
    }
}

impl fmt::Debug for SessionWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionWatch")
            .field("session", &self.session)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// A watch is moved into whatever waits for it.
const _: fn() = || {
    fn is_send<T: Send>(_: T) {}
    fn is_waited_for(watch: &mut SessionWatch) -> impl Future<Output = SessionEnd> + Send {
        watch.ended()
    }
    let _ = (is_send::<SessionWatch>, is_waited_for);
};
