use proptest::{collection::vec, prelude::*};

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
        (
            "Content-Disposition: form-data; name=a; filename =x",
            "file_part",
        ),
        (
            "Content-Disposition : form-data; name=b\r\nContent-Disposition: form-data; name=a",
            "malformed_part_head",
        ),
        (
            "Content-Disposition: form-data; name=a\r\n x: y",
            "malformed_part_head",
        ),
        (
            "Content-Disposition: form-data; name=a\r\n: y",
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

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        fields in vec(("[a-z%; =]{0,8}", vec(any::<u8>(), 0..20)), 0..5),
    ) {
        let mut body = Vec::new();
        for (name, value) in &fields {
            let head = format!("--b-1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(value);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--b-1--\r\n");
        prop_assert_eq!(read(&body).unwrap(), fields);
    }

    #[test]
    fn no_bytes_at_all_make_it_panic(
        pieces in vec(
            prop_oneof![
                Just(b"--b-1".to_vec()),
                Just(b"\r\n".to_vec()),
                Just(b"--".to_vec()),
                Just(b"Content-Disposition: form-data".to_vec()),
                Just(b"; name=\"".to_vec()),
                Just(b"; filename*=\"".to_vec()),
                vec(any::<u8>(), 0..6),
            ],
            0..30,
        ),
    ) {
        let body = pieces.concat();
        for part in parts(&body, "b-1") {
            let Ok(part) = part else { break };
            prop_assert!(part.name.len() + part.value.len() < body.len());
        }
    }
}
