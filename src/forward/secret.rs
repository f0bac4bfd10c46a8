//! The secret by which the proxy shows that it is the one who asks.

use std::fmt;

use http::HeaderMap;

use super::fields::PROXY_SECRET;
use crate::{digest::Digest, error::Error};

/// The fewest bytes of a secret.
const MIN_BYTES: usize = 16;

/// The proxy's secrets, as digests: what is compared in constant time has one length then, and nobody
/// chooses its bytes.
#[derive(Clone, Default)]
pub(super) struct ProxySecrets(Vec<Digest>);

impl ProxySecrets {
    /// Checks the secrets.
    ///
    /// # Errors
    ///
    /// For one that is too short, or that no field can hold.
    pub(super) fn new(secrets: &[String]) -> Result<Self, Error> {
        let digest = |secret: &String| {
            if secret.len() < MIN_BYTES {
                return Err(Error::config(
                    "proxy_secret(..) has less than 16 bytes: make one by `openssl rand -hex 32`",
                ));
            }
            if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(Error::config(
                    "proxy_secret(..) has characters other than visible ASCII, which proxies change in \
                     fields: make one by `openssl rand -hex 32`",
                ));
            }
            Digest::of(secret)
        };
        secrets
            .iter()
            .map(digest)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Checks that a request comes from the proxy. The error is the reason, for the log.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), &'static str> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut values = headers.get_all(PROXY_SECRET).iter();
        let presented = values.next().ok_or("no_secret")?;
        if values.next().is_some() {
            return Err("repeated_secret");
        }
        let presented = Digest::of_bytes(presented.as_bytes()).map_err(|_| "no_sha256")?;
        // To the end in any case.
        let is_one = |found, secret: &Digest| found | secret.is_same(&presented);
        if self.0.iter().fold(false, is_one) {
            Ok(())
        } else {
            Err("wrong_secret")
        }
    }
}

/// Shows how many there are, and nothing of them.
impl fmt::Debug for ProxySecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxySecrets({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const SECRET: &str = "0123456789abcdef";

    fn checked(secrets: &[&str], presented: &[&'static [u8]]) -> Result<(), &'static str> {
        let secrets: Vec<String> = secrets.iter().map(ToString::to_string).collect();
        let secrets = ProxySecrets::new(&secrets).unwrap();
        let mut headers = HeaderMap::new();
        for value in presented {
            headers.append(PROXY_SECRET, HeaderValue::from_bytes(value).unwrap());
        }
        secrets.check(&headers)
    }

    #[test]
    fn exactly_one_right_value_passes() {
        for (presented, verdict) in [
            (&[b"0123456789abcdef".as_slice()][..], Ok(())),
            (&[], Err("no_secret")),
            (&[b"0123456789abcdeF"], Err("wrong_secret")),
            (&[b"0123456789abcde"], Err("wrong_secret")),
            (&[b"0123456789abcdef0"], Err("wrong_secret")),
            (&[b""], Err("wrong_secret")),
            (&[b"\xff\xfe"], Err("wrong_secret")),
            (
                &[b"0123456789abcdef", b"0123456789abcdef"],
                Err("repeated_secret"),
            ),
            (&[b"0123456789abcdef, x"], Err("wrong_secret")),
        ] {
            assert_eq!(checked(&[SECRET], presented), verdict, "{presented:?}");
        }
    }

    #[test]
    fn each_of_several_secrets_passes() {
        let secrets = ["a secret that is".replace(' ', "-"), SECRET.to_owned()];
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        assert_eq!(checked(&secrets, &[b"a-secret-that-is"]), Ok(()));
        assert_eq!(checked(&secrets, &[b"0123456789abcdef"]), Ok(()));
        assert_eq!(
            checked(&secrets, &[b"another-secret-x"]),
            Err("wrong_secret")
        );
    }

    #[test]
    fn a_secret_that_is_short_or_changes_on_the_way_is_an_error_that_does_not_show_it() {
        for bad in [
            "",
            "123456789012345",
            "sixteen letters ",
            "sécret-sécret-sécret",
        ] {
            let error = ProxySecrets::new(&[bad.to_owned()]).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::InvalidConfig);
            let message = error.to_string();
            assert!(message.contains("proxy_secret"), "{message}");
            assert!(bad.is_empty() || !message.contains(bad), "{message}");
        }
        let secrets = ProxySecrets::new(&[SECRET.to_owned()]).unwrap();
        assert_eq!(format!("{secrets:?}"), "ProxySecrets(1)");
    }
}
