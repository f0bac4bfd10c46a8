//! Descope's own sign-in component, with this app as its base URL: no script of the page sees a token.

use std::{env, path::PathBuf, sync::Arc};

use axum::{
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use tower_descope::{Error, FlowRoutes, sign_in::flow::FlowPages};

use crate::{App, html::Page};

/// The flow that the page runs; new projects of Descope's have one of this id.
pub(crate) const FLOW: &str = "sign-up-or-in";

/// Where the component is, unless `DEMO_UI_DIR` names a folder of npm packages.
const CDN: &str = "https://static.descope.com/npm";

const VERSION: &str = "4.3.2";

/// The calls of flows, and their pages: the fake's own, or those of Descope's static host.
pub(crate) fn services(app: &App) -> Result<(FlowRoutes, FlowPages), Error> {
    let flows = FlowRoutes::builder(app.descope.clone()).build()?;
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

pub(crate) async fn page(State(app): State<Arc<App>>) -> Response {
    let own = packages().is_some();
    if app.fake.is_some() && !own {
        return Page::new("Descope’s component", None, "/sign-in").body(HOW_TO);
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
    let mut response = Page::new("Descope’s component", None, "/sign-in").body(&format!(
        r#"<section class="narrow"><h1>Descope’s own sign-in</h1><div id="flow" data-project="{project}" data-flow="{FLOW}"{cdn}></div><p class="shows">This page shows <code>FlowRoutes</code> and <code>FlowPages</code>: the component talks to this app, and its tokens become cookies on the way. With the stand-in the code is <code>123456</code>.</p><script src="{script}"></script><script src="/assets/flow.js"></script></section>"#,
        project = app.descope.project_id(),
    ));
    if let Ok(policy) = HeaderValue::from_str(&policy()) {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
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
