//! Descope's own sign-in component, with this app as its base URL: no script of the page sees a token.

use std::{env, path::PathBuf, sync::Arc};

use axum::{
    extract::{Path, Query, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use tower_descope::{Error, FlowRoutes, Session, sign_in::flow::FlowPages, test_util::FakeDescope};

use crate::{
    App,
    html::{E, Page},
};

/// The flow that the page runs; new projects of Descope's have one of this id.
pub(crate) const FLOW: &str = "sign-up-or-in";

/// The flow for somebody who is signed in.
pub(crate) const STEP_UP: &str = "step-up";

/// The flows of the stand-in, each with its name.
const FLOWS: [(&str, &str); 5] = [
    (FLOW, "A code by mail"),
    ("single-sign-on", "Acme’s single sign-on"),
    (
        "enchanted-link",
        "A link by mail, for which this page waits",
    ),
    (
        "magic-link",
        "A link by mail that goes on where it is opened",
    ),
    (STEP_UP, "A code once more, for somebody who is signed in"),
];

/// Where the component is, unless `DEMO_UI_DIR` names a folder of npm packages.
const CDN: &str = "https://static.descope.com/npm";

const VERSION: &str = "4.3.2";

/// The calls of flows, and their pages: the fake's own, or those of Descope's static host.
pub(crate) fn services(app: &App) -> Result<(FlowRoutes, FlowPages), Error> {
    let flows = FlowRoutes::builder(app.descope.clone())
        .signed_in_flows([STEP_UP])
        .build()?;
    let pages = FlowPages::new(app.descope.clone());
    let pages = match &app.fake {
        Some(fake) => pages.source(format!("{}/pages", fake.url()))?,
        None => pages,
    };
    Ok((flows, pages))
}

/// The folder of npm packages that has the component.
fn packages() -> Option<PathBuf> {
    let folder = env::var_os("DEMO_UI_DIR").map(PathBuf::from)?;
    let component = folder.join("@descope/web-component");
    component.is_dir().then_some(folder)
}

/// What the page may load: this app's own files, or the component's host.
fn policy() -> String {
    let cdn = if packages().is_some() {
        ""
    } else {
        " https://static.descope.com https://descopecdn.com"
    };
    format!(
        "default-src 'none'; script-src 'self'{cdn}; style-src 'self' 'unsafe-inline'{cdn}; \
         img-src 'self' data:{cdn}; font-src 'self' data:{cdn}; connect-src 'self'{cdn}; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

#[derive(Deserialize)]
pub(crate) struct FlowQuery {
    /// Another flow of the stand-in.
    flow: Option<String>,
}

pub(crate) async fn page(
    State(app): State<Arc<App>>,
    Query(query): Query<FlowQuery>,
    session: Option<Session>,
) -> Response {
    let own = packages().is_some();
    let viewer = session.map(|session| app.viewer(&session));
    let page = Page::new("Descope’s component", viewer.as_ref(), "/sign-in");
    if app.fake.is_some() && !own {
        return page.body(HOW_TO);
    }
    let (script, cdn) = if own {
        let script = format!("/npm/@descope/web-component@{VERSION}/dist/index.js");
        (script, " data-own")
    } else {
        (
            format!("{CDN}/@descope/web-component@{VERSION}/dist/index.js"),
            "",
        )
    };
    let asked = query.flow.as_deref().unwrap_or(FLOW);
    let known = FLOWS
        .iter()
        .find(|(id, _)| *id == asked && app.fake.is_some());
    let flow = known.map_or(FLOW, |(id, _)| id);
    let mut response = page.body(&format!(
        r#"<section class="narrow"><h1>Descope’s own sign-in</h1><div id="flow" data-project="{project}" data-flow="{flow}"{cdn}></div><p class="shows">This page shows <code>FlowRoutes</code> and <code>FlowPages</code>: the component talks to this app, and its tokens become cookies on the way.</p>{others}<script src="{script}"></script><script src="/assets/flow.js"></script></section>"#,
        project = app.descope.project_id(),
        others = if app.fake.is_some() { others(flow) } else { String::new() },
    ));
    if let Ok(policy) = HeaderValue::from_str(&policy()) {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Where the stand-in's other flows are, and what it has sent.
fn others(shown: &str) -> String {
    let flows = FLOWS.iter().filter(|(id, _)| *id != shown);
    let flows =
        flows.map(|(id, name)| format!(r#"<li><a href="/sign-in/flow?flow={id}">{name}</a></li>"#));
    format!(
        r#"<h2>With the stand-in</h2><p class="muted">The code is <code>123456</code>. Links are in <a href="/sign-in/mail" target="_blank">its mail</a>.</p><ul>{}</ul>"#,
        flows.collect::<String>()
    )
}

/// The links that the stand-in would have sent by mail, the newest first.
pub(crate) async fn mail(State(app): State<Arc<App>>) -> Response {
    let links = app.fake.iter().flat_map(FakeDescope::links).rev();
    let links = links.filter_map(|link| {
        let (url, to) = (link.url?, link.login_id);
        Some(format!(
            r#"<li><a href="{}">Go on with the sign-in</a> <small>to {}</small></li>"#,
            E(&url),
            E(&to)
        ))
    });
    let links: String = links.collect();
    Page::new("Mail", None, "/sign-in").body(&format!(
        r#"<section class="narrow"><h1>The stand-in’s mail</h1><p class="lead">What Descope would have sent; each link works once.</p><ul>{links}</ul><p class="actions"><a class="button quiet" href="/sign-in/flow">Back</a></p></section>"#
    ))
}

const HOW_TO: &str = r#"<section class="narrow"><h1>Descope’s own sign-in</h1><p class="lead">The component’s code is not part of this repository. Get it once, then start the demo with it:</p><pre><code>npm install --prefix target/ui @descope/web-component@4.3.2 @descope/web-components-ui@3.14.1
DEMO_UI_DIR=target/ui/node_modules cargo run --example demo</code></pre><p class="actions"><a class="button quiet" href="/sign-in">Back</a></p></section>"#;

/// A file of a package, as the content delivery network has it: `{package}@{version}/{path}`.
pub(crate) async fn file(Path(path): Path<String>) -> Response {
    let not_found = || StatusCode::NOT_FOUND.into_response();
    let Some(folder) = packages() else {
        return not_found();
    };
    let is_legal = |segment: &str| !segment.is_empty() && !segment.starts_with('.');
    let package = path
        .strip_prefix("@descope/")
        .and_then(|rest| rest.split_once('@'));
    let Some((package, (_, file))) =
        package.and_then(|(name, rest)| Some((name, rest.split_once('/')?)))
    else {
        return not_found();
    };
    if !is_legal(package) || package.contains('/') || !file.split('/').all(is_legal) {
        return not_found();
    }
    let found = folder.join("@descope").join(package).join(file);
    match tokio::fs::read(found).await {
        Ok(bytes) => {
            let ty = match file.rsplit('.').next() {
                Some("css") => "text/css; charset=utf-8",
                Some("json" | "map") => "application/json",
                _ => "text/javascript; charset=utf-8",
            };
            ([(header::CONTENT_TYPE, ty)], bytes).into_response()
        }
        Err(_) => not_found(),
    }
}
