//! The fields of HTML forms.

use super::{kind::RefusalKind, media_type::FormEncoding, multipart, refusal::Refusal};

/// Reads the `wanted` fields of a form; other fields are ignored. An empty body has none.
///
/// # Errors
///
/// A body that is no form of this encoding; a wanted field that comes twice, since whoever else reads
/// this body on its way must not find another value in it, or that is not UTF-8.
pub(crate) fn form_fields<const N: usize>(
    encoding: FormEncoding<'_>,
    body: &[u8],
    wanted: [&str; N],
) -> Result<[Option<String>; N], Refusal> {
    read(encoding, body, wanted)
        .map_err(|reason| Refusal::because(RefusalKind::InvalidBody, reason))
}

fn read<const N: usize>(
    encoding: FormEncoding<'_>,
    body: &[u8],
    wanted: [&str; N],
) -> Result<[Option<String>; N], &'static str> {
    let mut found = [const { None }; N];
    let mut take = |name: &str, value: &[u8]| {
        let mut slots = wanted.iter().zip(&mut found);
        let Some((_, slot)) = slots.find(|(wanted, _)| **wanted == name) else {
            return Ok(());
        };
        let value = String::from_utf8(value.to_vec()).map_err(|_| "not_utf8")?;
        match slot.replace(value) {
            Some(_) => Err("repeated_field"),
            None => Ok(()),
        }
    };
    match encoding {
        FormEncoding::UrlEncoded => {
            for (name, value) in form_urlencoded::parse(body) {
                // What is not UTF-8 is decoded to this, and must not pass for another value.
                if value.contains(char::REPLACEMENT_CHARACTER) && wanted.contains(&&*name) {
                    return Err("not_utf8");
                }
                take(&name, value.as_bytes())?;
            }
        }
        FormEncoding::Multipart { boundary } => {
            for part in multipart::parts(body, boundary.ok_or("no_boundary")?) {
                let part = part?;
                take(part.name, part.value)?;
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL_ENCODED: FormEncoding<'_> = FormEncoding::UrlEncoded;
    const MULTIPART: FormEncoding<'_> = FormEncoding::Multipart {
        boundary: Some("x"),
    };

    fn fields(encoding: FormEncoding<'_>, body: &[u8]) -> Result<[Option<String>; 2], String> {
        let fields = form_fields(encoding, body, ["a", "b"]);
        fields.map_err(|refusal| refusal.reason().to_owned())
    }

    fn some(a: &str, b: &str) -> [Option<String>; 2] {
        [Some(a.to_owned()), Some(b.to_owned())]
    }

    fn multipart(fields: &[(&str, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, value) in fields {
            let head = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(value);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--x--\r\n");
        body
    }

    #[test]
    fn both_encodings_say_the_same() {
        assert_eq!(
            fields(URL_ENCODED, b"b=2+%C3%BC&csrf=1&csrf=2&a=%261"),
            Ok(some("&1", "2 ü"))
        );
        let body = multipart(&[
            ("b", "2 ü".as_bytes()),
            ("csrf", b"1"),
            ("csrf", b"\xff"),
            ("a", b"&1"),
        ]);
        assert_eq!(fields(MULTIPART, &body), Ok(some("&1", "2 ü")));
        for encoding in [URL_ENCODED, MULTIPART] {
            assert_eq!(fields(encoding, b""), Ok([None, None]), "an empty form");
        }
    }

    #[test]
    fn a_wanted_field_comes_once_and_is_utf8() {
        for (body, reason) in [
            (&b"a=1&a=1"[..], "repeated_field"),
            (b"a=1&%61=2", "repeated_field"),
            (b"a=%ff", "not_utf8"),
            (b"a=\xff", "not_utf8"),
        ] {
            assert_eq!(fields(URL_ENCODED, body), Err(reason.into()), "{body:?}");
        }
        let twice = multipart(&[("a", b"1"), ("a", b"2")]);
        assert_eq!(fields(MULTIPART, &twice), Err("repeated_field".into()));
        let broken = multipart(&[("a", b"\xff")]);
        assert_eq!(fields(MULTIPART, &broken), Err("not_utf8".into()));
        let unnamed = FormEncoding::Multipart { boundary: None };
        assert_eq!(fields(unnamed, &twice), Err("no_boundary".into()));
    }
}
