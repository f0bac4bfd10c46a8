//! The tenant in the address, in both of its meanings: `UrlTenant`, and `Require` inside of it.

use std::sync::Arc;

use axum::{
    Form, Router,
    extract::{Query, State},
    middleware::from_fn_with_state,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;
use tower_descope::{ActiveTenant, Error, Require, Session, TenantId, TenantLayer, UrlTenant};

use crate::{
    App, Failure,
    html::{E, Notice, Page, Viewer, list, notice, url_encode},
    refusals, store,
};

/// Below `/t/` a membership suffices, and two tabs can show two companies. Below `/at/` the company has
/// to be the active one, and who comes to another one's page is offered the switch.
pub(crate) fn pages(app: &Arc<App>, layer: &TenantLayer) -> Result<Router<Arc<App>>, Error> {
    let explain = || from_fn_with_state(Arc::clone(app), refusals::explain);
    let any = Router::new()
        .route(
            "/t/{tenant}/projects",
            get(projects).merge(post(add).route_layer(Require::permission("project.create"))),
        )
        .route_layer(explain())
        .route_layer(
            UrlTenant::after("/t/")
                .membership_suffices()
                .with_rejection_response(refusals::send_on),
        );
    let active = Router::new()
        .route("/at/{tenant}/projects", get(projects))
        .route_layer(explain())
        .route_layer(
            UrlTenant::after("/at/")
                .switch_page("/switch")?
                .with_rejection_response(refusals::send_on),
        );
    let pages = any.merge(active).route("/switch", get(switch));
    let layer = layer.clone().with_rejection_response(refusals::send_on);
    Ok(pages.route_layer(layer))
}

async fn projects(State(app): State<Arc<App>>, tenant: ActiveTenant) -> Result<Response, Failure> {
    show(&app, &tenant, None)
}

#[derive(Deserialize)]
struct NewProject {
    name: String,
}

/// The address says for whom, so the form need not.
async fn add(
    State(app): State<Arc<App>>,
    tenant: ActiveTenant,
    Form(form): Form<NewProject>,
) -> Result<Response, Failure> {
    let name = form.name.trim();
    if let Some(problem) = store::problem_of(name) {
        return show(&app, &tenant, Some(problem));
    }
    let viewer = Viewer::at(&tenant, &app.people);
    app.store.add_project(&tenant, name, &viewer.name)?;
    let page = format!("/t/{}/projects", url_encode(tenant.id().as_str()));
    Ok(Redirect::to(&page).into_response())
}

fn show(app: &App, tenant: &ActiveTenant, problem: Option<&str>) -> Result<Response, Failure> {
    let viewer = Viewer::at(tenant, &app.people);
    let rows = list(app.store.projects(tenant)?, |project| {
        format!(r#"<tr><th scope="row">{}</th></tr>"#, E(&project.name))
    });
    let company = E(viewer.here());
    let form = if tenant.has_permission("project.create") {
        format!(
            r#"<section class="card"><h2>Add a project</h2><form method="post" action="/t/{id}/projects" class="row"><div class="field"><label for="name">Name</label><input id="name" name="name" maxlength="80" required autocomplete="off"></div><button>Add to {company}</button></form></section>"#,
            id = E(&url_encode(tenant.id().as_str())),
        )
    } else {
        String::new()
    };
    let problem = problem.map(Notice::bad);
    Ok(Page::new("Projects", Some(&viewer), "").body(&format!(
        r#"{problem}<header class="title"><div><p class="eyebrow">{company}</p><h1>Projects</h1></div></header><section class="card" aria-label="Projects"><table><caption class="visually-hidden">Projects of {company}</caption><tbody>{rows}</tbody></table></section>{form}<p class="shows">The company of this page stands in its address: <code>UrlTenant</code> compares it with the session.</p>"#,
        problem = notice(problem.as_ref()),
    )))
}

#[derive(Deserialize)]
struct SwitchQuery {
    tenant: String,
    #[serde(default)]
    return_to: refusals::LocalPath,
}

/// Offers the switch, by a form: anybody can link to this page, and no link may switch.
async fn switch(
    State(app): State<Arc<App>>,
    session: Session,
    Query(query): Query<SwitchQuery>,
) -> Response {
    let viewer = app.viewer(&session);
    let name = TenantId::new(query.tenant.as_str()).map_or_else(
        |_| query.tenant.clone(),
        |id| viewer.place_name(&id).to_owned(),
    );
    Page::new("Switch company", Some(&viewer), "").body(&format!(
        r#"<section class="narrow"><h1>That page is {name}’s</h1><p class="lead">You are working for <strong>{here}</strong> in this browser. Pages of another company open once you have switched, in all tabs.</p><form method="post" action="/v1/auth/tenant/select" class="actions"><input type="hidden" name="return_to" value="{return_to}"><button name="tenant" value="{id}">Switch to {name}</button><a href="/projects">Stay</a></form></section>"#,
        name = E(&name),
        here = E(viewer.here()),
        id = E(&query.tenant),
        return_to = E(&query.return_to),
    ))
}
