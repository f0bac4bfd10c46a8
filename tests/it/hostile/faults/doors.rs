//! Everything of ours that calls Descope, each as its callers see it.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use http_body_util::Full;
use serde_json::json;
use tower::{Layer, ServiceExt, service_fn};
use tower_descope::{
    AccessKeys, Descope, Renewal, SelectTenant, SessionRoutes, TenantLayer,
    test_util::{FakeDescope, FakeDescopeBuilder, TestClock},
};

use super::{hostile::Hostile, rows::Comes};

/// Longer than no key; the fake knows it.
const KEY: &str = "K2abcdefghijklmnopqrstuvwxyz0123456789";

/// A call to Descope, and what it is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Select,
    Refresh,
    TryRefresh,
    Me,
    MyTenants,
    History,
    Logout,
    LogoutAll,
    /// The layer, for a request whose session has expired.
    Renew,
    /// The layer, for a request whose session is about to.
    RenewEarly,
    /// The layer, for a machine.
    Exchange,
}

impl Door {
    pub(crate) const ALL: [Self; 11] = [
        Self::Select,
        Self::Refresh,
        Self::TryRefresh,
        Self::Me,
        Self::MyTenants,
        Self::History,
        Self::Logout,
        Self::LogoutAll,
        Self::Renew,
        Self::RenewEarly,
        Self::Exchange,
    ];

    /// Descope's path.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Select => "/v1/auth/tenant/select",
            Self::Refresh | Self::TryRefresh | Self::Renew | Self::RenewEarly => "/v1/auth/refresh",
            Self::Me => "/v1/auth/me",
            Self::MyTenants => "/v1/auth/me/tenants",
            Self::History => "/v1/auth/me/history",
            Self::Logout => "/v1/auth/logout",
            Self::LogoutAll => "/v1/auth/logoutall",
            Self::Exchange => "/v1/auth/accesskey/exchange",
        }
    }

    pub(crate) fn signs_out(self) -> bool {
        matches!(self, Self::Logout | Self::LogoutAll)
    }

    /// How often the request may go up: what spends no token is asked again on a 503.
    pub(crate) fn most_requests(self, comes: Comes) -> usize {
        let harmless =
            self.signs_out() || matches!(self, Self::Me | Self::MyTenants | Self::History);
        1 + usize::from(harmless && comes == Comes::Away)
    }

    /// What a caller is told, by status and code.
    pub(crate) fn told(self, comes: Comes) -> (u16, &'static str) {
        match self {
            Self::Select => match comes {
                // A refusal without a code of Descope's is some proxy's word.
                Comes::Broken | Comes::Odd | Comes::Away | Comes::Refused(_) => {
                    (502, "upstream_invalid")
                }
                Comes::Late => (504, "upstream_timeout"),
                Comes::Limited => (429, "rate_limited"),
            },
            // Only Descope's own code says that a session is gone. What has none comes from
            // something in between.
            Self::Refresh
            | Self::TryRefresh
            | Self::Me
            | Self::MyTenants
            | Self::History
            | Self::Renew => (503, "renewal_unavailable"),
            Self::Exchange => (503, "exchange_unavailable"),
            // The session in hand is good; and who signs out is signed out.
            Self::RenewEarly | Self::Logout | Self::LogoutAll => (200, ""),
        }
    }
}

/// Somebody with valid credentials before one door.
pub(crate) struct Caller {
    pub(crate) door: Door,
    cookies: String,
    /// A body that Descope could answer with.
    pub(crate) good: String,
}

/// An answer of ours.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) retry_after: Option<String>,
    /// The `Set-Cookie` lines.
    pub(crate) cookies: Vec<String>,
}

/// No rotation, so that an answer that comes too late on a busy machine costs nothing.
pub(crate) fn fake() -> FakeDescopeBuilder {
    FakeDescope::builder()
        .rotation(false)
        .user("ann@example.test", |user| {
            user.id("U1").tenant("T1", |t| t).tenant("T2", |t| t)
        })
        .user("bob@example.test", |user| user.id("U2").tenant("T1", |t| t))
        .access_key(KEY, |key| key.id("K2m"))
}

/// A service behind this server, with its one key at hand: no fault meant for a call meets a
/// fetch. Its clock is its own, so that it can rest while the fake's stands.
pub(crate) fn service(
    fake: &FakeDescope,
    hostile: &Hostile,
    clock: &TestClock,
    deadline: Duration,
) -> Descope {
    fake.descope_builder()
        .base_url(hostile.url())
        .public_key(fake.jwks()["keys"][0].to_string())
        .clock(clock.clone())
        .timeout(deadline)
        .access_keys(AccessKeys::new().key_prefix("K2"))
        .build()
        .unwrap()
}

impl Caller {
    pub(crate) fn new(fake: &FakeDescope, door: Door) -> Self {
        // Everywhere is everywhere: not where the others are signed in.
        let who = if door == Door::LogoutAll {
            "bob@example.test"
        } else {
            "ann@example.test"
        };
        let signed_in = fake.sign_in_to(who, "T1");
        let refresh = signed_in.refresh_jwt();
        let session = |fake: &FakeDescope| fake.session("U1").active("T2").token();
        let cookies = match door {
            Door::Exchange => String::new(),
            Door::Renew => {
                let expired = fake.session("U1").active("T1").expired().token();
                format!("DS={expired}; DSR={refresh}")
            }
            Door::RenewEarly => {
                let ending = fake.session("U1").active("T1").expires_in(30).token();
                format!("DS={ending}; DSR={refresh}")
            }
            _ => format!("DS={}; DSR={refresh}", signed_in.session_jwt()),
        };
        let good = match door {
            Door::Me => json!({"userId": "U1", "name": "Ann"}),
            Door::MyTenants => json!({"tenants": [{"id": "T1"}]}),
            Door::History => json!([{"ip": "127.0.0.1"}]),
            Door::Logout | Door::LogoutAll => json!({}),
            Door::Exchange => {
                let machine = fake.session("K2m").without("rexp").token();
                json!({"keyId": "K2m", "sessionJwt": machine})
            }
            _ => json!({"sessionJwt": session(fake), "refreshJwt": refresh}),
        };
        Self {
            door,
            cookies,
            good: good.to_string(),
        }
    }

    /// Somebody with these cookies.
    pub(crate) fn with(door: Door, cookies: &str) -> Self {
        Self {
            door,
            cookies: cookies.to_owned(),
            good: String::new(),
        }
    }

    pub(crate) async fn call(&self, descope: &Descope) -> Seen {
        let headers = match self.door {
            Door::Select => {
                let select = SelectTenant::new(descope.clone());
                let request = self.request("POST", r#"{"tenant":"T2"}"#);
                select.oneshot(request).await.unwrap().into_parts().0
            }
            Door::Renew | Door::RenewEarly | Door::Exchange => {
                let layer = TenantLayer::new(descope.clone()).renew(Renewal::new());
                let inner = service_fn(|_: Request<Full<Bytes>>| async {
                    Ok::<_, Infallible>(Response::new(String::new()))
                });
                let request = self.request("GET", "");
                let answer = layer.layer(inner).oneshot(request).await;
                answer.unwrap().into_parts().0
            }
            _ => {
                let (method, body) = match self.door {
                    Door::Me | Door::History => ("GET", ""),
                    Door::MyTenants => ("POST", r#"{"dct":true}"#),
                    _ => ("POST", "{}"),
                };
                let routes = SessionRoutes::new(descope.clone()).at("/v1/auth");
                let request = self.request(method, body);
                routes.oneshot(request).await.unwrap().into_parts().0
            }
        };
        Seen::of(headers.status.as_u16(), &headers.headers)
    }

    fn request(&self, method: &str, body: &'static str) -> Request<Full<Bytes>> {
        let path = match self.door {
            Door::TryRefresh => "/v1/auth/try-refresh",
            door => door.path(),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "app.example")
            .header("sec-fetch-site", "same-origin");
        if self.cookies.is_empty() {
            request = request.header("authorization", format!("Bearer {KEY}"));
        } else {
            request = request.header("cookie", &self.cookies);
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        request.body(Full::from(body)).unwrap()
    }

    /// Whether all is as if nothing had ever been wrong.
    pub(crate) fn is_content_with(&self, seen: &Seen) -> bool {
        let cookies = match self.door {
            Door::Me | Door::MyTenants | Door::History | Door::Exchange => seen.cookies.is_empty(),
            door if door.signs_out() => seen.removes_cookies(),
            // After a rest the session has expired, early or not.
            _ => seen.cookies.iter().any(|line| line.starts_with("DS=eyJ")),
        };
        seen.status == 200 && seen.code.is_empty() && cookies
    }
}

impl Seen {
    fn of(status: u16, headers: &HeaderMap) -> Self {
        let text = |name| {
            headers
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        let lines = headers.get_all(header::SET_COOKIE).iter();
        Self {
            status,
            code: text("x-descope-rejection").unwrap_or_default(),
            retry_after: text("retry-after"),
            cookies: lines
                .map(|line| line.to_str().unwrap().to_owned())
                .collect(),
        }
    }

    pub(crate) fn removes_cookies(&self) -> bool {
        self.cookies.len() == 2 && self.cookies.iter().all(|line| line.contains("Max-Age=0"))
    }
}
