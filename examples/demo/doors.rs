//! The pages at the door: signing in, and being refused.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tower_descope::{Error, ErrorKind, Rejection, RejectionKind};

use crate::{
    html::{E, Mood, Notice, Page, Viewer, initials, list, notice, roles_text, url_encode},
    people::{PEOPLE, People},
    setup,
    sign_in::SignInForm,
};

pub(crate) fn sign_in(people: &People, next: &str, why: Option<&Notice>) -> Response {
    let lead = if people.known_code().is_some() {
        "Choose who you want to be. These people exist only in this demo: an embedded stand-in for Descope signs them in, so there are no passwords and nothing leaves your machine."
    } else {
        "Descope sends a code to your e-mail address. Sign-in with a code by e-mail must be enabled in your project; you are added to it if it does not know you yet."
    };
    let status = match why {
        Some(Notice {
            mood: Mood::Bad, ..
        }) => StatusCode::UNAUTHORIZED,
        _ => StatusCode::OK,
    };
    Page::new("Sign in", None, "/sign-in")
        .status(status)
        .body(&format!(
            r#"<section class="narrow">{why}<h1>Sign in</h1><p class="lead">{lead}</p>{ways}</section>"#,
            why = notice(why),
            ways = ways_in(people, next),
        ))
}

/// Nobody is made to sign in twice; whoever wants to be somebody else can.
pub(crate) fn signed_in_already(people: &People, viewer: &Viewer, next: &str) -> Response {
    let at = viewer.active.as_ref().map_or_else(String::new, |place| {
        format!(", at <strong>{}</strong>", E(&place.name))
    });
    Page::new("Sign in", Some(viewer), "").body(&format!(
        r#"<section class="narrow"><h1>You are signed in already</h1><p class="lead">As <strong>{name}</strong>{at}.</p><div class="actions"><a class="button" href="{next}">Go on</a><form method="post" action="/sign-out"><button class="quiet">Sign out</button></form></div><h2 class="apart">Or sign in as somebody else</h2>{ways}</section>"#,
        name = E(&viewer.name),
        next = E(next),
        ways = ways_in(people, next),
    ))
}

/// The people of the fake to choose from, or the form that has a code sent; and the ways that lead over
/// an identity provider.
fn ways_in(people: &People, next: &str) -> String {
    let stay = r#"<label class="check"><input type="checkbox" name="remember" value="1" checked> Stay signed in</label>"#;
    let return_to = E(&url_encode(next)).to_string();
    let next = E(next);
    let google = format!(
        r#"<a class="button quiet" href="/auth/oauth/google?return_to={return_to}&amp;remember=1">Sign in with Google</a>"#
    );
    if people.known_code().is_none() {
        return format!(
            r#"<form method="post" action="/sign-in" class="stack"><input type="hidden" name="next" value="{next}"><label for="login">E-mail address</label><input id="login" name="login" type="email" autocomplete="email" required>{stay}<button>Send the code</button></form><p class="actions">{google}</p>{SHOWS}"#
        );
    }
    let everybody = list(PEOPLE, |(login, name, about)| {
        format!(
            r#"<li><button class="person" name="login" value="{login}"><span class="avatar" aria-hidden="true">{initials}</span><span><strong>{name}</strong><small>{about}</small></span></button></li>"#,
            login = E(login),
            initials = E(&initials(name)),
            name = E(name),
            about = E(about),
        )
    });
    format!(
        r#"<form method="post" action="/sign-in"><input type="hidden" name="next" value="{next}"><ul class="people">{everybody}</ul>{stay}</form><p class="actions">{google}<a class="button quiet" href="/auth/sso?tenant=T2acme&amp;return_to={return_to}&amp;remember=1">Acme’s single sign-on</a><a class="button quiet" href="/sign-in/flow">Descope’s component</a><a class="button quiet" href="/visit">Look around first</a></p><form method="post" action="/sign-in/support" class="actions"><button class="quiet">Help desk, in Ann’s place</button></form>{SHOWS}"#
    )
}

const SHOWS: &str = r#"<p class="shows">This page shows <code>Descope::verify_code</code>, <code>RedirectSignIn</code> and <code>CookieLife::Chosen</code>.</p>"#;

pub(crate) fn code(form: &SignInForm, problem: Option<&Notice>) -> Response {
    let problem = notice(problem);
    let (login, next) = (E(&form.login), E(&form.next));
    let remember = match form.remember {
        Some(_) => r#"<input type="hidden" name="remember" value="1">"#,
        None => "",
    };
    Page::new("Enter the code", None, "/sign-in").body(&format!(
        r#"<section class="narrow">{problem}<h1>Check your mail</h1><p class="lead">Descope sent a code to <strong>{login}</strong>.</p><form method="post" action="/sign-in/code" class="stack"><input type="hidden" name="next" value="{next}"><input type="hidden" name="login" value="{login}">{remember}<label for="code">Code</label><input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required><button>Sign in</button></form><p><a href="/sign-in">Use another address</a></p></section>"#
    ))
}

/// Where a code was refused there may be a better one; else somebody begins again.
pub(crate) fn try_again(people: &People, form: &SignInForm, error: &Error) -> Response {
    let why = Notice::failed(error);
    if people.known_code().is_none() && error.kind() == ErrorKind::Refused {
        code(form, Some(&why))
    } else {
        sign_in(people, &form.next, Some(&why))
    }
}

/// The browser came back from sign-in without its cookies.
pub(crate) fn no_cookies() -> Response {
    let advice = if setup::is_insecure() {
        r"<p>They are sent without <code>Secure</code> already, so the browser blocks them for another reason: look whether cookies are switched off for this address, and open the demo at the address that it printed.</p>"
    } else {
        r"<p>They are marked <code>Secure</code>, as they must be on a real site. Chromium and Firefox keep such cookies on your own machine over plain http too; not all browsers do, Safari for one as far as we know.</p><p>For this demo only, start it again with</p><pre><code>DEMO_INSECURE_COOKIES=1 cargo run --example demo</code></pre><p>or use another browser. If you switched cookies off for this address, switch them on.</p>"
    };
    Page::new("No cookies", None, "/sign-in").status(StatusCode::UNAUTHORIZED).body(&format!(
        r#"<section class="narrow"><h1>Your browser did not keep the cookies</h1><p class="lead">You signed in, but the session’s cookies did not come back.</p>{advice}<p class="actions"><a class="button" href="/sign-in">Try again</a></p></section>"#
    ))
}

/// A refusal for a person.
pub(crate) fn refused(rejection: &Rejection, viewer: Option<&Viewer>, path: &str) -> Response {
    let here = viewer.map_or("this company", |viewer| viewer.here());
    let roles = viewer
        .and_then(|viewer| viewer.active.as_ref())
        .map_or_else(|| "unknown".to_owned(), roles_text);
    let (title, text) = match rejection.kind() {
        RejectionKind::MissingRole => (
            "This page needs another role",
            format!(
                "Your role at {here} is <strong>{roles}</strong>, and this page asks for one that you do not have there. Ask an owner of {here}, or switch to a company where you have it.",
                here = E(here),
                roles = E(&roles),
            ),
        ),
        RejectionKind::MissingPermission => (
            "You may not do this here",
            format!(
                "That takes a permission which your role at {here}, <strong>{roles}</strong>, does not have. Nothing was changed.",
                here = E(here),
                roles = E(&roles),
            ),
        ),
        RejectionKind::NoActiveTenant
        | RejectionKind::TenantMismatch
        | RejectionKind::TenantNotNamed => (
            "Choose a company first",
            "This page belongs to a company, and your session is in none that is yours.".to_owned(),
        ),
        RejectionKind::OtherTenant => (
            "That is another company’s",
            "This address belongs to another company than the one you act for. Nothing was changed.".to_owned(),
        ),
        RejectionKind::KeysUnavailable => (
            "Sign-ins cannot be checked just now",
            "Descope’s keys could not be fetched. Nothing is wrong with your account; try again in a moment.".to_owned(),
        ),
        RejectionKind::RenewalUnavailable => (
            "Your session cannot be renewed just now",
            "Descope gave no usable answer. You are still signed in; try again in a moment.".to_owned(),
        ),
        RejectionKind::CrossSite => (
            "That came from another site",
            "A form of another site tried to act with your sign-in. Nothing was changed.".to_owned(),
        ),
        _ => (
            "Please sign in again",
            "Your browser sent a sign-in that cannot be used any more. Signing in again replaces it.".to_owned(),
        ),
    };
    let way_on = match rejection.kind() {
        RejectionKind::NoActiveTenant
        | RejectionKind::TenantMismatch
        | RejectionKind::TenantNotNamed
        | RejectionKind::OtherTenant => r#"<a class="button" href="/tenants">Choose a company</a>"#,
        RejectionKind::MissingRole | RejectionKind::MissingPermission => {
            r#"<a class="button" href="/projects">Back to projects</a><a class="button quiet" href="/access">See your access</a>"#
        }
        RejectionKind::RenewalUnavailable => {
            &format!(r#"<a class="button" href="{}">Try again</a>"#, E(path))
        }
        RejectionKind::KeysUnavailable | RejectionKind::CrossSite => {
            r#"<a class="button" href="/">To the overview</a>"#
        }
        _ => r#"<form method="post" action="/sign-out"><button>Sign in again</button></form>"#,
    };
    // Whoever switches company in the menu comes back to the page that was refused.
    let path = viewer.map_or("/sign-in", |_| path);
    let page = Page::new(title, viewer, path).body(&format!(
        r#"<section class="narrow"><p class="eyebrow">{status}</p><h1>{title}</h1><p class="lead">{text}</p><div class="actions">{way_on}</div></section>"#,
        status = rejection.status(),
    ));
    // Status, challenge and the rest of the crate's own answer stay; only its body changes.
    let mut response = rejection.clone().into_response();
    response.headers_mut().extend(page.headers().clone());
    *response.body_mut() = page.into_body();
    response
}

pub(crate) fn not_found(viewer: Option<&Viewer>) -> Response {
    plain(
        viewer,
        StatusCode::NOT_FOUND,
        "There is no such page",
        "The address may be mistyped.",
    )
}

pub(crate) fn bad_request(viewer: &Viewer) -> Response {
    plain(
        Some(viewer),
        StatusCode::BAD_REQUEST,
        "That form cannot be read",
        "Reload the page and try again.",
    )
}

pub(crate) fn broken() -> Response {
    plain(
        None,
        StatusCode::INTERNAL_SERVER_ERROR,
        "Something broke",
        "It is our fault, and it is in the log.",
    )
}

fn plain(viewer: Option<&Viewer>, status: StatusCode, title: &str, text: &str) -> Response {
    Page::new(title, viewer, "").status(status).body(&format!(
        r#"<section class="narrow"><p class="eyebrow">{status}</p><h1>{title}</h1><p class="lead">{text}</p><p class="actions"><a class="button" href="/">To the overview</a></p></section>"#
    ))
}
