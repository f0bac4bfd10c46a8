//! The table of calls in the documentation: it names every endpoint, and each of them answers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::client::ann;
use crate::test_util::{FakeDescope, routes};

const TABLE: &str = include_str!("../calls.md");

/// The first cells of the table's rows, without their marks.
fn documented() -> BTreeSet<String> {
    TABLE
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|line| line.split('`').next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_table_of_calls_names_every_endpoint_and_no_other() {
    let endpoints = routes::endpoints().map(|(method, path)| format!("{method} {path}"));
    assert_eq!(documented(), endpoints.collect());
}

/// The token and the body with which the Go SDK calls an endpoint; an empty body is none at all.
fn as_go_sends(fake: &FakeDescope, endpoint: &str) -> (String, Value) {
    let ann = fake.sign_in("ann@acme.test");
    let refresh = ann.refresh_jwt().to_owned();
    match endpoint
        .split('/')
        .skip(3)
        .collect::<Vec<_>>()
        .join("/")
        .as_str()
    {
        "{project}" | "v2-beta/{file}" | "oauth/authorize" | "saml/authorize" | "sso/authorize" => {
            (String::new(), Value::Null)
        }
        "refresh" | "try-refresh" | "logout" | "logoutall" | "me" | "me/history" => {
            (refresh, Value::Null)
        }
        "tenant/select" => (refresh, json!({"tenant": "T2acme"})),
        "me/tenants" => (refresh, json!({"dct": true, "ids": null})),
        "validate" => (ann.session_jwt().to_owned(), Value::Null),
        "accesskey/exchange" => (
            "AK-secret-1".into(),
            json!({"loginOptions": {"selectedTenant": "T2acme", "customClaims": {"a": 1}}}),
        ),
        "oauth/exchange" => {
            let code = fake.oauth_code("google", "ann@acme.test");
            (String::new(), json!({ "code": code }))
        }
        "saml/exchange" | "sso/exchange" => {
            let code = fake.sso_code("T2acme", "ann@acme.test");
            (String::new(), json!({ "code": code }))
        }
        "otp/signup/{channel}" => {
            let user = json!({"name": "New", "email": "", "phone": "", "givenName": ""});
            (
                String::new(),
                json!({"loginId": "new@acme.test", "user": user}),
            )
        }
        "otp/signin/{channel}" => {
            let options = json!({"stepup": false, "mfa": false, "customClaims": null});
            (
                String::new(),
                json!({"loginId": "ann@acme.test", "loginOptions": options}),
            )
        }
        "otp/signup-in/{channel}" => (String::new(), json!({"loginId": "ann@acme.test"})),
        "otp/verify/{channel}" => (
            String::new(),
            json!({"loginId": "ann@acme.test", "code": FakeDescope::ONE_TIME_CODE}),
        ),
        other => panic!("say how Go calls {other}"),
    }
}

#[tokio::test]
async fn every_endpoint_of_the_table_answers_as_the_go_sdk_asks() {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    // The identity provider and flows are for browsers; they have tests of their own.
    let of_browsers = |row: &str| row.contains("/idp/") || row.contains("/flow/");
    for endpoint in documented().iter().filter(|row| !of_browsers(row)) {
        for channel in ["email", "sms"] {
            let fake = ann().start().await;
            let (token, body) = as_go_sends(&fake, endpoint);
            let (method, path) = endpoint.split_once(' ').unwrap();
            let path = path
                .replace("{project}", fake.project_id())
                .replace("{channel}", channel)
                .replace("{file}", "config.json");
            let path = match path.rsplit_once('/') {
                Some((_, "authorize")) if path.contains("/oauth/") => {
                    format!("{path}?provider=google&redirectURL=https://app.example.test/")
                }
                Some((_, "authorize")) => {
                    format!("{path}?tenant=T2acme&redirectURL=https://app.example.test/")
                }
                _ => path,
            };
            let project = fake.project_id();
            let bearer = match token.as_str() {
                "" => format!("Bearer {project}"),
                token => format!("Bearer {project}:{token}"),
            };
            let ask = async |path: &str, body: &Value| {
                let url = format!("{}{path}", fake.url());
                let request = client.request(method.parse().unwrap(), url);
                let body = if body.is_null() {
                    String::new()
                } else {
                    body.to_string()
                };
                let request = request.header("authorization", &bearer).body(body);
                request.send().await.unwrap().status()
            };
            if path.contains("/otp/verify/") {
                let send = format!("/v1/auth/otp/signin/{channel}");
                assert_eq!(ask(&send, &json!({"loginId": "ann@acme.test"})).await, 200);
            }
            assert_eq!(ask(&path, &body).await, 200, "{endpoint}");
        }
    }
}

#[tokio::test]
async fn what_the_table_lacks_is_not_found() {
    let fake = ann().start().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for (method, path) in [
        ("POST", "/v1/auth/magiclink/signin/email"),
        ("GET", "/v1/auth/refresh"),
        ("POST", "/v2/keys/"),
        ("GET", "/v1/auth/me/"),
        ("POST", "/v1/mgmt/user/create"),
    ] {
        let request = client.request(method.parse().unwrap(), format!("{}{path}", fake.url()));
        assert_eq!(
            request.send().await.unwrap().status(),
            404,
            "{method} {path}"
        );
    }
}
