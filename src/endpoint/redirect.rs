//! The answers to HTML forms: redirects to pages of this site.

use http::{HeaderValue, Response, StatusCode, header};

use super::{body::ResponseBody, refusal::Refusal};
use crate::{
    rejection::REJECTION_HEADER,
    return_paths::{ReturnPaths, page_with},
};

/// 303 to a path that was checked to be local.
pub(crate) fn redirect(path: &str) -> Response<ResponseBody> {
    // Checked paths are visible ASCII; if that were ever untrue, this stays on the site too.
    see_other(HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/")))
}

/// 303 to the configured page, with a field added to its query.
pub(crate) fn redirect_with(
    paths: &ReturnPaths,
    name: &str,
    value: &str,
) -> Response<ResponseBody> {
    see_other(page_with(paths, &[(name, value)]))
}

fn see_other(location: HeaderValue) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::default());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(header::LOCATION, location);
    response
}

impl Refusal {
    /// The refusal as a redirect to the configured page, whose query has the code as `parameter`.
    pub(crate) fn to_redirect(
        &self,
        paths: &ReturnPaths,
        parameter: &str,
    ) -> Response<ResponseBody> {
        let code = self.code();
        let mut response = redirect_with(paths, parameter, code);
        response
            .headers_mut()
            .insert(REJECTION_HEADER, HeaderValue::from_static(code));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::RefusalKind;

    #[test]
    fn a_form_is_sent_back_to_its_page_with_the_code() {
        let paths = ReturnPaths::new("/tenants").unwrap();
        let refusal = Refusal::new(RefusalKind::InvalidBody);
        let response = refusal.to_redirect(&paths, "select_error");
        assert_eq!(response.status(), 303);
        assert_eq!(
            response.headers()["location"],
            "/tenants?select_error=invalid_body"
        );
        assert_eq!(response.headers()["x-descope-rejection"], "invalid_body");
        let paths = ReturnPaths::new("/home?tab=1").unwrap();
        let refusal = Refusal::new(RefusalKind::BodyTooLarge);
        assert_eq!(
            refusal.to_redirect(&paths, "logout_error").headers()["location"],
            "/home?tab=1&logout_error=body_too_large"
        );
    }
}
