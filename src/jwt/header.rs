//! The JOSE header (RFC 7515 section 4): which key, which algorithm, and nothing clever.

use super::json::{self, Fault, Member};

/// What is read of a token's header, all of it unverified: it only chooses the key to check with.
#[derive(Debug)]
pub(crate) struct Header {
    /// The algorithm that the token claims; it must equal the key's.
    pub(crate) alg: Box<str>,
    /// The key that the token names.
    pub(crate) kid: Box<str>,
    /// Whether `typ` says OAuth access token (RFC 9068).
    pub(crate) access_token: bool,
}

impl Header {
    /// Reads a decoded header.
    ///
    /// Embedded keys and key URLs (`jwk`, `jku`, `x5u`, `x5c`) are ignored: keys come from the
    /// project's own set. Extensions (`crit`), compression, nesting and encryption are refused,
    /// since none of them is understood (RFC 7515 section 4.1.11, RFC 8725 section 3.10).
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let mut alg: Option<Box<str>> = None;
        let mut kid: Option<Box<str>> = None;
        let mut access_token = false;
        json::members(text, &mut Vec::new(), |Member { name, value, .. }| {
            match name {
                "alg" => alg = Some(json::string(value).ok_or("alg_not_a_string")?.into()),
                "kid" => kid = Some(json::string(value).ok_or("kid_not_a_string")?.into()),
                "typ" => {
                    let typ = json::string(value).ok_or("typ_not_a_string")?;
                    access_token = is_access_token(&typ)?;
                }
                "crit" => return Err("crit"),
                "b64" | "cty" | "enc" | "zip" => return Err("unsupported_header"),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            alg: alg.ok_or("no_alg")?,
            kid: kid.filter(|kid| !kid.is_empty()).ok_or("no_kid")?,
            access_token,
        })
    }
}

/// `typ` is a media type (RFC 7515 section 4.1.9): any case, `application/` may be left out.
fn is_access_token(typ: &str) -> Result<bool, Fault> {
    const PREFIX: &str = "application/";
    let short = match typ.get(..PREFIX.len()) {
        Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => &typ[PREFIX.len()..],
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
    fn typ_is_a_media_type_in_any_case() {
        for (typ, access) in [("jwt", false), ("application/JWT", false), ("AT+JWT", true)] {
            let header = format!(r#"{{"alg":"RS256","kid":"a","typ":"{typ}"}}"#);
            assert_eq!(Header::parse(&header).unwrap().access_token, access);
        }
    }
}
