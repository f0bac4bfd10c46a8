//! A scripted flow: what the sign-in component is shown, step by step.

use serde_json::{Map, Value};

use super::{attempts::Provider, routes};

/// A flow of the fake project, as a script; made by [`FakeDescopeBuilder::flow`].
///
/// The steps come in the order of the calls. What the flow ends with is said once, wherever in the
/// script; without a word it [`completes`](Self::completes).
///
/// ```
/// # use tower_descope::test_util::FakeDescope;
/// let builder = FakeDescope::builder()
///     .flow("sign-up-or-in", |f| f.asks_login().asks_code().completes())
///     .flow("google", |f| f.redirects("google").trusts_device())
///     .flow("by-link", |f| f.asks_login().sends_link())
///     .flow("step-up", |f| f.asks_code().output(serde_json::json!({"rememberMe": true})))
///     .flow("closed", |f| f.asks_login().fails("E102001"));
/// ```
///
/// [`FakeDescopeBuilder::flow`]: super::FakeDescopeBuilder::flow
#[derive(Clone, Debug)]
#[must_use]
pub struct FakeFlow {
    pub(super) steps: Vec<Step>,
    pub(super) end: End,
    pub(super) output: Map<String, Value>,
    pub(super) trusts_device: bool,
    pub(super) knows_device: bool,
    /// The configuration does not say which screen is the first.
    pub(super) hides_first_screen: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Screen { html: String, asks: Asks },
    Redirect(Provider),
    Poll { times: u32 },
    Link { elsewhere: bool },
}

/// The question that the input of a screen must answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    Nothing,
    Login,
    Code,
}

#[derive(Clone, Debug)]
pub(super) enum End {
    Completes {
        login_id: Option<String>,
        authenticated: bool,
    },
    Anonymously,
    WithoutSession,
    Fails(String),
}

/// A screen for a question that the script has no screen for. The component calls an input by its `name`
/// and a button by its `id`; older ones look at no buttons but Descope's.
fn own_screen(field: &str, label: &str) -> String {
    format!(
        r#"<label>{label} <input name="{field}" required></label> <p data-type="error-message" role="alert"></p> <descope-button id="submit" data-type="button">Continue</descope-button>"#
    )
}

/// The screen that is shown while the component asks again and again, which it does by itself where there is an
/// element of this type.
pub(super) const WAITING: &str = r#"<p>Please wait, or open the link that was sent to you.</p> <p data-type="error-message" role="alert"></p> <div data-type="polling"></div>"#;

/// The screen that is shown where a link was opened that leads on elsewhere.
pub(super) const OPENED: &str = "<p>Go on where you have asked for this link.</p>";

impl FakeFlow {
    pub(super) fn new() -> Self {
        Self {
            steps: Vec::new(),
            end: End::Completes {
                login_id: None,
                authenticated: true,
            },
            output: Map::new(),
            trusts_device: false,
            knows_device: false,
            hides_first_screen: false,
        }
    }

    /// A screen with this HTML, which is served at `/pages/…/{screen}.html`. Whatever is submitted
    /// passes it, unless the next word of the script says what it asks.
    pub fn screen(mut self, html: impl Into<String>) -> Self {
        self.steps.push(Step::Screen {
            html: html.into(),
            asks: Asks::Nothing,
        });
        self
    }

    /// The screen asks who it is: the input names a login id, as `loginId` or `email`. A user whom the
    /// fake does not know is created when the flow completes. Where the word before was not
    /// [`screen`](Self::screen), the fake has one of its own.
    pub fn asks_login(self) -> Self {
        self.asks(Asks::Login, || own_screen("loginId", "E-mail"))
    }

    /// The screen asks for the one-time code: the input's `code` must be
    /// [`ONE_TIME_CODE`](super::FakeDescope::ONE_TIME_CODE). With another one the answer has
    /// `E061102` in its `error`, and the flow stays where it is. Where the word before was not
    /// [`screen`](Self::screen), the fake has one of its own.
    pub fn asks_code(self) -> Self {
        self.asks(Asks::Code, || own_screen("code", "Code"))
    }

    /// Leads to an OAuth provider, which is the fake's own [page](super::FakeDescope#identity-providers). The
    /// browser comes back to the flow's `options.redirectUrl`, else to `options.location`, with
    /// `descope-login-flow={executionId}_{stepId}` and `code` or `err` in the query.
    ///
    /// # Panics
    ///
    /// If no provider can be called so.
    pub fn redirects(mut self, provider: &str) -> Self {
        let is_provider = routes::is_provider(provider);
        assert!(is_provider, "`{provider}` is no name of an OAuth provider");
        self.steps
            .push(Step::Redirect(Provider::OAuth(provider.into())));
        self
    }

    /// Leads to the identity provider of a tenant, as [`redirects`](Self::redirects) does to one for
    /// all. Where the start of the flow names a tenant, `options.tenant`, it is that one.
    pub fn single_sign_on(mut self, tenant: impl Into<String>) -> Self {
        self.steps
            .push(Step::Redirect(Provider::Sso(tenant.into())));
        self
    }

    /// Shows a screen on which the component asks again and again; the answer to the `times`-th poll has
    /// the next step.
    ///
    /// # Panics
    ///
    /// If it is never to ask.
    pub fn polls(mut self, times: u32) -> Self {
        assert!(times > 0, "a flow that polls does so once at least");
        self.steps.push(Step::Poll { times });
        self
    }

    /// Sends a magic link to the login id that was asked for. It goes to
    /// [`FakeDescope::links`](super::FakeDescope::links). Whichever browser brings the link's token as
    /// `input.token` goes on with the flow, while the first one [polls](Self::polls).
    pub fn sends_link(mut self) -> Self {
        self.steps.push(Step::Link { elsewhere: false });
        self
    }

    /// Sends an enchanted link: as a [magic link](Self::sends_link), but it is the polling browser that
    /// goes on once the token was brought. The answer to the token is a screen that says so.
    pub fn sends_enchanted_link(mut self) -> Self {
        self.steps.push(Step::Link { elsewhere: true });
        self
    }

    /// The answer that completes the flow brings a `trustedDeviceJwt`: a token with `drn: "DTD"`, or,
    /// where refresh tokens are cookies, a cookie of that name. Its claims are a **guess**.
    pub fn trusts_device(mut self) -> Self {
        self.trusts_device = true;
        self
    }

    /// The answer that completes the flow brings a `knownDeviceJwt`, as
    /// [`trusts_device`](Self::trusts_device) says, with `DKD`.
    pub fn knows_device(mut self) -> Self {
        self.knows_device = true;
        self
    }

    /// The `output` of the answer that completes the flow.
    ///
    /// # Panics
    ///
    /// If it is no JSON object.
    pub fn output(mut self, output: Value) -> Self {
        match output {
            Value::Object(output) => self.output = output,
            other => panic!("the output of a flow is an object, not {other}"),
        }
        self
    }

    /// Does not tell the component which screen is the first one, as flows do that begin with a
    /// condition: it starts the flow before it shows anything, and hands a `code` or a token of its
    /// page's URL to that start.
    pub fn hides_first_screen(mut self) -> Self {
        self.hides_first_screen = true;
        self
    }

    /// Ends with a session: of whoever has signed in on the way, else of the login id that was asked
    /// for, else of the user whose refresh token came with the call.
    pub fn completes(mut self) -> Self {
        self.end = End::Completes {
            login_id: None,
            authenticated: true,
        };
        self
    }

    /// Ends with a session of this user, by login id, whoever it was on the way.
    pub fn completes_as(mut self, login_id: impl Into<String>) -> Self {
        self.end = End::Completes {
            login_id: Some(login_id.into()),
            authenticated: true,
        };
        self
    }

    /// Ends well, with neither `authInfo` nor tokens.
    pub fn completes_without_session(mut self) -> Self {
        self.end = End::WithoutSession;
        self
    }

    /// Ends with a session that nobody has signed in for: without `amr`.
    pub fn completes_without_authentication(mut self) -> Self {
        self.end = End::Completes {
            login_id: None,
            authenticated: false,
        };
        self
    }

    /// Ends with a session of an [anonymous](super::FakeUser::anonymous) user, a new one each time.
    pub fn completes_anonymously(mut self) -> Self {
        self.end = End::Anonymously;
        self
    }

    /// Ends with an error: status 400 and this `errorCode`. That a flow fails so is a **guess**.
    pub fn fails(mut self, error_code: impl Into<String>) -> Self {
        self.end = End::Fails(error_code.into());
        self
    }

    fn asks(mut self, question: Asks, own: impl FnOnce() -> String) -> Self {
        match self.steps.last_mut() {
            Some(Step::Screen { asks, .. }) if *asks == Asks::Nothing => *asks = question,
            _ => self.steps.push(Step::Screen {
                html: own(),
                asks: question,
            }),
        }
        self
    }

    /// The step whose screen is shown at a step: its own, or the last one before it.
    pub(super) fn screen_at(&self, step: usize) -> Option<usize> {
        let has_own = |step: &Step| !matches!(step, Step::Redirect(_));
        self.last_to(step, has_own)
    }

    /// The last step, up to this one, that asks something.
    pub(super) fn question_at(&self, step: usize) -> Option<usize> {
        self.last_to(step, |step| matches!(step, Step::Screen { .. }))
    }

    fn last_to(&self, step: usize, is_it: impl Fn(&Step) -> bool) -> Option<usize> {
        self.steps.iter().take(step + 1).rposition(is_it)
    }
}

/// The id of a flow's screen, which is its file's name, too. Flow ids have no dot.
pub(super) fn screen_id(flow_id: &str, step: usize) -> String {
    format!("{flow_id}.{}", step + 1)
}

/// The id of the screen where a link of that step was opened that leads on elsewhere.
pub(super) fn opened_id(flow_id: &str, step: usize) -> String {
    format!("{}-opened", screen_id(flow_id, step))
}

/// Returns `true` if a flow can be called so: its id is part of the names of files, and the component
/// takes a return's execution and step apart at the first `_`.
pub(super) fn is_flow_id(id: &str) -> bool {
    !id.is_empty()
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
