//! The way back from an identity provider.

use http::{HeaderValue, Response};

use super::{
    attempts::SignInTask,
    call::RedirectCall,
    failure::{Failure, FailureKind},
    page,
    transaction::{Destination, Transaction, is_state},
};
use crate::{
    client::Exchange,
    cookie::SameSite,
    descope::{Authentication, WantedTenant},
    endpoint::{FormEncoding, ResponseBody, form_fields},
    origin,
    sign_in::{Adopt, Door},
    token::Authorization,
    verifier::CheckedTokens,
};

/// What the query of a way back has that this service has asked for once more.
const ONCE_MORE: &str = "&once_more=1";

/// The longest query that is asked for once more, in bytes: it has to fit a header.
const MAX_QUERY: usize = 3_072;

/// The longest code that is sent on, in bytes.
const MAX_CODE: usize = 2_048;

impl RedirectCall {
    pub(super) async fn call_back(
        &self,
        cookies: &mut Vec<HeaderValue>,
    ) -> Result<Response<ResponseBody>, Failure> {
        self.check_opens()?;
        let invalid = || Failure::from(FailureKind::InvalidRequest);
        let query = self.request.uri.query().unwrap_or_default();
        if self.comes_without_session(query) {
            return Ok(page::once_more(&format!("{query}{ONCE_MORE}")));
        }
        let fields = form_fields(
            FormEncoding::UrlEncoded,
            query.as_bytes(),
            ["state", "code", "err"],
        );
        let [state, code, err] = fields.map_err(|_| invalid())?;
        let state = match state {
            Some(state) if is_state(&state) => state,
            Some(_) => return Err(invalid()),
            // The identity provider began by itself, or somebody made the link.
            None => return self.without_attempt(FailureKind::NoAttempt),
        };
        let headers = &self.request.headers;
        let Some(attempt) = Transaction::find(headers, &state, self.attributes)? else {
            return self.without_attempt(FailureKind::NoAttempt);
        };
        // Whatever comes now, the attempt is over.
        cookies.extend(Transaction::removal(&state, self.attributes));
        if !attempt.is_in_time(self.descope().now().wall) {
            return self.without_attempt(FailureKind::AttemptExpired);
        }
        if err.is_some() {
            return Err(FailureKind::IdpRefused.into());
        }
        let code = code.filter(|code| {
            (1..=MAX_CODE).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_graphic())
        });
        let code = code.ok_or_else(invalid)?;
        let begin = || {
            self.take_call()?;
            Ok(self.sign_in(&attempt, &code))
        };
        let outcome: Result<_, Failure> =
            self.shared.attempts.exchange(&attempt.key(), begin).await;
        let signed_in = outcome?.map_err(|error| Failure::logged(&error))?;
        cookies.extend(signed_in.lines());
        // The cookie is this browser's, and anybody may have written it: it is resolved once more.
        let path = self.shared.settings.paths.resolve(Some(&attempt.return_to));
        Ok(self.go_on(&path))
    }

    /// Returns `true` for a way back on which the browser keeps `Strict` cookies to itself, since it
    /// comes from another site: whose session it has is seen if a page of this site asks once more.
    /// That session is ended, led on, or a visitor's who signs in.
    fn comes_without_session(&self, query: &str) -> bool {
        let strict = self.descope().cookies().same_site_policy() == SameSite::Strict;
        strict
            && origin::is_cross_site((&self.request).into())
            && !query.ends_with(ONCE_MORE)
            && query.len() <= MAX_QUERY
    }

    /// The sign-in of an attempt.
    fn sign_in(&self, attempt: &Transaction, code: &str) -> SignInTask {
        let adopt = self.adopt(attempt, code);
        let tell = self.shared.settings.on_signed_in.clone();
        let running = self.descope().running();
        Box::pin(async move {
            let signed_in = adopt.await?;
            if let Some(tell) = tell {
                tell(&signed_in);
            }
            drop(running);
            Ok(signed_in)
        })
    }

    fn adopt(&self, attempt: &Transaction, code: &str) -> Adopt {
        let settings = &self.shared.settings;
        // By the endpoint that the attempt began with, whatever the query says.
        let by = match attempt.to {
            Destination::Sso => Exchange::Sso,
            Destination::OAuth(_) => Exchange::OAuth,
        };
        let tenant = attempt.tenant.clone().map(|id| WantedTenant {
            id,
            select: settings.select_tenant,
        });
        let adopt = self
            .descope()
            .exchange_code(&self.request.headers, by, code);
        adopt
            .by(Door::Redirect)
            .tenant(tenant)
            .allow_anonymous(settings.allow_anonymous)
            .remember_if_said(attempt.remember)
    }

    /// A way back that this browser did not begin, or began too long ago. Nothing is sent. Whoever is
    /// signed in has gone back in their history, and is led on.
    fn without_attempt(&self, kind: FailureKind) -> Result<Response<ResponseBody>, Failure> {
        let descope = self.descope();
        let verdict = descope.authenticate(
            &mut descope.cookies_of(&self.request.headers),
            Authorization::Absent,
            &mut CheckedTokens::default(),
            || Ok(()),
        );
        match verdict {
            Authentication::Done(Ok(session)) if !session.is_anonymous() => {
                Ok(self.go_on(self.shared.settings.paths.page()))
            }
            _ => Err(kind.into()),
        }
    }
}
