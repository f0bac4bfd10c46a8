//! What all pages are made of: escaping, the frame with its menus, and what goes with them. Plain
//! `format!`; every text that is not ours goes through [`E`].

use std::{fmt, time::SystemTime};

use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use time::OffsetDateTime;
use tower_descope::{ActiveTenant, Session, TenantId};

pub(crate) use crate::notice::{Mood, Notice, notice};
use crate::people::People;

/// Text as it may stand in an element or in a quoted attribute.
pub(crate) struct E<'a>(pub(crate) &'a str);

impl fmt::Display for E<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c => write!(f, "{c}"),
        })
    }
}

/// Who looks at a page, with names in place of ids.
pub(crate) struct Viewer {
    pub(crate) name: String,
    pub(crate) active: Option<Place>,
    pub(crate) tenants: Vec<Place>,
    /// Who works in the viewer's place.
    actor: Option<String>,
    session_began: Option<i64>,
    session_ends: i64,
}

/// A tenant as the viewer knows it.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) roles: Vec<String>,
    pub(crate) permissions: Vec<String>,
}

impl Viewer {
    pub(crate) fn new(session: &Session, people: &People) -> Self {
        let active = session.active_tenant().ok();
        let tenants: Vec<Place> = session
            .tenants()
            .filter_map(|id| session.tenant(id))
            .map(|membership| Place {
                id: membership.id().to_owned(),
                name: people.name_of(membership.id()),
                roles: membership.roles().map(str::to_owned).collect(),
                permissions: membership.permissions().map(str::to_owned).collect(),
            })
            .collect();
        Self {
            name: people.name_of(session.user_id().as_str()),
            active: active.and_then(|active| {
                tenants
                    .iter()
                    .find(|place| *active.id() == place.id.as_str())
                    .cloned()
            }),
            tenants,
            actor: session.actor().map(|id| people.name_of(id.as_str())),
            session_began: session.issued_at().map(unix),
            session_ends: unix(session.expires_at()),
        }
    }

    /// Whoever looks at a page of a tenant that need not be the active one.
    pub(crate) fn at(tenant: &ActiveTenant, people: &People) -> Self {
        let viewer = Self::new(tenant.session(), people);
        let mut places = viewer.tenants.iter();
        let active = places.find(|place| *tenant.id() == place.id.as_str());
        Self {
            active: active.cloned(),
            ..viewer
        }
    }

    /// The tenant's name, if the viewer belongs to it.
    pub(crate) fn place_name<'a>(&'a self, id: &'a TenantId) -> &'a str {
        let found = self.tenants.iter().find(|place| place.id == id.as_str());
        found.map_or(id.as_str(), |place| &place.name)
    }

    pub(crate) fn here(&self) -> &str {
        self.active
            .as_ref()
            .map_or("No company", |place| &place.name)
    }
}

/// The frame around every page.
pub(crate) struct Page<'a> {
    title: &'a str,
    viewer: Option<&'a Viewer>,
    /// The path in the menu that this page belongs to.
    here: &'a str,
    status: StatusCode,
}

impl<'a> Page<'a> {
    pub(crate) fn new(title: &'a str, viewer: Option<&'a Viewer>, here: &'a str) -> Self {
        Self {
            title,
            viewer,
            here,
            status: StatusCode::OK,
        }
    }

    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn body(self, main: &str) -> Response {
        let html = format!(
            include_str!("frame.html"),
            title = E(self.title),
            body = self.viewer.map_or_else(
                || r#"data-accent="none""#.to_owned(),
                |viewer| format!(
                    r#"data-accent="{}" data-tenant="{}" data-session-began="{}" data-session-ends="{}""#,
                    accent(viewer.active.as_ref()),
                    E(viewer.active.as_ref().map_or("", |place| &place.id)),
                    viewer.session_began.unwrap_or_default(),
                    viewer.session_ends,
                )
            ),
            company = self
                .viewer
                .map_or_else(String::new, |viewer| company_menu(viewer, self.here)),
            nav = nav(self.viewer, self.here),
            person = person(self.viewer, self.here),
            more = self
                .viewer
                .map_or_else(String::new, |viewer| more(viewer, self.here)),
            banner = self.viewer.map_or_else(String::new, banner),
            main = main,
        );
        (self.status, Html(html)).into_response()
    }
}

/// Whoever works in somebody's place is told so on each page.
fn banner(viewer: &Viewer) -> String {
    viewer.actor.as_ref().map_or_else(String::new, |actor| {
        format!(
            r#"<p class="notice bad" role="note"><strong>{actor}</strong> is working in the place of <strong>{name}</strong>. What you do here is done in their name, and your own is in the log.</p>"#,
            actor = E(actor),
            name = E(&viewer.name),
        )
    })
}

/// Each tenant has its colour, so that a switch is seen before it is read.
pub(crate) fn accent(place: Option<&Place>) -> String {
    place.map_or_else(
        || "none".to_owned(),
        |place| (place.id.bytes().map(u32::from).sum::<u32>() % 5).to_string(),
    )
}

fn nav(viewer: Option<&Viewer>, here: &str) -> String {
    let links: &[(&str, &str)] = match viewer {
        Some(Viewer {
            active: Some(_), ..
        }) => &[
            ("/", "Overview"),
            ("/projects", "Projects"),
            ("/billing", "Billing"),
            ("/access", "Your access"),
        ],
        // Projects and invoices are a company's.
        Some(_) => &[("/", "Overview"), ("/access", "Your access")],
        None => &[("/", "Overview"), ("/visit", "Look around")],
    };
    let here = here.split('?').next();
    list(links, |(path, text)| {
        let current = if Some(*path) == here {
            r#" aria-current="page""#
        } else {
            ""
        };
        format!(r#"<li><a href="{path}"{current}>{text}</a></li>"#)
    })
}

/// The menu that switches tenants: one form, one button per tenant, back to the same page. Who
/// belongs to one tenant has nothing to switch to.
fn company_menu(viewer: &Viewer, here: &str) -> String {
    if viewer.tenants.len() < 2 {
        return viewer.active.as_ref().map_or_else(String::new, |place| {
            format!(
                r#"<p class="company"><span class="dot"></span><span class="visually-hidden">Company: </span><span class="name">{}</span></p>"#,
                E(&place.name)
            )
        });
    }
    let return_to = if here.is_empty() { "/projects" } else { here };
    let items = list(&viewer.tenants, |place| {
        let active = viewer
            .active
            .as_ref()
            .is_some_and(|active| active.id == place.id);
        let current = if active {
            r#" aria-current="true""#
        } else {
            ""
        };
        format!(
            r#"<li><button name="tenant" value="{id}"{current} data-accent="{accent}"><span class="dot"></span><span>{name}<small>{roles}</small></span></button></li>"#,
            id = E(&place.id),
            accent = accent(Some(place)),
            name = E(&place.name),
            roles = E(&roles_text(place)),
        )
    });
    format!(
        r#"<details class="menu company"><summary><span class="dot"></span><span class="visually-hidden">Company: </span><span class="name">{here}</span></summary>
<form method="post" action="/v1/auth/tenant/select"><p id="switch-label">Switch company</p><input type="hidden" name="return_to" value="{return_to}"><ul aria-labelledby="switch-label">{items}</ul></form></details>"#,
        here = E(viewer.here()),
        return_to = E(return_to),
    )
}

fn person(viewer: Option<&Viewer>, here: &str) -> String {
    match viewer {
        Some(viewer) => format!(
            r#"{}<form method="post" action="/sign-out"><button class="quiet">Sign out</button></form>"#,
            who(viewer)
        ),
        None if here == "/sign-in" => String::new(),
        None => r#"<a class="button" href="/sign-in">Sign in</a>"#.to_owned(),
    }
}

fn who(viewer: &Viewer) -> String {
    format!(
        r#"<span class="who"><span class="avatar" aria-hidden="true">{initials}</span><span class="name" title="{name}">{name}</span></span>"#,
        initials = E(&initials(&viewer.name)),
        name = E(&viewer.name),
    )
}

/// Where there is no room for them in a row: the pages, who is signed in, and the way out. The style
/// shows either this or those.
fn more(viewer: &Viewer, here: &str) -> String {
    format!(
        r#"<details class="menu more"><summary><span class="label">Menu</span></summary><div class="sheet">{who}<nav aria-label="Main"><ul>{nav}</ul></nav><form method="post" action="/sign-out"><button class="quiet">Sign out</button></form></div></details>"#,
        who = who(viewer),
        nav = nav(Some(viewer), here),
    )
}

pub(crate) fn list<T>(items: impl IntoIterator<Item = T>, item: impl FnMut(T) -> String) -> String {
    items.into_iter().map(item).collect::<Vec<_>>().concat()
}

pub(crate) fn roles_text(place: &Place) -> String {
    if place.roles.is_empty() {
        "no role".to_owned()
    } else {
        place.roles.join(", ")
    }
}

pub(crate) fn initials(name: &str) -> String {
    name.split_whitespace()
        .filter_map(|word| word.chars().next())
        .take(2)
        .collect()
}

pub(crate) fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

pub(crate) fn day(date: OffsetDateTime) -> String {
    let month = date.month().to_string();
    let text = format!(
        "{} {} {}",
        date.day(),
        month.get(..3).unwrap_or(&month),
        date.year()
    );
    format!(r#"<time datetime="{}">{text}</time>"#, date.date())
}

pub(crate) fn ago(date: OffsetDateTime) -> String {
    match (OffsetDateTime::now_utc().date() - date.date()).whole_days() {
        ..=0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        days @ 2..=13 => format!("{days} days ago"),
        _ => day(date),
    }
}

/// A query value.
pub(crate) fn url_encode(text: &str) -> String {
    list(text.bytes(), |byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    })
}

fn unix(time: SystemTime) -> i64 {
    OffsetDateTime::from(time).unix_timestamp()
}
