//! What the contenders are asked to do.

use http::Request;

use crate::bed::{Bed, request, session, with_kid};

/// What is done again and again.
pub enum Work {
    /// A whole request.
    Call(Request<()>),
    /// A verdict on a token alone.
    Verdict(String),
}

pub struct Scenario {
    pub name: String,
    pub work: Work,
    /// Whether the token is good.
    pub good: bool,
    /// Whether the handler asks for a permission in the active tenant.
    pub asks: bool,
    /// The length of the token.
    pub token_len: usize,
    /// The check of a signature over as many bytes, by a parsed key.
    pub raw: Box<dyn Fn()>,
}

pub fn all(bed: &Bed) -> Vec<Scenario> {
    let few = bed.token(3);
    // The signature of another token by the same key. A stranger's would now and then be a number
    // above this key's modulus, which is refused before any arithmetic, and measures nothing.
    let (signed, _) = few.rsplit_once('.').expect("a compact token");
    let other = session(&bed.fake, "U2other", 3).token();
    let (_, other) = other.rsplit_once('.').expect("a compact token");
    let forged = format!("{signed}.{other}");
    let unknown = with_kid(&few, "unknown");
    let scenario = |name: &str, token: Option<&str>, good, asks, verdict| Scenario {
        name: name.to_owned(),
        work: match token {
            Some(token) if verdict => Work::Verdict(token.to_owned()),
            _ => Work::Call(request(token)),
        },
        good,
        asks,
        token_len: token.map_or(0, str::len),
        raw: Box::new(bed.raw_check(token.filter(|_| good).unwrap_or(&few))),
    };
    let mut all = Vec::new();
    for tenants in [3, 20, 200] {
        let token = bed.token(tenants);
        let name = format!("admitted, {tenants} tenants");
        all.push(scenario(&name, Some(&token), true, false, false));
        let name = format!("admitted and asked for a permission, {tenants} tenants");
        all.push(scenario(&name, Some(&token), true, true, false));
    }
    let bad = [
        ("forged", &*forged),
        ("unknown kid", &unknown),
        ("garbage", "garbage"),
    ];
    for (name, token) in bad {
        all.push(scenario(
            &format!("refusal: {name}"),
            Some(token),
            false,
            false,
            false,
        ));
    }
    all.push(scenario("refusal: no token", None, false, false, false));
    for (name, token) in bad {
        all.push(scenario(
            &format!("verdict: {name}"),
            Some(token),
            false,
            false,
            true,
        ));
    }
    all.push(scenario("verdict: good", Some(&few), true, false, true));
    all
}
