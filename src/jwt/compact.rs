//! The compact serialisation (RFC 7515 section 7.1): three segments of canonical base64url.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::json::Fault;

/// The longest header segment, in characters.
pub(crate) const MAX_HEADER: usize = 4 * 1024;

/// The longest signature: RSA of 4096 bits.
const MAX_SIGNATURE: usize = 512;

/// A token, split but not decoded: what can be told before anything that costs.
#[derive(Clone, Copy)]
pub(crate) struct Compact<'a> {
    token: &'a str,
    header_end: usize,
    payload_end: usize,
}

/// A decoded signature.
pub(crate) struct Signature {
    bytes: [u8; MAX_SIGNATURE],
    len: usize,
}

impl<'a> Compact<'a> {
    /// Splits a token of at most `max_len` bytes into its three segments.
    pub(crate) fn parse(token: &'a str, max_len: usize) -> Result<Self, Fault> {
        if token.len() > max_len {
            return Err("too_long");
        }
        let mut dots = token
            .bytes()
            .enumerate()
            .filter_map(|(index, byte)| (byte == b'.').then_some(index));
        let (Some(header_end), Some(payload_end), None) = (dots.next(), dots.next(), dots.next())
        else {
            return Err("not_three_segments");
        };
        if header_end > MAX_HEADER {
            return Err("header_too_long");
        }
        Ok(Self {
            token,
            header_end,
            payload_end,
        })
    }

    /// The decoded header.
    pub(crate) fn header(&self) -> Result<String, Fault> {
        text(&self.token[..self.header_end])
    }

    /// The decoded payload.
    pub(crate) fn payload(&self) -> Result<String, Fault> {
        text(&self.token[self.header_end + 1..self.payload_end])
    }

    /// What the signature is made over: header and payload as they stand in the token.
    pub(crate) fn signing_input(&self) -> &'a [u8] {
        &self.token.as_bytes()[..self.payload_end]
    }

    /// The decoded signature.
    pub(crate) fn signature(&self) -> Result<Signature, Fault> {
        let mut bytes = [0; MAX_SIGNATURE];
        let encoded = &self.token[self.payload_end + 1..];
        match URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes) {
            Ok(len) if len > 0 => Ok(Signature { bytes, len }),
            _ => Err("malformed_signature"),
        }
    }
}

impl Signature {
    /// The signature's bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The engine refuses padding, white space, other alphabets and non-zero trailing bits: one token
/// has one spelling.
fn text(segment: &str) -> Result<String, Fault> {
    let bytes = URL_SAFE_NO_PAD
        .decode(segment)
        .map_err(|_| "malformed_base64url")?;
    String::from_utf8(bytes).map_err(|_| "not_utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 16 * 1024;

    #[test]
    fn a_token_has_three_segments() {
        for token in ["", "a", "a.b", "a.b.c.d", "a.b.c.d.e", &".".repeat(8_000)] {
            assert_eq!(
                Compact::parse(token, LIMIT).err(),
                Some("not_three_segments")
            );
        }
        assert!(Compact::parse("a.b.c", LIMIT).is_ok());
        assert_eq!(Compact::parse("a.b.c", 4).err(), Some("too_long"));
        let long_header = format!("{}.b.c", "a".repeat(MAX_HEADER + 1));
        assert_eq!(
            Compact::parse(&long_header, LIMIT).err(),
            Some("header_too_long")
        );
    }

    #[test]
    fn segments_have_one_spelling() {
        let header = |segment: &str| {
            let token = format!("{segment}.e30.AA");
            Compact::parse(&token, LIMIT).unwrap().header()
        };
        assert_eq!(header("e30").unwrap(), "{}");
        for other in ["e30=", "e30 ", " e30", "e3 0", "e31", "e3+", "e3/", "e"] {
            assert!(header(other).is_err(), "{other:?}");
        }
        assert_eq!(header("gA").err(), Some("not_utf8"));
    }

    #[test]
    fn signatures_are_neither_empty_nor_longer_than_the_longest_key() {
        let signature = |segment: &str| {
            let token = format!("e30.e30.{segment}");
            let compact = Compact::parse(&token, LIMIT).unwrap();
            compact
                .signature()
                .map(|signature| signature.as_bytes().len())
        };
        assert_eq!(signature("AAAA"), Ok(3));
        assert!(signature("").is_err());
        assert_eq!(signature(&"A".repeat(683)), Ok(512));
        assert!(signature(&"A".repeat(684)).is_err());
    }
}
