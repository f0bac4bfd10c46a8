//! What the contenders are asked to do.

use http::Request;

use crate::bed::{Bed, request, with_kid};

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
    let (signed, _) = few.rsplit_once('.').expect("a compact token");
    let (_, strange) = strange(bed).expect("a compact token");
    let forged = format!("{signed}.{strange}");
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

/// A signature by somebody else's key.
fn strange(bed: &Bed) -> Option<(String, String)> {
    let token = crate::bed::session(&bed.fake, "U2stranger", 3)
        .signed_by_stranger()
        .token();
    let (signed, signature) = token.rsplit_once('.')?;
    Some((signed.to_owned(), signature.to_owned()))
}
