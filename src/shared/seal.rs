//! The seal on what replicas leave with each other: only who is one of them and shows the token that
//! an answer belongs to can read it. The store holds neither.
//!
//! A sealed text is a random nonce, the text encrypted with AES-256-GCM, and its tag. The key is made
//! by HKDF-SHA256 of the service's secret (the salt), the token (the input) and a purpose; the name of
//! the record is authenticated with it, so that no record passes for another.

use std::fmt;

use zeroize::Zeroizing;

use self::backend::{Key, NONCE, TAG};
use crate::{digest::Digest, error::Error, random};

mod backend;

/// The purpose of a key that seals. Another format needs another one.
const SEAL: &[u8] = b"tower-descope/1";

/// The purpose of a name. A plain HMAC of the text under the secret would be what the key of its seal
/// is expanded from (RFC 5869 section 2.2), and names are for all to see.
const NAME: &[u8] = b"tower-descope/1 name";

/// Seals and opens with the service's secret.
pub(crate) struct Sealer {
    secret: Zeroizing<Vec<u8>>,
    /// Those that other replicas may still seal with, or have sealed with: read, never written with.
    former: Vec<Zeroizing<Vec<u8>>>,
}

impl Sealer {
    pub(crate) fn new(secret: Zeroizing<Vec<u8>>, former: Vec<Zeroizing<Vec<u8>>>) -> Self {
        Self { secret, former }
    }

    /// Seals `plain` for whoever shows `key_text`, a refresh token or an access key, as the record
    /// `name`. It becomes 28 bytes longer.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) without a crypto backend, or
    /// where the system has no random numbers.
    pub(crate) fn seal(&self, key_text: &str, name: &[u8], plain: &[u8]) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; NONCE];
        random::fill(&mut nonce)?;
        self.seal_with(nonce, key_text, name, plain)
    }

    /// Opens what was sealed with this secret or a former one. `None` for all else: changed or cut
    /// off, of another token, another record, another service.
    pub(crate) fn open(
        &self,
        key_text: &str,
        name: &[u8],
        sealed: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
        let (text, tag) = rest.split_last_chunk::<TAG>()?;
        let opened_with = |secret: &Zeroizing<Vec<u8>>| {
            let key = backend::derive(secret, key_text, SEAL).ok()?;
            // A copy for each: one that could not be opened is worth nothing.
            let mut text = Zeroizing::new(text.to_vec());
            backend::open(&key, *nonce, name, &mut text, *tag).then_some(text)
        };
        std::iter::once(&self.secret)
            .chain(&self.former)
            .find_map(opened_with)
    }

    /// A digest of a secret that may be short enough to be guessed, for a name that all may see: nobody
    /// can try guesses without the service's secret, and with it the digest tells nothing of the key
    /// that [`seal`](Self::seal) uses.
    ///
    /// With another secret it is another: former ones are not asked.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) without a crypto backend.
    pub(crate) fn digest(&self, key_text: &str) -> Result<Digest, Error> {
        let digest: Key = backend::derive(&self.secret, key_text, NAME)?;
        Ok(Digest::from(*digest))
    }

    /// A nonce that comes twice with one key gives its texts away: for [`seal`](Self::seal) and for
    /// tests.
    fn seal_with(
        &self,
        nonce: [u8; NONCE],
        key_text: &str,
        name: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let key = backend::derive(&self.secret, key_text, SEAL)?;
        // Wiped if it is not sealed; with its last length from the start, so that it leaves no copy.
        let mut sealed = Zeroizing::new(Vec::with_capacity(NONCE + plain.len() + TAG));
        sealed.extend(nonce);
        sealed.extend(plain);
        let text = sealed.get_mut(NONCE..).unwrap_or_default();
        let tag = backend::seal(&key, nonce, name, text)?;
        sealed.extend(tag);
        Ok(std::mem::take(&mut *sealed))
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

#[cfg(all(test, any(feature = "aws-lc-rs", feature = "rust-crypto")))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjF9.c2ln";
    const NAME: &[u8] = b"ds1:P2abc:c:000102030405060708090a0b0c0d0eff";
    const PLAIN: &[u8] = br#"{"v":1,"sessionJwt":"a.b.c","refreshJwt":"d.e.f"}"#;

    /// Made by neither backend: by Python's `hmac` and `cryptography`, of the constants here and the
    /// nonce 0, 1, … 11.
    const SEALED: [u8; 77] = [
        0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0xc0, 0x86, 0xb7,
        0x2d, 0xdb, 0xc1, 0x1f, 0x1c, 0x56, 0xc1, 0x89, 0xc0, 0x3a, 0x77, 0x8f, 0xa9, 0x0e, 0xf1,
        0x82, 0x62, 0x59, 0x43, 0x63, 0x7d, 0x1d, 0x94, 0xb7, 0x89, 0xda, 0x16, 0x1b, 0xb5, 0xd1,
        0x00, 0x05, 0x54, 0x72, 0xe2, 0x04, 0xb9, 0xbd, 0x55, 0xdc, 0xf1, 0x31, 0x34, 0x0b, 0x23,
        0xbb, 0x81, 0x39, 0x7c, 0xf8, 0xa3, 0xfe, 0x4c, 0xcb, 0x12, 0xa4, 0x66, 0xe5, 0x1b, 0x69,
        0x01, 0xa5,
    ];
    const DIGEST: &str = "9102f5142f000328cc2e9b99e5f6c0c640d26a546a0d8be3de6d5b25059f9949";

    fn secret(byte: u8) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(vec![byte; 40])
    }

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(secret(byte), Vec::new())
    }

    #[test]
    fn each_backend_opens_and_writes_what_the_other_writes() {
        let nonce = std::array::from_fn(|index| u8::try_from(index).unwrap());
        let sealed = sealer(7).seal_with(nonce, TOKEN, NAME, PLAIN).unwrap();
        assert_eq!(sealed, SEALED);
        let opened = sealer(7).open(TOKEN, NAME, &SEALED).unwrap();
        assert_eq!(opened.as_slice(), PLAIN);
        assert_eq!(
            Some(sealer(7).digest(TOKEN).unwrap()),
            Digest::from_hex(DIGEST)
        );
    }

    #[test]
    fn what_was_sealed_is_opened_by_the_same_token_for_the_same_record_alone() {
        let sealed = sealer(7).seal(TOKEN, NAME, PLAIN).unwrap();
        let open = |byte, token: &str, name: &[u8]| sealer(byte).open(token, name, &sealed);
        assert_eq!(open(7, TOKEN, NAME).unwrap().as_slice(), PLAIN);
        assert!(open(8, TOKEN, NAME).is_none(), "another service's secret");
        assert!(open(7, "d.e.f", NAME).is_none(), "another token");
        assert!(open(7, TOKEN, &NAME[1..]).is_none(), "another record");
        assert!(open(7, TOKEN, b"").is_none(), "another record");
    }

    #[test]
    fn a_former_secret_opens_and_does_not_seal() {
        let old = sealer(7);
        let new = Sealer::new(secret(8), vec![secret(9), secret(7)]);
        let sealed = old.seal(TOKEN, NAME, PLAIN).unwrap();
        assert_eq!(new.open(TOKEN, NAME, &sealed).unwrap().as_slice(), PLAIN);
        let sealed = new.seal(TOKEN, NAME, PLAIN).unwrap();
        assert!(old.open(TOKEN, NAME, &sealed).is_none());
        assert!(sealer(8).open(TOKEN, NAME, &sealed).is_some());
        assert_eq!(
            new.digest(TOKEN).unwrap(),
            sealer(8).digest(TOKEN).unwrap(),
            "names are the secret's in use"
        );
    }

    #[test]
    fn what_was_changed_or_cut_off_anywhere_is_not_opened() {
        let sealed = sealer(7).seal(TOKEN, NAME, PLAIN).unwrap();
        for end in 0..sealed.len() {
            assert!(sealer(7).open(TOKEN, NAME, &sealed[..end]).is_none());
            assert!(sealer(7).open(TOKEN, NAME, &sealed[end + 1..]).is_none());
            let mut changed = sealed.clone();
            changed[end] ^= 1;
            assert!(sealer(7).open(TOKEN, NAME, &changed).is_none());
        }
        let longer = [sealed.as_slice(), &[0]].concat();
        assert!(sealer(7).open(TOKEN, NAME, &longer).is_none());
    }

    #[test]
    fn one_text_is_sealed_in_another_way_each_time_and_shows_nothing() {
        let [one, other] = [(); 2].map(|()| sealer(7).seal(TOKEN, NAME, PLAIN).unwrap());
        assert_ne!(one, other);
        assert_ne!(one[..NONCE], other[..NONCE]);
        assert_eq!(one.len(), PLAIN.len() + 28);
        for part in PLAIN.windows(4) {
            assert!(!one.windows(4).any(|sealed| sealed == part));
        }
        let nothing = sealer(7).seal(TOKEN, NAME, b"").unwrap();
        assert!(sealer(7).open(TOKEN, NAME, &nothing).unwrap().is_empty());
    }

    #[test]
    fn a_name_depends_on_text_and_secret_and_is_no_key() {
        let digest = |byte, text: &str| sealer(byte).digest(text).unwrap();
        assert_eq!(digest(7, "K2a"), digest(7, "K2a"));
        assert_ne!(digest(7, "K2a"), digest(7, "K2b"));
        assert_ne!(digest(7, "K2a"), digest(8, "K2a"));
        assert_ne!(digest(7, "K2a"), Digest::of("K2a").unwrap());
        let key = backend::derive(&secret(7), "K2a", SEAL).unwrap();
        assert_ne!(digest(7, "K2a"), Digest::from(*key));
    }

    #[test]
    fn debug_shows_neither_the_secret_nor_a_former_one() {
        let sealer = Sealer::new(secret(b'a'), vec![secret(b'b')]);
        assert_eq!(format!("{sealer:?} {sealer:#?}"), "Sealer(…) Sealer(…)");
    }

    proptest! {
        #[test]
        fn whatever_a_store_brings_is_nothing(
            bytes in proptest::collection::vec(any::<u8>(), 0..200)
        ) {
            prop_assert!(sealer(7).open(TOKEN, NAME, &bytes).is_none());
        }

        #[test]
        fn whatever_was_sealed_is_opened(
            plain in proptest::collection::vec(any::<u8>(), 0..200),
            name in proptest::collection::vec(any::<u8>(), 0..50),
            token in ".{0,50}",
        ) {
            let sealed = sealer(7).seal(&token, &name, &plain).unwrap();
            let opened = sealer(7).open(&token, &name, &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), plain);
        }
    }
}

#[cfg(all(test, not(any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn without_a_backend_nothing_is_sealed_opened_or_named() {
        let sealer = Sealer::new(Zeroizing::new(vec![7; 32]), Vec::new());
        let failed = [
            sealer.seal("token", b"name", b"plain").err(),
            sealer
                .seal_with([0; NONCE], "token", b"name", b"plain")
                .err(),
            sealer.digest("token").err(),
        ];
        for error in failed {
            assert_eq!(error.unwrap().kind(), ErrorKind::InvalidConfig);
        }
        assert!(sealer.open("token", b"name", &[0; 64]).is_none());
    }
}
