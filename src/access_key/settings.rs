//! The settings of access keys, and their check.

use std::{fmt, num::NonZeroU32, ops::RangeInclusive, time::Duration};

use serde_json::{Map, Value};

use crate::{error::Error, ids::TenantId, token};

/// The largest size of custom claims, as JSON, in bytes.
const MAX_CLAIMS: usize = 4 * 1024;

/// The options of an exchange of an access key.
///
/// ```
/// use tower_descope::{ExchangeOptions, TenantId};
///
/// let options = ExchangeOptions::new().selected_tenant(TenantId::new("T2acme")?);
/// # Ok::<(), tower_descope::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct ExchangeOptions {
    selected_tenant: Option<TenantId>,
    custom_claims: Map<String, Value>,
}

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
///             .key_prefix("K")
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
    length: RangeInclusive<usize>,
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

impl ExchangeOptions {
    /// Makes options that ask for nothing but a session.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a tenant the session's current one (`dct`). Descope refuses keys that have no rights
    /// in it.
    pub fn selected_tenant(mut self, tenant: TenantId) -> Self {
        self.selected_tenant = Some(tenant);
        self
    }

    /// Adds claims to the session. They are found below `nsec` ("non-secure": chosen by whoever
    /// exchanges the key, not by Descope). At most 4 KiB of JSON.
    pub fn custom_claims(mut self, claims: Map<String, Value>) -> Self {
        self.custom_claims = claims;
        self
    }

    /// Returns the tenant to select.
    pub(crate) fn tenant(&self) -> Option<&TenantId> {
        self.selected_tenant.as_ref()
    }

    /// Returns the custom claims, if there are any.
    pub(crate) fn claims(&self) -> Option<&Map<String, Value>> {
        (!self.custom_claims.is_empty()).then_some(&self.custom_claims)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let text = serde_json::to_string(&self.custom_claims).unwrap_or_default();
        if text.len() > MAX_CLAIMS {
            return Err(Error::config(format!(
                "the custom claims of access keys take {} bytes, at most {MAX_CLAIMS} are allowed",
                text.len()
            )));
        }
        Ok(())
    }
}

impl AccessKeys {
    /// Makes the defaults, which each setter names.
    pub fn new() -> Self {
        Self {
            options: ExchangeOptions::new(),
            prefix: String::new(),
            length: 16..=512,
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

    /// Sets the prefix of a key; a bearer token without it is never sent to Descope as a key.
    /// Default none.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
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

    /// Sets how many keys that were never seen may be exchanged: so many each second, and so many
    /// at once. Default 5 and 20; from 1 to 1000, and from 1 to 10000.
    ///
    /// Each process has its own budget, and Descope's rate limit counts them together. After a
    /// start every key is new: choose the burst so that all machines come in soon.
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
        if self.prefix.len() >= most || !(self.prefix.is_empty() || token::is_key(&self.prefix)) {
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
    pub(super) fn fits(&self, text: &str) -> bool {
        self.length.contains(&text.len()) && text.starts_with(&self.prefix) && token::is_key(text)
    }
}

impl fmt::Debug for ExchangeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExchangeOptions")
            .field("selected_tenant", &self.selected_tenant)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for AccessKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKeys")
            .field("options", &self.options)
            .field("prefix", &self.prefix)
            .field("length", &self.length)
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
        let new = AccessKeys::new;
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
        ] {
            let message = keys.check().unwrap_err().to_string();
            assert!(message.contains(named), "{message}");
        }
        assert!(new().check().is_ok());
        assert!(
            new()
                .key_prefix("K2")
                .renew_before(Duration::ZERO)
                .check()
                .is_ok()
        );
    }

    #[test]
    fn the_shape_decides_what_is_taken_for_a_key() {
        let shape = AccessKeys::new()
            .key_prefix("K2")
            .key_length(16..=20)
            .shape();
        assert!(shape.fits("K2aaaaaaaaaaaaaa"));
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
            assert!(!shape.fits(other), "{other}");
        }
    }
}
