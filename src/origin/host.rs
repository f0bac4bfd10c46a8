//! Hosts and origins: reading and comparing them.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use url::Url;

use crate::head::RequestHead;

/// A host and, where one is named, its port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Host<'a> {
    name: HostName<'a>,
    port: Option<u16>,
}

#[derive(Clone, Copy, Debug)]
enum HostName<'a> {
    Name(&'a str),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

/// `scheme://host[:port]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'a> {
    pub(super) scheme: &'a str,
    pub(super) host: Host<'a>,
}

/// Returns the host that the request is for; `None` if it names none, or two that differ.
pub(crate) fn effective_host(head: RequestHead<'_>) -> Option<Host<'_>> {
    host(head).ok().flatten()
}

/// Returns `true` if `host[:port]` names this machine: `localhost`, a name that ends in
/// `.localhost`, 127.0.0.0/8 or `[::1]`. The one place where that is decided.
pub(crate) fn is_loopback(host: &str) -> bool {
    Host::parse(host).is_some_and(|host| host.is_loopback())
}

/// Returns `true` for `host[:port]` with nothing around it.
pub(crate) fn is_host(text: &str) -> bool {
    Host::parse(text).is_some()
}

/// Returns `true` if both name the same host and port for a client that uses `scheme`.
pub(crate) fn is_same_host(one: &str, other: &str, scheme: &str) -> bool {
    Host::parse(one)
        .zip(Host::parse(other))
        .is_some_and(|(one, other)| one.same_as(&other, Some(scheme)))
}

/// Returns `true` for the URL of a page that people may be sent to: https, or http on loopback.
pub(crate) fn is_secure(url: &Url) -> bool {
    let is_loopback = url.host_str().is_some_and(is_loopback);
    url.scheme() == "https" || url.scheme() == "http" && is_loopback
}

/// Returns the host that the request is for; the error is the reason for the log.
pub(crate) fn host<'r>(head: RequestHead<'r>) -> Result<Option<Host<'r>>, &'static str> {
    let parse = |text: &'r str| Host::parse(text).ok_or("malformed_host");
    let field = single(head.headers, &header::HOST, "repeated_host")?
        .map(|field| parse(field.to_str().map_err(|_| "malformed_host")?))
        .transpose()?;
    let target = head
        .uri
        .authority()
        .map(|authority| parse(authority.as_str()))
        .transpose()?;
    match (target, field) {
        (Some(target), Some(field)) if !target.same_as(&field, head.uri.scheme_str()) => {
            Err("contradicting_hosts")
        }
        (target, field) => Ok(target.or(field)),
    }
}

/// Returns `true` if an origin is `https://` and the very text of the host that the request is for: a
/// page of this host, as browsers write it. `false` says nothing.
pub(super) fn is_plainly_own(origin: &HeaderValue, head: RequestHead<'_>) -> bool {
    let field = single(head.headers, &header::HOST, "");
    let host = match (field, head.uri.authority()) {
        (Ok(Some(field)), None) => field.as_bytes(),
        (Ok(None), Some(target)) => target.as_str().as_bytes(),
        _ => return false,
    };
    origin.as_bytes().strip_prefix(b"https://") == Some(host) && is_plain(host)
}

/// Returns `true` for a name, with or without a port of up to four digits.
fn is_plain(host: &[u8]) -> bool {
    let end = host.iter().position(|&byte| !is_name_byte(byte));
    match end.and_then(|end| host.split_at_checked(end)) {
        None => !host.is_empty(),
        Some((name, [b':', port @ ..])) => {
            let is_short = (1..=4).contains(&port.len());
            !name.is_empty() && is_short && port.iter().all(u8::is_ascii_digit)
        }
        Some(_) => false,
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

impl<'a> Origin<'a> {
    pub(super) fn from_field(field: &'a HeaderValue) -> Option<Self> {
        Self::parse(field.to_str().ok()?)
    }

    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (scheme, host) = text.split_once("://")?;
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        let host = Host::parse(host)?;
        is_scheme.then_some(Self { scheme, host })
    }

    /// Returns `Ok` if this is the origin of pages that `host` itself serves; the error is the
    /// reason, for the log.
    pub(super) fn is_of(&self, host: &Host<'_>) -> Result<(), &'static str> {
        if !self.host.same_as(host, Some(self.scheme)) {
            Err("foreign_origin")
        } else if self.scheme.eq_ignore_ascii_case("https")
            || self.scheme.eq_ignore_ascii_case("http") && self.host.is_loopback()
        {
            Ok(())
        } else {
            Err("insecure_origin")
        }
    }
}

impl<'a> Host<'a> {
    /// Reads `host[:port]`; anything with userinfo, path or escapes is refused.
    fn parse(text: &'a str) -> Option<Self> {
        let (name, port) = if let Some(rest) = text.strip_prefix('[') {
            let (address, port) = rest.split_once(']')?;
            (HostName::V6(address.parse().ok()?), port)
        } else {
            let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            if name.is_empty() || !name.bytes().all(is_name_byte) {
                return None;
            }
            let name = name.parse().map_or(HostName::Name(name), HostName::V4);
            (name, port)
        };
        let port = match port.strip_prefix(':') {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            None if port.is_empty() => None,
            _ => return None,
        };
        Some(Self { name, port })
    }

    /// Returns `true` if both are the same host and port for a client that uses `scheme`.
    pub(super) fn same_as(&self, other: &Host<'_>, scheme: Option<&str>) -> bool {
        let default = match scheme {
            Some(scheme) if scheme.eq_ignore_ascii_case("https") => Some(443),
            Some(scheme) if scheme.eq_ignore_ascii_case("http") => Some(80),
            _ => None,
        };
        self.port.or(default) == other.port.or(default)
            && match (self.name, other.name) {
                (HostName::Name(one), HostName::Name(other)) => one.eq_ignore_ascii_case(other),
                (HostName::V4(one), HostName::V4(other)) => one == other,
                (HostName::V6(one), HostName::V6(other)) => one == other,
                _ => false,
            }
    }

    /// The name, if it is one and no address; as it was written, without the port.
    pub(crate) fn name(&self) -> Option<&'a str> {
        match self.name {
            HostName::Name(name) => Some(name),
            HostName::V4(_) | HostName::V6(_) => None,
        }
    }

    /// Returns `true` for `localhost` and the names below it (RFC 6761 section 6.3), 127.0.0.0/8 and
    /// `[::1]`.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.name {
            HostName::Name(name) => name
                .rsplit('.')
                .next()
                .is_some_and(|last| last.eq_ignore_ascii_case("localhost")),
            HostName::V4(address) => address.is_loopback(),
            HostName::V6(address) => address.is_loopback(),
        }
    }
}

/// Returns the field's only value, if it is present; the error is `repeated` if there are more.
pub(super) fn single<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
    repeated: &'static str,
) -> Result<Option<&'h HeaderValue>, &'static str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    match values.next() {
        Some(_) => Err(repeated),
        None => Ok(first),
    }
}
