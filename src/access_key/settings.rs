//! The settings of access keys, and their check.

use std::{collections::HashSet, fmt, num::NonZeroU32, ops::RangeInclusive, time::Duration};

use serde_json::{Map, Value};

use super::options::ExchangeOptions;
use crate::{digest::Digest, error::Error, ids::TenantId, token};

/// The settings of access keys that clients present; see the [module](crate::access_key) documentation, and
/// [`DescopeBuilder::access_keys`](crate::DescopeBuilder::access_keys).
///
/// Setters never fail; [`build`](crate::DescopeBuilder::build) checks everything.
///
/// ```
/// use tower_descope::{AccessKeys, Descope, TenantId};
///
/// let descope = Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z")
///     .access_keys(
///         AccessKeys::new()
///             .key_prefix("K2")
///             .selected_tenant(TenantId::new("T2acme")?)
///             .budget(2, 10),
///     )
///     .build()?;
/// # Ok::<(), tower_descope::Error>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct AccessKeys {
    options: ExchangeOptions,
    prefix: String,
    any_shape: bool,
    length: RangeInclusive<usize>,
    expected: Vec<String>,
    per_second: u32,
    burst: u32,
    capacity: usize,
    keep_refusals: Duration,
    renew_before: Duration,
}

/// The shape that a bearer token must have to count as an access key.
#[derive(Clone, Debug)]
pub(super) struct KeyShape {
    pub(super) prefix: String,
    pub(super) length: RangeInclusive<usize>,
}

/// The checked settings of the table of keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExchangePolicy {
    pub(super) per_second: NonZeroU32,
    pub(super) burst: u32,
    pub(super) capacity: usize,
    pub(super) keep_refusals: Duration,
    pub(super) renew_before: Duration,
    /// The time after which an exchange counts as lost.
    pub(super) lost_after: Duration,
}

impl ExchangePolicy {
    /// After how much of its life a session is renewed: not with the first request that uses it.
    pub(super) fn renew_at(&self, life: Duration) -> Duration {
        life.saturating_sub(self.renew_before.min(life / 4))
    }
}

impl AccessKeys {
    /// Makes the defaults, which each setter names. Beside them
    /// [`key_prefix`](Self::key_prefix) or [`any_shape`](Self::any_shape) is needed.
    pub fn new() -> Self {
        Self {
            options: ExchangeOptions::new(),
            prefix: String::new(),
            any_shape: false,
            length: 16..=512,
            expected: Vec::new(),
            per_second: 5,
            burst: 20,
            capacity: 10_000,
            keep_refusals: Duration::from_secs(30),
            renew_before: Duration::from_secs(30),
        }
    }

    /// Makes a tenant the current one of every key's session; see
    /// [`ExchangeOptions::selected_tenant`]. Default none.
    pub fn selected_tenant(mut self, tenant: TenantId) -> Self {
        self.options = self.options.selected_tenant(tenant);
        self
    }

    /// Adds claims to every key's session; see [`ExchangeOptions::custom_claims`]. Default none.
    pub fn custom_claims(mut self, claims: Map<String, Value>) -> Self {
        self.options = self.options.custom_claims(claims);
        self
    }

    /// Sets the prefix that all of the project's access keys have; a bearer token without it is
    /// never sent to Descope as a key. So the tokens of other services that a client sends by
    /// mistake (`ghp_…`, `sk-…`) stay here.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Takes any bearer token of the [`key_length`](Self::key_length) without dots and colons for an
    /// access key, in place of a [`key_prefix`](Self::key_prefix). **Whatever secret of another
    /// service a client sends by mistake is then sent to Descope.** Choose a prefix where the keys
    /// have one.
    pub fn any_shape(mut self) -> Self {
        self.any_shape = true;
        self
    }

    /// Sets the length of a key in bytes; a bearer token of another length is never sent to Descope
    /// as a key. Default 16 to 512; from 8 to 4096.
    ///
    /// At any length, a key has no dots and no colons in it.
    pub fn key_length(mut self, length: RangeInclusive<usize>) -> Self {
        self.length = length;
        self
    }

    /// Names the access keys that operations know of, each by the SHA-256 digest of its text in
    /// hexadecimal digits: they draw on no budget, not even after a start, and are held back the
    /// least while Descope asks to slow down. Default none; at most as many as the
    /// [`capacity`](Self::capacity).
    ///
    /// `printf %s "$KEY" | sha256sum` prints the digest as its first word, on macOS `shasum -a 256`.
    /// (`echo` would add a line break, which is no part of the key.) A digest is no secret that
    /// opens anything, since keys are long and random; Descope decides about these keys as about
    /// any other.
    ///
    /// ```
    /// use tower_descope::AccessKeys;
    ///
    /// // printf %s K2nightlyExport | sha256sum
    /// let nightly_export = "4088b940094a6590ba342d22fdd6e41bf54becc9502942735123b91f0691f1bd";
    /// let keys = AccessKeys::new().key_prefix("K2").expected([nightly_export]);
    /// ```
    pub fn expected<D: Into<String>>(mut self, digests: impl IntoIterator<Item = D>) -> Self {
        self.expected = digests.into_iter().map(Into::into).collect();
        self
    }

    /// Sets how many keys that were never good may be exchanged: so many each second, and so many
    /// at once. Default 5 and 20; from 1 to 1000, and from 1 to 10000.
    ///
    /// While keys wait that came before and got nothing, half of it is kept for them, in the order in
    /// which they first came: made-up keys keep no machine out that asks again. A burst of 1 has no half,
    /// and keeps nothing.
    ///
    /// Each process has its own budget, and Descope's rate limit counts them together. After a
    /// start every key is new, but for the [`expected`](Self::expected) ones: choose the burst so
    /// that all machines come in soon.
    pub fn budget(mut self, per_second: u32, burst: u32) -> Self {
        self.per_second = per_second;
        self.burst = burst;
        self
    }

    /// Sets how many good keys are remembered; past it, the one that was not used for longest is
    /// forgotten, and counts as new when it is presented again. Default 10,000; from 1 to 1,000,000. As many
    /// refused ones are remembered beside them.
    pub fn capacity(mut self, keys: usize) -> Self {
        self.capacity = keys;
        self
    }

    /// Sets for how long a key that Descope refused is refused without another call. A key that was
    /// tried before it was made stays refused for as long. Default 30 seconds; from 1 to 300
    /// seconds.
    pub fn keep_refusals(mut self, time: Duration) -> Self {
        self.keep_refusals = time;
        self
    }

    /// Sets how long before its session expires a key is exchanged again; at most a quarter of the
    /// session's life. Default 30 seconds; up to 300 seconds.
    pub fn renew_before(mut self, time: Duration) -> Self {
        self.renew_before = time;
        self
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        self.options.check()?;
        let (least, most) = (*self.length.start(), *self.length.end());
        if !(8..=4_096).contains(&least) || !(least..=4_096).contains(&most) {
            return Err(Error::config(
                "access_keys: key_length must be a range within 8 and 4096 bytes",
            ));
        }
        match (self.prefix.is_empty(), self.any_shape) {
            (true, false) => {
                return Err(Error::config(
                    "access_keys: say which bearer tokens are access keys: by key_prefix(\"…\"), \
                     the text that all of the project's keys begin with, or by any_shape(), which \
                     sends other services' secrets to descope if a client presents them",
                ));
            }
            (false, true) => {
                return Err(Error::config(
                    "access_keys: key_prefix and any_shape() exclude each other: leave one out",
                ));
            }
            _ => {}
        }
        if self.prefix.len() >= most
            || !(self.prefix.is_empty() || token::is_key(self.prefix.as_bytes()))
        {
            return Err(Error::config(
                "access_keys: key_prefix must be shorter than a key, of letters, digits and \
                 `-_~+/=`",
            ));
        }
        for (name, value, most) in [
            ("budget per second", self.per_second as usize, 1_000),
            ("budget burst", self.burst as usize, 10_000),
            ("capacity", self.capacity, 1_000_000),
        ] {
            if !(1..=most).contains(&value) {
                return Err(Error::config(format!(
                    "access_keys: {name} is {value}, it must be from 1 to {most}"
                )));
            }
        }
        for (name, value, least) in [
            ("keep_refusals", self.keep_refusals, Duration::from_secs(1)),
            ("renew_before", self.renew_before, Duration::ZERO),
        ] {
            if !(least..=Duration::from_secs(300)).contains(&value) {
                return Err(Error::config(format!(
                    "access_keys: {name} is {value:?}, it must be from {least:?} to 300s"
                )));
            }
        }
        Ok(())
    }

    /// Reads the digests of the expected keys.
    ///
    /// # Errors
    ///
    /// For the first one that is none. Its text is not repeated: it may be a key.
    pub(super) fn expected_digests(&self) -> Result<HashSet<Digest>, Error> {
        if self.expected.len() > self.capacity {
            return Err(Error::config(format!(
                "access_keys: {} keys are expected, but the capacity is {}: raise it",
                self.expected.len(),
                self.capacity
            )));
        }
        let digests = self.expected.iter().enumerate().map(|(index, text)| {
            Digest::from_hex(text).ok_or_else(|| {
                Error::config(format!(
                    "access_keys: expected key {} is no SHA-256 digest in hexadecimal digits, 64 \
                     of them; `printf %s \"$KEY\" | sha256sum` prints it as the first word",
                    index + 1
                ))
            })
        });
        digests.collect()
    }

    pub(super) fn options(&self) -> &ExchangeOptions {
        &self.options
    }

    pub(super) fn shape(&self) -> KeyShape {
        KeyShape {
            prefix: self.prefix.clone(),
            length: self.length.clone(),
        }
    }

    pub(super) fn policy(&self, lost_after: Duration) -> ExchangePolicy {
        ExchangePolicy {
            per_second: NonZeroU32::new(self.per_second).unwrap_or(NonZeroU32::MIN),
            burst: self.burst,
            capacity: self.capacity,
            keep_refusals: self.keep_refusals,
            renew_before: self.renew_before,
            lost_after,
        }
    }
}

impl Default for AccessKeys {
    fn default() -> Self {
        Self::new()
    }
}

impl KeyShape {
    /// Returns `true` if a bearer token has this shape.
    pub(super) fn fits(&self, credential: &[u8]) -> bool {
        self.length.contains(&credential.len())
            && credential.starts_with(self.prefix.as_bytes())
            && token::is_key(credential)
    }
}

impl fmt::Debug for AccessKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKeys")
            .field("options", &self.options)
            .field("prefix", &self.prefix)
            .field("any_shape", &self.any_shape)
            .field("length", &self.length)
            .field("expected", &self.expected.len())
            .field("per_second", &self.per_second)
            .field("burst", &self.burst)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_settings_are_named() {
        let new = || AccessKeys::new().key_prefix("K2");
        let mut large = Map::new();
        large.insert("k".to_owned(), "x".repeat(5_000).into());
        for (keys, named) in [
            (new().key_length(1..=512), "key_length"),
            (new().key_length(16..=5_000), "key_length"),
            (new().key_length(RangeInclusive::new(64, 16)), "key_length"),
            (new().key_prefix("a.b"), "key_prefix"),
            (new().key_prefix("K".repeat(512)), "key_prefix"),
            (new().budget(0, 1), "per second"),
            (new().budget(1, 0), "burst"),
            (new().capacity(0), "capacity"),
            (new().keep_refusals(Duration::ZERO), "keep_refusals"),
            (new().renew_before(Duration::from_secs(301)), "renew_before"),
            (new().custom_claims(large), "custom claims"),
            (AccessKeys::new(), "key_prefix"),
            (AccessKeys::new(), "any_shape()"),
            (AccessKeys::new().key_prefix(""), "any_shape()"),
            (new().any_shape(), "exclude each other"),
        ] {
            let message = keys.check().unwrap_err().to_string();
            assert!(message.contains(named), "{message}");
        }
        assert!(new().check().is_ok());
        assert!(AccessKeys::new().any_shape().check().is_ok());
        assert!(new().renew_before(Duration::ZERO).check().is_ok());
    }

    #[test]
    fn an_expected_key_is_a_digest_and_what_is_none_is_not_repeated() {
        let digest = "Ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let new = || AccessKeys::new().key_prefix("K2");
        let digests = new().expected([digest, digest]).expected_digests();
        assert_eq!(digests.unwrap().len(), 1);
        for wrong in [
            "",
            "K2the-key-itself",
            &digest[1..],
            &format!("{digest}0"),
            &format!("{digest}  -"),
            &digest.replace('b', "g"),
            &format!("+{}", &digest[1..]),
        ] {
            let keys = new().expected([digest, wrong]);
            let message = keys.expected_digests().unwrap_err().to_string();
            assert!(message.contains("expected key 2"), "{message}");
            assert!(message.contains("sha256sum"), "{message}");
            assert!(!message.contains("itself"), "{message}");
        }
        let keys = new().capacity(1).expected([digest, digest]);
        let message = keys.expected_digests().unwrap_err().to_string();
        assert!(message.contains("capacity"), "{message}");
    }

    #[test]
    fn the_shape_decides_what_is_taken_for_a_key() {
        let shape = AccessKeys::new()
            .key_prefix("K2")
            .key_length(16..=20)
            .shape();
        assert!(shape.fits(b"K2aaaaaaaaaaaaaa"));
        for other in [
            "",
            "K2",
            "K2aaaaaaaaaaaaa",
            "K2aaaaaaaaaaaaaaaaaaa",
            "X2aaaaaaaaaaaaaa",
            "K2aaaaaa.aaaaaaa",
            "K2aaaaaa:aaaaaaa",
            "K2aaaaaa aaaaaaa",
            "K2aaaaaaaaaaaaé",
        ] {
            assert!(!shape.fits(other.as_bytes()), "{other}");
        }
    }
}
