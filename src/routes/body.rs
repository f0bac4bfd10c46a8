//! The bodies that the session calls take.

use http::HeaderMap;
use http_body::Body;
use serde::{Deserialize, de::IgnoredAny};

use super::sign_in::SignInTokens;
use crate::{
    answer::WhichTenants,
    endpoint::{
        FormEncoding, MediaType, Refusal, RefusalKind, form_fields, json_object, read_at_most,
    },
    ids::TenantId,
};

/// The longest body that is read, in bytes: an external token may be in it.
const MAX_BODY: usize = 16 * 1024;

/// The longest body of a sign-in, in bytes: two tokens, and what a page was given beside them.
const MAX_SIGN_IN_BODY: usize = 64 * 1024;

/// The tenants that a call asks about. As Descope's SDKs send it, the member that is not meant may
/// be there, too, as `null`, `false` or an empty list.
#[derive(Deserialize)]
struct TenantsBody {
    dct: Option<bool>,
    ids: Option<Vec<TenantId>>,
}

/// Admits the body of a call that says no more than its path: an empty one, whatever its type, or a
/// JSON object. The SDKs put all sorts of members into it, of which none is needed.
pub(super) async fn nothing<B: Body>(headers: &HeaderMap, body: B) -> Result<(), Refusal> {
    if MediaType::of(headers) == Some(MediaType::Json) {
        let body = read_at_most(MAX_BODY, body).await?;
        return if body.is_empty() {
            Ok(())
        } else {
            json_object(&body).map(|_: IgnoredAny| ())
        };
    }
    match read_at_most(0, body).await {
        Err(refusal) if refusal.kind() == RefusalKind::BodyTooLarge => {
            Err(Refusal::new(RefusalKind::UnsupportedMediaType))
        }
        read => read.map(|_| ()),
    }
}

/// Reads the form of a call that says no more than its path, and returns the page that it wants to
/// lead to, not yet checked.
pub(super) async fn return_to<B: Body>(
    encoding: FormEncoding<'_>,
    body: B,
) -> Result<Option<String>, Refusal> {
    let body = read_at_most(MAX_BODY, body).await?;
    let [return_to] = form_fields(encoding, &body, ["return_to"])?;
    Ok(return_to)
}

/// Reads the tokens of a sign-in.
pub(super) async fn sign_in_tokens<B: Body>(
    headers: &HeaderMap,
    body: B,
) -> Result<SignInTokens, Refusal> {
    if MediaType::of(headers) != Some(MediaType::Json) {
        return Err(Refusal::new(RefusalKind::UnsupportedMediaType));
    }
    let body = read_at_most(MAX_SIGN_IN_BODY, body).await?;
    SignInTokens::read(&body)
}

/// Reads which tenants are meant: `{"dct": true}` or `{"ids": [...]}`.
pub(super) async fn which_tenants<B: Body>(
    headers: &HeaderMap,
    body: B,
) -> Result<WhichTenants, Refusal> {
    if MediaType::of(headers) != Some(MediaType::Json) {
        return Err(Refusal::new(RefusalKind::UnsupportedMediaType));
    }
    let body = read_at_most(MAX_BODY, body).await?;
    let TenantsBody { dct, ids } = json_object(&body)?;
    match (dct.unwrap_or_default(), ids) {
        (true, None) => Ok(WhichTenants::Current),
        (false, Some(ids)) => Ok(WhichTenants::Listed(ids)),
        (true, Some(ids)) if ids.is_empty() => Ok(WhichTenants::Current),
        (true, Some(_)) => Err(Refusal::because(RefusalKind::InvalidBody, "dct_and_ids")),
        (false, None) => Err(Refusal::because(
            RefusalKind::InvalidBody,
            "no_tenants_named",
        )),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderValue, header};
    use http_body_util::Full;

    use super::*;

    const JSON: Option<&str> = Some("application/json");

    fn headers(ty: Option<&'static str>) -> HeaderMap {
        ty.map(|ty| (header::CONTENT_TYPE, HeaderValue::from_static(ty)))
            .into_iter()
            .collect()
    }

    fn full(body: impl Into<Bytes>) -> Full<Bytes> {
        Full::new(body.into())
    }

    #[tokio::test]
    async fn a_body_that_says_nothing_is_empty_or_an_object() {
        for (ty, body, status) in [
            (None, "", None),
            (JSON, "{}", None),
            (Some("Application/JSON; charset=utf-8"), " {} ", None),
            (JSON, r#"{"fpData":{"vsid":"x"},"externalToken":"y"}"#, None),
            (JSON, "", None),
            (Some("text/plain"), "", None),
            (Some("application/x-www-form-urlencoded"), "", None),
            (Some("multipart/form-data; boundary=x"), "", None),
            (Some("application/xml"), "", None),
            (Some(""), "", None),
            (JSON, " ", Some(400)),
            (JSON, "null", Some(400)),
            (JSON, "[]", Some(400)),
            (JSON, "\"x\"", Some(400)),
            (JSON, "{", Some(400)),
            (JSON, r#"{"a":1,"a":2}"#, Some(400)),
            (None, "{}", Some(415)),
            (Some("text/plain"), "{}", Some(415)),
            (Some("application/x-www-form-urlencoded"), "a=1", Some(415)),
            (Some("multipart/form-data; boundary=x"), "--x--", Some(415)),
            (Some("application/xml"), "{}", Some(415)),
        ] {
            let verdict = nothing(&headers(ty), full(body)).await;
            let seen = verdict.err().map(|it| it.kind().status().as_u16());
            assert_eq!(seen, status, "{ty:?} {body:?}");
        }
        let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_BODY));
        let verdict = nothing(&headers(JSON), full(large)).await;
        assert_eq!(verdict.unwrap_err().kind(), RefusalKind::BodyTooLarge);
        let broken = full(&b"{\"a\":\"\xff\"}"[..]);
        assert!(nothing(&headers(JSON), broken).await.is_err());
    }

    #[tokio::test]
    async fn tenants_are_named_in_one_way() {
        let id = |id: &str| TenantId::new(id).unwrap();
        let listed = |ids: &[&str]| {
            let ids = ids.iter().map(|one| id(one)).collect();
            Some(WhichTenants::Listed(ids))
        };
        for (body, which) in [
            (r#"{"dct":true}"#, Some(WhichTenants::Current)),
            (r#"{"dct":true,"ids":null}"#, Some(WhichTenants::Current)),
            (r#"{"dct":true,"ids":[]}"#, Some(WhichTenants::Current)),
            (r#"{"ids":["T1","T2"]}"#, listed(&["T1", "T2"])),
            (r#"{"dct":false,"ids":["T1"],"x":{}}"#, listed(&["T1"])),
            (r#"{"ids":[]}"#, listed(&[])),
            ("{}", None),
            (r#"{"dct":false}"#, None),
            (r#"{"dct":1}"#, None),
            (r#"{"dct":true,"ids":["T1"]}"#, None),
            (r#"{"ids":"T1"}"#, None),
            (r#"{"ids":[1]}"#, None),
            (r#"{"ids":[""]}"#, None),
            (r#"{"ids":["a\r\nb"]}"#, None),
            ("[]", None),
            ("", None),
        ] {
            let seen = which_tenants(&headers(JSON), full(body)).await;
            assert_eq!(seen.ok(), which, "{body}");
        }
        let untyped = which_tenants(&headers(None), full(r#"{"dct":true}"#)).await;
        assert_eq!(
            untyped.unwrap_err().kind(),
            RefusalKind::UnsupportedMediaType
        );
    }
}
