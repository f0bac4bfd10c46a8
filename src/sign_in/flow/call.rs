//! One call of a flow on its way: admitted, sent to Descope, answered without a token.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header, request::Parts};
use http_body::Body;

use super::{
    answer::{FlowAnswer, NONCE},
    binding::Binding,
    body::FlowBody,
    device,
    refusal::{Failed, FlowRefusal},
    replay::Answered,
    settings::Remember,
    shared::Shared,
};
use crate::{
    client::{FlowCall, FlowStep, PassedReply, RawAnswer},
    cookie::CookieAttributes,
    descope::{PresentedRefresh, device_tokens},
    endpoint::{ResponseBody, finish},
    error::Error,
    rejection::REJECTION_HEADER,
    sign_in::{Adopt, Door, SignedIn},
    telemetry,
    token::{OpaqueToken, RefreshToken, SessionToken},
};

/// The longest header of a page's that is passed on.
const MAX_HEADER: usize = 512;

/// The most characters of a page's text that are logged.
const MAX_LOGGED: usize = 128;

/// How long a call with a refresh token may take: renewals of that session wait for it.
const SIGNED_IN_TIMEOUT: Duration = Duration::from_secs(15);

/// The headers of a page's request that are passed on, if they are plain.
const PASSED_ON: [HeaderName; 6] = [
    HeaderName::from_static("x-descope-sdk-name"),
    HeaderName::from_static("x-descope-sdk-version"),
    HeaderName::from_static("x-descope-sdk-session-id"),
    NONCE,
    header::USER_AGENT,
    header::ACCEPT_LANGUAGE,
];

/// One request, without its body.
pub(super) struct FlowRequest {
    pub(super) shared: Arc<Shared>,
    pub(super) request: Parts,
    pub(super) attributes: CookieAttributes,
}

/// A call that was admitted.
pub(super) struct Admitted {
    pub(super) step: FlowStep,
    pub(super) body: FlowBody,
    pub(super) bytes: Vec<u8>,
    /// True if this browser has started the execution; a start is its own.
    pub(super) is_bound: bool,
    pub(super) presented: Option<PresentedRefresh>,
}

impl FlowRequest {
    pub(super) fn new(shared: Arc<Shared>, request: Parts) -> Self {
        Self {
            attributes: shared.descope.cookie_attributes((&request).into()),
            shared,
            request,
        }
    }

    pub(super) async fn answer<B: Body>(
        self,
        step: Option<FlowStep>,
        body: B,
    ) -> Response<ResponseBody> {
        let admitted = match step {
            None => Err(FlowRefusal::NotFound),
            Some(step) => self.admit(step, body).await,
        };
        let admitted = match admitted {
            Ok(admitted) => admitted,
            Err(refusal) => {
                self.log_refused(refusal);
                return finish(refusal.into_response(), Vec::new());
            }
        };
        let (step, flow) = (admitted.step, admitted.body.flow.clone());
        let key = self.key(&admitted);
        let shared = Arc::clone(&self.shared);
        let running = shared.descope.running();
        let call = async move {
            let answered = self.run(admitted).await;
            drop(running);
            answered
        };
        let answered = shared.replays.share(key, call).await;
        let Some(answered) = answered else {
            let refusal = FlowRefusal::UpstreamUnavailable;
            return finish(refusal.into_response(), Vec::new());
        };
        let response = (answered.response)();
        let ours = response.headers().get(&REJECTION_HEADER);
        let outcome = match ours.and_then(|code| code.to_str().ok()) {
            Some(code) => code,
            None if response.status().is_success() => "ok",
            None => "refused",
        };
        tracing::debug!(
            call = ?step,
            flow.id = beginning(&flow),
            outcome,
            status = response.status().as_u16(),
            "flow call"
        );
        let mut cookies = answered.cookies;
        // A session that has ended since writes none.
        cookies.extend(answered.signed_in.iter().flat_map(SignedIn::lines));
        finish(response, cookies)
    }

    async fn run(self, admitted: Admitted) -> Answered {
        match self.call(admitted).await {
            Ok(answered) => answered,
            Err(Failed { refusal, was_sent }) => {
                self.log_refused(refusal);
                Answered {
                    response: Arc::new(move || refusal.into_response()),
                    cookies: Vec::new(),
                    signed_in: None,
                    size: 0,
                    is_kept: was_sent,
                }
            }
        }
    }

    async fn call(&self, admitted: Admitted) -> Result<Answered, Failed> {
        let Admitted {
            step,
            body,
            bytes,
            is_bound,
            presented,
        } = admitted;
        let shared = &self.shared;
        let address = shared.settings.client_address.as_ref();
        let address = address.and_then(|address| address(&self.request));
        let binding = body.execution.as_deref().and_then(Binding::of);
        let execution = binding.as_ref().map(Binding::digest);
        let Ok(_permit) = shared.calls.try_acquire() else {
            return Err(Failed::before(FlowRefusal::RateLimited(
                Duration::from_secs(1),
            )));
        };
        let taken = shared.take_call(address, execution, body.is_poll);
        taken.map_err(Failed::before)?;
        let mut headers = self.headers(is_bound);
        if let (Some(name), Some(address)) = (&shared.settings.forward_address, address)
            && let Ok(value) = HeaderValue::try_from(address.to_string())
        {
            headers.insert(name, value);
        }
        let session = presented.as_ref().filter(|_| shared.settings.session_token);
        let session = session.and_then(|presented| {
            let user = &presented.verified.user;
            shared
                .descope
                .shown_session_token(&self.request.headers, user)
        });
        let timeout = match &presented {
            Some(_) => shared.settings.timeout.min(SIGNED_IN_TIMEOUT),
            None => shared.settings.timeout,
        };
        let call = FlowCall {
            step,
            headers,
            body: Bytes::from(body.to_send(bytes, session.as_deref())),
            timeout,
        };
        let reply = self.send(call, presented.as_ref()).await;
        let (reply, sent) = reply.map_err(|error| Failed::of_call(&error))?;
        // The pause keeps what comes next from Descope for as long as it asked for, and no longer.
        let was_sent = reply.status != http::StatusCode::TOO_MANY_REQUESTS;
        let answered = self.read(&reply, is_bound, binding, presented.zip(sent));
        let answered = answered.await;
        answered.map_err(|refusal| Failed { refusal, was_sent })
    }

    /// Makes the call. The second part is the refresh token that was sent.
    async fn send(
        &self,
        call: FlowCall,
        presented: Option<&PresentedRefresh>,
    ) -> Result<(PassedReply, Option<RefreshToken>), Error> {
        let descope = &self.shared.descope;
        let Some(presented) = presented else {
            return Ok((descope.client().flow(call, None).await?, None));
        };
        let this = descope.clone();
        let session = move |reply: &PassedReply| FlowAnswer::session(&this, reply);
        let (reply, sent) = descope.flow_presented(presented, call, session).await?;
        Ok((reply, Some(sent)))
    }

    /// The headers that go up.
    fn headers(&self, is_bound: bool) -> HeaderMap {
        let came = &self.request.headers;
        let mut headers = HeaderMap::new();
        for name in PASSED_ON {
            let mut values = came.get_all(&name).iter();
            let value = values.next().filter(|value| is_plain(value));
            if let (Some(value), None) = (value, values.next()) {
                headers.insert(name, value.clone());
            }
        }
        // It was checked.
        if let Some(origin) = came.get(header::ORIGIN).filter(|value| is_plain(value)) {
            headers.insert(header::ORIGIN, origin.clone());
        }
        if is_bound {
            headers.extend(device_tokens(came, self.attributes));
        }
        headers
    }

    /// Reads an answer: its session becomes the browser's, and nothing of it goes down that a script
    /// could use.
    async fn read(
        &self,
        reply: &PassedReply,
        is_bound: bool,
        binding: Option<Binding>,
        presented: Option<(PresentedRefresh, RefreshToken)>,
    ) -> Result<Answered, FlowRefusal> {
        let descope = &self.shared.descope;
        let mut retry_after = None;
        if reply.status == http::StatusCode::TOO_MANY_REQUESTS {
            retry_after = reply.refusal().retry_after();
            self.shared.pause(retry_after);
        }
        let mut answer = FlowAnswer::read(reply)?;
        answer.check_urls()?;
        let raw = FlowAnswer::session(descope, reply);
        let devices = device::tokens(&answer, reply);
        let tokens = texts(raw.as_ref(), &devices);
        let mut cookies = Vec::new();
        let signed_in = match raw.filter(|raw| raw.session_token().is_some()) {
            None => None,
            Some(raw) if !is_bound && !self.shared.settings.links_from_other_browsers => {
                descope.discard(&raw).await;
                return Err(FlowRefusal::ForeignFlow);
            }
            Some(raw) => Some(self.sign_in(raw, presented, &answer).await?),
        };
        answer.write_session(signed_in.as_ref());
        if !is_bound {
            answer.leave_out_last_user();
        }
        let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
        answer.empty_tokens(descope, &tokens);
        let now = descope.now().wall;
        let own = descope.cookies();
        if reply.status.is_success() {
            // Whoever sent the link of another browser's flow does not make this one a known device.
            if is_bound || signed_in.is_some() {
                cookies.extend(device::write(&devices, own, self.attributes, now));
            }
            let of_answer = answer.execution().and_then(Binding::of);
            if let Some(new) = of_answer.filter(|new| is_bound && Some(new) != binding.as_ref()) {
                let headers = &self.request.headers;
                cookies.extend(new.write(headers, own, self.attributes, now));
            }
        }
        let (status, nonce) = (answer.status, answer.nonce.clone());
        let body = Bytes::from(answer.into_body());
        // The session is as large as its cookies, about.
        let of_session = signed_in.iter().flat_map(SignedIn::lines);
        let all = cookies.iter().cloned().chain(of_session);
        Ok(Answered {
            size: body.len() + all.map(|line| line.len()).sum::<usize>(),
            // The pause keeps what comes next from Descope for as long as it asked for, and no longer.
            is_kept: status != http::StatusCode::TOO_MANY_REQUESTS,
            signed_in,
            cookies,
            response: Arc::new(move || response(status, nonce.clone(), retry_after, body.clone())),
        })
    }

    async fn sign_in(
        &self,
        mut raw: RawAnswer,
        presented: Option<(PresentedRefresh, RefreshToken)>,
        answer: &FlowAnswer,
    ) -> Result<SignedIn, FlowRefusal> {
        let settings = &self.shared.settings;
        let continues = presented.as_ref().map(|(presented, _)| {
            let verified = &presented.verified;
            (!verified.is_anonymous).then(|| verified.user.clone())
        });
        if raw.refresh_token().is_none() {
            // The one that was sent stays in force.
            let sent = presented.as_ref().map(|(_, sent)| sent.clone());
            raw.refresh_token = Some(sent.ok_or(FlowRefusal::SessionIncomplete)?);
        }
        let remember = match &settings.remember {
            Remember::AsBefore => None,
            Remember::Always(remember) => Some(*remember),
            Remember::Output(name) => answer.output(name),
        };
        let adopt = Adopt::by_answer(&self.shared.descope, &self.request.headers, raw);
        let mut adopt = adopt
            .by(Door::Flow)
            .rotate(settings.rotate)
            .allow_anonymous(settings.allow_anonymous);
        if let Some(user) = continues {
            adopt = adopt.continues(user);
        }
        adopt
            .remember_if_said(remember)
            .await
            .map_err(|error| FlowRefusal::from(&error))
    }

    fn log_refused(&self, refusal: FlowRefusal) {
        if matches!(
            refusal,
            FlowRefusal::ForeignFlow | FlowRefusal::CrossSite | FlowRefusal::RateLimited(_)
        ) {
            telemetry::signed_in("flow", refusal.code());
        }
        tracing::debug!(
            outcome = refusal.code(),
            path = beginning(self.request.uri.path()),
            "flow call refused"
        );
    }
}

/// As much of a text of anybody's as is logged.
fn beginning(text: &str) -> &str {
    let end = text.char_indices().nth(MAX_LOGGED).map(|(end, _)| end);
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

fn is_plain(value: &HeaderValue) -> bool {
    let is_visible = |byte: &u8| matches!(byte, b' '..=b'~');
    value.len() <= MAX_HEADER && value.as_bytes().iter().all(is_visible)
}

/// The tokens of an answer.
fn texts(raw: Option<&RawAnswer>, devices: &[Option<String>; 2]) -> Vec<String> {
    let raw = raw.into_iter().flat_map(|raw| {
        [
            raw.session_token().map(SessionToken::expose),
            raw.refresh_token().map(RefreshToken::expose),
            raw.external_token.as_ref().map(OpaqueToken::expose),
        ]
    });
    let devices = devices.iter().map(Option::as_deref);
    let all = raw
        .chain(devices)
        .flatten()
        .filter(|token| !token.is_empty());
    all.map(str::to_owned).collect()
}

fn response(
    status: http::StatusCode,
    nonce: Option<HeaderValue>,
    retry_after: Option<Duration>,
    body: Bytes,
) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if let Some(nonce) = nonce {
        headers.insert(NONCE, nonce);
    }
    if let Some(after) = retry_after {
        headers.insert(
            header::RETRY_AFTER,
            crate::rejection::retry_after_header(after),
        );
    }
    response
}
