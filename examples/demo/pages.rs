//! The pages of the app itself.

use std::time::SystemTime;

use axum::{http::StatusCode, response::Response};
use time::OffsetDateTime;
use tower_descope::{ActiveTenant, Session, TenantId};

use crate::{
    html::{
        E, Mood, Notice, Page, Viewer, accent, ago, day, initials, list, notice, plural,
        roles_text, url_encode,
    },
    people::People,
    store::{Invoice, Project},
};

pub(crate) fn home(people: &People, viewer: Option<&Viewer>, projects: Option<usize>) -> Response {
    let lead = match (viewer, projects) {
        (Some(viewer), Some(count)) => format!(
            r#"<p class="eyebrow">{company}</p><h1>Hello, {first}.</h1><p class="lead">You are working in <strong>{company}</strong>, which has {count}. Everything on the next pages is this company’s, and nothing else is.</p><p class="actions"><a class="button" href="/projects">Open projects</a>{others}</p>"#,
            others = if viewer.tenants.len() > 1 {
                r#"<a class="button quiet" href="/tenants">Choose another company</a>"#
            } else {
                ""
            },
            company = E(viewer.here()),
            first = E(first_name(viewer)),
            count = plural(count, "project", "projects"),
        ),
        (Some(viewer), None) => format!(
            r#"<h1>Hello, {}.</h1><p class="lead">You are signed in, but in no company yet.</p><p class="actions"><a class="button" href="/tenants">Choose a company</a></p>"#,
            E(first_name(viewer)),
        ),
        (None, _) => r#"<h1>One sign-in, several companies, no mixed-up data.</h1><p class="lead">Workbench is a small project tracker that several companies share. It shows what <code>tower-descope</code> does for a multi-tenant web app: who you are, which company you act for, and what you may do there, checked on every request.</p><p class="actions"><a class="button" href="/sign-in">Sign in</a></p>"#.to_owned(),
    };
    // It is about the people that the fake knows.
    let tour = people
        .known_code()
        .map_or("", |_| include_str!("tour.html"));
    Page::new("Overview", viewer, "/")
        .body(&format!(r#"<section class="hero">{lead}</section>{tour}"#))
}

fn first_name(viewer: &Viewer) -> &str {
    viewer.name.split_whitespace().next().unwrap_or_default()
}

pub(crate) fn tenants(viewer: &Viewer, next: &str, error: Option<&str>) -> Response {
    let problem = error.map(|code| Notice::bad(select_problem(code)));
    let problem = notice(problem.as_ref());
    let main = if viewer.tenants.is_empty() {
        r#"<h1>You belong to no company yet</h1><p class="lead">Somebody must add you to a tenant of this project, in Descope’s console under Tenants. Then sign out and in again.</p>"#.to_owned()
    } else {
        let cards = list(&viewer.tenants, |place| {
            let active = viewer
                .active
                .as_ref()
                .is_some_and(|active| active.id == place.id);
            format!(
                r#"<li><button class="place" name="tenant" value="{id}" data-accent="{accent}"{current}><span class="tile" aria-hidden="true">{initials}</span><span><strong>{name}</strong><small>{roles}{now}</small></span></button></li>"#,
                id = E(&place.id),
                accent = accent(Some(place)),
                current = if active {
                    r#" aria-current="true""#
                } else {
                    ""
                },
                initials = E(&initials(&place.name)),
                name = E(&place.name),
                roles = E(&roles_text(place)),
                now = if active { " · you are here" } else { "" },
            )
        });
        format!(
            r#"<h1>Choose a company</h1><p class="lead">You act for one company at a time.{switch}</p><form method="post" action="/v1/auth/tenant/select"><input type="hidden" name="return_to" value="{next}"><ul class="people">{cards}</ul></form>"#,
            next = E(next),
            switch = if viewer.tenants.len() > 1 {
                " You can switch at any time from the menu at the top."
            } else {
                ""
            },
        )
    };
    Page::new("Choose a company", Some(viewer), "").body(&format!(
        r#"<section class="narrow">{problem}{main}</section>"#
    ))
}

/// What `select_error` means for a person.
fn select_problem(code: &str) -> &'static str {
    match code {
        "tenant_refused" => "Descope refused that company. Your membership may have ended.",
        "expired_token" | "missing_refresh_token" | "invalid_token" => {
            "Your sign-in has ended, so the company could not be changed. Sign out, then sign in \
             again."
        }
        "rate_limited" => "That was too often. Wait a moment, then try again.",
        _ => "The company could not be changed just now. Nothing else was; try again in a moment.",
    }
}

pub(crate) fn projects(
    viewer: &Viewer,
    tenant: &ActiveTenant,
    projects: &[Project],
    added: Option<i64>,
    typed: &str,
    problem: Option<&str>,
) -> Response {
    let open = projects
        .iter()
        .filter(|project| project.status != "Done")
        .count();
    let added = added
        .and_then(|id| projects.iter().find(|project| project.id == id))
        .map(|project| {
            Notice::good(format!(
                "“{}” was added to {}.",
                project.name,
                viewer.here()
            ))
        });
    // A name that was typed before the company changed or the session ended: it stands in the form.
    let unsaved = (problem.is_none() && !typed.is_empty()).then(|| {
        let text = if tenant.has_permission("project.create") {
            format!("“{typed}” is not saved yet. It stands in the form below.")
        } else {
            format!(
                "“{typed}” was not saved: you may not add projects at {}.",
                viewer.here()
            )
        };
        Notice::new(Mood::Info, text)
    });
    let rows = list(projects, |project| {
        let progress = if project.tasks == 0 {
            r#"<span class="muted">no tasks yet</span>"#.to_owned()
        } else {
            format!(
                r#"<progress value="{done}" max="{tasks}" aria-label="Tasks done"></progress> <span class="muted">{done} of {tasks}</span>"#,
                done = project.done,
                tasks = project.tasks
            )
        };
        format!(
            r#"<tr id="p{id}"><th scope="row">{name}</th><td data-label="Status"><span class="pill {class}">{status}</span></td><td data-label="Lead"><span class="short" title="{lead}">{lead}</span></td><td data-label="Tasks">{progress}</td><td data-label="Updated">{updated}</td></tr>"#,
            id = project.id,
            name = E(&project.name),
            class = project.status.to_lowercase().replace(' ', "-"),
            status = E(&project.status),
            lead = E(&project.lead),
            updated = ago(project.updated),
        )
    });
    let table = if projects.is_empty() {
        r#"<p class="empty">No projects yet.</p>"#.to_owned()
    } else {
        format!(
            r#"<table><caption class="visually-hidden">Projects of {company}</caption><thead><tr><th scope="col">Project</th><th scope="col">Status</th><th scope="col">Lead</th><th scope="col">Tasks</th><th scope="col">Updated</th></tr></thead><tbody>{rows}</tbody></table>"#,
            company = E(viewer.here())
        )
    };
    let page = Page::new("Projects", Some(viewer), "/projects").status(match problem {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    });
    page.body(&format!(
        r#"{added}{unsaved}<header class="title"><div><p class="eyebrow">{company}</p><h1>Projects</h1></div><p class="muted">{count}, {open} open</p></header><section class="card" aria-label="Projects">{table}</section>{form}"#,
        added = notice(added.as_ref()),
        unsaved = notice(unsaved.as_ref()),
        company = E(viewer.here()),
        count = plural(projects.len(), "project", "projects"),
        form = add_form(viewer, tenant, typed, problem),
    ))
}

/// The form carries the tenant that it is rendered for: see `ActiveTenant::require_id`.
fn add_form(viewer: &Viewer, tenant: &ActiveTenant, typed: &str, problem: Option<&str>) -> String {
    let company = E(viewer.here());
    if !tenant.has_permission("project.create") {
        return format!(
            r#"<section class="card note"><h2>Add a project</h2><p>Adding takes the permission <code>project.create</code>, which you do not have at {company}. The form is left out here, and the server would refuse it too.</p></section>"#
        );
    }
    let problem = problem.map_or_else(String::new, |text| {
        format!(
            r#"<p class="problem" id="name-problem" role="alert">{}</p>"#,
            E(text)
        )
    });
    let described = if problem.is_empty() {
        ""
    } else {
        r#" aria-invalid="true" aria-describedby="name-problem""#
    };
    format!(
        r#"<section class="card"><h2>Add a project</h2><form method="post" action="/projects" class="row"><input type="hidden" name="tenant" value="{tenant}"><div class="field"><label for="name">Name</label><input id="name" name="name" maxlength="80" required autocomplete="off" value="{typed}"{described}></div><button>Add to {company}</button>{problem}</form></section>"#,
        tenant = E(tenant.id().as_str()),
        typed = E(typed),
    )
}

/// A form of one tenant was sent while another is active: two tabs. Nothing was written, and what
/// was typed is kept.
pub(crate) fn other_tenant(
    viewer: &Viewer,
    rendered_for: &TenantId,
    typed: &str,
    may_add: bool,
) -> Response {
    let (was, now) = (E(viewer.place_name(rendered_for)), E(viewer.here()));
    let name = E(typed);
    let active = viewer.active.as_ref().map_or("", |place| &place.id);
    let back = if viewer
        .tenants
        .iter()
        .any(|place| place.id == rendered_for.as_str())
    {
        format!(
            r#"<form method="post" action="/v1/auth/tenant/select"><input type="hidden" name="return_to" value="/projects?name={typed}"><button name="tenant" value="{id}">Switch back to {was}</button></form>"#,
            typed = url_encode(typed),
            id = E(rendered_for.as_str()),
        )
    } else {
        String::new()
    };
    let here = if may_add {
        format!(
            r#"<form method="post" action="/projects"><input type="hidden" name="tenant" value="{active}"><input type="hidden" name="name" value="{name}"><button class="quiet">Add it to {now} instead</button></form>"#,
            active = E(active),
        )
    } else {
        String::new()
    };
    Page::new("You switched company", Some(viewer), "/projects").status(StatusCode::FORBIDDEN).body(
        &format!(
            r#"<section class="narrow"><h1>You switched to {now} in another tab</h1><p class="lead">This form was for <strong>{was}</strong>, so <strong>nothing was saved</strong>: it would have landed in the wrong company.</p><p>What you typed is still here:</p><blockquote>{name}</blockquote><div class="actions">{back}{here}<a href="/projects">Leave it, show {now}</a></div></section>"#
        ),
    )
}

pub(crate) fn billing(viewer: &Viewer, invoices: &[Invoice]) -> Response {
    let money = |cents: i64| format!("€ {}.{:02}", thousands(cents / 100), cents % 100);
    let rows = list(invoices, |invoice| {
        format!(
            r#"<tr><th scope="row">{issued}</th><td data-label="For">{what}</td><td data-label="Seats" class="number">{seats}</td><td data-label="Amount" class="number">{amount}</td><td data-label="State">{state}</td></tr>"#,
            issued = day(invoice.issued),
            what = E(&invoice.what),
            seats = invoice.seats,
            amount = money(invoice.cents),
            state = if invoice.paid {
                r#"<span class="pill done">Paid</span>"#
            } else {
                r#"<span class="pill at-risk">Due</span>"#
            },
        )
    });
    let due: i64 = invoices
        .iter()
        .filter(|invoice| !invoice.paid)
        .map(|invoice| invoice.cents)
        .sum();
    let table = if invoices.is_empty() {
        r#"<p class="empty">No invoices yet.</p>"#.to_owned()
    } else {
        format!(
            r#"<table><caption class="visually-hidden">Invoices</caption><thead><tr><th scope="col">Issued</th><th scope="col">For</th><th scope="col" class="number">Seats</th><th scope="col" class="number">Amount</th><th scope="col">State</th></tr></thead><tbody>{rows}</tbody></table>"#
        )
    };
    Page::new("Billing", Some(viewer), "/billing").body(&format!(
        r#"<header class="title"><div><p class="eyebrow">{company}</p><h1>Billing</h1></div><p class="muted">{due}</p></header><section class="card" aria-label="Invoices">{table}</section><p class="muted">Only owners of {company} see this page: the handler calls <code>tenant.require_role("owner")?</code>.</p>"#,
        company = E(viewer.here()),
        due = if due == 0 { "nothing due".to_owned() } else { format!("{} due", money(due)) },
    ))
}

fn thousands(number: i64) -> String {
    if number < 1000 {
        number.to_string()
    } else {
        format!("{},{:03}", thousands(number / 1000), number % 1000)
    }
}

pub(crate) fn access(viewer: &Viewer, session: &Session, stays: bool) -> Response {
    let tags = |items: &[String]| {
        if items.is_empty() {
            r#"<span class="muted">none</span>"#.to_owned()
        } else {
            list(items, |item| format!("<code>{}</code> ", E(item)))
        }
    };
    let rows = list(&viewer.tenants, |place| {
        let active = viewer
            .active
            .as_ref()
            .is_some_and(|active| active.id == place.id);
        format!(
            r#"<tr data-accent="{accent}"><th scope="row"><span class="dot"></span>{name}{now}</th><td data-label="Roles">{roles}</td><td data-label="Permissions">{permissions}</td><td data-label="Tenant id"><code>{id}</code></td></tr>"#,
            accent = accent(Some(place)),
            name = E(&place.name),
            now = if active {
                r#" <span class="pill here">active</span>"#
            } else {
                ""
            },
            roles = tags(&place.roles),
            permissions = tags(&place.permissions),
            id = E(&place.id),
        )
    });
    let clock = |time: SystemTime| {
        let time = OffsetDateTime::from(time);
        let (hour, minute, second) = time.to_hms();
        format!("{}, {hour:02}:{minute:02}:{second:02} UTC", day(time))
    };
    let methods: Vec<String> = session
        .authentication_methods()
        .map(str::to_owned)
        .collect();
    let facts = [
        (
            "User id",
            format!("<code>{}</code>", E(session.user_id().as_str())),
        ),
        ("Signed in by", tags(&methods)),
        (
            "In this browser",
            if stays {
                "stays signed in".to_owned()
            } else {
                "until it is closed".to_owned()
            },
        ),
        (
            "This session began",
            session
                .issued_at()
                .map_or_else(|| "unknown".to_owned(), clock),
        ),
        ("It runs out", clock(session.expires_at())),
        (
            "Sign in again at the latest",
            session
                .refresh_expires_at()
                .map_or_else(|| "unknown".to_owned(), clock),
        ),
    ];
    let facts = list(facts, |(term, fact)| {
        format!("<div><dt>{term}</dt><dd>{fact}</dd></div>")
    });
    Page::new("Your access", Some(viewer), "/access").body(&format!(
        r#"<header class="title"><div><p class="eyebrow">{company}</p><h1>Your access</h1></div><p class="muted">{count}</p></header><section class="card" aria-label="Companies"><table><caption class="visually-hidden">What you may do in which company</caption><thead><tr><th scope="col">Company</th><th scope="col">Roles</th><th scope="col">Permissions</th><th scope="col">Tenant id</th></tr></thead><tbody>{rows}</tbody></table></section><section class="card"><h2>This session</h2><dl>{facts}</dl><form method="post" action="/sign-out/everywhere" class="actions"><button class="quiet">Sign out everywhere</button><span class="muted">In this browser now, in your others when their sessions run out.</span></form></section>"#,
        company = E(viewer.here()),
        count = plural(viewer.tenants.len(), "company", "companies"),
    ))
}
