//! Which endpoints there are, and which options each of them knows.

use http::Method;
use serde_json::{Map, Value};

use super::service::{Answer, Service, not_found};
use crate::test_util::{canned::Canned, record::Recorded};

/// The made-up code of an option that the fake does not know.
pub(in crate::test_util) const UNKNOWN_OPTION: &str = "E990400";

/// One endpoint. The path may have parameters, in braces.
struct Endpoint {
    method: Method,
    path: &'static str,
    /// The parameters that the query may have, beside [`QUERY`].
    query: &'static [&'static str],
    /// The fields that the body may have, a dot for each level. A field that holds an object and
    /// is named as such may have anything in it.
    fields: &'static [&'static str],
    /// Answers, given the last of the path's parameters.
    act: fn(&mut Service<'_>, &str) -> Answer,
}

/// Parameters that ask for nothing: the hints of the browser SDK that it has cookies of its own, and
/// the key that some readers of key sets look for, who get all.
const QUERY: &[&str] = &["dcs", "dcr", "kid"];

/// Objects that are not options themselves: what is in them is.
const GROUPS: &[&str] = &["loginOptions", "user", "options"];

const CODE: &[&str] = &["loginId"];

/// The start of single sign-on.
const SSO: &[&str] = &["tenant", "redirectURL", "loginHint", "forceAuthn"];

/// Who signs up, in both places in which SDKs say it.
const SIGN_UP: &[&str] = &[
    "loginId",
    "email",
    "phone",
    "user.name",
    "user.email",
    "user.phone",
    "user.customAttributes",
];

/// The start of a flow, as the component makes it.
const FLOW: &[&str] = &[
    "flowId",
    "options.location",
    "options.redirectUrl",
    "options.tenant",
    "options.sessionJwt",
    "options.lastAuth",
    "options.deviceInfo",
    "options.startOptionsVersion",
    "options.baseUrl",
    "options.abTestingKey",
    "options.locale",
    "options.client",
    "conditionInteractionId",
    "interactionId",
    "componentsVersion",
    "flowVersions",
    "isCustomScreen",
    "input",
];

/// Every endpoint; the table in `calls.md` has a row for each.
const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/v2/keys/{project}",
        query: &[],
        fields: &[],
        act: |service, project| service.keys(project),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/auth/refresh",
        query: &[],
        fields: &[],
        act: |service, _| service.refresh(),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/auth/try-refresh",
        query: &[],
        fields: &[],
        act: |service, _| Ok(service.try_refresh()),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/auth/tenant/select",
        query: &[],
        fields: &["tenant"],
        act: |service, _| service.select(),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/auth/logout",
        query: &[],
        fields: &[],
        act: |service, _| service.logout(false),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/auth/logoutall",
        query: &[],
        fields: &[],
        act: |service, _| service.logout(true),
    },
    Endpoint {
        method: Method::GET,
        path: "/v1/auth/me",
        query: &[],
        fields: &[],
        act: |service, _| service.me(),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/auth/me/tenants",
        query: &[],
        fields: &["dct", "ids"],
        act: |service, _| service.my_tenants(),
    },
    Endpoint {
        method: Method::GET,
        path: "/v1/auth/me/history",
        query: &[],
        fields: &[],
        act: |service, _| service.history(),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/auth/validate",
        query: &[],
        fields: &[],
        act: |service, _| service.validate(),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/auth/accesskey/exchange",
        query: &[],
        fields: &["loginOptions.selectedTenant", "loginOptions.customClaims"],
        act: |service, _| service.exchange(),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/auth/oauth/authorize",
        query: &["provider", "redirectURL", "loginHint"],
        fields: &[],
        act: |service, _| service.authorize_oauth(),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/auth/oauth/exchange",
        query: &[],
        fields: &["code"],
        act: |service, _| service.exchange_oauth(),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/auth/saml/authorize",
        query: SSO,
        fields: &[],
        act: |service, _| service.authorize_sso(),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/auth/saml/exchange",
        query: &[],
        fields: &["code"],
        act: |service, _| service.exchange_sso(),
    },
    // The same under the name that some SDKs have for it.
    Endpoint {
        method: Method::POST,
        path: "/v1/auth/sso/authorize",
        query: SSO,
        fields: &[],
        act: |service, _| service.authorize_sso(),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/auth/sso/exchange",
        query: &[],
        fields: &["code"],
        act: |service, _| service.exchange_sso(),
    },
    Endpoint {
        method: Method::GET,
        path: "/idp/{provider}",
        query: &["attempt", "user", "cancel"],
        fields: &[],
        act: |service, provider| service.identity_provider(provider),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/auth/otp/signup/{channel}",
        query: &[],
        fields: SIGN_UP,
        act: |service, channel| service.sign_up(channel),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/auth/otp/signin/{channel}",
        query: &[],
        fields: CODE,
        act: |service, channel| service.sign_in(channel),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/auth/otp/signup-in/{channel}",
        query: &[],
        fields: SIGN_UP,
        act: |service, channel| service.sign_up_or_in(channel),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/auth/otp/verify/{channel}",
        query: &[],
        fields: &["loginId", "code"],
        act: |service, channel| service.verify_code(channel),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/flow/start",
        query: &[],
        fields: FLOW,
        act: |service, _| service.flow_start(),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/flow/next",
        query: &[],
        fields: &[
            "executionId",
            "stepId",
            "interactionId",
            "version",
            "componentsVersion",
            "isCustomScreen",
            "options.sessionJwt",
            "input",
        ],
        act: |service, _| service.flow_next(),
    },
    Endpoint {
        method: Method::GET,
        path: "/pages/{project}/v2-beta/{file}",
        query: &[],
        fields: &[],
        act: |service, file| service.pages(file),
    },
];

impl Service<'_> {
    pub(in crate::test_util) fn answer(mut self) -> Canned {
        self.route().unwrap_or_else(|refusal| refusal)
    }

    fn route(&mut self) -> Answer {
        let request = self.request;
        let found = ENDPOINTS.iter().find_map(|endpoint| {
            let parameter = endpoint.parameter(&request.path)?;
            (endpoint.method == request.method).then_some((endpoint, parameter))
        });
        let Some((endpoint, parameter)) = found else {
            return Err(not_found(&request.path));
        };
        // Before anything happens: a test that asks for what the fake cannot do must not pass
        // because nobody looked.
        if let Some(option) = unknown_option(request, endpoint) {
            return Err(Canned::error(
                400,
                UNKNOWN_OPTION,
                &format!("FakeDescope does not know the option `{option}` of this call"),
            ));
        }
        (endpoint.act)(self, parameter)
    }
}

impl Endpoint {
    /// The path's last parameter, or an empty one, if this is the path.
    fn parameter<'a>(&self, path: &'a str) -> Option<&'a str> {
        let mut parameter = "";
        let (mut own, mut asked) = (self.path.split('/'), path.split('/'));
        loop {
            match (own.next(), asked.next()) {
                (None, None) => return Some(parameter),
                (Some(name), Some(value)) if name.starts_with('{') && !value.is_empty() => {
                    parameter = value;
                }
                (Some(name), Some(value)) if name == value => {}
                _ => return None,
            }
        }
    }
}

/// The first option of a request that its endpoint does not know. A body that is no object is the
/// endpoint's own matter.
fn unknown_option(request: &Recorded, endpoint: &Endpoint) -> Option<String> {
    let in_query = request
        .parameters()
        .map(|(name, _)| name)
        .find(|name| !QUERY.contains(&&**name) && !endpoint.query.contains(&&**name));
    in_query.map(Into::into).or_else(|| {
        let body = request.object()?;
        unknown_field(&body, "", endpoint.fields)
    })
}

fn unknown_field(object: &Map<String, Value>, above: &str, fields: &[&str]) -> Option<String> {
    object.iter().find_map(|(name, value)| {
        let path = format!("{above}{name}");
        if says_nothing(value) || fields.contains(&path.as_str()) {
            return None;
        }
        match value {
            Value::Object(inner) if GROUPS.contains(&path.as_str()) => {
                unknown_field(inner, &format!("{path}."), fields)
            }
            _ => Some(path),
        }
    })
}

/// Returns `true` for a value that SDKs send where nothing was asked for.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(on) => !on,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        // Also one that holds nothing but such values.
        Value::Object(fields) => fields.values().all(says_nothing),
    }
}

#[cfg(test)]
pub(in crate::test_util) fn endpoints() -> impl Iterator<Item = (&'static Method, &'static str)> {
    ENDPOINTS
        .iter()
        .map(|endpoint| (&endpoint.method, endpoint.path))
}
