//! Handles whose key the targets sign with, each with the policy that it should follow; and the
//! independent JWT implementation.

use std::{
    borrow::Cow,
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, UNIX_EPOCH},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jwt_compact::{
    Algorithm, AlgorithmExt, AlgorithmSignature, Claims, TimeOptions, UntrustedToken,
};
use serde_json::{Map, Value};
use tower_descope::{
    Descope, DescopeBuilder, Session, TenantClaims, cookie::SessionCookies, test_util::TestClock,
};

use crate::policy::{Active, Policy, Rights, Seen};

pub const PROJECT: &str = "P2fuzzFuzzFuzzFuzzFuzzFuzzFu";
pub const KID: &str = "SK1";
pub const NOW: u64 = 1_767_225_600;

/// The public key of RFC 7515 A.3.
const JWK: &str = r#"{"kty":"EC","kid":"SK1","alg":"ES256","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

/// Its private half, published there too.
const PRIVATE: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";

thread_local! {
    static KEY: EcdsaKeyPair = key_pair();
}

/// A handle, and what it should do.
pub struct Bed {
    pub descope: Descope,
    pub clock: TestClock,
    pub policy: Policy,
}

/// As most configure it, strictly, and as a resource server.
pub fn beds() -> [Bed; 3] {
    let own = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect::<Vec<_>>();
    let usual = Policy {
        project: PROJECT.to_owned(),
        issuers: Vec::new(),
        audience: Vec::new(),
        session_kinds: own(&["DS"]),
        refresh_kinds: own(&["DSR"]),
        resource_server: false,
        require_kind: false,
        refresh_without_kind: false,
        leeway: 5.0,
        issued_at_leeway: 60.0,
        max_token_len: 16 * 1024,
        rights: Rights::Auto,
        keys: vec![(KID.to_owned(), "ES256".to_owned())],
    };
    let strict = Policy {
        session_kinds: own(&["DS", "__Host-DS"]),
        refresh_kinds: own(&["DSR", "__Host-DSR"]),
        require_kind: true,
        leeway: 0.0,
        issued_at_leeway: 0.0,
        rights: Rights::Listed,
        ..usual.clone()
    };
    let server = Policy {
        issuers: own(&["https://h/v1/apps/agentic/P/MS1"]),
        audience: own(&["api", "other"]),
        resource_server: true,
        refresh_without_kind: true,
        rights: Rights::CurrentOnly,
        ..usual.clone()
    };
    [usual, strict, server].map(bed)
}

/// A handle with the key, at the time of the beds, that asks nobody.
pub fn builder() -> DescopeBuilder {
    Descope::builder(PROJECT)
        .base_url("http://127.0.0.1:1")
        .clock(TestClock::at(UNIX_EPOCH + Duration::from_secs(NOW)))
        .public_key(JWK)
}

fn bed(policy: Policy) -> Bed {
    let clock = TestClock::at(UNIX_EPOCH + Duration::from_secs(NOW));
    let cookies = if policy.session_kinds.len() > 1 {
        SessionCookies::host_prefixed()
    } else {
        SessionCookies::new()
    };
    let builder = builder()
        .clock(clock.clone())
        .cookies(cookies)
        .issuers(&policy.issuers)
        .audience(&policy.audience)
        .resource_server(policy.resource_server)
        .require_token_kind(policy.require_kind)
        .allow_refresh_without_kind(policy.refresh_without_kind)
        .leeway(Duration::from_secs_f64(policy.leeway))
        .issued_at_leeway(Duration::from_secs_f64(policy.issued_at_leeway))
        .tenant_claims(match policy.rights {
            Rights::Auto => TenantClaims::Auto,
            Rights::Listed => TenantClaims::Listed,
            Rights::CurrentOnly => TenantClaims::CurrentOnly,
        });
    Bed {
        descope: builder.build().unwrap(),
        clock,
        policy,
    }
}

/// A token of these texts, signed with the key of the handles.
pub fn signed_token(header: &[u8], payload: &[u8]) -> String {
    let input = signing_input(header, payload);
    let signature = KEY.with(|key| key.sign(&SystemRandom::new(), input.as_bytes()).unwrap());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A session of the beds' time, a minute old and good for ten, with these members beside the usual ones.
pub fn session_token(members: &str) -> String {
    let header = format!(r#"{{"alg":"ES256","typ":"JWT","kid":"{KID}"}}"#);
    let (issued, expires) = (NOW - 60, NOW + 600);
    let claims =
        format!(r#"{{"iss":"{PROJECT}","iat":{issued},"exp":{expires},"drn":"DS",{members}}}"#);
    signed_token(header.as_bytes(), claims.as_bytes())
}

/// A token of these texts, for whoever does not check the signature.
pub fn unsigned_token(header: &[u8], payload: &[u8]) -> String {
    format!("{}.c2lnbmF0dXJl", signing_input(header, payload))
}

fn signing_input(header: &[u8], payload: &[u8]) -> String {
    let [header, payload] = [header, payload].map(|text| URL_SAFE_NO_PAD.encode(text));
    format!("{header}.{payload}")
}

fn key_pair() -> EcdsaKeyPair {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let jwk: Value = serde_json::from_str(JWK).unwrap();
    let [x, y] = ["x", "y"].map(|name| decode(jwk[name].as_str().unwrap()));
    let public = [&[4], &*x, &*y].concat();
    EcdsaKeyPair::from_private_key_and_public_key(
        &ECDSA_P256_SHA256_FIXED_SIGNING,
        &decode(PRIVATE),
        &public,
    )
    .unwrap()
}

/// The output of a future that has nothing to wait for.
pub fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a fixed key is at hand"),
    }
}

/// A session in the words of the policy.
pub fn seen(session: &Session) -> Seen {
    let active = session.active_tenant();
    let own = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
    Seen {
        user: session.user_id().as_str().to_owned(),
        subject: session.subject().to_owned(),
        issuer: session.issuer().to_owned(),
        expires: 0.0,
        stepped_up: session.is_stepped_up(),
        project_roles: own(session.project_roles().collect()),
        tenants: own(session.tenants().collect()),
        active: match &active {
            Ok(tenant) => Ok(Active {
                id: tenant.id().as_str().to_owned(),
                roles: own(tenant.roles().collect()),
                permissions: own(tenant.permissions().collect()),
            }),
            Err(rejection) => Err(rejection.code()),
        },
    }
}

/// What `jwt-compact` makes of a token whose signature it believes: its claims; or why not, in
/// `Err`, with its words.
pub fn other_opinion(token: &str) -> Result<Claims<Map<String, Value>>, String> {
    let token = UntrustedToken::new(token).map_err(|error| error.to_string())?;
    Believer
        .validator(&())
        .validate(&token)
        .map(|token| token.claims().clone())
        .map_err(|error| error.to_string())
}

/// Whether `jwt-compact` would use these claims at `now`.
pub fn other_time(
    claims: &Claims<Map<String, Value>>,
    leeway: f64,
    now: u64,
) -> Result<(), String> {
    let now = UNIX_EPOCH + Duration::from_secs(now);
    let leeway = chrono::TimeDelta::seconds(leeway as i64);
    let options = TimeOptions::new(leeway, move || now.into());
    claims
        .validate_expiration(&options)
        .map_err(|error| error.to_string())?;
    if claims.not_before.is_some() {
        claims
            .validate_maturity(&options)
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Says yes to every signature.
struct Believer;

struct Anything(Vec<u8>);

impl AlgorithmSignature for Anything {
    fn try_from_slice(slice: &[u8]) -> Result<Self, anyhow::Error> {
        Ok(Self(slice.to_vec()))
    }

    fn as_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0)
    }
}

impl Algorithm for Believer {
    type SigningKey = ();
    type VerifyingKey = ();
    type Signature = Anything;

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("ES256")
    }

    fn sign(&self, (): &(), _: &[u8]) -> Anything {
        Anything(Vec::new())
    }

    fn verify_signature(&self, _: &Anything, (): &(), _: &[u8]) -> bool {
        true
    }
}
