use http::HeaderName;

use super::named::{Named, unclear};
use crate::{
    cookie::{CookieValue, NamedCookie},
    head::RequestHead,
    origin,
    rejection::Rejection,
};

/// The place of a request where it names its tenant.
#[derive(Debug)]
pub(super) enum Source {
    /// The segment of this number, the first is 0.
    Segment(usize),
    /// The segment after a prefix, which begins and ends with a slash.
    After(Box<str>),
    /// The one label before this domain.
    SubdomainOf(Box<str>),
    Header(HeaderName),
    Cookie(NamedCookie),
}

impl Source {
    /// The tenant that a request names.
    ///
    /// # Errors
    ///
    /// [`RejectionKind::TenantNotNamed`](crate::RejectionKind::TenantNotNamed) for what is there and is
    /// no name, or are several.
    pub(super) fn read<'r>(&self, head: RequestHead<'r>) -> Result<Named<'r>, Rejection> {
        match self {
            Self::Segment(number) => {
                let path = head.uri.path();
                let mut segments = path.strip_prefix('/').unwrap_or(path).split('/');
                segment(segments.nth(*number))
            }
            Self::After(prefix) => {
                let rest = head.uri.path().strip_prefix(&**prefix);
                segment(rest.and_then(|rest| rest.split('/').next()))
            }
            Self::SubdomainOf(domain) => label(head, domain),
            Self::Header(name) => {
                let mut fields = head.headers.get_all(name).iter();
                match (fields.next(), fields.next()) {
                    (None, _) => Ok(Named::Absent),
                    (Some(field), None) => std::str::from_utf8(field.as_bytes())
                        .map(Named::exactly)
                        .map_err(|_| unclear("tenant_not_utf8")),
                    (Some(_), Some(_)) => Err(unclear("repeated_tenant_field")),
                }
            }
            Self::Cookie(cookie) => match cookie.value(head.headers)? {
                CookieValue::Absent => Ok(Named::Absent),
                CookieValue::One(value) => Named::decoded(value),
                CookieValue::Several => Err(unclear("several_tenant_cookies")),
            },
        }
    }

    /// The field that the answer depends on, beside the path, the host and the cookies.
    pub(super) fn field(&self) -> Option<&HeaderName> {
        match self {
            Self::Header(name) => Some(name),
            _ => None,
        }
    }
}

fn segment(segment: Option<&str>) -> Result<Named<'_>, Rejection> {
    segment.map_or(Ok(Named::Absent), |text| Named::decoded(text.as_bytes()))
}

/// The label before a domain, of the host that the request is for.
fn label<'r>(head: RequestHead<'r>, domain: &str) -> Result<Named<'r>, Rejection> {
    let host = origin::host(head).map_err(unclear)?;
    let host = host.ok_or(unclear("no_host"))?;
    let name = host.name().ok_or(unclear("host_is_an_address"))?;
    // The root's own dot, which a host may end with.
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.eq_ignore_ascii_case(domain) {
        return Ok(Named::Absent);
    }
    let label = name
        .len()
        .checked_sub(domain.len())
        .and_then(|end| name.split_at_checked(end))
        .filter(|(_, end)| end.eq_ignore_ascii_case(domain))
        .and_then(|(labels, _)| labels.strip_suffix('.'))
        .ok_or(unclear("host_of_another_domain"))?;
    if label.contains('.') {
        return Err(unclear("subdomain_of_a_subdomain"));
    }
    Ok(Named::Tenant {
        name: label.into(),
        ignores_case: true,
    })
}
