//! The two pages, and whom they may talk to.

use std::{collections::BTreeSet, env};

use axum::response::IntoResponse;
use http::{HeaderName, Uri, header};
use serde_json::{Map, Value};

/// The component whose `PAGE_COMPONENT_URL` is not set.
const COMPONENT: &str = "https://descopecdn.com/npm/@descope/web-component@4.3.2/dist/index.js";

/// Where the component gets what no variable moves.
const CDNS: [&str; 3] = [
    "https://descopecdn.com",
    "https://static.descope.com",
    "https://cdn.jsdelivr.net",
];

/// Descope's component, as the page has it.
pub(crate) struct Component {
    script: String,
    /// The attributes of `<descope-wc>`.
    attributes: Map<String, Value>,
}

impl Component {
    pub(crate) fn from_env(project_id: &str) -> Self {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let flow = set("PAGE_FLOW").unwrap_or_else(|| "sign-up-or-in".to_owned());
        let mut attributes = Map::new();
        for (name, value) in [
            ("project-id", Some(project_id.to_owned())),
            ("flow-id", Some(flow)),
            (
                "base-url",
                set("PAGE_BASE_URL").or_else(|| set("DESCOPE_BASE_URI")),
            ),
            ("base-static-url", set("PAGE_STATIC_URL")),
            ("base-cdn-url", set("PAGE_CDN_URL")),
            // The e-mail address of whoever signed in last stays out of localStorage.
            ("store-last-authenticated-user", Some("false".to_owned())),
        ] {
            if let Some(value) = value {
                attributes.insert(name.to_owned(), value.into());
            }
        }
        Self {
            script: set("PAGE_COMPONENT_URL").unwrap_or_else(|| COMPONENT.to_owned()),
            attributes,
        }
    }

    pub(crate) fn page(&self) -> String {
        let attributes = Value::Object(self.attributes.clone()).to_string();
        page(
            "Sign in",
            &format!(
                r#"<p id="problem" role="alert"></p><div id="sign-in" data-component="{}"></div>
<noscript><p>Descope's component needs JavaScript.</p></noscript>
<script src="{}"></script><script src="/page.js"></script>"#,
                escaped(&attributes),
                escaped(&self.script),
            ),
        )
    }

    /// No server but Descope's runs a script here or is sent anything.
    pub(crate) fn policy(&self) -> (HeaderName, String) {
        let named = ["base-url", "base-static-url", "base-cdn-url"]
            .into_iter()
            .filter_map(|name| self.attributes.get(name)?.as_str());
        let servers: BTreeSet<String> = named
            .chain([self.script.as_str()])
            .chain(CDNS)
            .filter_map(origin_of)
            .collect();
        let servers = Vec::from_iter(servers).join(" ");
        // Its parts are styled by scripts, which `style-src` counts as inline.
        let policy = format!(
            "default-src 'none'; script-src 'self' {servers}; style-src 'unsafe-inline' {servers}; \
             connect-src 'self' https://*.descope.com {servers}; img-src data: https:; \
             font-src {servers} https://fonts.gstatic.com; {EVERYWHERE}"
        );
        (header::CONTENT_SECURITY_POLICY, policy)
    }
}

const EVERYWHERE: &str = "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The policy of a page without the component.
pub(crate) fn own_policy() -> (HeaderName, String) {
    let policy = format!("default-src 'none'; {EVERYWHERE}");
    (header::CONTENT_SECURITY_POLICY, policy)
}

pub(crate) async fn script() -> impl IntoResponse {
    let javascript = (header::CONTENT_TYPE, "text/javascript; charset=utf-8");
    ([javascript], include_str!("page.js"))
}

pub(crate) fn home(user: Option<&str>) -> String {
    let who = user.map_or_else(
        || r#"<p>Nobody is signed in. <a href="/sign-in">Sign in</a></p>"#.to_owned(),
        |user| format!("<p>Signed in as <b>{}</b>.</p>", escaped(user)),
    );
    page("Who is signed in", &who)
}

fn page(title: &str, body: &str) -> String {
    format!(
        r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title></head><body><h1>{title}</h1>{body}</body></html>"#
    )
}

/// `https://host:port` of a URL.
fn origin_of(url: &str) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    Some(format!("{}://{}", url.scheme_str()?, url.authority()?))
}

/// Text as it may stand in an attribute in double quotes, or in an element.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}
