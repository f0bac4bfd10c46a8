//! The settings of a `SelectTenant`, and the requests that they let in.

use http::{Method, request};
use http_body::Body;

use super::request::{SelectBody, read};
use crate::{
    endpoint::{AnswerFields, MediaType, Refusal, RefusalKind, RefusalResponses},
    origin::WhenAbsent,
    return_paths::ReturnPaths,
};

#[derive(Clone, Debug, Default)]
pub(super) struct SelectSettings {
    /// The pages that forms lead to. `None`: forms are not accepted.
    pub(super) forms: Option<ReturnPaths>,
    pub(super) accept_bearer: bool,
    pub(super) fields: AnswerFields,
    pub(super) refusals: RefusalResponses,
}

impl SelectSettings {
    /// The pages that the request's form leads to. `None` if it is no form, or forms are not
    /// accepted.
    pub(super) fn return_paths(&self, request: &request::Parts) -> Option<&ReturnPaths> {
        let is_form = || matches!(MediaType::of(&request.headers), Some(MediaType::Form(_)));
        self.forms.as_ref().filter(|_| is_form())
    }

    /// Admits a request by its method and, if `same_site` agrees, by its origin.
    ///
    /// # Errors
    ///
    /// A request that must have no effect at all.
    pub(super) fn admit(
        &self,
        request: &request::Parts,
        same_site: impl FnOnce(WhenAbsent) -> Result<(), &'static str>,
    ) -> Result<(), Refusal> {
        if request.method != Method::POST {
            return Err(Refusal::new(RefusalKind::MethodNotAllowed("POST")));
        }
        // No other site's form can have the type of JSON; an old browser's could have a form's.
        let when_absent = match self.return_paths(request) {
            Some(_) => WhenAbsent::Refuse,
            None => WhenAbsent::Allow,
        };
        same_site(when_absent).map_err(|reason| Refusal::because(RefusalKind::CrossSite, reason))
    }

    /// Reads the tenant that the request asks for.
    ///
    /// # Errors
    ///
    /// A body of another type, or that names no tenant.
    pub(super) async fn read<B: Body>(
        &self,
        request: &request::Parts,
        body: B,
    ) -> Result<SelectBody, Refusal> {
        let media_type = MediaType::of(&request.headers)
            .filter(|it| *it == MediaType::Json || self.forms.is_some())
            .ok_or_else(|| Refusal::new(RefusalKind::UnsupportedMediaType))?;
        SelectBody::parse(media_type, &read(body).await?)
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

    fn forms() -> SelectSettings {
        SelectSettings {
            forms: Some(ReturnPaths::new("/tenants").unwrap()),
            ..SelectSettings::default()
        }
    }

    async fn judge(
        settings: &SelectSettings,
        request: Request<&'static str>,
    ) -> Result<SelectBody, u16> {
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
        let settings = SelectSettings::default();
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
            let verdict = judge(&SelectSettings::default(), request.unwrap()).await;
            assert_eq!(verdict, Err(405), "{method}");
        }
    }

    #[tokio::test]
    async fn other_sites_are_refused_before_the_type_is_looked_at() {
        for settings in [SelectSettings::default(), forms()] {
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
            assert_eq!(
                judge(&SelectSettings::default(), request).await,
                Err(415),
                "{ty}"
            );
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
