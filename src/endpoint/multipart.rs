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

/// Returns the parts of a body, none for an empty one. Whoever reads them stops at the first error.
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
    let parts = Parts {
        rest: first,
        delimiter,
    };
    missing
        .then_some(Err("no_first_boundary"))
        .into_iter()
        .chain(parts)
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
        // Neither a folded line nor a space before the colon, for the same reason.
        if field.is_empty() || !field.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("malformed_part_head");
        }
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
        let parameter = parameter.trim();
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
mod tests;
