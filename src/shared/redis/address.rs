//! The URL of a Redis, taken apart.

use std::fmt;

use redis::{ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo};
use url::Url;

use crate::error::Error;

/// Where a server is, and how its user says who it is.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) place: Place,
    pub(super) login: RedisConnectionInfo,
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Tcp {
        host: String,
        port: u16,
        tls: bool,
    },
    #[cfg(unix)]
    Unix(std::path::PathBuf),
}

impl Address {
    pub(super) fn parse(text: &str, cluster: bool) -> Result<Self, Error> {
        let no_url = "the URL of RedisSettings is none of a Redis: it begins with `redis://`, with \
                      `rediss://` for TLS, or with `unix://`";
        let mut url = Url::parse(text).map_err(|_| Error::config(no_url))?;
        let (plain, tls) = match url.scheme() {
            "redis" | "valkey" => ("redis", false),
            "rediss" | "valkeys" => ("redis", true),
            "unix" | "redis+unix" | "valkey+unix" => ("unix", false),
            _ => return Err(Error::config(no_url)),
        };
        if url.fragment().is_some() {
            return Err(Error::config(
                "the URL of RedisSettings has a fragment (`#insecure`?): certificates are always \
                 checked, so have the system trust the one of your Redis",
            ));
        }
        if plain == "redis" && url.query().is_some() {
            return Err(Error::config(
                "the URL of RedisSettings has a query (`?`), which means nothing here",
            ));
        }
        if tls && !cfg!(any(feature = "rustls", feature = "native-tls")) {
            return Err(Error::config(
                "`rediss:` is TLS, for which one of the features `rustls` and `native-tls` of \
                 tower-descope must be enabled",
            ));
        }
        if cluster && plain == "unix" {
            return Err(Error::config(
                "a cluster has many nodes, and its URL names one of them by host and port",
            ));
        }
        // Its own check of `rediss:` asks for its own TLS, which is not used.
        let changed = plain == "unix" || url.set_scheme(plain).is_ok();
        // The message could show a part of the URL.
        let info = (changed.then(|| url.into_connection_info()))
            .and_then(Result::ok)
            .ok_or_else(|| {
                Error::config(
                    "the URL of RedisSettings lacks a host, or its path is no number of a database: \
                     `redis://user:password@host:6379/0`",
                )
            })?;
        // A user with few permissions may not tell it, and would be noted in the server's log for trying.
        let login = info.redis_settings().clone().set_skip_set_lib_name();
        if cluster && login.db() != 0 {
            return Err(Error::config(
                "a Redis Cluster has database 0 alone: leave the URL's path out",
            ));
        }
        let place = match info.addr() {
            ConnectionAddr::Tcp(host, port) => Place::Tcp {
                host: host.clone(),
                port: *port,
                tls,
            },
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => Place::Unix(path.clone()),
            _ => return Err(Error::config(no_url)),
        };
        Ok(Self { place, login })
    }

    /// Another node of the same cluster, which has the same users. A node that does not know its own
    /// name leaves it out, and is the one that was asked.
    pub(super) fn of_node(&self, host: &str, port: u16) -> Self {
        let Place::Tcp {
            host: asked, tls, ..
        } = &self.place
        else {
            return self.clone();
        };
        let host = if host.is_empty() { asked } else { host };
        Self {
            place: Place::Tcp {
                host: host.into(),
                port,
                tls: *tls,
            },
            login: self.login.clone(),
        }
    }
}

/// Without user and password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp { host, port, tls } => {
                let scheme = if *tls { "rediss" } else { "redis" };
                if host.contains(':') {
                    write!(f, "{scheme}://[{host}]:{port}")
                } else {
                    write!(f, "{scheme}://{host}:{port}")
                }
            }
            #[cfg(unix)]
            Place::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_host_port_user_and_database() {
        let address = Address::parse("redis://ann:p%40ss@cache.internal:7000/3", false).unwrap();
        assert_eq!(address.to_string(), "redis://cache.internal:7000");
        assert_eq!(address.login.username(), Some("ann"));
        assert_eq!(address.login.password(), Some("p@ss"));
        assert_eq!(address.login.db(), 3);
        let address = Address::parse("valkey://[::1]", false).unwrap();
        assert_eq!(address.to_string(), "redis://[::1]:6379");
    }

    #[test]
    fn a_node_without_a_name_is_the_one_that_was_asked() {
        let asked = Address::parse("redis://ann:hush@a:7000", true).unwrap();
        assert_eq!(asked.of_node("b", 7001).to_string(), "redis://b:7001");
        assert_eq!(asked.of_node("", 7001).to_string(), "redis://a:7001");
        assert_eq!(asked.of_node("b", 7001).login.password(), Some("hush"));
    }
}
