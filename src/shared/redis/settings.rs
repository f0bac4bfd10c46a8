//! The settings of a Redis, as users give them.

use std::{fmt, time::Duration};

use zeroize::Zeroizing;

use super::address::Address;
use crate::error::Error;

/// As long as the key that is derived from it.
const SECRET_LEN: usize = 32;
/// Beyond it nobody waits for an answer, and a claim's lease would be over before it is known.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The Redis or Valkey in which replicas share their state: where it is, and the secret that the
/// replicas have in common.
///
/// It holds neither a token nor a key to one: answers of Descope are sealed under the secret given here
/// and under the token that they replace.
///
/// ```
/// use tower_descope::RedisSettings;
///
/// # let secret = [7; 32];
/// let settings = RedisSettings::new("rediss://cache.internal:6380", secret).prefix("shop:");
/// ```
#[must_use]
#[derive(Clone)]
pub struct RedisSettings {
    url: Zeroizing<String>,
    secret: Zeroizing<Vec<u8>>,
    former_secret: Option<Zeroizing<Vec<u8>>>,
    prefix: String,
    cluster: bool,
    response_timeout: Duration,
    confirm_by_replicas: u8,
}

impl RedisSettings {
    /// Names the server, and the secret that all replicas have and nobody else.
    ///
    /// | URL | |
    /// |---|---|
    /// | `redis://user:password@host:6379/0` | without TLS; also `valkey:` |
    /// | `rediss://user:password@host:6380/0` | with TLS, by whichever of the features `rustls` and `native-tls` is on; also `valkeys:`. Certificates are checked against those that the system trusts, as for calls to Descope |
    /// | `unix:///run/redis.sock` | a socket on this machine; also `redis+unix:` and `valkey+unix:` |
    ///
    /// User, password and the number of the database may be left out. The secret has 32 random bytes
    /// at least; `openssl rand -base64 32` makes one. Nothing is connected before the first use, and
    /// wrong settings are told when the handle is built.
    pub fn new(url: impl Into<String>, secret: impl Into<Vec<u8>>) -> Self {
        Self {
            url: Zeroizing::new(url.into()),
            secret: Zeroizing::new(secret.into()),
            former_secret: None,
            prefix: "ds1:".into(),
            cluster: false,
            response_timeout: Duration::from_secs(1),
            confirm_by_replicas: 0,
        }
    }

    /// Also reads what was sealed under the secret before this one, while replicas are given a new
    /// secret one after the other. Nothing is written with it. Default: none.
    pub fn former_secret(mut self, secret: impl Into<Vec<u8>>) -> Self {
        self.former_secret = Some(Zeroizing::new(secret.into()));
        self
    }

    /// The beginning of all keys, for a Redis that others use, too. Default: `ds1:`. The project id
    /// follows, so that projects need no prefixes of their own.
    ///
    /// Replicas of different protocols must not meet under one prefix: the `1` of the default is the
    /// protocol's version.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Spreads the keys over the nodes of a Redis Cluster, and follows its redirections. The URL names
    /// any of its nodes, or the cluster's own address. Default: `false`.
    ///
    /// All replicas must agree on it: keys have other names with it.
    pub fn cluster(mut self, on: bool) -> Self {
        self.cluster = on;
        self
    }

    /// How long one step may take, connecting included, before Redis counts as unreachable. Default: 1
    /// second; at most 5. A shorter one calls a replica that is short of processor time unreachable.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// Waits until so many replicas of Redis have what was written, for 100 ms at most; a claim that
    /// fewer have confirmed is given back, and the request is answered with 503. Default: 0.
    ///
    /// With 1, a failover to a replica loses no claim. Each refresh then waits for the replica, and
    /// without one that is connected there are no refreshes
    /// ([`WAIT`](https://redis.io/docs/latest/commands/wait/)).
    pub fn confirm_by_replicas(mut self, replicas: u8) -> Self {
        self.confirm_by_replicas = replicas;
        self
    }

    /// Says what is wrong with the settings, and what to do.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.address()?;
        let secrets = [Some(&self.secret), self.former_secret.as_ref()];
        if secrets.iter().flatten().any(|it| it.len() < SECRET_LEN) {
            return Err(Error::config(
                "a secret of RedisSettings has fewer than 32 bytes: make one with \
                 `openssl rand -base64 32`, and give the same to all replicas",
            ));
        }
        let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}');
        if !self.prefix.bytes().all(fits) {
            return Err(Error::config(
                "the prefix of RedisSettings has a brace, a space or a byte outside of ASCII: braces \
                 are taken for the part of a key that chooses its node, so use letters and `:`",
            ));
        }
        if self.response_timeout.is_zero() || self.response_timeout > LONGEST_TIMEOUT {
            return Err(Error::config(
                "the response timeout of RedisSettings must be above zero and at most 5 seconds",
            ));
        }
        Ok(())
    }

    pub(super) fn address(&self) -> Result<Address, Error> {
        Address::parse(&self.url, self.cluster)
    }

    /// The secret to seal with, and the one before it.
    pub(crate) fn secrets(&self) -> (&[u8], Option<&[u8]>) {
        let former = self.former_secret.as_ref();
        (&self.secret, former.map(|secret| secret.as_slice()))
    }

    pub(super) fn key_prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.cluster
    }

    pub(super) fn timeout(&self) -> Duration {
        self.response_timeout
    }

    pub(super) fn confirmations(&self) -> u8 {
        self.confirm_by_replicas
    }
}

/// Neither the secrets nor the URL's user and password.
impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("RedisSettings");
        match self.address() {
            Ok(address) => debug.field("address", &format_args!("{address}")),
            Err(_) => debug.field("address", &"…"),
        };
        debug
            .field("prefix", &self.prefix)
            .field("cluster", &self.cluster)
            .field("response_timeout", &self.response_timeout)
            .field("confirm_by_replicas", &self.confirm_by_replicas)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 32] = [7; 32];

    fn refused(settings: &RedisSettings) -> String {
        settings.check().unwrap_err().to_string()
    }

    #[test]
    fn the_defaults_are_fine() {
        for url in ["redis://127.0.0.1", "valkey://user:hush@[::1]:7000/3"] {
            RedisSettings::new(url, SECRET).check().unwrap();
        }
        #[cfg(unix)]
        RedisSettings::new("unix:///run/redis.sock", SECRET)
            .check()
            .unwrap();
    }

    #[test]
    fn each_wrong_setting_is_told_with_its_remedy() {
        let new = |url: &str| RedisSettings::new(url, SECRET);
        for (settings, remedy) in [
            (RedisSettings::new("redis://h", [7; 31]), "32 bytes"),
            (new("redis://h").former_secret([7; 31]), "32 bytes"),
            (new("redis://h").prefix("a{b}:"), "brace"),
            (new("redis://h").prefix("a b:"), "space"),
            (new("redis://h").response_timeout(Duration::ZERO), "zero"),
            (
                new("redis://h").response_timeout(Duration::from_secs(6)),
                "5 seconds",
            ),
            (new("http://h"), "redis://"),
            (new("cache.internal:6379"), "redis://"),
            (new("redis:///0"), "host"),
            (new("redis://0.0.0.0"), "host"),
            (new("redis://h/zero"), "database"),
            (new("redis://h/1").cluster(true), "database 0"),
            (new("unix:///run/redis.sock").cluster(true), "cluster"),
            (new("redis://h#insecure"), "#insecure"),
            (new("redis://h?protocol=resp3"), "?"),
        ] {
            let message = refused(&settings);
            assert!(message.contains(remedy), "{message}");
        }
    }

    #[test]
    fn tls_needs_one_of_its_features() {
        let checked = RedisSettings::new("rediss://h", SECRET).check();
        if cfg!(any(feature = "rustls", feature = "native-tls")) {
            checked.unwrap();
        } else {
            let message = checked.unwrap_err().to_string();
            assert!(message.contains("`rustls`"), "{message}");
        }
    }

    #[test]
    fn neither_debug_nor_messages_show_a_secret_or_a_password() {
        let settings = RedisSettings::new(
            "redis://user:hush@cache.internal:7000/3",
            *b"quiet-quiet-quiet-quiet-quiet-32",
        )
        .former_secret(*b"still-still-still-still-still-32");
        let shown = format!("{settings:?}");
        assert!(shown.contains("cache.internal:7000"), "{shown}");
        let wrong = RedisSettings::new("http://user:hush@cache.internal", SECRET);
        for text in [shown, refused(&wrong), format!("{wrong:?}")] {
            for secret in ["hush", "user:", "quiet", "still", "7, 7"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
    }
}
