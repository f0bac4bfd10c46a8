//! What requests may have in their bodies.

use http::{HeaderMap, header};
use http_body::Body;

use super::refusal::{Kind, Refusal};
use crate::{
    answer::WhichTenants,
    ids::TenantId,
    json,
    select::{BodyFault, Type, read_at_most},
};

/// The longest body that is read, in bytes: an external token may be in it.
const MAX_BODY: usize = 16 * 1024;

/// Admits the body of a call that says no more than its path: an empty one without a type, or a
/// JSON object. The SDKs put all sorts of members into it, of which none is needed.
pub(super) async fn nothing<B: Body>(headers: &HeaderMap, body: B) -> Result<(), Refusal> {
    let untyped = !headers.contains_key(header::CONTENT_TYPE);
    if !untyped && Type::of(headers) != Some(Type::Json) {
        return Err(Refusal::new(Kind::UnsupportedMediaType));
    }
    let body = read(body).await?;
    if untyped {
        return if body.is_empty() {
            Ok(())
        } else {
            Err(Refusal::new(Kind::UnsupportedMediaType))
        };
    }
    object(&body, |_| Ok(()))
}

/// Reads which tenants are meant: `{"dct": true}` or `{"ids": [...]}`. As Descope's SDKs send it,
/// the other member may be there, too, if it says nothing.
pub(super) async fn which_tenants<B: Body>(
    headers: &HeaderMap,
    body: B,
) -> Result<WhichTenants, Refusal> {
    if Type::of(headers) != Some(Type::Json) {
        return Err(Refusal::new(Kind::UnsupportedMediaType));
    }
    let body = read(body).await?;
    let mut current = false;
    let mut listed = None;
    object(&body, |member| {
        match (member.name, member.value) {
            ("dct", "true") => current = true,
            ("dct", "false" | "null") | ("ids", "null") => {}
            ("dct", _) => return Err("dct_not_a_boolean"),
            ("ids", ids) => listed = Some(tenants(ids)?),
            _ => {}
        }
        Ok(())
    })?;
    match (current, listed) {
        (true, None) => Ok(WhichTenants::Current),
        (false, Some(ids)) => Ok(WhichTenants::Listed(ids)),
        (true, Some(ids)) if ids.is_empty() => Ok(WhichTenants::Current),
        (true, Some(_)) => Err(Refusal::because(Kind::InvalidBody, "dct_and_ids")),
        (false, None) => Err(Refusal::because(Kind::InvalidBody, "no_tenants_named")),
    }
}

fn tenants(ids: &str) -> Result<Vec<TenantId>, &'static str> {
    let mut tenants = Vec::new();
    json::elements(ids, |id| {
        let id = json::string(id).ok_or("tenant_not_a_string")?;
        tenants.push(TenantId::from_claim(&id).ok_or("malformed_tenant_id")?);
        Ok(())
    })?;
    Ok(tenants)
}

async fn read<B: Body>(body: B) -> Result<Vec<u8>, Refusal> {
    read_at_most(MAX_BODY, body)
        .await
        .map_err(|fault| match fault {
            BodyFault::TooLarge => Refusal::new(Kind::BodyTooLarge),
            BodyFault::Broken => Refusal::because(Kind::InvalidBody, "unreadable_body"),
        })
}

fn object(
    body: &[u8],
    visit: impl FnMut(json::Member<'_, '_>) -> Result<(), json::Fault>,
) -> Result<(), Refusal> {
    std::str::from_utf8(body)
        .map_err(|_| "not_utf8")
        .and_then(|text| json::members(text, visit))
        .map_err(|reason| Refusal::because(Kind::InvalidBody, reason))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderValue;
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
            (JSON, "", Some(400)),
            (JSON, "null", Some(400)),
            (JSON, "[]", Some(400)),
            (JSON, "\"x\"", Some(400)),
            (JSON, "{", Some(400)),
            (JSON, r#"{"a":1,"a":2}"#, Some(400)),
            (None, "{}", Some(415)),
            (Some("text/plain"), "", Some(415)),
            (Some("text/plain"), "{}", Some(415)),
            (Some("application/x-www-form-urlencoded"), "", Some(415)),
        ] {
            let verdict = nothing(&headers(ty), full(body)).await;
            let seen = verdict.err().map(|it| it.kind().status().as_u16());
            assert_eq!(seen, status, "{ty:?} {body:?}");
        }
        let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_BODY));
        let verdict = nothing(&headers(JSON), full(large)).await;
        assert_eq!(verdict.unwrap_err().kind(), Kind::BodyTooLarge);
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
        assert_eq!(untyped.unwrap_err().kind(), Kind::UnsupportedMediaType);
    }
}
