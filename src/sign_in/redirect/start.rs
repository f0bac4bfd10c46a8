//! The beginning of an attempt: on to an identity provider.

use http::{HeaderValue, Method, Response};
use http_body::Body;

use super::{
    call::RedirectCall,
    failure::{Failure, FailureKind},
    transaction::{Destination, Transaction, new_state},
};
use crate::{
    client::AuthorizeQuery,
    endpoint::{FormEncoding, MediaType, ResponseBody, form_fields, read_at_most, redirect},
    error::{ErrorKind, UpstreamVerdict},
    ids::TenantId,
};

/// The longest form that is read, in bytes.
const MAX_BODY: usize = 16 * 1024;

/// The longest return path that is kept in a cookie, in bytes.
const MAX_RETURN_TO: usize = 1_024;

const MAX_EMAIL: usize = 320;

/// The members of a start.
struct Asked {
    tenant: Option<TenantId>,
    email: Option<String>,
    return_to: Option<String>,
    remember: Option<bool>,
}

impl RedirectCall {
    pub(super) async fn start<B: Body>(
        &self,
        to: Destination,
        body: B,
        cookies: &mut Vec<HeaderValue>,
    ) -> Result<Response<ResponseBody>, Failure> {
        let asked = self.asked(&to, body).await?;
        self.take_call()?;
        let state = new_state().map_err(|error| {
            tracing::error!(%error, "nobody can sign in");
            Failure::from(&error)
        })?;
        let settings = &self.shared.settings;
        let back = format!("{}/callback?state={}", settings.public_url, state[0]);
        let url = {
            let query = match (&to, &asked.tenant, &asked.email) {
                (Destination::OAuth(provider), ..) => AuthorizeQuery::OAuth { provider },
                (Destination::Sso, Some(tenant), _) => AuthorizeQuery::Sso {
                    tenant: tenant.as_str(),
                },
                (Destination::Sso, None, Some(email)) => AuthorizeQuery::Sso { tenant: email },
                (Destination::Sso, None, None) => return Err(FailureKind::InvalidRequest.into()),
            };
            self.descope().client().authorize(query, &back).await
        };
        let url = url.map_err(|error| {
            self.log_refused_start(&error);
            Failure::from(&error)
        })?;
        // As it stands in the cookie: what is encoded may be three times as long as what was asked for.
        let path = settings.paths.resolve(asked.return_to.as_deref());
        let path = match path.len() {
            0..=MAX_RETURN_TO => path,
            _ => settings.paths.page().to_owned(),
        };
        let now = self.descope().now().wall;
        let transaction = Transaction::new(state, to, asked.tenant, path, asked.remember, now);
        cookies.extend(transaction.write(&self.request.headers, self.attributes)?);
        // It was checked where it came from.
        Ok(redirect(&url))
    }

    /// Reads what is asked for, by a page that opens or by a form of this site.
    async fn asked<B: Body>(&self, to: &Destination, body: B) -> Result<Asked, Failure> {
        let invalid = || Failure::from(FailureKind::InvalidRequest);
        let by_form = self.request.method == Method::POST;
        let text;
        let encoding;
        if by_form {
            self.descope().check_same_origin(&self.request)?;
            encoding = match MediaType::of(&self.request.headers) {
                Some(MediaType::Form(encoding)) => encoding,
                _ => return Err(invalid()),
            };
            text = read_at_most(MAX_BODY, body).await.map_err(|_| invalid())?;
        } else {
            self.check_opens()?;
            encoding = FormEncoding::UrlEncoded;
            text = self.request.uri.query().unwrap_or_default().into();
        }
        let members = ["tenant", "email", "return_to", "remember"];
        let fields = form_fields(encoding, &text, members).map_err(|_| invalid())?;
        let [tenant, email, return_to, remember] = fields.map(|field| {
            // An input that was left empty.
            field.filter(|text| !text.is_empty())
        });
        let is_sso = *to == Destination::Sso;
        if let Some(email) = &email
            && !(by_form && is_sso && tenant.is_none() && is_email(email))
        {
            // In a URL it would stand in logs and histories.
            return Err(invalid());
        }
        // Descope takes an address in its place, too: not by a link.
        let tenant = tenant.map(|tenant| match TenantId::new(tenant) {
            Ok(tenant) if is_sso && !tenant.as_str().contains('@') => Ok(tenant),
            _ => Err(invalid()),
        });
        Ok(Asked {
            tenant: tenant.transpose()?,
            email,
            return_to,
            remember: remember.map(|text| matches!(&*text, "1" | "true")),
        })
    }

    /// Says why Descope does not begin an attempt: a mistake of the project's settings, most of the time.
    fn log_refused_start(&self, error: &crate::error::Error) {
        let is_refusal = error.kind() == ErrorKind::Refused
            && error.upstream_verdict() != UpstreamVerdict::Unavailable;
        let remedy = if is_refusal {
            "the host of redirect_url has to be an approved domain of the project, and the provider or \
             the tenant's single sign-on has to be configured"
        } else {
            "try again later"
        };
        tracing::warn!(
            redirect_url = self.shared.settings.public_url,
            %error,
            remedy,
            "descope did not begin a sign-in"
        );
    }
}

/// Returns `true` for what may be an e-mail address; Descope judges it.
fn is_email(text: &str) -> bool {
    let is_odd = |character: char| character.is_control() || character.is_whitespace();
    let mut parts = text.split('@');
    let all_there = parts
        .by_ref()
        .take(2)
        .filter(|part| !part.is_empty())
        .count()
        == 2;
    all_there && parts.next().is_none() && text.len() <= MAX_EMAIL && !text.contains(is_odd)
}
