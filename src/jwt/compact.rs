//! The compact serialisation (RFC 7515 section 7.1): three segments of canonical base64url.

use std::mem::MaybeUninit;

use base64_simd::{AsOut as _, Out, URL_SAFE_NO_PAD};
use memchr::memchr;
use smallvec::SmallVec;

use crate::json::Fault;

/// The longest header segment, in characters. Descope's have some ninety; a certificate in `x5c`, which
/// nobody here reads, would fit.
pub(crate) const MAX_HEADER: usize = 3 * 1024;

/// The longest signature: RSA of 4096 bits.
const MAX_SIGNATURE: usize = 512;

const MALFORMED: Fault = "malformed_base64url";

/// A token, split but not decoded: what can be told before anything that costs.
#[derive(Clone, Copy)]
pub(crate) struct Compact<'a> {
    token: &'a [u8],
    header_end: usize,
    payload_end: usize,
}

/// Room for a decoded header: on the stack, unless it is unusually long.
#[derive(Default)]
pub(crate) struct HeaderRoom(SmallVec<[u8; 128]>);

/// A decoded signature.
pub(crate) struct Signature {
    bytes: [u8; MAX_SIGNATURE],
    len: usize,
}

impl<'a> Compact<'a> {
    /// Splits a token of at most `max_len` bytes into its three segments.
    pub(crate) fn parse(token: &'a [u8], max_len: usize) -> Result<Self, Fault> {
        if token.len() > max_len {
            return Err("too_long");
        }
        let dot_from = |start: usize| {
            let rest = token.get(start..)?;
            memchr(b'.', rest).map(|at| start + at)
        };
        let header_end = dot_from(0).ok_or("not_three_segments")?;
        let payload_end = dot_from(header_end + 1).ok_or("not_three_segments")?;
        if dot_from(payload_end + 1).is_some() {
            return Err("not_three_segments");
        }
        if header_end > MAX_HEADER {
            return Err("header_too_long");
        }
        Ok(Self {
            token,
            header_end,
            payload_end,
        })
    }

    /// The header as it stands in the token.
    pub(crate) fn header_segment(&self) -> &'a [u8] {
        self.token.get(..self.header_end).unwrap_or_default()
    }

    /// The decoded header.
    pub(crate) fn header<'r>(&self, room: &'r mut HeaderRoom) -> Result<&'r str, Fault> {
        let segment = self.header_segment();
        room.0.resize(decoded_len(segment), 0);
        let bytes = decode(segment, room.0.as_out())?;
        std::str::from_utf8(bytes).map_err(|_| "not_utf8")
    }

    /// The payload as it stands in the token.
    pub(crate) fn payload_segment(&self) -> &'a [u8] {
        let segment = self.header_end + 1..self.payload_end;
        self.token.get(segment).unwrap_or_default()
    }

    /// The decoded payload. Only for tokens whose signature holds, and for
    /// [`UnverifiedClaims`](super::unverified::UnverifiedClaims).
    pub(crate) fn payload(&self) -> Result<Box<str>, Fault> {
        let segment = self.payload_segment();
        let mut bytes = vec![0; decoded_len(segment)];
        let decoded = decode(segment, bytes.as_out())?.len();
        debug_assert_eq!(
            decoded,
            bytes.len(),
            "the length of a segment tells that of its bytes"
        );
        let text = String::from_utf8(bytes).map_err(|_| "not_utf8")?;
        Ok(text.into_boxed_str())
    }

    /// The signing input: header and payload as they stand in the token (RFC 7515, section 5.1).
    pub(crate) fn signing_input(&self) -> &'a [u8] {
        self.token.get(..self.payload_end).unwrap_or_default()
    }

    /// The decoded signature.
    pub(crate) fn signature(&self) -> Result<Signature, Fault> {
        let mut bytes = [0; MAX_SIGNATURE];
        let encoded = self.token.get(self.payload_end + 1..).unwrap_or_default();
        if decoded_len(encoded) > MAX_SIGNATURE {
            return Err("malformed_signature");
        }
        match decode(encoded, bytes.as_mut_slice().as_out()).map(<[u8]>::len) {
            Ok(len) if len > 0 => Ok(Signature { bytes, len }),
            _ => Err("malformed_signature"),
        }
    }
}

impl Signature {
    /// The signature's bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// The length of the segment that encodes these bytes.
pub(crate) fn encoded_len(bytes: &[u8]) -> usize {
    URL_SAFE_NO_PAD.encoded_length(bytes.len())
}

/// How many bytes a segment without padding stands for, if it is well-formed.
fn decoded_len(segment: &[u8]) -> usize {
    segment.len() / 4 * 3 + segment.len() % 4 * 3 / 4
}

/// Returns `true` if a segment is the encoding of these bytes, the only one that they have.
#[inline]
pub(crate) fn is_encoded(segment: &[u8], bytes: &[u8]) -> bool {
    /// Bytes that are decoded at a time, onto the stack.
    const CHUNK: usize = 768;
    let mut room = [MaybeUninit::uninit(); CHUNK];
    let mut is = |(segment, bytes): (&[u8], &[u8])| {
        decode(segment, room.as_mut_slice().as_out()).is_ok_and(|decoded| decoded == bytes)
    };
    decoded_len(segment) == bytes.len()
        && segment
            .chunks(CHUNK / 3 * 4)
            .zip(bytes.chunks(CHUNK))
            .all(&mut is)
}

/// The library refuses padding, white space, other alphabets and non-zero trailing bits: one token
/// has one spelling. `room` must be large enough.
fn decode<'r>(segment: &[u8], room: Out<'r, [u8]>) -> Result<&'r [u8], Fault> {
    URL_SAFE_NO_PAD
        .decode(segment, room)
        .map(|bytes| &*bytes)
        .map_err(|_| MALFORMED)
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose};

    use super::*;

    const LIMIT: usize = 16 * 1024;

    #[test]
    fn a_token_has_three_segments() {
        for token in ["", "a", "a.b", "a.b.c.d", "a.b.c.d.e", &".".repeat(8_000)] {
            assert_eq!(
                Compact::parse(token.as_bytes(), LIMIT).err(),
                Some("not_three_segments")
            );
        }
        assert!(Compact::parse(b"a.b.c", LIMIT).is_ok());
        assert_eq!(Compact::parse(b"a.b.c", 4).err(), Some("too_long"));
        let long_header = format!("{}.b.c", "a".repeat(MAX_HEADER + 1));
        assert_eq!(
            Compact::parse(long_header.as_bytes(), LIMIT).err(),
            Some("header_too_long")
        );
    }

    #[test]
    fn limits_are_the_last_that_is_taken() {
        let of = |header: usize, payload: usize| {
            format!("{}.{}.c", "a".repeat(header), "b".repeat(payload))
        };
        assert!(Compact::parse(b"a.b.c", 5).is_ok());
        assert_eq!(Compact::parse(b"a.b.c", 4).err(), Some("too_long"));
        assert!(Compact::parse(of(3_072, 8).as_bytes(), LIMIT).is_ok());
        assert_eq!(
            Compact::parse(of(3_073, 8).as_bytes(), LIMIT).err(),
            Some("header_too_long")
        );
        let longest = of(100, LIMIT - 103);
        assert_eq!(longest.len(), LIMIT);
        assert!(Compact::parse(longest.as_bytes(), LIMIT).is_ok());
        assert!(Compact::parse(of(100, LIMIT - 102).as_bytes(), LIMIT).is_err());
    }

    #[test]
    fn segments_have_one_spelling() {
        let header = |segment: &str| {
            let token = format!("{segment}.e30.AA");
            let mut room = HeaderRoom::default();
            let compact = Compact::parse(token.as_bytes(), LIMIT).unwrap();
            compact.header(&mut room).map(str::to_owned)
        };
        let payload = |segment: &str| {
            let token = format!("e30.{segment}.AA");
            let payload = Compact::parse(token.as_bytes(), LIMIT).unwrap().payload();
            payload.map(String::from)
        };
        // Short texts, and such that are long enough for whole vectors.
        let long = "x".repeat(300);
        let encoded = general_purpose::URL_SAFE_NO_PAD.encode(&long);
        for segment in [&header as &dyn Fn(&str) -> Result<String, Fault>, &payload] {
            assert_eq!(segment("e30").unwrap(), "{}");
            assert_eq!(segment("").unwrap(), "");
            assert_eq!(segment(&encoded).unwrap(), long);
            for other in [
                "e30=", "e30 ", " e30", "e3 0", "e31", "e3+", "e3/", "e", "e30e3",
            ] {
                assert!(segment(other).is_err(), "{other:?}");
                let long = format!("{encoded}{other}");
                assert!(segment(&long).is_err(), "{long:?}");
            }
            for byte in (0..=0x7f).map(char::from) {
                let known = byte.is_ascii_alphanumeric() || byte == '-' || byte == '_';
                if byte != '.' {
                    for at in [0, 17, 40, 399] {
                        let mut odd = encoded.clone();
                        odd.replace_range(at..=at, &byte.to_string());
                        assert!(known || segment(&odd).is_err(), "{byte:?} at {at}");
                    }
                }
            }
            assert_eq!(segment("gA").err(), Some("not_utf8"));
        }
    }

    #[test]
    fn signatures_are_neither_empty_nor_longer_than_the_longest_key() {
        let signature = |segment: &str| {
            let token = format!("e30.e30.{segment}");
            let compact = Compact::parse(token.as_bytes(), LIMIT).unwrap();
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
