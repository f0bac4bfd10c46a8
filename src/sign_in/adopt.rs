use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::HeaderMap;

use super::{door::Door, signed_in::SignedIn};
use crate::{
    answer::SessionAnswer,
    client::RawAnswer,
    cookie::cookie_fields,
    descope::{AdoptRules, Descope, Offered, WantedTenant},
    error::Error,
    head::RequestHead,
    ids::UserId,
    token::{RefreshToken, SessionToken},
};

/// How long ago a session token may have been issued, unless told otherwise.
const MAX_AGE: Duration = Duration::from_secs(300);

/// The longest that can be set.
const MAX_MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// A sign-in to come: two tokens that are to become a browser's session. Await it.
///
/// Made by [`Descope::adopt`], [`Descope::adopt_answer`], [`Descope::verify_code`] and
/// [`Descope::exchange_code`]. What is checked, and what the errors are, is in the
/// [module](super#what-is-adopted) documentation.
///
/// # Panics
///
/// When it is awaited on a tokio runtime without timers; see [`Descope`](Descope#panics).
#[must_use = "nothing happens before it is awaited"]
pub struct Adopt {
    descope: Descope,
    /// The request's `Cookie` fields and nothing else.
    cookies: HeaderMap,
    source: Source,
    rules: AdoptRules,
    door: Door,
}

/// Where the tokens come from.
enum Source {
    Offered(Offered),
    /// A call that brings them.
    Call(Pin<Box<dyn Future<Output = Result<RawAnswer, Error>> + Send>>),
}

/// The future of an [`Adopt`].
#[must_use = "futures do nothing unless polled"]
pub struct AdoptFuture {
    inner: Pin<Box<dyn Future<Output = Result<SignedIn, Error>> + Send>>,
}

/// # Signing in
impl Descope {
    /// Makes two tokens the session of the browser that sent `request`: those that a page of Descope's
    /// own, another service or an SDK has received.
    ///
    /// Nothing is sent to Descope unless [`Adopt::rotate`] or
    /// [`select_only_tenant`](crate::DescopeBuilder::select_only_tenant) asks for it. The session that
    /// the browser had is ended: another user's also at Descope, which is not waited for
    /// ([`SignedIn::replaced`] names them), an older one of the same user here alone.
    ///
    /// The handler has to know that the request comes from a page of its own:
    /// [`check_same_origin`](Self::check_same_origin).
    ///
    /// ```
    /// # #[cfg(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use http::{HeaderMap, Response, header};
    /// use tower_descope::{RefreshToken, SessionToken, test_util::FakeDescope};
    ///
    /// let fake = FakeDescope::builder().user("ann@acme.test", |ann| ann.id("U2ann")).start().await;
    /// let descope = fake.descope();
    /// let tokens = fake.sign_in("ann@acme.test");
    ///
    /// let request = HeaderMap::new();
    /// let session = SessionToken::new(tokens.session_jwt());
    /// let refresh = RefreshToken::new(tokens.refresh_jwt());
    /// let signed_in = descope.adopt(&request, session, refresh).await?;
    /// assert_eq!(signed_in.session().user_id().as_str(), "U2ann");
    ///
    /// let mut response = Response::new("welcome");
    /// signed_in.set_cookies(response.headers_mut());
    /// assert_eq!(response.headers().get_all(header::SET_COOKIE).iter().count(), 2);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
    /// # fn main() {}
    /// ```
    ///
    /// # Panics
    ///
    /// When it is awaited on a tokio runtime without timers; see [`Descope`](Self#panics).
    ///
    /// # Errors
    ///
    /// When it is awaited, as the [module](crate::sign_in#what-is-adopted) says in detail:
    /// [`ErrorKind::InvalidRefreshToken`](crate::ErrorKind::InvalidRefreshToken) and
    /// [`ErrorKind::InvalidSessionToken`](crate::ErrorKind::InvalidSessionToken) for a token that is
    /// forged, or of another project or kind; [`ErrorKind::SessionEnded`](crate::ErrorKind::SessionEnded),
    /// [`ErrorKind::RefreshTokenReused`](crate::ErrorKind::RefreshTokenReused) and
    /// [`ErrorKind::RefreshTokenReplaced`](crate::ErrorKind::RefreshTokenReplaced) for one that is good no
    /// longer; [`ErrorKind::NotASignIn`](crate::ErrorKind::NotASignIn) and
    /// [`ErrorKind::AnonymousSession`](crate::ErrorKind::AnonymousSession) for good ones that sign nobody
    /// in; [`ErrorKind::KeysUnavailable`](crate::ErrorKind::KeysUnavailable) where they cannot be verified
    /// now; [`ErrorKind::CookieTooLarge`](crate::ErrorKind::CookieTooLarge). With [`Adopt::rotate`] also
    /// those of [`refresh`](Self::refresh).
    pub fn adopt(
        &self,
        request: &HeaderMap,
        session: SessionToken,
        refresh: RefreshToken,
    ) -> Adopt {
        let tokens = Offered::Tokens(session, refresh);
        Adopt::new(self, request, Source::Offered(tokens))
    }

    /// Returns `true` if the session's cookies are kept when this browser is closed: always or never, or,
    /// under [`CookieLife::Chosen`](crate::cookie::CookieLife::Chosen), as was chosen at sign-in. For a
    /// page that shows it.
    pub fn stays_signed_in(&self, request: &HeaderMap) -> bool {
        let root = http::Uri::default();
        let head = RequestHead::of_headers(request, &root);
        self.cookie_attributes(head).persistent
    }

    /// As [`adopt`](Self::adopt), with the session of an answer of [`refresh`](Self::refresh) or
    /// [`select_tenant`](Self::select_tenant).
    ///
    /// # Panics
    ///
    /// As [`adopt`](Self::adopt).
    ///
    /// # Errors
    ///
    /// As [`adopt`](Self::adopt).
    pub fn adopt_answer(&self, request: &HeaderMap, answer: SessionAnswer) -> Adopt {
        let answer = Offered::Answer(Box::new(answer));
        Adopt::new(self, request, Source::Offered(answer))
    }
}

impl Adopt {
    fn new(descope: &Descope, request: &HeaderMap, source: Source) -> Self {
        let root = http::Uri::default();
        // Without `Secure` are only answers to loopback over HTTP/1.1, where the host is a field.
        let head = RequestHead::of_headers(request, &root);
        Self {
            cookies: cookie_fields(request),
            source,
            rules: AdoptRules {
                rotate: false,
                max_age: MAX_AGE,
                allow_anonymous: false,
                remember: None,
                tenant: None,
                user: None,
                continues: false,
                insecure: descope.cookies().insecure_for(head),
            },
            descope: descope.clone(),
            door: Door::Handler,
        }
    }

    /// A sign-in whose tokens a call brings.
    pub(crate) fn by_call(
        descope: &Descope,
        request: &HeaderMap,
        call: impl Future<Output = Result<RawAnswer, Error>> + Send + 'static,
    ) -> Self {
        Self::new(descope, request, Source::Call(Box::pin(call)))
    }

    /// A sign-in by an answer that Descope has just given.
    pub(crate) fn by_answer(descope: &Descope, request: &HeaderMap, raw: RawAnswer) -> Self {
        let offered = Offered::SignIn(Box::new(raw));
        Self::new(descope, request, Source::Offered(offered))
    }

    /// By which a session of the browser's may go on, of `user` unless that is a visitor.
    pub(crate) fn continues(mut self, user: Option<UserId>) -> Self {
        self.rules.continues = true;
        self.rules.user = user;
        self
    }

    /// By another way than a handler of the application's own.
    pub(crate) fn by(mut self, door: Door) -> Self {
        self.door = door;
        self
    }

    /// Into this tenant: a sign-in of somebody who is not a member of it fails.
    pub(crate) fn tenant(mut self, tenant: Option<WantedTenant>) -> Self {
        self.rules.tenant = tenant;
        self
    }

    /// Sets whether the refresh token is exchanged for another one at once, for tokens that a script
    /// has seen: where the project rotates refresh tokens, what was seen is worth nothing from then on,
    /// here and at Descope. Where that fails, the sign-in fails. Default `false`.
    ///
    /// The token that was seen is answered for nobody afterwards, so a browser that does not receive the
    /// response signs in again.
    pub fn rotate(mut self, rotate: bool) -> Self {
        self.rules.rotate = rotate;
        self
    }

    /// Sets whether the session outlives the browser, under
    /// [`CookieLife::Chosen`](crate::cookie::CookieLife::Chosen). Default: `false`; for a user whose
    /// session the browser has already, what was chosen then.
    pub fn remember(mut self, remember: bool) -> Self {
        self.rules.remember = Some(remember);
        self
    }

    /// As [`remember`](Self::remember), where anything was said.
    pub(crate) fn remember_if_said(mut self, remember: Option<bool>) -> Self {
        self.rules.remember = remember;
        self
    }

    /// Sets how long ago the session token may have been issued. Default 300 seconds; more than a day
    /// counts as a day.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.rules.max_age = age.min(MAX_MAX_AGE);
        self
    }

    /// Sets whether the session of an [anonymous](crate::Session::is_anonymous) visitor is taken, too.
    /// Default `false`.
    pub fn allow_anonymous(mut self, allow: bool) -> Self {
        self.rules.allow_anonymous = allow;
        self
    }

    async fn run(self) -> Result<SignedIn, Error> {
        let Self {
            descope,
            cookies,
            source,
            rules,
            door,
        } = self;
        let result = match source {
            Source::Offered(offered) => Ok(offered),
            Source::Call(call) => call.await.map(|raw| Offered::SignIn(Box::new(raw))),
        };
        let result = match result {
            Ok(offered) => descope.adopt_offered(&cookies, offered, rules).await,
            Err(error) => Err(error),
        };
        door.log(&result);
        result.map(|adopted| SignedIn::new(descope, adopted))
    }
}

impl IntoFuture for Adopt {
    type Output = Result<SignedIn, Error>;
    type IntoFuture = AdoptFuture;

    fn into_future(self) -> AdoptFuture {
        AdoptFuture {
            inner: Box::pin(self.run()),
        }
    }
}

impl Future for AdoptFuture {
    type Output = Result<SignedIn, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.inner.as_mut().poll(cx)
    }
}

impl fmt::Debug for Adopt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adopt")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for AdoptFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdoptFuture").finish_non_exhaustive()
    }
}
