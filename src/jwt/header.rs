//! The JOSE header (RFC 7515 section 4): which key, which algorithm, and nothing clever.

use std::borrow::Cow;

use crate::json::{DUPLICATE, Fault, NOT_JSON, Names, Quoted, Scan};

/// The most members of a header. Those of RFC 7515 are eleven.
const MAX_MEMBERS: usize = 32;

/// The members of a token's header, all of them unverified: it only chooses the key to check with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    /// The algorithm that the token claims; it must equal the key's.
    pub(crate) alg: Cow<'a, str>,
    /// The key that the token names.
    pub(crate) kid: Cow<'a, str>,
    /// True if `typ` says OAuth access token (RFC 9068).
    pub(crate) access_token: bool,
}

impl<'a> Header<'a> {
    /// Reads a decoded header.
    ///
    /// Embedded keys and key URLs (`jwk`, `jku`, `x5u`, `x5c`) are ignored: keys come from the
    /// project's own set. Extensions (`crit`), compression, nesting and encryption are refused,
    /// since none of them is understood (RFC 7515 section 4.1.11, RFC 8725 section 3.10).
    pub(crate) fn parse(text: &'a str) -> Result<Self, Fault> {
        Self::descope_form(text).map_or_else(|| Self::parse_json(text), Ok)
    }

    /// Reads a header in exactly the form that Descope writes, without a JSON parser: a flood of
    /// tokens with made-up keys costs a fifth less. `None` for every other form, good or bad.
    fn descope_form(text: &'a str) -> Option<Self> {
        let (alg, rest) = text.strip_prefix(r#"{"alg":""#)?.split_once('"')?;
        let (kid, rest) = rest.strip_prefix(r#","kid":""#)?.split_once('"')?;
        let stands_for_itself = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (rest == r#","typ":"JWT"}"#
            && !kid.is_empty()
            && alg.bytes().chain(kid.bytes()).all(stands_for_itself))
        .then_some(Self {
            alg: Cow::Borrowed(alg),
            kid: Cow::Borrowed(kid),
            access_token: false,
        })
    }

    fn parse_json(text: &'a str) -> Result<Self, Fault> {
        let mut alg = None;
        let mut kid = None;
        let mut typ = None;
        let mut others = Names::default();
        let mut members = 0;
        Scan::new(text).document(|scan, name| {
            members += 1;
            if members > MAX_MEMBERS {
                return Err("too_many_header_members");
            }
            let (slot, fault) = match others.push(name)? {
                "alg" => (&mut alg, "alg_not_a_string"),
                "kid" => (&mut kid, "kid_not_a_string"),
                "typ" => (&mut typ, "typ_not_a_string"),
                "crit" => return Err("crit"),
                "b64" | "cty" | "enc" | "zip" => return Err("unsupported_header"),
                _ => {
                    scan.value(1)?;
                    return Ok(());
                }
            };
            others.pop();
            if scan.peek() != Some(b'"') {
                return Err(fault);
            }
            if slot.replace(scan.string()?).is_some() {
                return Err(DUPLICATE);
            }
            Ok(())
        })?;
        others.distinct()?;
        let text = |string: Quoted<'a>| string.text().ok_or(NOT_JSON);
        let kid = text(kid.ok_or("no_kid")?)?;
        if kid.is_empty() {
            return Err("no_kid");
        }
        Ok(Self {
            alg: text(alg.ok_or("no_alg")?)?,
            kid,
            access_token: match typ {
                Some(typ) => is_access_token(&text(typ)?)?,
                None => false,
            },
        })
    }
}

/// `typ` is a media type (RFC 7515 section 4.1.9): any case, `application/` may be left out.
fn is_access_token(typ: &str) -> Result<bool, Fault> {
    const PREFIX: &str = "application/";
    let short = match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, short)) if prefix.eq_ignore_ascii_case(PREFIX) => short,
        _ => typ,
    };
    if short.eq_ignore_ascii_case("JWT") {
        Ok(false)
    } else if short.eq_ignore_ascii_case("at+jwt") {
        Ok(true)
    } else {
        Err("unsupported_typ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps;

    #[test]
    fn a_header_names_its_key_and_algorithm() {
        let header = Header::parse(r#"{"alg":"RS256","kid":"SK1","typ":"JWT","x":1}"#).unwrap();
        assert_eq!((&*header.alg, &*header.kid), ("RS256", "SK1"));
        assert!(!header.access_token);
        let escaped = Header::parse(r#"{"\u0061lg":"RS\u0032\u0035\u0036","kid":"a"}"#).unwrap();
        assert_eq!(&*escaped.alg, "RS256");
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (header, fault) in [
            (r#"{"kid":"a"}"#, "no_alg"),
            (r#"{"alg":null,"kid":"a"}"#, "alg_not_a_string"),
            (r#"{"alg":"RS256"}"#, "no_kid"),
            (r#"{"alg":"RS256","kid":""}"#, "no_kid"),
            (r#"{"alg":"RS256","kid":7}"#, "kid_not_a_string"),
            (r#"{"alg":"RS256","kid":"a","crit":[]}"#, "crit"),
            (
                r#"{"alg":"RS256","kid":"a","b64":true}"#,
                "unsupported_header",
            ),
            (
                r#"{"alg":"RS256","kid":"a","zip":"DEF"}"#,
                "unsupported_header",
            ),
            (
                r#"{"alg":"RS256","kid":"a","typ":"logout+jwt"}"#,
                "unsupported_typ",
            ),
            (
                r#"{"alg":"RS256","kid":"a","typ":"dpop+jwt"}"#,
                "unsupported_typ",
            ),
            (
                r#"{"alg":"RS256","kid":"a","typ":null}"#,
                "typ_not_a_string",
            ),
            (
                r#"{"alg":"RS256","alg":"none","kid":"a"}"#,
                "duplicate_member",
            ),
        ] {
            assert_eq!(Header::parse(header).err(), Some(fault), "{header}");
        }
    }

    #[test]
    fn a_header_has_32_members_at_most() {
        let with = |others: usize, last: &str| {
            let others: Vec<_> = (0..others)
                .map(|n| format!(r#","\u006d{n}":[[]]"#))
                .collect();
            let text = format!(r#"{{"alg":"RS256","kid":"a"{}{last}}}"#, others.concat());
            Header::parse(&text).map(|header| header.kid.into_owned())
        };
        assert_eq!(with(30, ""), Ok("a".to_owned()));
        assert_eq!(with(29, r#","m7":0"#), Err("duplicate_member"));
        assert_eq!(with(31, ""), Err("too_many_header_members"));
        // Before anything of it is read.
        assert_eq!(with(30, r#","crit":0"#), Err("too_many_header_members"));
    }

    #[test]
    fn the_work_is_in_proportion_to_the_header() {
        let nested = format!("{}{}", "[".repeat(50), "]".repeat(50));
        let escaped = "\\u006d".repeat(14);
        for (member, number) in [
            (format!(r#""m#":{nested}"#), 28),
            (format!(r#""m#":[{}0]"#, "[],".repeat(30)), 28),
            (format!(r#""{escaped}#":0"#), 28),
            (format!(r#""m#":"{escaped}""#), 28),
            (format!(r#""m":"{}""#, escaped.repeat(34)), 1),
            (r#""m#":0"#.to_owned(), 300),
            (r#""\u006d#":0"#.to_owned(), 200),
        ] {
            let members: Vec<_> = (0..number)
                .map(|n| member.replace('#', &n.to_string()))
                .collect();
            let text = format!(r#"{{"alg":"RS256","kid":"a",{}}}"#, members.join(","));
            let (header, steps) =
                steps::of(|| Header::parse(&text).map(|header| header.access_token));
            assert_eq!(header.is_ok(), number <= 30, "{text}");
            assert!(steps <= 4 * text.len() + 1_000, "{text}: {steps}");
        }
    }

    #[test]
    fn descope_s_form_is_read_as_the_json_parser_reads_it() {
        let text = r#"{"alg":"RS256","kid":"SK2a-B9","typ":"JWT"}"#;
        let header = Header::descope_form(text).unwrap();
        assert_eq!((&*header.alg, &*header.kid), ("RS256", "SK2a-B9"));
        // Whatever is put in the place of a byte.
        let mut in_descope_s_form = 0;
        for at in 0..text.len() {
            for byte in 0..=0x7f_u8 {
                let mut other = text.to_owned();
                other.replace_range(at..=at, char::from(byte).encode_utf8(&mut [0; 4]));
                if let Some(header) = Header::descope_form(&other) {
                    assert_eq!(Header::parse_json(&other), Ok(header), "{other}");
                    in_descope_s_form += 1;
                }
            }
        }
        // The letters, digits and the dash, in each place of the two names.
        assert_eq!(
            in_descope_s_form,
            ("RS256".len() + "SK2a-B9".len()) * 63 + 31
        );
        for other in [
            r#"{"alg":"RS256","kid":"","typ":"JWT"}"#,
            r#"{"alg":"RS256","kid":"a","typ":"JWT"} "#,
            r#" {"alg":"RS256","kid":"a","typ":"JWT"}"#,
            r#"{"alg":"RS256","kid":"a","typ":"at+jwt"}"#,
            r#"{"alg":"RS256","kid":"a","kid":"b","typ":"JWT"}"#,
            r#"{"alg":"RS256","kid":"a\u0062","typ":"JWT"}"#,
            r#"{"alg":"RS256","kid":"ä","typ":"JWT"}"#,
        ] {
            assert_eq!(Header::descope_form(other), None, "{other}");
        }
    }

    #[test]
    fn typ_is_a_media_type_in_any_case() {
        for (typ, access) in [("jwt", false), ("application/JWT", false), ("AT+JWT", true)] {
            let header = format!(r#"{{"alg":"RS256","kid":"a","typ":"{typ}"}}"#);
            assert_eq!(Header::parse(&header).unwrap().access_token, access);
        }
        for other in [
            "application.JWT",
            "aplication//JWT",
            "xapplication/JWT",
            "application/",
            "JWT/",
        ] {
            let header = format!(r#"{{"alg":"RS256","kid":"a","typ":"{other}"}}"#);
            assert_eq!(
                Header::parse(&header).err(),
                Some("unsupported_typ"),
                "{other}"
            );
        }
    }
}
