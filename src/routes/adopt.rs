//! Signing in by `sign-in`.

use http::Response;

use super::{
    call::{Findings, RoutesCall},
    sign_in::{SignIn, SignInTokens},
};
use crate::{
    endpoint::{AnswerFields, Refusal, RefusalKind, ResponseBody, SessionBody},
    sign_in::{Door, SignInRefusal},
};

impl RoutesCall {
    /// Makes the tokens of a page its browser's session.
    pub(super) async fn sign_in(
        &self,
        rules: SignIn,
        tokens: SignInTokens,
        findings: &mut Findings,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let SignInTokens {
            session,
            refresh,
            remember,
        } = tokens;
        let adopt = self.descope.adopt(&self.request.headers, session, refresh);
        let mut adopt = adopt
            .by(Door::Page)
            .rotate(rules.rotate)
            .allow_anonymous(rules.allow_anonymous);
        if let Some(age) = rules.max_age {
            adopt = adopt.max_age(age);
        }
        if let Some(remember) = remember {
            adopt = adopt.remember(remember);
        }
        // The sign-in logs its end itself.
        findings.is_logged = true;
        let signed_in = adopt.await.map_err(|error| {
            let refusal = SignInRefusal::from(error).into_refusal();
            // It was no code that Descope refused, but the refresh token.
            match refusal.kind() {
                RefusalKind::CodeRefused => refusal.of_kind(RefusalKind::InvalidToken),
                _ => refusal,
            }
        })?;
        findings.user = Some(signed_in.session().user_id().clone());
        findings.cookies = signed_in.lines();
        let fields = AnswerFields {
            // The page had tokens, and is to have none from now on.
            session_token: false,
            refresh_token: false,
            ..self.settings.fields
        };
        Ok(SessionBody::new(signed_in.answer()).into_response(fields))
    }
}
