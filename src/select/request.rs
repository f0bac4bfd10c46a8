//! What a request asks for: its type and its body.

use std::{future::poll_fn, pin::pin};

use bytes::{Buf, BufMut};
use http::{HeaderMap, header};
use http_body::Body;

use super::{kind::Kind, refusal::Refusal};
use crate::{ids::TenantId, json};

/// The longest body that is read, in bytes.
const MAX_BODY: usize = 4096;

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFault {
    TooLarge,
    Broken,
}

/// The types of body that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Json,
    Form,
}

/// What the body asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) tenant: TenantId,
    /// Where a form wants to lead to. Not yet looked at.
    pub(super) return_to: Option<String>,
}

impl Type {
    /// Reads `Content-Type`; parameters do not matter. `None` for other types, and for none.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut fields = headers.get_all(header::CONTENT_TYPE).iter();
        let field = fields.next()?.as_bytes();
        if fields.next().is_some() {
            return None;
        }
        let essence = field.split(|&byte| byte == b';').next()?.trim_ascii();
        if essence.eq_ignore_ascii_case(b"application/json") {
            Some(Self::Json)
        } else if essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
            Some(Self::Form)
        } else {
            None
        }
    }

    /// Reads a body of this type.
    pub(super) fn parse(self, body: &[u8]) -> Result<Asked, Refusal> {
        match self {
            Self::Json => json(body),
            Self::Form => form(body),
        }
        .map_err(|reason| Refusal::because(Kind::InvalidBody, reason))
    }
}

/// The tenant that a body asks for, and where a form wants to lead to.
#[cfg(feature = "__internals")]
pub(crate) fn asked(ty: Type, body: &[u8]) -> Option<(TenantId, Option<String>)> {
    let asked = ty.parse(body).ok()?;
    Some((asked.tenant, asked.return_to))
}

/// Reads the whole body of a selection.
pub(super) async fn read<B: Body>(body: B) -> Result<Vec<u8>, Refusal> {
    read_at_most(MAX_BODY, body)
        .await
        .map_err(|fault| match fault {
            BodyFault::TooLarge => Refusal::new(Kind::BodyTooLarge),
            BodyFault::Broken => Refusal::because(Kind::InvalidBody, "unreadable_body"),
        })
}

/// Reads the whole body, but no more than `limit` bytes.
pub(crate) async fn read_at_most<B: Body>(limit: usize, body: B) -> Result<Vec<u8>, BodyFault> {
    if body.size_hint().lower() > limit as u64 {
        return Err(BodyFault::TooLarge);
    }
    let mut body = pin!(body);
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = frame.map_err(|_| BodyFault::Broken)?;
        if let Ok(data) = frame.into_data() {
            if data.remaining() > limit - bytes.len() {
                return Err(BodyFault::TooLarge);
            }
            bytes.put(data);
        }
    }
    Ok(bytes)
}

/// `{"tenant": "…"}`; other members are ignored, repeated ones refused.
fn json(body: &[u8]) -> Result<Asked, &'static str> {
    let text = std::str::from_utf8(body).map_err(|_| "not_utf8")?;
    let mut tenant = None;
    json::members(text, |member| {
        if member.name == "tenant" {
            tenant = Some(json::string(member.value).ok_or("tenant_not_a_string")?);
        }
        Ok(())
    })?;
    Ok(Asked {
        tenant: tenant_id(&tenant.ok_or("no_tenant")?)?,
        return_to: None,
    })
}

/// `tenant=…&return_to=…`; other fields are ignored, these two may not be repeated.
fn form(body: &[u8]) -> Result<Asked, &'static str> {
    let mut tenant = None;
    let mut return_to = None;
    for (name, value) in form_urlencoded::parse(body) {
        let slot = match &*name {
            "tenant" => &mut tenant,
            "return_to" => &mut return_to,
            _ => continue,
        };
        // What is not UTF-8 is decoded to this, and must not pass for another tenant.
        if value.contains(char::REPLACEMENT_CHARACTER) {
            return Err("not_utf8");
        }
        if slot.replace(value).is_some() {
            return Err("repeated_field");
        }
    }
    Ok(Asked {
        tenant: tenant_id(&tenant.ok_or("no_tenant")?)?,
        return_to: return_to.map(Into::into),
    })
}

fn tenant_id(id: &str) -> Result<TenantId, &'static str> {
    TenantId::from_claim(id).ok_or("malformed_tenant_id")
}

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        task::{Context, Poll},
    };

    use http::HeaderValue;
    use http_body::Frame;
    use http_body_util::Full;

    use super::*;

    fn tenant(ty: Type, body: &str) -> Option<String> {
        let asked = ty.parse(body.as_bytes()).ok()?;
        Some(asked.tenant.to_string())
    }

    #[test]
    fn json_has_one_member_tenant_and_others_are_ignored() {
        for body in [
            r#"{"tenant":"T1"}"#,
            r#" { "tenant" : "T1" } "#,
            r#"{"t\u0065nant":"T\u0031"}"#,
            r#"{"fpData":{"vsid":"x","tenant":"T2"},"tenant":"T1","return_to":"/x"}"#,
        ] {
            assert_eq!(tenant(Type::Json, body).as_deref(), Some("T1"), "{body}");
        }
        let asked = Type::Json.parse(br#"{"tenant":"T1","return_to":"/x"}"#);
        assert_eq!(asked.unwrap().return_to, None);
    }

    #[test]
    fn other_json_is_refused() {
        for body in [
            "",
            "{}",
            "null",
            "\"T1\"",
            r#"[{"tenant":"T1"}]"#,
            r#"{"tenant":null}"#,
            r#"{"tenant":1}"#,
            r#"{"tenant":["T1"]}"#,
            r#"{"tenant":{"id":"T1"}}"#,
            r#"{"tenant":""}"#,
            r#"{"tenant":"  "}"#,
            r#"{"tenant":"a\nb"}"#,
            r#"{"tenant":"a\u0000b"}"#,
            r#"{"Tenant":"T1"}"#,
            r#"{"tenant":"T1"} x"#,
            r#"{"tenant":"T1","tenant":"T1"}"#,
            r#"{"tenant":"T1","tenant":"T2"}"#,
            r#"{"tenant":"T1","t\u0065nant":"T2"}"#,
            r#"{"tenant":"T1","x":1,"x":2}"#,
            r#"{"tenant":"T1",}"#,
            r"{'tenant':'T1'}",
            &format!(r#"{{"tenant":"{}"}}"#, "x".repeat(257)),
            &format!(
                r#"{{"tenant":"T1","x":{}{}}}"#,
                "[".repeat(500),
                "]".repeat(500)
            ),
            "\u{feff}{\"tenant\":\"T1\"}",
            "tenant=T1",
        ] {
            assert_eq!(tenant(Type::Json, body), None, "{body}");
        }
        assert!(Type::Json.parse(b"{\"tenant\":\"\xff\"}").is_err());
    }

    #[test]
    fn forms_are_decoded() {
        let asked = Type::Form.parse(b"csrf=1&csrf=2&tenant=acme+corp%2F%C3%BC&return_to=%2Fapp");
        let asked = asked.unwrap();
        assert_eq!(asked.tenant, *"acme corp/ü");
        assert_eq!(asked.return_to.as_deref(), Some("/app"));
    }

    #[test]
    fn other_forms_are_refused() {
        for body in [
            "",
            "tenant",
            "tenant=",
            "Tenant=T1",
            "tenant=T1&tenant=T2",
            "tenant=T1&t%65nant=T2",
            "tenant=T1&return_to=/a&return_to=/b",
            "tenant=%ff",
            "tenant=a%0d%0ab",
            r#"{"tenant":"T1"}"#,
        ] {
            assert_eq!(tenant(Type::Form, body), None, "{body}");
        }
    }

    #[test]
    fn the_type_is_read_without_its_parameters() {
        for (fields, expected) in [
            (&["application/json"][..], Some(Type::Json)),
            (&["Application/JSON ; charset=utf-8"], Some(Type::Json)),
            (&["application/x-www-form-urlencoded"], Some(Type::Form)),
            (&[], None),
            (&[""], None),
            (&["text/plain"], None),
            (&["text/plain; application/json"], None),
            (&["application/json, text/plain"], None),
            (&["application/jsonp"], None),
            (&["application/json+x"], None),
            (&["multipart/form-data; boundary=x"], None),
            (&["application/json", "application/json"], None),
        ] {
            let headers: HeaderMap = fields
                .iter()
                .map(|field| (header::CONTENT_TYPE, HeaderValue::from_static(field)))
                .collect();
            assert_eq!(Type::of(&headers), expected, "{fields:?}");
        }
    }

    #[tokio::test]
    async fn a_body_over_4_kib_is_too_large() {
        let read = |len: usize| read(Full::new(bytes::Bytes::from(vec![b'x'; len])));
        assert_eq!(read(MAX_BODY).await.unwrap().len(), MAX_BODY);
        let refusal = read(MAX_BODY + 1).await.unwrap_err();
        assert_eq!(refusal.code(), "body_too_large");
    }

    /// A body of unknown length.
    struct Chunks(Vec<Result<&'static [u8], ()>>);

    impl Body for Chunks {
        type Data = &'static [u8];
        type Error = ();

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Self::Data>, ()>>> {
            Poll::Ready(self.0.pop().map(|chunk| chunk.map(Frame::data)))
        }
    }

    #[tokio::test]
    async fn a_body_of_unknown_length_is_counted_as_it_comes() {
        let chunk = Ok([b'x'; 1000].as_slice());
        assert_eq!(read(Chunks(vec![chunk; 4])).await.unwrap().len(), 4000);
        let many = read(Chunks(vec![chunk; 5])).await;
        assert_eq!(many.unwrap_err().code(), "body_too_large");
        let broken = read(Chunks(vec![Err(()), chunk])).await;
        assert_eq!(broken.unwrap_err().code(), "invalid_body");
    }
}
