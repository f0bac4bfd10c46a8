use std::{
    fmt,
    future::{Future, pending},
    time::{Duration, SystemTime},
};

use http::request::Parts;
use tokio::sync::watch;

use super::look::{Look, LookAnswer};
use crate::{
    descope::{Descope, SharedLook, VerifiedRefresh, WatchedFamily},
    session::Session,
};

/// How often the shared state is asked at least, so that what is forgotten there after a while has been
/// seen.
const LOOK_EVERY: Duration = Duration::from_secs(300);

/// How long after a replica has told of a sign-out the shared state knows which session it is, as a rule.
const SIGN_OUT_TAKES: Duration = Duration::from_millis(500);

/// How long after that it may still not know: the sign-out waits for its turn behind a slow call.
const SIGN_OUT_SETTLES: Duration = Duration::from_secs(60);

/// How often the shared state is asked in a row, once a second, while it cannot say: a connection whose
/// session is over stays no longer open for that.
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
    /// When the look at the shared state began that was answered last, on the monotonic clock.
    looked_at: Duration,
    /// The look that has begun. Here, and not in the future of `ended`, which may be dropped.
    look: Option<Box<Look>>,
    /// How often in a row the shared state could not say.
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
            look: None,
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
            if self.look.is_none() && look_in.is_some_and(|it| it.is_zero()) {
                self.look = self.begin_look(left.is_zero());
            }
            if self.look.is_none() && left.is_zero() {
                self.end = Some(SessionEnd::Expired);
                continue;
            }
            let clock = self.descope.clock().clone();
            let pause = look_in.unwrap_or(left);
            let is_looking = self.look.is_some();
            let family = self.family.as_mut().map(|family| &mut family.news);
            let (family, marks) = (next(family), next(self.marks.as_mut()));
            let look = &mut self.look;
            let answer = tokio::select! {
                biased;
                () = family => None,
                () = marks => None,
                answer = answered(look) => Some(answer),
                () = clock.sleep(pause), if !is_looking => None,
            };
            if let Some(answer) = answer {
                self.look = None;
                self.end = self.end_by(answer);
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
        // More and more seldom, until whichever session it was has ended for sure.
        let after_sign_out = signed_out.and_then(|at| {
            let looked = self.looked_at.saturating_sub(at);
            let pause = SIGN_OUT_TAKES.max(looked.saturating_mul(2));
            (looked < SIGN_OUT_SETTLES).then(|| at.saturating_add(pause))
        });
        let usual = self.looked_at.saturating_add(LOOK_EVERY);
        let at = after_sign_out.map_or(usual, |at| at.min(usual));
        Some(at.saturating_sub(now).min(left))
    }

    /// Begins to ask what other replicas know of the session. At the end of its time (`is_over`) it is over
    /// unless one of them has renewed it.
    fn begin_look(&self, is_over: bool) -> Option<Box<Look>> {
        let presented = self.presented()?.clone();
        Some(Box::new(Look::new(
            self.descope.clone(),
            presented,
            is_over,
        )))
    }

    /// The end by what other replicas know, if they say so.
    fn end_by(&mut self, answer: LookAnswer) -> Option<SessionEnd> {
        let LookAnswer {
            began,
            is_over,
            presented,
            look,
        } = answer;
        if let Some(newest) = self.family.as_mut().and_then(|it| it.presented.as_mut()) {
            **newest = presented;
        }
        if matches!(look, SharedLook::Unknown) && self.unanswered < ASK_MOST {
            self.unanswered += 1;
            return None;
        }
        self.unanswered = 0;
        // From its beginning on: a mark that came meanwhile is looked at once more.
        self.looked_at = began;
        match look {
            SharedLook::Ended => Some(SessionEnd::SignedOut),
            SharedLook::RenewedUntil(end) if end > self.until => {
                self.until = end;
                None
            }
            _ if is_over => Some(SessionEnd::Expired),
            _ => None,
        }
    }
}

/// Waits for the look that has begun, if one has.
async fn answered(look: &mut Option<Box<Look>>) -> LookAnswer {
    match look {
        Some(look) => look.answer().await,
        None => pending().await,
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
