//! `multipart/form-data` (RFC 7578) as browsers send it, without files.
//!
//! The body has been read, and is bounded. The parser is strict: what it cannot read in one way only
//! it refuses, since somebody else may read the same body on its way.

/// A field of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part<'b> {
    pub(super) name: &'b str,
    pub(super) value: &'b [u8],
}

/// The parts that are left.
struct Parts<'b> {
    /// From the two bytes after a delimiter on; `None` after the last part or an error.
    rest: Option<&'b [u8]>,
    /// A delimiter that has something before it: line end, two dashes, boundary.
    delimiter: Vec<u8>,
}

/// Returns the parts of a body, none for an empty one. After an error there are no more.
pub(super) fn parts<'b>(
    body: &'b [u8],
    boundary: &str,
) -> impl Iterator<Item = Result<Part<'b>, &'static str>> {
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    // The first one has nothing before it: no preamble, which nobody would see.
    let first = delimiter
        .get(2..)
        .and_then(|first| body.strip_prefix(first));
    let missing = first.is_none() && !body.is_empty();
    let rest = first;
    missing
        .then_some(Err("no_first_boundary"))
        .into_iter()
        .chain(Parts { rest, delimiter })
}

impl<'b> Iterator for Parts<'b> {
    type Item = Result<Part<'b>, &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.rest.take()? {
            b"--" | b"--\r\n" => None,
            rest => Some(self.part(rest)),
        }
    }
}

impl<'b> Parts<'b> {
    /// Reads a part, and keeps what comes after it.
    fn part(&mut self, rest: &'b [u8]) -> Result<Part<'b>, &'static str> {
        let part = rest.strip_prefix(b"\r\n").ok_or("malformed_boundary")?;
        let end = memchr::memmem::find(part, &self.delimiter).ok_or("no_last_boundary")?;
        let (part, rest) = part.split_at(end);
        self.rest = rest.get(self.delimiter.len()..);
        let blank = memchr::memmem::find(part, b"\r\n\r\n").ok_or("no_part_head")?;
        let (head, value) = part.split_at(blank);
        Ok(Part {
            name: field_name(head)?,
            value: value.get(4..).unwrap_or_default(),
        })
    }
}

/// The name in a part's head, whose other fields mean nothing in a form (RFC 7578 section 4.8).
fn field_name(head: &[u8]) -> Result<&str, &'static str> {
    let head = std::str::from_utf8(head).map_err(|_| "not_utf8")?;
    let mut name = None;
    for line in head.split("\r\n") {
        // A line end of another kind would end the field for some readers and not for others.
        if line.contains(char::is_control) {
            return Err("malformed_part_head");
        }
        let (field, value) = line.split_once(':').ok_or("malformed_part_head")?;
        if field.eq_ignore_ascii_case("content-transfer-encoding") {
            return Err("encoded_part");
        }
        if field.eq_ignore_ascii_case("content-disposition")
            && name.replace(disposition(value)?).is_some()
        {
            return Err("repeated_disposition");
        }
    }
    name.ok_or("no_disposition")
}

/// The parameter `name` of `form-data; name="…"`.
fn disposition(value: &str) -> Result<&str, &'static str> {
    const MALFORMED: &str = "malformed_disposition";
    let (ty, mut rest) = value.trim().split_at_checked(9).ok_or(MALFORMED)?;
    if !ty.eq_ignore_ascii_case("form-data") {
        return Err(MALFORMED);
    }
    let mut name = None;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return name.ok_or("unnamed_part");
        }
        let parameter = rest.strip_prefix(';').ok_or(MALFORMED)?;
        let (parameter, value) = parameter.split_once('=').ok_or(MALFORMED)?;
        let text;
        (text, rest) = if let Some(quoted) = value.strip_prefix('"') {
            quoted.split_once('"').ok_or(MALFORMED)?
        } else {
            let (text, rest) = value.split_at(value.find(';').unwrap_or(value.len()));
            (text.trim_end(), rest)
        };
        // Browsers write a quote as `%22`; a backslash is read in two ways.
        if text.contains(['\\', '"']) {
            return Err(MALFORMED);
        }
        let parameter = parameter.trim_start();
        if parameter.eq_ignore_ascii_case("name") {
            if name.replace(text).is_some() {
                return Err("repeated_name");
            }
        } else if parameter.eq_ignore_ascii_case("filename") || parameter.ends_with('*') {
            return Err("file_part");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Content-Disposition: form-data; name=\"a\"";

    fn read(body: &[u8]) -> Result<Vec<(String, Vec<u8>)>, &'static str> {
        parts(body, "b-1")
            .map(|part| {
                let Part { name, value } = part?;
                Ok((name.to_owned(), value.to_vec()))
            })
            .collect()
    }

    /// One part with this head.
    fn with_head(head: &str) -> Result<String, &'static str> {
        let body = format!("--b-1\r\n{head}\r\n\r\n1\r\n--b-1--\r\n");
        let mut parts = read(body.as_bytes())?;
        assert_eq!(parts.len(), 1, "{head}");
        Ok(parts.remove(0).0)
    }

    #[test]
    fn a_form_as_browsers_send_it_is_read() {
        let body = format!(
            "--b-1\r\n{HEAD}\r\n\r\nT1\r\n--b-1\r\nContent-Disposition: form-data; name=\"b\"\
             \r\n\r\nline\r\nline --b-1 \r\n\r\n--b-\r\n--b-1--\r\n"
        );
        let expected = [
            ("a".to_owned(), b"T1".to_vec()),
            ("b".to_owned(), b"line\r\nline --b-1 \r\n\r\n--b-".to_vec()),
        ];
        assert_eq!(read(body.as_bytes()).unwrap(), expected);
        let unended = body.strip_suffix("\r\n").unwrap();
        assert_eq!(read(unended.as_bytes()).unwrap(), expected);
        for empty in ["", "--b-1--\r\n", "--b-1--"] {
            assert_eq!(read(empty.as_bytes()), Ok(Vec::new()), "{empty}");
        }
        let empty = format!("--b-1\r\n{HEAD}\r\n\r\n\r\n--b-1--");
        assert_eq!(
            read(empty.as_bytes()).unwrap(),
            [("a".to_owned(), Vec::new())]
        );
    }

    #[test]
    fn heads_are_read_in_the_forms_that_clients_write_them() {
        for head in [
            HEAD,
            "content-disposition:form-data;name=a",
            "Content-Disposition: Form-Data; NAME=\"a\"; x=\"y;z\"",
            "Content-Disposition: form-data; x=y; name=a ",
            "Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=a",
            "Content-Disposition: form-data; name=\"a\"\r\nX-Other: y",
            "X-Other: \u{fc}\r\nContent-Disposition: form-data; name=a",
        ] {
            assert_eq!(with_head(head).as_deref(), Ok("a"), "{head}");
        }
        let escaped = with_head("Content-Disposition: form-data; name=\"a%22;b\"");
        assert_eq!(
            escaped.as_deref(),
            Ok("a%22;b"),
            "not decoded, so never a field of ours"
        );
    }

    #[test]
    fn files_and_heads_with_two_readings_are_refused() {
        for (head, reason) in [
            (
                "Content-Disposition: form-data; name=\"a\"; filename=\"x.txt\"",
                "file_part",
            ),
            (
                "Content-Disposition: form-data; name=\"a\"; filename=\"\"",
                "file_part",
            ),
            (
                "Content-Disposition: form-data; name=\"a\"; FileName=x",
                "file_part",
            ),
            (
                "Content-Disposition: form-data; name=\"a\"; filename*=UTF-8''x",
                "file_part",
            ),
            (
                "Content-Disposition: form-data; name*=UTF-8''a",
                "file_part",
            ),
            (
                "Content-Disposition: form-data; name=\"a\"; name=\"b\"",
                "repeated_name",
            ),
            (
                "Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"b\"",
                "repeated_disposition",
            ),
            (
                "Content-Disposition: form-data; name=\"a\\\"b\"",
                "malformed_disposition",
            ),
            (
                "Content-Disposition: form-data; name=\"a",
                "malformed_disposition",
            ),
            (
                "Content-Disposition: form-data; name=\"a\" x",
                "malformed_disposition",
            ),
            (
                "Content-Disposition: form-data name=\"a\"",
                "malformed_disposition",
            ),
            ("Content-Disposition: form-data;", "malformed_disposition"),
            (
                "Content-Disposition: attachment; name=\"a\"",
                "malformed_disposition",
            ),
            ("Content-Disposition: form-data", "unnamed_part"),
            ("Content-Type: text/plain", "no_disposition"),
            (
                "Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64",
                "encoded_part",
            ),
            (
                "Content-Disposition: form-data;\r\n name=\"a\"",
                "malformed_disposition",
            ),
            (
                "Content-Type: x\nContent-Disposition: form-data; name=b\r\nContent-Disposition: form-data; name=a",
                "malformed_part_head",
            ),
            (
                "Content-Disposition: form-data; name=\u{e4}\u{85}",
                "malformed_part_head",
            ),
            ("", "malformed_part_head"),
        ] {
            assert_eq!(with_head(head), Err(reason), "{head}");
        }
    }

    #[test]
    fn a_body_begins_and_ends_with_its_boundary() {
        for (body, reason) in [
            (
                format!("\r\n--b-1\r\n{HEAD}\r\n\r\n1\r\n--b-1--"),
                "no_first_boundary",
            ),
            (
                format!("x\r\n--b-1\r\n{HEAD}\r\n\r\n1\r\n--b-1--"),
                "no_first_boundary",
            ),
            (
                format!("--b-2\r\n{HEAD}\r\n\r\n1\r\n--b-2--"),
                "no_first_boundary",
            ),
            (format!("--b-1\r\n{HEAD}\r\n\r\n1"), "no_last_boundary"),
            (
                format!("--b-1\r\n{HEAD}\r\n\r\n1\n--b-1--"),
                "no_last_boundary",
            ),
            (
                format!("--b-1\r\n{HEAD}\r\n\r\n1\r\n--b-1"),
                "malformed_boundary",
            ),
            (
                format!("--b-1\r\n{HEAD}\r\n\r\n1\r\n--b-1--x"),
                "malformed_boundary",
            ),
            (
                format!("--b-1 \r\n{HEAD}\r\n\r\n1\r\n--b-1--"),
                "malformed_boundary",
            ),
            (format!("--b-1\n{HEAD}\n\n1\n--b-1--"), "malformed_boundary"),
            (format!("--b-1\r\n{HEAD}\r\n1\r\n--b-1--"), "no_part_head"),
            ("--b-1".to_owned(), "malformed_boundary"),
            ("a=1".to_owned(), "no_first_boundary"),
        ] {
            assert_eq!(read(body.as_bytes()), Err(reason), "{body}");
        }
    }
}
