use http::{Extensions, HeaderMap, HeaderValue, Method, Request, header};

use crate::{
    descope::{Authentication, Descope},
    origin::{self, WhenAbsent},
    rejection::Rejection,
    session::Session,
    telemetry,
};

/// What a layer decides by. The one place that turns a verdict into "go on" or a refusal, for
/// requests that were judged at once and for those that had to wait alike.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    pub(super) descope: Descope,
    pub(super) policy: Policy,
}

#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four independent switches, each named after its setter"
)]
pub(super) struct Policy {
    pub(super) optional: bool,
    pub(super) require_tenant: bool,
    pub(super) same_origin: bool,
    pub(super) pass_preflight: bool,
}

impl Gate {
    pub(super) fn new(descope: Descope) -> Self {
        Self {
            descope,
            policy: Policy::default(),
        }
    }

    /// The verdict on a request's credential.
    pub(super) fn authenticate<B>(&self, request: &Request<B>) -> Authentication {
        let (headers, uri) = (request.headers(), request.uri());
        self.descope.authenticate(headers, || {
            if !self.policy.same_origin || !acts(request) {
                return Ok(());
            }
            self.descope
                .check_origin(headers, uri, WhenAbsent::Refuse)
                .inspect_err(|reason| origin::log_refusal(reason, headers))
        })
    }

    /// Lets the request pass, with what there is to know about its session in its extensions, or
    /// refuses it.
    pub(super) fn admit(
        &self,
        verdict: Result<Session, Rejection>,
        extensions: &mut Extensions,
    ) -> Result<(), Rejection> {
        // Another layer further out may have spoken for another project: its word ends here.
        extensions.remove::<Session>();
        extensions.remove::<Rejection>();
        match verdict {
            Ok(session) => {
                if self.policy.require_tenant {
                    session.active_tenant().inspect_err(|rejection| {
                        telemetry::refused(rejection, false);
                    })?;
                }
                telemetry::admitted(&session);
                extensions.insert(session);
                Ok(())
            }
            Err(rejection) => {
                telemetry::refused(&rejection, self.policy.optional);
                if self.policy.optional {
                    extensions.insert(rejection);
                    Ok(())
                } else {
                    Err(rejection)
                }
            }
        }
    }

    /// Whether the request passes unseen: a CORS preflight, where the layer was told to let those
    /// through. It carries no credential, and the actual request follows.
    pub(super) fn passes_unseen<B>(&self, request: &Request<B>) -> bool {
        let headers = request.headers();
        self.policy.pass_preflight
            && request.method() == Method::OPTIONS
            && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
            && headers.contains_key(header::ORIGIN)
            && !headers.contains_key(header::AUTHORIZATION)
            && !headers.contains_key(header::COOKIE)
    }
}

/// Whether a request may change something, so that a foreign page must not send it with our
/// cookies: all but the safe methods that browsers send across sites, and upgrades, which are GETs
/// that open a channel. TRACE is left out of the safe ones on purpose: it would echo the cookies.
fn acts<B>(request: &Request<B>) -> bool {
    let safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    !safe
        || request.headers().contains_key(header::UPGRADE)
        || request.headers().contains_key("sec-websocket-key")
}

/// Every answer depended on these two fields, or on their absence (RFC 9110 section 12.5.5).
pub(super) fn vary(headers: &mut HeaderMap) {
    headers.append(
        header::VARY,
        HeaderValue::from_static("Authorization, Cookie"),
    );
}
