//! The types of bodies that are understood, as `Content-Type` names them.

use http::{HeaderMap, header};

/// The types that a form of any site can have; all others take a script, and across sites a
/// preflight (Fetch, "CORS-safelisted request-header").
const OF_FORMS: [&[u8]; 3] = [URL_ENCODED, MULTIPART, b"text/plain"];
const URL_ENCODED: &[u8] = b"application/x-www-form-urlencoded";
const MULTIPART: &[u8] = b"multipart/form-data";

/// The media types that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaType<'h> {
    Json,
    Form(FormEncoding<'h>),
}

/// The forms that an HTML form's fields come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormEncoding<'h> {
    UrlEncoded,
    /// `multipart/form-data`, whose parts `boundary` separates; `None` if there is none, or none
    /// that RFC 2046 section 5.1.1 allows.
    Multipart {
        boundary: Option<&'h str>,
    },
}

impl<'h> MediaType<'h> {
    /// Reads `Content-Type`. `None` for other types, for several fields and for none.
    pub(crate) fn of(headers: &'h HeaderMap) -> Option<Self> {
        let mut fields = headers.get_all(header::CONTENT_TYPE).iter();
        let field = fields.next()?.as_bytes();
        if fields.next().is_some() {
            return None;
        }
        let essence = essence(field);
        if essence.eq_ignore_ascii_case(b"application/json") {
            Some(Self::Json)
        } else if essence.eq_ignore_ascii_case(URL_ENCODED) {
            Some(Self::Form(FormEncoding::UrlEncoded))
        } else if essence.eq_ignore_ascii_case(MULTIPART) {
            let boundary = boundary(field);
            Some(Self::Form(FormEncoding::Multipart { boundary }))
        } else {
            None
        }
    }
}

/// Returns `true` if a form of another site can have sent a request with these fields: its type keeps
/// nobody out. A request without a type is none, since browsers give each form one.
pub(crate) fn may_be_of_a_form(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONTENT_TYPE).iter().any(|field| {
        let essence = essence(field.as_bytes());
        OF_FORMS.iter().any(|ty| essence.eq_ignore_ascii_case(ty))
    })
}

/// The type without its parameters.
fn essence(field: &[u8]) -> &[u8] {
    let mut parts = field.split(|&byte| byte == b';');
    parts.next().unwrap_or_default().trim_ascii()
}

/// The one parameter `boundary`.
fn boundary(field: &[u8]) -> Option<&str> {
    // No character of a boundary is a semicolon, quoted or not.
    let mut found = field
        .split(|&byte| byte == b';')
        .skip(1)
        .filter_map(|part| {
            let (name, value) = std::str::from_utf8(part).ok()?.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("boundary")
                .then_some(value.trim())
        });
    let value = found.next()?;
    if found.next().is_some() {
        return None;
    }
    let unquoted = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    let boundary = unquoted.unwrap_or(value);
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    let fits = (1..=70).contains(&boundary.len()) && boundary.bytes().all(is_legal);
    (fits && !boundary.ends_with(' ')).then_some(boundary)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const URL_ENCODED: Option<MediaType<'_>> = Some(MediaType::Form(FormEncoding::UrlEncoded));

    fn headers(fields: &[&'static str]) -> HeaderMap {
        fields
            .iter()
            .map(|field| (header::CONTENT_TYPE, HeaderValue::from_static(field)))
            .collect()
    }

    #[test]
    fn the_type_is_read_without_its_parameters() {
        for (fields, expected) in [
            (&["application/json"][..], Some(MediaType::Json)),
            (&["Application/JSON ; charset=utf-8"], Some(MediaType::Json)),
            (&["application/x-www-form-urlencoded"], URL_ENCODED),
            (&[], None),
            (&[""], None),
            (&["text/plain"], None),
            (&["text/plain; application/json"], None),
            (&["application/json, text/plain"], None),
            (&["application/jsonp"], None),
            (&["application/json+x"], None),
            (&["multipart/mixed; boundary=x"], None),
            (&["application/json", "application/json"], None),
        ] {
            assert_eq!(MediaType::of(&headers(fields)), expected, "{fields:?}");
        }
    }

    #[test]
    fn of_a_multipart_form_the_boundary_is_read() {
        for (parameters, expected) in [
            (
                "; boundary=----WebKitFormBoundaryAbC123",
                Some("----WebKitFormBoundaryAbC123"),
            ),
            (";charset=utf-8;BOUNDARY=x", Some("x")),
            ("; boundary=\"a b:c\"", Some("a b:c")),
            ("; boundary=a=b", Some("a=b")),
            ("", None),
            ("; boundary=", None),
            ("; boundary=\"\"", None),
            ("; boundary=\"a", None),
            ("; boundary=\"a \"", None),
            ("; boundary=a\\b", None),
            ("; boundary=a; boundary=b", None),
            (
                "; boundary=0123456789012345678901234567890123456789012345678901234567890123456789",
                Some("0123456789012345678901234567890123456789012345678901234567890123456789"),
            ),
            (
                "; boundary=01234567890123456789012345678901234567890123456789012345678901234567890",
                None,
            ),
        ] {
            let field = HeaderValue::try_from(format!("Multipart/Form-Data{parameters}")).unwrap();
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, field)]);
            let expected = MediaType::Form(FormEncoding::Multipart { boundary: expected });
            assert_eq!(MediaType::of(&headers), Some(expected), "{parameters}");
        }
    }

    #[test]
    fn the_types_of_forms_are_known_whatever_stands_beside_them() {
        for fields in [
            &["application/x-www-form-urlencoded"][..],
            &["multipart/form-data"],
            &["Text/Plain;charset=UTF-8"],
            &["application/json", "text/plain"],
        ] {
            assert!(may_be_of_a_form(&headers(fields)), "{fields:?}");
        }
        for fields in [
            &[][..],
            &["application/json"],
            &["application/xml"],
            &["text/html"],
        ] {
            assert!(!may_be_of_a_form(&headers(fields)), "{fields:?}");
        }
    }
}
