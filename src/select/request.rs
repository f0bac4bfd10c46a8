//! The body of a request: the tenant, and the page that a form wants to lead to.

use http_body::Body;
use serde::Deserialize;

use crate::{
    endpoint::{MediaType, Refusal, RefusalKind, form_fields, json_object, read_at_most},
    ids::TenantId,
};

/// The longest body that is read, in bytes.
const MAX_BODY: usize = 4096;

/// The body of a request, read.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct SelectBody {
    pub(super) tenant: TenantId,
    /// The page that a form wants to lead to, not yet checked. JSON has no such member.
    #[serde(skip)]
    pub(super) return_to: Option<String>,
}

impl SelectBody {
    /// Reads a body of this type.
    pub(super) fn parse(media_type: MediaType<'_>, body: &[u8]) -> Result<Self, Refusal> {
        let encoding = match media_type {
            MediaType::Json => return json_object(body),
            MediaType::Form(encoding) => encoding,
        };
        let invalid = |reason| Refusal::because(RefusalKind::InvalidBody, reason);
        let [tenant, return_to] = form_fields(encoding, body, ["tenant", "return_to"])?;
        let tenant = tenant.ok_or_else(|| invalid("no_tenant"))?;
        Ok(Self {
            tenant: TenantId::from_claim(&tenant).ok_or_else(|| invalid("malformed_tenant_id"))?,
            return_to,
        })
    }
}

/// The tenant that a body asks for, and the page that a form wants to lead to.
#[cfg(feature = "__internals")]
pub(crate) fn asked(media_type: MediaType<'_>, body: &[u8]) -> Option<(TenantId, Option<String>)> {
    let asked = SelectBody::parse(media_type, body).ok()?;
    Some((asked.tenant, asked.return_to))
}

/// Reads the whole body of a request.
pub(super) async fn read<B: Body>(body: B) -> Result<Vec<u8>, Refusal> {
    read_at_most(MAX_BODY, body).await
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;
    use crate::endpoint::FormEncoding;

    use MediaType::Json;

    const FORM: MediaType<'_> = MediaType::Form(FormEncoding::UrlEncoded);

    fn tenant(media_type: MediaType<'_>, body: &str) -> Option<String> {
        let asked = SelectBody::parse(media_type, body.as_bytes()).ok()?;
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
            assert_eq!(tenant(Json, body).as_deref(), Some("T1"), "{body}");
        }
        let asked = SelectBody::parse(Json, br#"{"tenant":"T1","return_to":"/x"}"#);
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
            assert_eq!(tenant(Json, body), None, "{body}");
        }
        assert!(SelectBody::parse(Json, b"{\"tenant\":\"\xff\"}").is_err());
    }

    #[test]
    fn forms_are_decoded() {
        let asked = SelectBody::parse(
            FORM,
            b"csrf=1&csrf=2&tenant=acme+corp%2F%C3%BC&return_to=%2Fapp",
        );
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
            assert_eq!(tenant(FORM, body), None, "{body}");
        }
    }

    #[tokio::test]
    async fn a_body_over_4_kib_is_too_large() {
        let read = |len: usize| read(Full::new(bytes::Bytes::from(vec![b'x'; len])));
        assert_eq!(read(MAX_BODY).await.unwrap().len(), MAX_BODY);
        let refusal = read(MAX_BODY + 1).await.unwrap_err();
        assert_eq!(refusal.code(), "body_too_large");
    }
}
