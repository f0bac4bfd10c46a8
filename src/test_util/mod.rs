//! Test tools: an embedded stand-in for Descope, and a clock that is moved by hand.
//!
//! [`FakeDescope`] is a real HTTP server on a loopback port that speaks Descope's session API:
//! keys, refresh, tenant selection, logout, profile, one-time codes, OAuth and single sign-on with an
//! identity provider of its own, scripted [flows](FakeFlow), access keys. It signs with keys that everybody knows, counts what it
//! is asked, and misbehaves on demand, so that a service behind [Descope] can be tested without a
//! network and without an account. It lives by a [`TestClock`], so no test sleeps until a token has
//! expired.
//!
//! ```
//! # use tower_descope::test_util::FakeDescope;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! # if cfg!(not(any(feature = "aws-lc-rs", feature = "rust-crypto"))) { return }
//! let fake = FakeDescope::builder()
//!     .tenant("T2acme", "Acme")
//!     .user("ann@acme.test", |u| u.id("U2ann").tenant("T2acme", |t| t.role("owner")))
//!     .start()
//!     .await;
//!
//! // A token made by hand, without HTTP: right, or wrong in one respect.
//! let good = fake.session("U2ann").active("T2acme").token();
//! let late = fake.session("U2ann").active("T2acme").expired().token();
//! let forged = fake.session("U2eve").tenant("T2acme", |t| t).signed_by_stranger().token();
//! # assert!(good != late && late != forged);
//!
//! // A sign-in that the fake knows of: its refresh token can be used at `fake.url()`.
//! let ann = fake.sign_in("ann@acme.test");
//! assert_eq!(ann.user_id(), "U2ann");
//!
//! // What a bad day looks like.
//! fake.rotate_keys();
//! fake.fail_next(3);
//! assert_eq!(fake.key_fetches(), 0);
//! # }
//! ```
//!
//! # What it is true to, and what is a guess
//!
//! Bodies, statuses and error codes follow Descope's documentation and its official SDKs, and the
//! Python and Node SDKs run against the fake unmodified. A few things nobody outside Descope
//! knows; the fake chooses, and where a choice matters it is a switch:
//!
//! | Unknown | The fake | Switch |
//! |---|---|---|
//! | selecting a tenant one is not a member of | 403 with the made-up code [`FakeDescope::NOT_A_MEMBER`] | |
//! | using a rotated-out refresh token | 400 `E064006`, and the sign-in is over | [`reuse_kills_family`] |
//! | a refresh token from a selection with rotation off | none, the service remembers the tenant | [`select_returns_refresh_without_rotation`] |
//! | a refresh token in the header where the project keeps it in a cookie | 401 `E061005` | [`bearer_beside_cookies`] |
//! | an unknown project id | 404 at the key endpoint, else 400 `E011001` | |
//! | wrong one-time codes | the fifth makes the code void: 401 `E061103` until a new one is sent ([`FakeDescope::CODE_ATTEMPTS`]) | |
//! | a `redirectURL` on a domain that is not approved, if subdomains are approved with a domain | 400 with the made-up code [`FakeDescope::REDIRECT_NOT_APPROVED`]; they are not | [`approved_domain`] |
//! | a sign-in without `redirectURL` | 400 `E011002`: the project has no default | |
//! | the query of `redirectURL` on the way back | kept, `code` or `err` is added | [`drops_redirect_query`] |
//! | which OAuth providers a project has | any that is named by letters, digits, `-` and `_` | |
//! | single sign-on for a tenant that is not there, or for a bare domain | 400 with the made-up code [`FakeDescope::UNKNOWN_TENANT`] | |
//! | single sign-on by the e-mail address of a user of several tenants | the first of them by id; the address is no hint | |
//! | who does not sign in at the identity provider | comes back with the made-up `err=access_denied` | |
//! | a code to exchange that is not good, and how long one is | OAuth: 401 `E061301`, of which the status is a guess; single sign-on: 401 with the made-up code [`FakeDescope::SSO_CODE_REFUSED`]; [`FakeDescope::EXCHANGE_CODE_TTL`] | |
//! | a code at the endpoint of the other kind | not good there, and still good at its own | |
//! | if single sign-on makes its tenant active | no | [`sso_selects_tenant`] |
//! | `tenantSSOID` and `idpResponse` after single sign-on | empty, as elsewhere | |
//! | if tokens can be without `amr` after a sign-in | they have it | [`without_methods`] |
//! | if the refresh tokens of anonymous users say `danu`, too | no | [`danu_in_refresh_tokens`] |
//! | selecting a tenant as an anonymous user | as any member does, or 403 with the made-up code [`FakeDescope::ANONYMOUS_REFUSED`] | [`anonymous_may_select`] |
//! | if the sessions of access keys have `drn` | they have it | [`drn_in_access_key_sessions`] |
//! | if signing in keeps the id of an anonymous user | no, that is another user | |
//! | the form of `act`, and if an impersonated session's refresh token has it, too | `{"sub": …}`, and it has ([`FakeDescope::impersonate`]) | |
//! | the status of `E108201`, `E103205` and `E103202` | 400; `E103202` is for polls of a flow that is over | |
//! | a flow that is not there | 400 with the made-up code [`FakeDescope::UNKNOWN_FLOW`] | |
//! | a flow that fails | 400 with its code as `errorCode`, and it is over | |
//! | a flow's call without a nonce | taken; the nonces that were given stay good, and each answer has a new one, but for those that find no flow or a used nonce | |
//! | a flow's call with another step's id | 400 `E011003`, unless it is a poll | |
//! | who comes back to a flow without having signed in | the last screen, with `E061301` or [`FakeDescope::SSO_CODE_REFUSED`] in `error` | |
//! | a link's token that is not good | the flow stays where it is, with the made-up [`FakeDescope::LINK_REFUSED`] in `error` | |
//! | the answer to an enchanted link's token | `action: "none"`, and nothing else that is new | |
//! | a code or a link's token that a flow is started with | says who it is, and the flow is at its end | |
//! | a refresh token that is not good, with a flow's call | refused as elsewhere | |
//! | a flow that a signed-in user completes | goes on with the sign-in, new methods are added to `amr`; no `su` | [`flow_opens_family`] |
//! | device tokens | JWTs with `drn` `DTD` and `DKD` that live for half a year; cookies of these names where refresh tokens are cookies | |
//! | a flow's approved domains | those of `redirectURL`, for `options.redirectUrl` and `options.location` where a step leads back to it | [`approved_domain`] |
//!
//! Each token has a `jti`, so that two of the same second differ; the real service adds one only
//! if the JWT template says so.
//!
//! # Never in place of the real service
//!
//! The fake's keys are in this crate's source, so whoever trusts its project lets everybody in. It
//! takes Descope's place only where a test or a trial starts it, and each start logs a warning, in
//! every build. Do not fall back to it where a variable is missing: with an incomplete environment
//! such a service is open. The repository's examples take it by `--fake` alone; the demo, which is
//! for a first look, does by itself and says so.
//!
//! # Features
//!
//! The fake signs with the backend that the service verifies with. The feature `test-util` chooses
//! none: with neither `aws-lc-rs` nor `rust-crypto` enabled, starting the fake panics.
//!
//!
#![doc = include_str!("calls.md")]
//!
//! [Descope]: https://www.descope.com
//! [`reuse_kills_family`]: FakeDescopeBuilder::reuse_kills_family
//! [`select_returns_refresh_without_rotation`]: FakeDescopeBuilder::select_returns_refresh_without_rotation
//! [`bearer_beside_cookies`]: FakeDescopeBuilder::bearer_beside_cookies
//! [`approved_domain`]: FakeDescopeBuilder::approved_domain
//! [`drops_redirect_query`]: FakeDescopeBuilder::drops_redirect_query
//! [`sso_selects_tenant`]: FakeDescopeBuilder::sso_selects_tenant
//! [`without_methods`]: FakeDescopeBuilder::without_methods
//! [`flow_opens_family`]: FakeDescopeBuilder::flow_opens_family
//! [`danu_in_refresh_tokens`]: FakeDescopeBuilder::danu_in_refresh_tokens
//! [`anonymous_may_select`]: FakeDescopeBuilder::anonymous_may_select
//! [`drn_in_access_key_sessions`]: FakeDescopeBuilder::drn_in_access_key_sessions

mod attempts;
mod builder;
mod canned;
mod claims;
mod directory;
mod executions;
mod fake;
mod families;
mod faults;
mod flow;
mod grants;
mod handle;
mod html;
mod keys;
mod links;
mod people;
mod providers;
mod record;
mod ring;
mod routes;
mod running;
mod script;
mod server;
mod settings;
mod shared;
mod signed_in;
mod state;
#[cfg(test)]
mod tests;
mod token;
mod webhook;

pub use self::{
    builder::FakeDescopeBuilder,
    canned::Canned,
    executions::FakeLink,
    fake::FakeDescope,
    flow::FakeFlow,
    grants::TenantGrant,
    people::{FakeAccessKey, FakeUser},
    record::Recorded,
    settings::{ResponseMethod, Template},
    signed_in::SignedIn,
    token::TokenBuilder,
};
pub use crate::clock::TestClock;
