//! Tokens made by hand, right ones and wrong ones.

use std::{collections::BTreeSet, fmt, sync::Arc};

use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use super::{
    claims::Claims,
    grants::{Grants, TenantGrant},
    keys::{self, TestKey, compact},
    running::Running,
    settings::TokenKind,
};

/// Builds one token; made by [`FakeDescope::session`](super::FakeDescope::session) and [`FakeDescope::refresh`](super::FakeDescope::refresh).
///
/// Without further words the token is right: signed with the project's current key, valid from now
/// for as long as the project's tokens live. Each method makes it say something else or something
/// wrong. Times are relative to the fake's clock at the moment of the call.
#[derive(Clone)]
#[must_use = "`token` gives the token"]
pub struct TokenBuilder {
    pub(super) running: Arc<Running>,
    claims: Claims,
    /// The tenants of the user whom the directory knows.
    memberships: BTreeSet<String>,
    /// An active tenant of which the user need not be a member.
    outsider: bool,
    /// Claims that replace what `claims` says.
    set: Map<String, Value>,
    removed: Vec<String>,
    header: Map<String, Value>,
    header_removed: Vec<String>,
    payload: Option<String>,
    signer: Signer,
}

#[derive(Clone)]
enum Signer {
    Current,
    Kid(String),
    Algorithm(Algorithm),
    Stranger,
    PublicHalf,
    Nobody,
}

impl TokenBuilder {
    pub(super) fn new(running: Arc<Running>, kind: TokenKind, user: &str) -> Self {
        let settings = running.settings().clone();
        let now = settings.now();
        let (claims, memberships) = running.with_state(|state| {
            let jti = state.next_jti();
            let nobody = Grants::default();
            let (id, grants) = match state.directory.user(user) {
                Some(user) => (user.id.as_str(), &user.grants),
                None => (user, &nobody),
            };
            let memberships = grants.tenants.keys().cloned().collect();
            let claims = Claims::new(&settings, kind, id, grants, jti, now);
            (claims, memberships)
        });
        Self {
            running,
            claims,
            memberships,
            outsider: false,
            set: Map::new(),
            removed: Vec::new(),
            header: Map::new(),
            header_removed: Vec::new(),
            payload: None,
            signer: Signer::Current,
        }
    }

    /// A role at the root: the project's own.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.claims.grants.roles.push(role.into());
        self
    }

    /// A permission at the root: the project's own.
    pub fn permission(mut self, permission: impl Into<String>) -> Self {
        self.claims.grants.permissions.push(permission.into());
        self
    }

    /// A membership: an entry of `tenants`.
    pub fn tenant(
        mut self,
        id: impl Into<String>,
        grant: impl FnOnce(TenantGrant) -> TenantGrant,
    ) -> Self {
        self.claims.grants.tenant(id.into(), grant);
        self
    }

    /// The active tenant, `dct`: one of which the user is a member, in the fake or by
    /// [`tenant`](Self::tenant), before or after this call.
    ///
    /// # Panics
    ///
    /// [`token`](Self::token), [`claims`](Self::claims) and [`verify`](Self::verify) do, if the user
    /// is no member: the real service issues no such token. A test that is about it says so by
    /// [`active_without_membership`](Self::active_without_membership).
    pub fn active(mut self, tenant: impl Into<String>) -> Self {
        self.claims.active = Some(tenant.into());
        self.outsider = false;
        self
    }

    /// The active tenant, `dct`, of which the user need not be a member: a token that a service must
    /// not take for a member's.
    ///
    /// Give the user some other tenant. A token that lists none looks like those of
    /// [`Template::CurrentTenant`](super::Template::CurrentTenant), whose `dct` alone counts.
    ///
    /// ```
    /// # use tower_descope::test_util::FakeDescope;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # if cfg!(not(any(feature = "aws-lc-rs", feature = "rust-crypto"))) { return }
    /// let fake = FakeDescope::start().await;
    /// let token = fake.session("U1").tenant("T1", |t| t).active_without_membership("T9");
    /// let outsider = token.verify().await.unwrap();
    /// assert!(outsider.active_tenant().is_err());
    /// # }
    /// ```
    pub fn active_without_membership(mut self, tenant: impl Into<String>) -> Self {
        self.claims.active = Some(tenant.into());
        self.outsider = true;
        self
    }

    /// The subject, `sub`.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.claims.subject = subject.into();
        self
    }

    /// How the user signed in, `amr`.
    pub fn amr(mut self, methods: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.claims.amr = methods.into_iter().map(Into::into).collect();
        self
    }

    /// An anonymous visitor's token, session or refresh: `danu: true`, and no `amr`. The sessions that a
    /// refresh token made so brings are anonymous, too.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # if cfg!(not(any(feature = "aws-lc-rs", feature = "rust-crypto"))) { return }
    /// use tower_descope::{RejectionKind, SessionToken, test_util::FakeDescope};
    ///
    /// let fake = FakeDescope::start().await;
    /// let token = SessionToken::new(fake.session("U1").anonymous().token());
    /// let rejection = fake.descope().verify(&token).await.unwrap_err();
    /// assert_eq!(rejection.kind(), RejectionKind::AnonymousSession);
    /// # }
    /// ```
    pub fn anonymous(mut self) -> Self {
        self.claims.grants.anonymous = true;
        self
    }

    /// Sets any claim to any value, also one that other methods set.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.set.insert(name.into(), value.into());
        self
    }

    /// Leaves a claim out.
    pub fn without(mut self, name: impl Into<String>) -> Self {
        self.removed.push(name.into());
        self
    }

    /// The issuer, `iss`; the project id by default.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.claims.issuer = issuer.into();
        self
    }

    /// The audience, `aud`; none by default.
    pub fn audience(self, audience: impl Into<Value>) -> Self {
        self.claim("aud", audience)
    }

    /// The kind of token, `drn`: `DS` and `DSR` unless the project names its cookies.
    pub fn kind(mut self, drn: impl Into<String>) -> Self {
        self.claims.drn = drn.into();
        self
    }

    /// `iat`, this many seconds from now.
    pub fn issued_at(mut self, seconds: i64) -> Self {
        self.claims.issued_at = self.date(seconds);
        self
    }

    /// `exp`, this many seconds from now.
    pub fn expires_in(mut self, seconds: i64) -> Self {
        self.claims.expires = self.date(seconds);
        self
    }

    /// `nbf`, this many seconds from now; none by default.
    pub fn not_before(self, seconds: i64) -> Self {
        let from = self.date(seconds);
        self.claim("nbf", from)
    }

    /// Issued 11 minutes ago and expired for one, which is more than any leeway.
    pub fn expired(self) -> Self {
        self.issued_at(-660).expires_in(-60)
    }

    /// Sets any member of the JOSE header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.header.insert(name.into(), value.into());
        self
    }

    /// Leaves a member of the JOSE header out.
    pub fn without_header(mut self, name: impl Into<String>) -> Self {
        self.header_removed.push(name.into());
        self
    }

    /// Names an algorithm in the header while the signature stays what it is; with `none` the
    /// signature is empty.
    pub fn alg(mut self, name: &str) -> Self {
        if name.eq_ignore_ascii_case("none") {
            self.signer = Signer::Nobody;
        }
        self.header("alg", name)
    }

    /// Names a key in the header while the signature stays what it is.
    pub fn kid(self, kid: &str) -> Self {
        self.header("kid", kid)
    }

    /// Signs with the key of this name, a current or a former one.
    pub fn signed_by(mut self, kid: impl Into<String>) -> Self {
        self.signer = Signer::Kid(kid.into());
        self
    }

    /// Signs with a key that is in nobody's set, under the current key's name.
    pub fn signed_by_stranger(mut self) -> Self {
        self.signer = Signer::Stranger;
        self
    }

    /// Signs with HS256 and the current key's public half as the secret.
    pub fn signed_with_public_key(mut self) -> Self {
        self.signer = Signer::PublicHalf;
        self
    }

    /// Signs with a key for this algorithm: the published one if there is, else a key of that type
    /// under the current key's name.
    ///
    /// # Panics
    ///
    /// If the name is not one that [`FakeDescopeBuilder::algorithm`] takes.
    ///
    /// [`FakeDescopeBuilder::algorithm`]: super::FakeDescopeBuilder::algorithm
    pub fn key_algorithm(mut self, name: &str) -> Self {
        self.signer = Signer::Algorithm(keys::algorithm(name));
        self
    }

    /// Leaves the signature empty; the header still names the algorithm.
    pub fn unsigned(mut self) -> Self {
        self.signer = Signer::Nobody;
        self
    }

    /// Signs this very text in place of the claims.
    pub fn raw_payload(mut self, payload: impl Into<String>) -> Self {
        self.payload = Some(payload.into());
        self
    }

    /// The claims, as they stand now.
    ///
    /// # Panics
    ///
    /// If [`active`](Self::active) named a tenant of which the user is no member.
    #[track_caller]
    pub fn claims(&self) -> Map<String, Value> {
        self.check_membership();
        self.unchecked_claims()
    }

    fn unchecked_claims(&self) -> Map<String, Value> {
        let mut claims = self.claims.json();
        claims.extend(self.set.clone());
        for name in &self.removed {
            claims.remove(name);
        }
        claims
    }

    /// The token.
    ///
    /// # Panics
    ///
    /// If [`signed_by`](Self::signed_by) named a key that the project never had, or
    /// [`active`](Self::active) a tenant of which the user is no member.
    #[track_caller]
    pub fn token(&self) -> String {
        let (current, named) = self.running.with_state(|state| {
            let named = match &self.signer {
                Signer::Kid(kid) => Some(state.ring.find(kid).cloned()),
                Signer::Algorithm(algorithm) => Some(state.ring.published_for(*algorithm).cloned()),
                _ => None,
            };
            (state.ring.current().clone(), named.flatten())
        });
        let base = named.as_ref().unwrap_or(&current);
        let mut header = base.header();
        let (algorithm, key) = match &self.signer {
            Signer::Kid(kid) if named.is_none() => panic!("the project never had a key `{kid}`"),
            Signer::Algorithm(algorithm) if named.is_none() => {
                header.insert("alg".into(), format!("{algorithm:?}").into());
                (*algorithm, TestKey::project(*algorithm, 0))
            }
            Signer::Stranger => (base.algorithm, TestKey::stranger(base.algorithm)),
            Signer::PublicHalf => {
                header.insert("alg".into(), "HS256".into());
                (Algorithm::HS256, base.key)
            }
            _ => (base.algorithm, base.key),
        };
        header.extend(self.header.clone());
        for name in &self.header_removed {
            header.remove(name);
        }
        let header = Value::Object(header).to_string();
        let payload = match &self.payload {
            Some(payload) => payload.clone(),
            None => Value::Object(self.claims()).to_string(),
        };
        compact(
            header.as_bytes(),
            payload.as_bytes(),
            |message| match &self.signer {
                Signer::Nobody => Vec::new(),
                Signer::PublicHalf => key.sign_with_public_half(message),
                _ => key.sign(algorithm, message),
            },
        )
    }

    #[track_caller]
    fn check_membership(&self) {
        let Some(active) = self.claims.active.as_ref().filter(|_| !self.outsider) else {
            return;
        };
        let member =
            self.memberships.contains(active) || self.claims.grants.tenants.contains_key(active);
        assert!(
            member,
            "`{}` is no member of the tenant `{active}`, so Descope issues no token that has it \
             active: make them one by `.tenant(\"{active}\", |t| t)`, or ask for such a token by \
             `.active_without_membership(\"{active}\")`",
            self.claims.subject,
        );
    }

    fn date(&self, seconds: i64) -> i64 {
        self.running.settings().now().saturating_add(seconds)
    }
}

impl fmt::Debug for TokenBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenBuilder")
            .field("claims", &self.unchecked_claims())
            .finish_non_exhaustive()
    }
}
