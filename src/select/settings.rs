//! What a `SelectTenant` is set to, and what it lets in: everything before Descope is asked.

use http::{Method, request};
use http_body::Body;

use super::{
    kind::Kind,
    refusal::Refusal,
    request::{Asked, Type, read},
    return_paths::ReturnPaths,
};
use crate::origin::WhenAbsent;

#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    /// Where forms lead to; `None`: forms are not accepted.
    pub(super) forms: Option<ReturnPaths>,
    pub(super) accept_bearer: bool,
    pub(super) show: AnswerFields,
}

/// What the answer tells beside the tenant.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four members of the answer, each switched alone"
)]
pub(crate) struct AnswerFields {
    pub(crate) claims: bool,
    pub(crate) user: bool,
    pub(crate) session_token: bool,
    pub(crate) refresh_token: bool,
}

impl Settings {
    /// Where the request's page goes on to, if it is a form that is accepted.
    pub(super) fn returning(&self, request: &request::Parts) -> Option<&ReturnPaths> {
        let is_form = Type::of(&request.headers) == Some(Type::Form);
        self.forms.as_ref().filter(|_| is_form)
    }

    /// Whether the request may have an effect at all: its method, and whether `same_site` has
    /// nothing against where it comes from.
    pub(super) fn admit(
        &self,
        request: &request::Parts,
        same_site: impl FnOnce(WhenAbsent) -> Result<(), &'static str>,
    ) -> Result<(), Refusal> {
        if request.method != Method::POST {
            return Err(Refusal::new(Kind::MethodNotAllowed));
        }
        // No other site's form can have the type of JSON; an old browser's could have a form's.
        let when_absent = match self.returning(request) {
            Some(_) => WhenAbsent::Refuse,
            None => WhenAbsent::Allow,
        };
        same_site(when_absent).map_err(|reason| Refusal::because(Kind::CrossSite, reason))
    }

    /// What the request asks for.
    pub(super) async fn read<B: Body>(
        &self,
        request: &request::Parts,
        body: B,
    ) -> Result<Asked, Refusal> {
        let ty = Type::of(&request.headers)
            .filter(|ty| *ty == Type::Json || self.forms.is_some())
            .ok_or_else(|| Refusal::new(Kind::UnsupportedMediaType))?;
        ty.parse(&read(body).await?)
    }
}

impl Default for AnswerFields {
    fn default() -> Self {
        Self {
            claims: true,
            user: true,
            session_token: false,
            refresh_token: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Request;
    use http_body_util::Full;

    use super::*;
    use crate::origin::{self, AllowedOrigins};

    const JSON: &str = "application/json";
    const FORM: &str = "application/x-www-form-urlencoded";

    fn forms() -> Settings {
        Settings {
            forms: Some(ReturnPaths::new("/tenants").unwrap()),
            ..Settings::default()
        }
    }

    async fn judge(settings: &Settings, request: Request<&'static str>) -> Result<Asked, u16> {
        let (parts, body) = request.into_parts();
        let status = |refusal: Refusal| refusal.kind().status().as_u16();
        let same_site =
            |when_absent| origin::check((&parts).into(), &AllowedOrigins::default(), when_absent);
        settings.admit(&parts, same_site).map_err(status)?;
        let body = Full::new(Bytes::from_static(body.as_bytes()));
        settings.read(&parts, body).await.map_err(status)
    }

    fn post(ty: &str) -> request::Builder {
        Request::post("/select")
            .header("host", "app.test")
            .header("content-type", ty)
    }

    #[tokio::test]
    async fn json_of_this_site_and_of_no_browser_passes() {
        let settings = Settings::default();
        for request in [
            post(JSON),
            post(JSON).header("sec-fetch-site", "same-origin"),
            post(JSON).header("origin", "https://app.test"),
            post("application/json; charset=utf-8"),
        ] {
            let request = request.body(r#"{"tenant":"T1"}"#).unwrap();
            assert_eq!(judge(&settings, request).await.unwrap().tenant, *"T1");
        }
    }

    #[tokio::test]
    async fn other_methods_are_refused_whatever_they_say_to_be() {
        for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "post"] {
            let request = post(JSON)
                .method(method)
                .header("x-http-method-override", "POST")
                .body(r#"{"tenant":"T1"}"#);
            let verdict = judge(&Settings::default(), request.unwrap()).await;
            assert_eq!(verdict, Err(405), "{method}");
        }
    }

    #[tokio::test]
    async fn other_sites_are_refused_before_the_type_is_looked_at() {
        for settings in [Settings::default(), forms()] {
            for ty in [JSON, FORM, "text/plain"] {
                for (name, value) in [
                    ("origin", "https://evil.test"),
                    ("origin", "null"),
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-site", "same-site"),
                ] {
                    let request = post(ty).header(name, value).body("").unwrap();
                    assert_eq!(judge(&settings, request).await, Err(403), "{ty} {value}");
                }
            }
        }
    }

    #[tokio::test]
    async fn other_types_are_refused_forms_too_unless_they_are_switched_on() {
        for ty in ["text/plain", "multipart/form-data", "", FORM] {
            let request = post(ty).body("tenant=T1").unwrap();
            assert_eq!(judge(&Settings::default(), request).await, Err(415), "{ty}");
        }
        let request = post(FORM)
            .header("origin", "https://app.test")
            .body("tenant=T1");
        let asked = judge(&forms(), request.unwrap()).await.unwrap();
        assert_eq!(asked.tenant, *"T1");
    }

    #[tokio::test]
    async fn a_form_must_say_where_it_comes_from_and_json_need_not() {
        let request = post(FORM).body("tenant=T1").unwrap();
        assert_eq!(judge(&forms(), request).await, Err(403));
        let request = post(JSON).body(r#"{"tenant":"T1"}"#).unwrap();
        assert!(judge(&forms(), request).await.is_ok());
    }

    #[tokio::test]
    async fn a_page_that_sends_no_referrer_may_use_its_form() {
        let request = post(FORM)
            .header("origin", "null")
            .header("sec-fetch-site", "same-origin")
            .body("tenant=T1");
        assert!(judge(&forms(), request.unwrap()).await.is_ok());
    }
}
