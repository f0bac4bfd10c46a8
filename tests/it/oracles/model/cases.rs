//! Tokens, clocks, rules and key sets: most of them nearly right, each wrong in its own way.

use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};

use super::{
    payload::payload,
    policy::{Rights, Slot},
};

/// The algorithms of the fake's keys; the first is that of the key which signs by default.
pub(super) const KEYS: [&str; 4] = ["ES256", "EdDSA", "ES384", "RS256"];

/// When it is, before a case moves the clock.
pub(super) const NOW: u64 = 1_767_225_600;

#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) slot: Slot,
    pub(super) rules: Rules,
    pub(super) set: KeySet,
    pub(super) now: u64,
    pub(super) signer: Signer,
    /// Members of the header to set, or to leave out.
    pub(super) header: Vec<(&'static str, Option<Value>)>,
    pub(super) payload: String,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Signer {
    Key(&'static str),
    Stranger,
    PublicHalf,
    Nobody,
}

#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, as the builder has them"
)]
pub(super) struct Rules {
    pub(super) audience: Vec<&'static str>,
    pub(super) issuers: Vec<&'static str>,
    pub(super) session_kinds: Vec<&'static str>,
    pub(super) refresh_kinds: Vec<&'static str>,
    pub(super) resource_server: bool,
    pub(super) require_kind: bool,
    pub(super) refresh_without_kind: bool,
    pub(super) host_prefixed: bool,
    pub(super) leeway: u64,
    pub(super) issued_at_leeway: u64,
    pub(super) rights: Rights,
}

/// What becomes of each of the fake's keys on the way into the set, and in which order.
#[derive(Clone, Debug)]
pub(super) struct KeySet {
    fates: Vec<Fate>,
    reversed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Published,
    /// Twice the same: it counts once.
    Twice,
    /// Beside another key of the same name: neither counts.
    Contradicted,
    /// Beside what is no key, of the same name: neither counts.
    Doubtful,
    Left,
    ForEncryption,
    ToSign,
    WithSecret,
    /// RFC 7517 section 4.4 lets `alg` out; RSA keys have a default, and a curve has one algorithm.
    WithoutAlg,
    AlgOfAnother,
}

impl Signer {
    /// The key whose signature it is, if it is one of the project's.
    pub(super) fn kid(self, published: &Value) -> Option<String> {
        let Self::Key(algorithm) = self else {
            return None;
        };
        let keys = published["keys"].as_array()?;
        let key = keys.iter().find(|key| key["alg"] == algorithm)?;
        Some(key["kid"].as_str()?.to_owned())
    }
}

/// The key set as it is published, and name and algorithm of each key in it that is one.
pub(super) fn key_set(published: &Value, set: &KeySet) -> (String, Vec<(String, String)>) {
    let mut keys = Vec::new();
    let mut usable = Vec::new();
    let all = published["keys"].as_array().unwrap();
    for (key, fate) in all.iter().zip(&set.fates) {
        let text = |name: &str| key[name].as_str().unwrap().to_owned();
        let mut changed = key.clone();
        let mut counts = Some(text("alg"));
        match fate {
            Fate::Published => {}
            Fate::Twice => keys.push(key.clone()),
            Fate::Contradicted => {
                let other = all.iter().find(|other| other["kid"] != key["kid"]).unwrap();
                let mut other = other.clone();
                other["kid"] = key["kid"].clone();
                keys.push(other);
                counts = None;
            }
            Fate::Doubtful => {
                let mut twin = key.clone();
                twin["use"] = json!("enc");
                keys.push(twin);
                counts = None;
            }
            Fate::Left => continue,
            Fate::ForEncryption => {
                changed["use"] = json!("enc");
                counts = None;
            }
            Fate::ToSign => {
                changed["key_ops"] = json!(["sign"]);
                counts = None;
            }
            Fate::WithSecret => {
                changed["d"] = json!("AQAB");
                counts = None;
            }
            Fate::WithoutAlg => {
                changed.as_object_mut().unwrap().remove("alg");
                counts = counts
                    .filter(|alg| ["RS256", "ES256", "ES384", "EdDSA"].contains(&alg.as_str()));
            }
            Fate::AlgOfAnother => {
                changed["alg"] = json!(if text("alg") == "ES256" {
                    "ES384"
                } else {
                    "ES256"
                });
                counts = None;
            }
        }
        keys.push(changed);
        usable.extend(counts.map(|alg| (text("kid"), alg)));
    }
    if set.reversed {
        keys.reverse();
    }
    // A set without any usable key would be no set at all, which is another test's matter.
    // Nobody here can sign with this one (RFC 7515 A.3).
    keys.push(json!({
        "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "spare",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }));
    (json!({ "keys": keys }).to_string(), usable)
}

pub(super) fn case(project: &str) -> impl Strategy<Value = Case> + use<> {
    let project = project.to_owned();
    let parts = (
        select(vec![
            Slot::Session,
            Slot::Session,
            Slot::Session,
            Slot::Refresh,
        ]),
        rules(),
        fates(),
        select(vec![
            NOW,
            NOW,
            NOW,
            NOW,
            NOW - 86_400,
            NOW + 60,
            NOW + 86_400,
            NOW + 86_400,
            NOW + 86_400,
        ]),
        // When the token's times are about: mostly when it is, else they are long past or to come.
        select(vec![true, true, false]),
        signer(),
        header(),
    );
    parts.prop_flat_map(move |(slot, rules, set, now, fresh, signer, header)| {
        let issued = if fresh { now } else { NOW };
        payload(&project, slot, &rules, issued).prop_map(move |payload| Case {
            slot,
            rules: rules.clone(),
            set: set.clone(),
            now,
            signer,
            header: header.clone(),
            payload,
        })
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    let lists = (
        select(vec![vec![], vec![], vec!["api"], vec!["api", "other"]]),
        select(vec![vec![], vec!["https://h/v1/apps/agentic/P/MS1"]]),
        select(vec![vec![], vec!["AppS"]]),
        select(vec![vec![], vec!["AppR"]]),
    );
    let leeways = (
        select(vec![5, 0, 60]),
        select(vec![60, 0, 600]),
        select(vec![Rights::Auto, Rights::Listed, Rights::CurrentOnly]),
    );
    (lists, any::<[bool; 4]>(), leeways).prop_map(|(lists, switches, leeways)| {
        let (audience, issuers, session_kinds, refresh_kinds) = lists;
        let [server, require_kind, refresh_without_kind, host_prefixed] = switches;
        Rules {
            resource_server: server && !audience.is_empty(),
            audience,
            issuers,
            session_kinds,
            refresh_kinds,
            require_kind,
            refresh_without_kind,
            host_prefixed,
            leeway: leeways.0,
            issued_at_leeway: leeways.1,
            rights: leeways.2,
        }
    })
}

fn fates() -> impl Strategy<Value = KeySet> {
    let fate = prop_oneof![
        12 => Just(Fate::Published),
        1 => select(vec![
            Fate::Twice, Fate::Contradicted, Fate::Doubtful, Fate::Left, Fate::ForEncryption,
            Fate::ToSign, Fate::WithSecret, Fate::WithoutAlg, Fate::AlgOfAnother,
        ]),
    ];
    let fates = proptest::collection::vec(fate, KEYS.len());
    (fates, any::<bool>()).prop_map(|(fates, reversed)| KeySet { fates, reversed })
}

fn signer() -> impl Strategy<Value = Signer> {
    prop_oneof![
        20 => select(vec![Signer::Key("ES256"), Signer::Key("EdDSA"), Signer::Key("ES384")]),
        // Slow to sign with in plain Rust.
        1 => Just(Signer::Key("RS256")),
        1 => select(vec![Signer::Stranger, Signer::PublicHalf, Signer::Nobody]),
    ]
}

fn header() -> impl Strategy<Value = Vec<(&'static str, Option<Value>)>> {
    let odd = select(vec![
        ("typ", None),
        ("typ", Some(json!("jwt"))),
        ("typ", Some(json!("application/JWT"))),
        ("typ", Some(json!("at+jwt"))),
        ("typ", Some(json!("at+jwt"))),
        ("typ", Some(json!("logout+jwt"))),
        ("typ", Some(json!(7))),
        ("alg", Some(json!("none"))),
        ("alg", Some(json!("es256"))),
        ("alg", Some(json!("ES384"))),
        ("alg", None),
        ("kid", Some(json!("spare"))),
        ("kid", Some(json!("Spare"))),
        ("kid", Some(json!(""))),
        ("kid", Some(json!(["spare"]))),
        ("kid", None),
        ("crit", Some(json!([]))),
        ("b64", Some(json!(true))),
        ("cty", Some(json!("JWT"))),
        ("zip", Some(Value::Null)),
        ("jwk", Some(json!({"kty": "oct", "k": "AA"}))),
        ("jku", Some(json!("https://evil.test/keys"))),
        ("x", Some(json!({"deep": [[[1]]]}))),
    ]);
    prop_oneof![
        4 => Just(Vec::new()),
        1 => proptest::collection::vec(odd, 1..3),
    ]
}
