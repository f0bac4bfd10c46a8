use http::{Extensions, HeaderMap, HeaderValue, Method, header};

use crate::{
    cookie::{PresentedCookies, RequestCookies},
    descope::{Authentication, Descope, LateVerdict, PendingSession},
    head::RequestHead,
    origin::{self, WhenAbsent},
    rejection::{self, Rejection, RejectionKind},
    renewal::{EarlyRenewal, PendingRenewal, Renewal, SessionRenewal},
    session::{AnonymousSession, Session, forget_verdict},
    telemetry,
    token::{self, Authorization},
    verifier::{CheckedTokens, refuse_anonymous},
};

/// The policy of a layer, and the decisions by it: for requests whose verdict was there at once and
/// for those that had to wait alike.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) descope: Descope,
    pub(crate) policy: Policy,
    pub(crate) renewal: Option<Renewal>,
}

/// The verdict on a request as far as it is known without waiting.
pub(crate) enum Beginning {
    Decided(Decision),
    /// Keys are being fetched; the verdict follows.
    Keys(PendingSession),
}

/// How a request goes on once there is a verdict on its credential.
pub(crate) enum Decision {
    /// As the verdict says, perhaps with a renewal beside it.
    Go(Result<Session, Rejection>, Option<EarlyRenewal>),
    /// With what the renewal brings.
    Renew(PendingRenewal),
}

#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, each named after its setter"
)]
pub(crate) struct Policy {
    pub(crate) optional: bool,
    pub(crate) require_tenant: bool,
    pub(crate) same_origin: bool,
    pub(crate) pass_preflight: bool,
    pub(crate) no_store: bool,
    pub(crate) allow_anonymous: bool,
}

impl Gate {
    pub(crate) fn new(descope: Descope) -> Self {
        Self {
            descope,
            policy: Policy::default(),
            renewal: None,
        }
    }

    /// Judges a request's credential, and decides how the request goes on.
    pub(crate) fn begin(&self, head: RequestHead<'_>) -> Beginning {
        let authorization = token::authorization(head.headers);
        let mut cookies = self.descope.cookies_of(head.headers);
        let mut checked = CheckedTokens::default();
        match self.authenticate(head, authorization, &mut cookies, &mut checked) {
            Authentication::Done(verdict) => {
                Beginning::Decided(self.next(head, authorization, verdict, &mut cookies, checked))
            }
            Authentication::Pending(verdict) => Beginning::Keys(verdict),
        }
    }

    /// Goes on where [`begin`](Self::begin) had to wait.
    pub(crate) fn go_on(&self, head: RequestHead<'_>, verdict: LateVerdict) -> Decision {
        let authorization = token::authorization(head.headers);
        let mut cookies = self.descope.cookies_of(head.headers);
        let LateVerdict { verdict, checked } = verdict;
        self.next(head, authorization, verdict, &mut cookies, checked)
    }

    /// The verdict on a request's credential; `authorization` is what its field says. Which signatures
    /// were checked is noted in `checked`.
    fn authenticate(
        &self,
        head: RequestHead<'_>,
        authorization: Authorization<'_>,
        cookies: &mut RequestCookies<'_>,
        checked: &mut CheckedTokens,
    ) -> Authentication {
        self.descope
            .authenticate(cookies, authorization, checked, || {
                if !self.policy.same_origin || !acts(head) {
                    return Ok(());
                }
                self.descope.check_acting(head)
            })
    }

    /// Decides how a request goes on: at once, with a renewal beside it, or after a renewal.
    fn next(
        &self,
        head: RequestHead<'_>,
        authorization: Authorization<'_>,
        verdict: Result<Session, Rejection>,
        cookies: &mut RequestCookies<'_>,
        checked: CheckedTokens,
    ) -> Decision {
        // Also without a renewal of this layer's, and for visitors who are refused: whatever is
        // presented has been delivered.
        let presents_replaced = verdict
            .as_ref()
            .is_ok_and(|session| self.descope.presents_replaced_token(session, cookies));
        let is_missing = verdict
            .as_ref()
            .is_err_and(|rejection| rejection.kind() == RejectionKind::MissingToken);
        if is_missing {
            self.descope.explain_missing(head.headers);
        }
        // Before a renewal is thought of, so that what is refused is not renewed.
        let verdict = if self.policy.allow_anonymous {
            verdict
        } else {
            refuse_anonymous(verdict)
        };
        let lacks_answer = presents_replaced && verdict.is_ok();
        let Some(renewal) = &self.renewal else {
            return Decision::Go(verdict, None);
        };
        // Whoever sends a credential of their own keeps no cookie, so that not even the time is read.
        if authorization != Authorization::Absent {
            return Decision::Go(verdict, None);
        }
        let due = match &verdict {
            Ok(session) => renewal.is_due(
                &session.verified().times,
                self.descope.client().next_refresh(),
                self.descope.now().wall,
                self.descope.early_share(session.user_id()),
            ),
            Err(rejection) => matches!(
                rejection.kind(),
                RejectionKind::MissingToken
                    | RejectionKind::ExpiredToken
                    | RejectionKind::SessionRevoked
            ),
        };
        let wanted = due || lacks_answer;
        if !wanted || !takes_cookies(head) {
            return Decision::Go(verdict, None);
        }
        let has_refresh = cookies.texts().is_ok_and(PresentedCookies::has_refresh);
        if !has_refresh {
            return Decision::Go(verdict, None);
        }
        if let Err(reason) = self.is_ours(head) {
            if verdict.is_err() {
                origin::log_refusal(reason, head);
            }
            return Decision::Go(verdict, None);
        }
        // It would end as it begins: for as long as Descope is down, say, at each request of a minute.
        let rests = verdict
            .as_ref()
            .is_ok_and(|session| self.descope.rests(session, cookies));
        if rests {
            return Decision::Go(verdict, None);
        }
        let allow_anonymous = self.policy.allow_anonymous;
        let renewal = SessionRenewal::new(&self.descope, head, cookies, checked, allow_anonymous);
        match verdict {
            Ok(session) => {
                let early = renewal.beside(session.clone(), due);
                Decision::Go(Ok(session), Some(early))
            }
            Err(rejection) => Decision::Renew(Box::pin(renewal.required(rejection))),
        }
    }

    /// Checks that cookies may be written because of this request: no other site caused it. A link
    /// that opens a page is no other site's doing but the user's, and what only reads may come
    /// from another host of this site.
    fn is_ours(&self, head: RequestHead<'_>) -> Result<(), &'static str> {
        let acts = acts(head);
        let when_absent = if acts {
            WhenAbsent::Refuse
        } else {
            WhenAbsent::Allow
        };
        let verdict = self.descope.check_origin(head, when_absent);
        if acts {
            return verdict;
        }
        verdict.or_else(|reason| {
            // Each site that frames this one has a jar of its own: no other page needs the token.
            let in_a_frame =
                || self.descope.cookies().is_partitioned() && origin::opens_in_a_frame(head);
            let reads = origin::is_same_site(head) || origin::opens_a_page(head) || in_a_frame();
            if reads { Ok(()) } else { Err(reason) }
        })
    }

    /// Lets the request pass, with what there is to know about its session in its extensions, or
    /// refuses it. `true` says that its response must not be stored.
    pub(crate) fn admit(
        &self,
        verdict: Result<Session, Rejection>,
        extensions: &mut Extensions,
    ) -> Result<bool, Rejection> {
        forget_verdict(extensions);
        // An anonymous session goes to `Visitor` alone: whoever names `Session` or `ActiveTenant` means
        // somebody who has signed in.
        let mut visitor = None;
        let (rejection, passes) = match verdict {
            Ok(session) => match session.require_signed_in() {
                Ok(()) => {
                    if self.policy.require_tenant {
                        session.active_tenant().inspect_err(|rejection| {
                            telemetry::refused(rejection, false);
                        })?;
                    }
                    telemetry::admitted(&session);
                    extensions.insert(session);
                    return Ok(self.policy.no_store);
                }
                Err(rejection) => {
                    let allowed = self.policy.allow_anonymous && !self.policy.require_tenant;
                    visitor = allowed.then_some(AnonymousSession(session));
                    (rejection, self.policy.optional || allowed)
                }
            },
            Err(rejection) => (rejection, self.policy.optional),
        };
        telemetry::refused(&rejection, passes);
        if !passes {
            return Err(rejection);
        }
        let is_visitors = rejection.kind() == RejectionKind::AnonymousSession;
        extensions.insert(rejection);
        // Looked at beside that rejection alone.
        if is_visitors {
            match visitor {
                Some(visitor) => extensions.insert(visitor),
                None => extensions.remove::<AnonymousSession>(),
            };
        }
        Ok(self.policy.no_store && is_visitors)
    }

    /// Returns `true` if the request passes without a verdict: a CORS preflight, where the layer lets those
    /// through. It carries no credential, and the actual request follows.
    pub(crate) fn passes_unseen(&self, head: RequestHead<'_>) -> bool {
        self.policy.pass_preflight
            && is_preflight(head)
            && !head.headers.contains_key(header::AUTHORIZATION)
            && !head.headers.contains_key(header::COOKIE)
    }
}

/// Returns `true` if a request may change something, so that a foreign page must not send it with our
/// cookies: all but the safe methods that browsers send across sites, and upgrades, which are GETs
/// that open a channel. TRACE is left out of the safe ones on purpose: it would echo the cookies.
fn acts(head: RequestHead<'_>) -> bool {
    let safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(head.method);
    !safe || opens_channel(head.headers)
}

/// Returns `true` for an upgrade, to `websocket` or to whatever is not known. `h2c` alone is none:
/// some HTTP clients and gateways offer it with every plain request, and a server that does not
/// accept the offer treats the request as the GET that it is.
fn opens_channel(headers: &HeaderMap) -> bool {
    let offers_http2 = |field: &HeaderValue| {
        let mut protocols = field.as_bytes().split(|&byte| byte == b',');
        protocols.all(|protocol| protocol.trim_ascii().eq_ignore_ascii_case(b"h2c"))
    };
    headers.contains_key("sec-websocket-key")
        || !headers.get_all(header::UPGRADE).iter().all(offers_http2)
}

/// Returns `true` if a client without an `Authorization` field keeps new cookies.
fn takes_cookies(head: RequestHead<'_>) -> bool {
    // A gRPC call with fetch metadata is a browser's: a layer further out made it of grpc-web.
    let is_native_grpc = rejection::response::is_grpc(head) && !origin::has_fetch_metadata(head);
    !is_native_grpc && !is_preflight(head)
}

/// Returns `true` for a CORS preflight: a browser asks whether it may send another request.
fn is_preflight(head: RequestHead<'_>) -> bool {
    *head.method == Method::OPTIONS
        && head
            .headers
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        && head.headers.contains_key(header::ORIGIN)
}

/// Keeps a response out of every cache, unless its handler has set `Cache-Control` itself.
pub(crate) fn no_store(headers: &mut HeaderMap) {
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

/// Every answer depended on these two fields, or on their absence (RFC 9110 section 12.5.5).
pub(crate) fn vary(headers: &mut HeaderMap) {
    headers.append(
        header::VARY,
        const { HeaderValue::from_static("Authorization, Cookie") },
    );
}
