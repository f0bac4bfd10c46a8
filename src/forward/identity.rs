//! The identity of a request's user, as fields for an application that is written in any language.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderValue, Request, Response, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tower_service::Service;

use super::{
    fields::{TENANT_ID, TENANT_PERMISSIONS, TENANT_ROLES, USER_ID},
    refusals::ForwardRefusals,
    settings::ForwardSettings,
};
use crate::{
    endpoint::ResponseBody,
    ids::TenantId,
    rejection::{Rejection, RejectionKind},
    renewal::RenewedToken,
    session::{PassedUnseen, Session},
    telemetry,
};

/// The value of a field that says nothing: an empty one is left out by some proxies, and the client's own
/// field of that name would reach the application.
const NONE: &str = "-";

/// What is escaped: all but visible ASCII, the comma between names, and the escape itself.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b',');

/// The service inside of the layer: it answers who the session's user is.
#[derive(Clone, Debug)]
pub(super) struct IdentityService {
    settings: Arc<ForwardSettings>,
    refusals: ForwardRefusals,
}

impl IdentityService {
    pub(super) fn new(settings: Arc<ForwardSettings>, refusals: ForwardRefusals) -> Self {
        Self { settings, refusals }
    }

    fn answer(&self, request: &Request<()>) -> Result<Response<ResponseBody>, Rejection> {
        let session = match Session::from_extensions(request.extensions()) {
            Ok(session) => Some(session),
            Err(rejection) if rejection.means_nobody() => None,
            // A preflight asks for nobody, whoever will send what follows.
            Err(rejection) if PassedUnseen::explains(&rejection, request.extensions()) => None,
            // As for a handler that asks for a session if there is one.
            Err(rejection) => return Err(rejection),
        };
        let mut response = Response::new(ResponseBody::default());
        let headers = response.headers_mut();
        // Beside it a body costs nginx its connection, and Envoy takes no 204 for a yes.
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        write_identity(session, self.settings.permissions, headers)?;
        if let Some(name) = &self.settings.session_header {
            headers.insert(name.clone(), self.session_token(session, request));
        }
        Ok(response)
    }

    /// The token of the session in force.
    fn session_token(&self, session: Option<&Session>, request: &Request<()>) -> HeaderValue {
        let renewed = request.extensions().get::<RenewedToken>();
        let token = session.and_then(|session| match renewed {
            Some(RenewedToken(token)) => Some(token.clone()),
            None => self.settings.descope.token_of(session, request.headers()),
        });
        let value = token.and_then(|token| HeaderValue::from_str(token.expose()).ok());
        let mut value = value.unwrap_or(HeaderValue::from_static(NONE));
        value.set_sensitive(true);
        value
    }
}

impl Service<Request<()>> for IdentityService {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Ready<Result<Response<ResponseBody>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let answer = self.answer(&request);
        ready(Ok(answer.unwrap_or_else(|rejection| {
            telemetry::refused(&rejection, false);
            let (request, ()) = request.into_parts();
            self.refusals.marked(rejection, &request)
        })))
    }
}

/// Writes all fields, always: a field that is missing would be the client's own.
///
/// # Errors
///
/// For ids that cannot be told from "none".
fn write_identity(
    session: Option<&Session>,
    permissions: bool,
    headers: &mut HeaderMap,
) -> Result<(), Rejection> {
    let tenant = session.and_then(Session::active_tenant_id);
    headers.insert(
        USER_ID,
        id(session.map(|session| session.user_id().as_str()))?,
    );
    headers.insert(TENANT_ID, id(tenant.map(TenantId::as_str))?);
    // Of the active tenant alone. The project's would give who leaves a tenant more rights than before.
    let roles = session.into_iter().flat_map(Session::roles);
    headers.insert(TENANT_ROLES, list(roles));
    if permissions {
        let permissions = session.into_iter().flat_map(Session::permissions);
        headers.insert(TENANT_PERMISSIONS, list(permissions));
    }
    Ok(())
}

fn id(id: Option<&str>) -> Result<HeaderValue, Rejection> {
    match id {
        None => Ok(HeaderValue::from_static(NONE)),
        Some(NONE) => Err(Rejection::because(
            RejectionKind::InvalidToken,
            "id_that_means_none",
        )),
        Some(id) => Ok(value(&escaped(id))),
    }
}

/// The names, with commas between them.
fn list<'n>(names: impl Iterator<Item = &'n str>) -> HeaderValue {
    let names: Vec<String> = names
        .filter(|name| !name.is_empty())
        .map(|name| match name {
            NONE => "%2D".to_owned(),
            name => escaped(name),
        })
        .collect();
    if names.is_empty() {
        return HeaderValue::from_static(NONE);
    }
    value(&names.join(","))
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

fn value(escaped: &str) -> HeaderValue {
    // Escaped texts are visible ASCII; if that were ever untrue, it would say nobody.
    HeaderValue::from_str(escaped).unwrap_or(HeaderValue::from_static(NONE))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unescaped(text: &str) -> String {
        let text = percent_encoding::percent_decode_str(text);
        text.decode_utf8().unwrap().into_owned()
    }

    /// How an application reads a list.
    fn read(value: &HeaderValue) -> Vec<String> {
        match value.to_str().unwrap() {
            "-" => Vec::new(),
            names => names.split(',').map(unescaped).collect(),
        }
    }

    #[test]
    fn an_id_is_escaped_where_a_field_would_not_hold_it() {
        for (text, shown) in [
            ("U2ann", "U2ann"),
            ("ann@acme.test", "ann@acme.test"),
            ("acme corp", "acme%20corp"),
            ("früh", "fr%C3%BCh"),
            ("100%", "100%25"),
            ("a,b", "a%2Cb"),
            ("--", "--"),
            ("\"a\";b=c\\", "\"a\";b=c\\"),
        ] {
            assert_eq!(id(Some(text)).unwrap(), shown);
            assert_eq!(unescaped(shown), text);
        }
        assert_eq!(id(None).unwrap(), "-");
        assert_eq!(id(Some("-")).unwrap_err().reason(), "id_that_means_none");
    }

    #[test]
    fn a_list_is_never_empty_and_no_name_is_two() {
        for (names, shown) in [
            (&[][..], "-"),
            (&[""], "-"),
            (&["admin"], "admin"),
            (&["admin", "tenant admin"], "admin,tenant%20admin"),
            (&["a,b", "%2C"], "a%2Cb,%252C"),
            (&["-"], "%2D"),
            (&["-", ""], "%2D"),
            (&["\r\nX-User-Id: root"], "%0D%0AX-User-Id:%20root"),
        ] {
            assert_eq!(list(names.iter().copied()), shown);
        }
    }

    #[test]
    fn nobody_is_said_in_every_field() {
        let mut headers = HeaderMap::new();
        write_identity(None, true, &mut headers).unwrap();
        assert_eq!(headers.len(), 4);
        assert!(headers.values().all(|value| value == "-"));
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_was_written(names in proptest::collection::vec(".{1,12}", 0..6)) {
            let value = list(names.iter().map(String::as_str));
            prop_assert!(!value.is_empty());
            prop_assert!(value.as_bytes().iter().all(u8::is_ascii_graphic));
            prop_assert_eq!(read(&value), names);
        }

        #[test]
        fn an_id_is_read_as_it_is(text in "\\PC{1,40}") {
            prop_assume!(text != "-");
            let value = id(Some(&text)).unwrap();
            prop_assert!(value.as_bytes().iter().all(u8::is_ascii_graphic));
            prop_assert!(value != "-");
            prop_assert_eq!(unescaped(value.to_str().unwrap()), text);
        }
    }
}
