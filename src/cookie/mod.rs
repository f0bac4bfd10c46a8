//! The cookies that carry the session and the refresh token.
//!
//! [`SessionCookies`] holds their names and scopes; give it to
//! `DescopeBuilder::cookies`, which refuses settings that browsers would ignore or that would
//! weaken sign-in.
//!
//! Every cookie is `HttpOnly` and, but for
//! [`SessionCookies::danger_insecure_cookies_on_loopback`], `Secure`, with the Domain, Path and
//! `SameSite` configured here. An answer of Descope can at most choose among the names and scopes
//! configured, with [`SessionCookies::follow_answer`], which is off by default. Cookies are removed
//! with the attributes with which they were set.
//!
//! # Which names
//!
//! * [`SessionCookies::host_prefixed`] (`__Host-DS` and `__Host-DSR`) is the one to choose. Only
//!   `__Host-` names cannot be set by a sibling sub-domain, by another port that speaks plain
//!   http, or for a sub-path: with any other name somebody who controls `blog.example.com` can
//!   put *their* session into a browser that is signed out at `app.example.com` ("cookie
//!   tossing").
//! * [`SessionCookies::new`] (`DS` and `DSR`) shares cookies with servers that use Descope's
//!   other SDKs.
//!
//! # Which `SameSite`
//!
//! * [`SameSite::Strict`], the default: the first navigation from another site (a link in a mail,
//!   the way back from single sign-on) arrives without cookies, that is, signed out; requests of
//!   the page that has then loaded carry them.
//! * [`SameSite::Lax`] where such links must arrive signed in.
//! * [`SameSite::None`] only where the service is framed or called by other sites.
//!
//! None of them replaces the cross-site check: sub-domains and other ports count as the same
//! site.
//!
//! # How long
//!
//! Browsers keep the cookies as long as the refresh token lives, until they are closed, or as the user
//! chooses at sign-in ("stay signed in"): [`CookieLife`].
//!
//! # Changing the scope
//!
//! A cookie with another Domain or Path is another cookie: after a change the browser holds both
//! and sends both. [`SessionCookies::former_cookie_scope`] names the old scope, which is then
//! cleared whenever cookies are written.
//!
//! ```
//! use tower_descope::cookie::{SameSite, SessionCookies};
//!
//! let cookies = SessionCookies::host_prefixed()
//!     .same_site(SameSite::Lax)
//!     // Before, `DS` and `DSR` were set for all of example.com.
//!     .former_cookie_scope(Some("example.com"), "/");
//! # let _ = cookies;
//! ```

mod check;
mod grant;
mod life;
mod named;
mod names;
mod own;
mod read;
mod remembered;
mod request;
mod response;
mod settings;
mod slot;
mod unread;
mod write;

#[cfg(test)]
mod inverse;
#[cfg(test)]
mod vectors;

pub use self::{
    life::CookieLife,
    settings::{SameSite, SessionCookies},
};

pub(crate) use self::{
    grant::{CookieGrant, RefreshGrant, refresh_age, session_age},
    life::CookieAttributes,
    named::{CookieValue, NamedCookie},
    own::{OwnCookie, own_cookies},
    read::{CookieReader, PresentedCookies, cookie_fields},
    request::RequestCookies,
    response::add_to_response,
    slot::{CookieKind, CookieSlot},
    unread::UnreadCookie,
};
