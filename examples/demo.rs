//! A small multi-tenant web app, the first thing to run:
//!
//! ```text
//! cargo run --example demo
//! ```
//!
//! Look around first, sign in as one of three people, by a code, with "Google" or by single sign-on;
//! see one company's projects at a time, switch company without losing the page, meet a page that
//! needs a role, and try two tabs that show two companies. It runs offline: `FakeDescope`, embedded,
//! stands in for Descope. What it shows of the crate:
//!
//! * `TenantLayer` with `route_layer`, in three strictnesses (see [`routes`]);
//! * `ActiveTenant`, `Session` and `Option<ActiveTenant>` as handler arguments;
//! * queries that can only be asked with an [`ActiveTenant`] (`demo/store.rs`);
//! * `UrlTenant` and `Require`: the company in the address, in both of its meanings (`demo/by_url.rs`);
//! * a banner while somebody works in another's place (`Session::actor`);
//! * roles, permissions, and a form that knows which tenant it was rendered for;
//! * refusals as redirects and pages for people, as JSON for programs;
//! * `Renewal`: whose session has expired goes on working, and need not sign in again;
//! * `SessionRoutes` at `/v1/auth`, for Descope's browser SDK, and in it `SelectTenant`, for plain
//!   HTML forms too;
//! * `Descope::verify_code`, `RedirectSignIn` and `Descope::sign_out`: sign-in and sign-out, in some
//!   hundred lines that name no cookie and see no token (`demo/sign_in.rs`);
//! * `Visitor`, for people who have not signed in yet (`demo/visit.rs`);
//! * `Descope::drain` once the server has stopped, by Ctrl-C or SIGTERM.
//!
//! | variable | effect |
//! |---|---|
//! | `PORT` | another port than 3000; 0: any free one |
//! | `DESCOPE_PROJECT_ID` | your project in place of the fake, unless `--fake` is given; people sign in by a code sent by e-mail (OTP must be enabled in the project) |
//! | `DESCOPE_BASE_URI` | your project's own domain |
//! | `DEMO_SESSION_SECONDS` | how long the fake's sessions live (default 600), to see them renewed |
//! | `DEMO_UI_DIR` | a folder of npm packages with Descope's sign-in component, for `/sign-in/flow`; with a project of your own it comes from Descope's host |
//! | `DEMO_SAME_SITE=strict` | cookies that no link from another site brings along |
//! | `DEMO_COOKIE_NAMES=plain` | `DS` and `DSR` in place of `__Host-DS` and `__Host-DSR` |
//! | `DEMO_INSECURE_COOKIES=1` | cookies without `Secure` (and with plain names), for browsers that keep none over http on loopback |
//! | `RUST_LOG` | how much the demo and the crate log: `warn`, `info` (default) or `debug` |

use std::{error::Error, future::IntoFuture as _, process::ExitCode, sync::Arc};

use axum::{
    Form, Router,
    extract::{Query, State},
    http::HeaderMap,
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;
use tower_descope::{
    ActiveTenant, Descope, DescopeBuilder, Rejection, Renewal, ReturnPaths, SelectTenant, Session,
    SessionRoutes, TenantId, TenantLayer, test_util::FakeDescope,
};

#[path = "demo/assets.rs"]
mod assets;
#[path = "demo/by_url.rs"]
mod by_url;
#[path = "shared/choice.rs"]
mod choice;
#[path = "demo/doors.rs"]
mod doors;
#[path = "demo/fake.rs"]
mod fake;
#[path = "demo/flow.rs"]
mod flow;
#[path = "demo/html.rs"]
mod html;
#[path = "shared/log.rs"]
mod log;
#[path = "demo/notice.rs"]
mod notice;
#[path = "demo/pages.rs"]
mod pages;
#[path = "demo/people.rs"]
mod people;
#[path = "demo/refusals.rs"]
mod refusals;
#[path = "demo/setup.rs"]
mod setup;
#[path = "demo/sign_in.rs"]
mod sign_in;
#[path = "shared/stop.rs"]
mod stop;
#[path = "demo/store.rs"]
mod store;
#[path = "demo/visit.rs"]
mod visit;

use html::Viewer;
use people::People;
use refusals::local_path;
use setup::number;
use store::Store;
use visit::Visits;

/// What every handler can reach.
struct App {
    descope: Descope,
    /// The stand-in, which stops when it is dropped.
    fake: Option<FakeDescope>,
    people: People,
    store: Store,
    visits: Visits,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The demo cannot run: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    // The first line says who signs people in. This example alone takes the fake where nothing is
    // said: it is for a first look, and no code to copy the start of a service from.
    let takes_fake = choice::takes_fake(true)?;
    let fake = if takes_fake {
        Some(fake::start().await?)
    } else {
        None
    };
    let builder = match &fake {
        Some(fake) => fake.descope_builder(),
        None => DescopeBuilder::from_env()?,
    };
    // Who belongs to one company need not choose it.
    let builder = builder.cookies(setup::cookies()).select_only_tenant(true);
    let descope = builder.build()?;
    // A mistyped project id shows now, not at the first sign-in. It is said once, by the error that
    // ends the demo, which has all that the log would say: so there is a log only from here on.
    descope.warm_up().await?;
    log::init()?;
    let app = Arc::new(App {
        people: People::new(fake.is_some()),
        store: Store::open()?,
        visits: Visits::default(),
        descope,
        fake,
    });

    let port = number("PORT", 3000)?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| format!("port {port}: {error}; PORT=0 takes a free one"))?;
    match &app.fake {
        Some(fake) => println!("A stand-in for Descope is at {}", fake.url()),
        None => println!("Descope's project {} is in use", app.descope.project_id()),
    }
    let origin = format!("http://{}", listener.local_addr()?);
    println!("The demo is at {origin}");
    println!("Ctrl-C ends it.");
    let routes = routes(Arc::clone(&app), &origin)?;
    let server = axum::serve(listener, routes).with_graceful_shutdown(stop::requested());
    stop::in_time(server.into_future()).await?;
    // Also for a browser that has gone: the answer that is on its way may hold the only token of
    // its session.
    app.descope.drain().await;
    Ok(())
}

/// Who may reach what. What refuses is a `route_layer`, not a `layer`, so that unknown paths answer
/// 404, not 401.
fn routes(app: Arc<App>, origin: &str) -> Result<Router, Box<dyn Error>> {
    let layer = TenantLayer::new(app.descope.clone())
        .cookies_same_origin_only()
        .renew(Renewal::new());
    let explain = || from_fn_with_state(Arc::clone(&app), refusals::explain);

    // A session with an active tenant.
    let in_tenant = Router::new()
        .route("/projects", get(projects).post(add_project))
        .route("/billing", get(billing))
        .route_layer(explain())
        .route_layer(
            layer
                .clone()
                .require_tenant()
                .with_rejection_response(refusals::send_on),
        )
        .route_layer(from_fn(refusals::keep_typed));
    // A session, with or without a tenant.
    let signed_in = Router::new()
        .route("/tenants", get(tenants))
        .route("/access", get(access))
        .route_layer(explain())
        .route_layer(layer.clone().with_rejection_response(refusals::send_on));
    let by_url = by_url::pages(&app, &layer)?;
    // Anybody; the handlers look whether there is a session. With `layer`, for unknown paths too: a
    // page that says so to somebody who is signed in shows that they are.
    let public = Router::new()
        .route("/", get(home))
        .route("/sign-in", get(sign_in::page))
        .route("/sign-in/flow", get(flow::page))
        .route("/sign-in/mail", get(flow::mail))
        .route("/sign-in/done", get(sign_in::done))
        .fallback(refusals::not_found)
        .layer(explain())
        .layer(layer.clone().optional());
    // Visitors too, who have a session and have not signed in.
    let visits = Router::new()
        .route("/visit", get(visit::page))
        .route("/visit/note", post(visit::note))
        .route_layer(layer.optional().allow_anonymous());
    // What makes, changes and ends sessions stands outside the layer: there is no session yet, or
    // one that has expired.
    let doors = Router::new()
        .route("/sign-in", post(sign_in::start))
        .route("/sign-in/code", post(sign_in::finish))
        .route("/sign-in/support", post(sign_in::in_anns_place))
        .route("/sign-out", post(sign_in::out))
        .route("/sign-out/everywhere", post(sign_in::out_everywhere))
        .route("/visit", post(visit::begin))
        .route_layer(from_fn_with_state(
            Arc::clone(&app),
            refusals::from_this_site,
        ));
    let (flows, flow_pages) = flow::services(&app)?;
    let select = SelectTenant::new(app.descope.clone())
        .html_forms(ReturnPaths::new("/tenants")?.below("/")?);
    let session = SessionRoutes::new(app.descope.clone()).select_tenant(select);

    Ok(Router::new()
        .merge(in_tenant)
        .merge(signed_in)
        .merge(by_url)
        .merge(public)
        .merge(visits)
        .merge(doors)
        .nest_service("/auth", sign_in::by_redirect(&app, origin)?)
        .nest_service("/v1/flow", flows)
        .nest_service("/pages", flow_pages)
        // Where Descope's browser SDK looks for it. It guards itself against other sites.
        .nest_service("/v1/auth", session)
        .merge(assets::files())
        .layer(from_fn(assets::headers))
        .with_state(app))
}

impl App {
    fn viewer(&self, session: &Session) -> Viewer {
        Viewer::new(session, &self.people)
    }
}

async fn home(
    State(app): State<Arc<App>>,
    session: Option<Session>,
    tenant: Option<ActiveTenant>,
) -> Result<Response, Failure> {
    let viewer = session.map(|session| app.viewer(&session));
    let projects = tenant
        .map(|tenant| app.store.projects(&tenant))
        .transpose()?;
    let count = projects.map(|projects| projects.len());
    Ok(pages::home(&app.people, viewer.as_ref(), count))
}

#[derive(Deserialize)]
struct ProjectsQuery {
    /// The project that was just added.
    added: Option<i64>,
    /// A name typed before the tenant changed or the session ended, so that nobody types it twice.
    name: Option<String>,
}

async fn projects(
    State(app): State<Arc<App>>,
    tenant: ActiveTenant,
    Query(query): Query<ProjectsQuery>,
) -> Result<Response, Failure> {
    let projects = app.store.projects(&tenant)?;
    let viewer = app.viewer(tenant.session());
    let typed = query.name.unwrap_or_default();
    Ok(pages::projects(
        &viewer,
        &tenant,
        &projects,
        query.added,
        &typed,
        None,
    ))
}

#[derive(Deserialize)]
struct NewProject {
    /// The tenant whose page the form stood on. Shown to us by the browser, so it decides
    /// nothing; it is only compared.
    tenant: String,
    name: String,
}

async fn add_project(
    State(app): State<Arc<App>>,
    tenant: ActiveTenant,
    Form(form): Form<NewProject>,
) -> Result<Response, Failure> {
    let viewer = app.viewer(tenant.session());
    let name = form.name.trim();
    let Ok(rendered_for) = TenantId::new(form.tenant) else {
        return Ok(doors::bad_request(&viewer));
    };
    if tenant.require_id(&rendered_for).is_err() {
        let may_add = tenant.has_permission("project.create");
        return Ok(pages::other_tenant(&viewer, &rendered_for, name, may_add));
    }
    tenant.require_permission("project.create")?;
    if let Some(problem) = store::problem_of(name) {
        let projects = app.store.projects(&tenant)?;
        return Ok(pages::projects(
            &viewer,
            &tenant,
            &projects,
            None,
            name,
            Some(problem),
        ));
    }
    let id = app.store.add_project(&tenant, name, &viewer.name)?;
    Ok(Redirect::to(&format!("/projects?added={id}#p{id}")).into_response())
}

async fn billing(State(app): State<Arc<App>>, tenant: ActiveTenant) -> Result<Response, Failure> {
    tenant.require_role("owner")?;
    let invoices = app.store.invoices(&tenant)?;
    Ok(pages::billing(&app.viewer(tenant.session()), &invoices))
}

async fn access(State(app): State<Arc<App>>, headers: HeaderMap, session: Session) -> Response {
    let stays = app.descope.stays_signed_in(&headers);
    pages::access(&app.viewer(&session), &session, stays)
}

#[derive(Deserialize)]
struct TenantsQuery {
    next: Option<String>,
    /// Why `SelectTenant` refused a form.
    select_error: Option<String>,
}

async fn tenants(
    State(app): State<Arc<App>>,
    session: Session,
    Query(query): Query<TenantsQuery>,
) -> Response {
    let next = local_path(query.next.as_deref().unwrap_or("/projects"));
    pages::tenants(&app.viewer(&session), &next, query.select_error.as_deref())
}

/// Why a handler gives up.
enum Failure {
    Refused(Rejection),
    Store(rusqlite::Error),
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(rejection)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(rejection) => rejection.into_response(),
            Self::Store(error) => {
                tracing::error!(%error, "the store failed");
                doors::broken()
            }
        }
    }
}
