//! Section 1 of the security policy as a slow and obvious program: a token and a clock in, a
//! verdict out. It shares no code with the crate, not even its base64.

use super::json::{Json, NoJson};

/// What a handle is configured to, and which keys its project has published.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) project: String,
    pub(crate) issuers: Vec<String>,
    pub(crate) audience: Vec<String>,
    pub(crate) session_kinds: Vec<String>,
    pub(crate) refresh_kinds: Vec<String>,
    pub(crate) resource_server: bool,
    pub(crate) require_kind: bool,
    pub(crate) refresh_without_kind: bool,
    pub(crate) leeway: f64,
    pub(crate) issued_at_leeway: f64,
    pub(crate) max_token_len: usize,
    pub(crate) rights: Rights,
    /// Name and algorithm of each usable key.
    pub(crate) keys: Vec<(String, String)>,
}

/// Where the rights in the current tenant are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    Auto,
    Listed,
    CurrentOnly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Session,
    Refresh,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    Good(Box<Seen>),
    Expired,
    /// Nobody has signed in, be the time of it over or not.
    Anonymous,
    Invalid,
    /// A number beyond what `f64` holds, which is no business of the policy's.
    Either,
}

/// What an accepted token says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) user: String,
    pub(crate) subject: String,
    pub(crate) issuer: String,
    pub(crate) expires: f64,
    pub(crate) stepped_up: bool,
    pub(crate) project_roles: Vec<String>,
    pub(crate) tenants: Vec<String>,
    /// The active tenant with its roles and permissions, or the code of the refusal.
    pub(crate) active: Result<Active, &'static str>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Active {
    pub(crate) id: String,
    pub(crate) roles: Vec<String>,
    pub(crate) permissions: Vec<String>,
}

/// Why there is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum No {
    Invalid,
    Expired,
    Anonymous,
    Either,
}

impl From<NoJson> for No {
    fn from(no: NoJson) -> Self {
        match no {
            NoJson::Wrong => Self::Invalid,
            NoJson::OutOfRange => Self::Either,
        }
    }
}

/// The verdict on `token` at `now` (Unix seconds). `holds` says whether the signature is that of
/// the key of this name over this signing input.
pub(crate) fn judge(
    policy: &Policy,
    token: &str,
    slot: Slot,
    now: f64,
    holds: impl Fn(&str, &str, &[u8]) -> bool,
) -> Verdict {
    match accept(policy, token, slot, now, holds) {
        Ok(seen) => Verdict::Good(Box::new(seen)),
        Err(No::Expired) => Verdict::Expired,
        Err(No::Anonymous) => Verdict::Anonymous,
        Err(No::Invalid) => Verdict::Invalid,
        Err(No::Either) => Verdict::Either,
    }
}

fn demand(condition: bool) -> Result<(), No> {
    if condition { Ok(()) } else { Err(No::Invalid) }
}

fn accept(
    policy: &Policy,
    token: &str,
    slot: Slot,
    now: f64,
    holds: impl Fn(&str, &str, &[u8]) -> bool,
) -> Result<Seen, No> {
    demand(token.len() <= policy.max_token_len)?;
    let segments: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = segments[..] else {
        return Err(No::Invalid);
    };
    demand(header.len() <= 4_096)?;

    let Jose {
        alg,
        kid,
        access_token,
    } = jose(&text_of(header)?)?;
    let published = |(name, algorithm): &(String, String)| *name == kid && *algorithm == alg;
    demand(policy.keys.iter().any(published))?;

    let signature = base64url(signature).ok_or(No::Invalid)?;
    let signed = &token[..header.len() + 1 + payload.len()];
    // No key makes a longer one than RSA of 4096 bits.
    demand((1..=512).contains(&signature.len()) && holds(&kid, signed, &signature))?;

    // From here on every word is the project's own. A number out of range in what nobody reads is
    // good, in what decides it is not: the caller accepts either.
    let claims = object(&text_of(payload)?)?;
    let text = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value.text().map(Some).ok_or(No::Invalid),
    };
    let number = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value.number().map(Some).ok_or(No::Invalid),
    };
    let subject = text("sub")?.ok_or(No::Invalid)?;
    let user = text("dsub")?.unwrap_or(subject);
    demand(is_id(user))?;
    let issuer = text("iss")?.ok_or(No::Invalid)?;
    let expires = number("exp")?.ok_or(No::Invalid)?;
    let (not_before, issued_at) = (number("nbf")?, number("iat")?);
    let tenants = tenants(&claims)?;

    demand(is_issuer(policy, issuer))?;
    demand(!access_token || (policy.resource_server && slot == Slot::Session))?;
    match slot {
        Slot::Session => session(policy, &claims)?,
        Slot::Refresh => refresh(policy, &claims)?,
    }

    let signed_in = matches!(
        claims.get("danu"),
        None | Some(Json::Null | Json::Bool(false))
    );
    let anonymous = slot == Slot::Session && !signed_in;
    if now >= expires + policy.leeway {
        return Err(if anonymous {
            No::Anonymous
        } else {
            No::Expired
        });
    }
    demand(not_before.is_none_or(|time| time <= now + policy.leeway))?;
    demand(issued_at.is_none_or(|time| time <= now + policy.issued_at_leeway))?;
    if anonymous {
        return Err(No::Anonymous);
    }

    Ok(Seen {
        user: user.to_owned(),
        subject: subject.to_owned(),
        issuer: issuer.to_owned(),
        expires,
        stepped_up: claims.get("su") == Some(&Json::Bool(true)),
        project_roles: claims.get("roles").map(Json::texts).unwrap_or_default(),
        active: active(policy, &claims, &tenants),
        tenants: belongs_to(policy, &claims, &tenants),
    })
}

fn session(policy: &Policy, claims: &Json) -> Result<(), No> {
    let kind = claims.get("drn");
    if let Some(kind) = kind {
        demand(
            kind.text()
                .is_some_and(|kind| contains(&policy.session_kinds, kind)),
        )?;
    }
    match claims.get("token_type") {
        Some(Json::Text(kind)) => demand(policy.resource_server && kind == "access_token")?,
        Some(_) => return Err(No::Invalid),
        None => demand(kind.is_some() || !policy.require_kind)?,
    }
    demand(matches!(claims.get("cnf"), None | Some(Json::Null)))?;
    if policy.audience.is_empty() {
        return Ok(());
    }
    let named = match claims.get("aud") {
        Some(Json::Text(one)) => vec![one.clone()],
        Some(Json::List(list)) => {
            demand(list.iter().all(|one| one.text().is_some()))?;
            claims.get("aud").map(Json::texts).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    demand(named.iter().any(|one| contains(&policy.audience, one)))
}

fn refresh(policy: &Policy, claims: &Json) -> Result<(), No> {
    match claims.get("drn") {
        Some(kind) => demand(
            kind.text()
                .is_some_and(|kind| contains(&policy.refresh_kinds, kind)),
        )?,
        None => demand(policy.refresh_without_kind)?,
    }
    demand(claims.get("token_type").is_none())
}

fn contains(list: &[String], one: &str) -> bool {
    list.iter().any(|other| other == one)
}

/// The project id, a URL whose last path segment it is, or one of the exact strings configured.
fn is_issuer(policy: &Policy, issuer: &str) -> bool {
    if issuer == policy.project || contains(&policy.issuers, issuer) {
        return true;
    }
    let mut pieces: Vec<&str> = issuer.split('/').collect();
    let plain = |c: char| ('!'..='~').contains(&c) && !"?#@%\\".contains(c);
    if pieces.len() < 4 || !issuer.chars().all(plain) {
        return false;
    }
    // One trailing slash is tolerated, after a path.
    if pieces.len() > 4 && pieces.last() == Some(&"") {
        pieces.pop();
    }
    let scheme = pieces[0] == "https:" || pieces[0] == "http:";
    scheme
        && pieces[1].is_empty()
        && !pieces[2].is_empty()
        && pieces.last() == Some(&&*policy.project)
}

/// The `tenants` claim: `Ok(None)` where there are none, `Ok(Some(None))` where it is of a wrong
/// type.
type Tenants<'a> = Option<Option<&'a [(String, Json)]>>;

fn tenants(claims: &Json) -> Result<Tenants<'_>, No> {
    match claims.get("tenants") {
        None | Some(Json::Null) => Ok(None),
        Some(tenants @ Json::Object(members)) => {
            demand(!tenants.has_duplicates())?;
            demand(members.iter().all(|(_, entry)| !entry.has_duplicates()))?;
            Ok((!members.is_empty()).then_some(Some(members)))
        }
        Some(_) => Ok(Some(None)),
    }
}

fn current(claims: &Json) -> Option<&str> {
    let id = claims.get("dct")?.text()?;
    is_id(id).then_some(id)
}

/// The one rule of tenants' and users' ids.
fn is_id(id: &str) -> bool {
    id.len() <= 256 && !id.chars().any(char::is_control) && !id.trim().is_empty()
}

fn active(policy: &Policy, claims: &Json, tenants: &Tenants<'_>) -> Result<Active, &'static str> {
    let id = current(claims).ok_or("no_active_tenant")?;
    let rights = match tenants {
        Some(None) => return Err("no_active_tenant"),
        Some(Some(members)) => members
            .iter()
            .find(|(tenant, _)| tenant == id && policy.rights != Rights::CurrentOnly)
            .map(|(_, entry)| entry),
        None => (policy.rights != Rights::Listed).then_some(claims),
    };
    let rights = rights.ok_or("tenant_mismatch")?;
    let list = |name| rights.get(name).map(Json::texts).unwrap_or_default();
    Ok(Active {
        id: id.to_owned(),
        roles: list("roles"),
        permissions: list("permissions"),
    })
}

fn belongs_to(policy: &Policy, claims: &Json, tenants: &Tenants<'_>) -> Vec<String> {
    match tenants {
        Some(Some(_)) if policy.rights == Rights::CurrentOnly => Vec::new(),
        Some(Some(members)) => members.iter().map(|(id, _)| id.clone()).collect(),
        Some(None) => Vec::new(),
        None if policy.rights == Rights::Listed => Vec::new(),
        None => current(claims).map(str::to_owned).into_iter().collect(),
    }
}

/// What a JOSE header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Jose {
    pub(crate) alg: String,
    pub(crate) kid: String,
    pub(crate) access_token: bool,
}

/// Reads the text of a JOSE header.
pub(crate) fn jose(text: &str) -> Result<Jose, No> {
    let jose = object(text)?;
    demand(matches!(&jose, Json::Object(members) if members.len() <= 32))?;
    for name in ["crit", "b64", "cty", "enc", "zip"] {
        demand(jose.get(name).is_none())?;
    }
    let text = |name: &str| jose.get(name).and_then(Json::text).ok_or(No::Invalid);
    let access_token = if jose.get("typ").is_some() {
        let typ = text("typ")?.to_ascii_lowercase();
        let typ = typ.strip_prefix("application/").unwrap_or(&typ);
        demand(typ == "jwt" || typ == "at+jwt")?;
        typ == "at+jwt"
    } else {
        false
    };
    demand(!text("kid")?.is_empty())?;
    Ok(Jose {
        alg: text("alg")?.to_owned(),
        kid: text("kid")?.to_owned(),
        access_token,
    })
}

fn text_of(segment: &str) -> Result<String, No> {
    let bytes = base64url(segment).ok_or(No::Invalid)?;
    String::from_utf8(bytes).map_err(|_| No::Invalid)
}

fn object(text: &str) -> Result<Json, No> {
    let json = Json::parse(text)?;
    demand(matches!(json, Json::Object(_)) && !json.has_duplicates())?;
    Ok(json)
}

/// RFC 4648 section 5 without padding; the bits that are left over are zero.
pub(crate) fn base64url(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bits = Vec::new();
    for character in text.chars() {
        let value = ALPHABET.find(character)?;
        bits.extend((0..6).rev().map(|bit| value >> bit & 1 == 1));
    }
    let whole = bits.len() / 8 * 8;
    let rest = bits.split_off(whole);
    if rest.len() >= 6 || rest.contains(&true) {
        return None;
    }
    let byte = |bits: &[bool]| bits.iter().fold(0, |byte, &bit| byte << 1 | u8::from(bit));
    Some(bits.chunks(8).map(byte).collect())
}
