//! Tokens, clocks, rules and key sets: most of them nearly right, each wrong in its own way.

use proptest::{
    prelude::*,
    sample::{Index, select},
};
use serde_json::{Value, json};

use super::policy::{Rights, Slot};

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
    Left,
    ForEncryption,
    ToSign,
    WithSecret,
    /// RFC 7517 section 4.4 lets `alg` out; only RSA keys have a default.
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
                counts = counts.filter(|alg| alg == "RS256");
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
        ]),
        // When the token's times are about: mostly when it is, else they are long past or to come.
        select(vec![true, true, true, false]),
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
            Fate::Twice, Fate::Contradicted, Fate::Left, Fate::ForEncryption, Fate::ToSign,
            Fate::WithSecret, Fate::WithoutAlg, Fate::AlgOfAnother,
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

/// A payload, as text: a JSON object cannot say everything that a token can.
#[expect(clippy::too_many_lines, reason = "a table of claims and their values")]
fn payload(
    project: &str,
    slot: Slot,
    rules: &Rules,
    now: u64,
) -> impl Strategy<Value = String> + use<> {
    let kind = match slot {
        Slot::Session => "\"DS\"",
        Slot::Refresh => "\"DSR\"",
    };
    let (before, after) = (now - rules.leeway, now + rules.leeway);
    let ahead = now + rules.issued_at_leeway;
    let p = project;
    let texts = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect::<Vec<_>>();
    let issuers = [
        format!("https://api.descope.com/{p}"),
        format!("https://h/v1/apps/{p}/"),
        format!("http://h:80/{p}"),
        format!("https://h/v1/apps/{p}/T1"),
        format!("https://{p}"),
        format!("https://{p}/"),
        format!("https:///{p}"),
        format!("https://h/{p}//"),
        format!("https://h//{p}"),
        format!("https://h/{p}?x"),
        format!("https://h/%50{p}"),
        format!("https://u@h/{p}"),
        format!("HTTPS://h/{p}"),
        format!("{p} "),
        p.to_lowercase(),
        "https://h/v1/apps/agentic/P/MS1".to_owned(),
        String::new(),
    ];
    let issuers = issuers.iter().map(|issuer| json!(issuer).to_string());
    let time = |times: &[u64]| {
        let mut texts: Vec<String> = times.iter().map(u64::to_string).collect();
        texts.extend(times.iter().map(|time| format!("{time}.5")));
        for odd in ["null", "\"1\"", "[]", "true", "1e400", "-1", "0"] {
            texts.push(odd.to_owned());
        }
        texts
    };
    let claims = vec![
        claim(
            "iss",
            &json!(p).to_string(),
            4,
            0,
            issuers.chain(texts(&["7", "null"])).collect(),
        ),
        claim(
            "sub",
            "\"U1\"",
            8,
            0,
            texts(&["\"\"", "null", "1", "\"a\\u0000\""]),
        ),
        claim("dsub", "\"U2\"", 1, 6, texts(&["\"\"", "null", "{}"])),
        claim("exp", &(now + 600).to_string(), 4, 0, {
            let mut times = time(&[before - 1, before, before + 1, now - 3_600, now]);
            times.extend(texts(&["1e308", "9007199254740993", "1.7672262e9"]));
            times
        }),
        claim(
            "nbf",
            &now.to_string(),
            2,
            8,
            time(&[after - 1, after, after + 1]),
        ),
        claim(
            "iat",
            &now.to_string(),
            8,
            2,
            time(&[ahead - 1, ahead, ahead + 1]),
        ),
        claim(
            "drn",
            kind,
            8,
            2,
            texts(&[
                "\"DS\"",
                "\"DSR\"",
                "\"__Host-DS\"",
                "\"__Host-DSR\"",
                "\"AppS\"",
                "\"AppR\"",
                "\"ds\"",
                "null",
                "[\"DS\"]",
            ]),
        ),
        claim(
            "token_type",
            "\"access_token\"",
            1,
            8,
            texts(&["\"id_token\"", "1", "null"]),
        ),
        claim(
            "aud",
            "\"api\"",
            8,
            4,
            texts(&[
                "[\"x\",\"api\"]",
                "\"apis\"",
                "[]",
                "[\"api\",1]",
                "{\"api\":1}",
                "null",
            ]),
        ),
        claim("cnf", "{\"jkt\":\"x\"}", 1, 20, texts(&["null", "{}"])),
        claim(
            "dct",
            "\"T1\"",
            8,
            2,
            texts(&[
                "\"T2\"",
                "\"t1\"",
                "\"\"",
                "\" \"",
                "\"a\\nb\"",
                "[\"T1\"]",
                "null",
            ]),
        ),
        claim(
            "tenants",
            "{\"T1\":{\"roles\":[\"a\"],\"permissions\":[\"p\",7]}}",
            8,
            3,
            texts(&[
                "{}",
                "null",
                "[]",
                "\"T1\"",
                "{\"T2\":{}}",
                "{\"T1\":null}",
                "{\"T\\u0031\":{\"roles\":[\"b\\u0026\"]}}",
                "{\"T1\":{},\"T1\":{}}",
                "{\"T1\":{\"roles\":[],\"rol\\u0065s\":[\"x\"]}}",
                "{\"T1\":{\"roles\":\"x\"}}",
            ]),
        ),
        claim(
            "roles",
            "[\"r\"]",
            3,
            3,
            texts(&["[]", "null", "\"r\"", "[1,\"r\",[\"s\"]]"]),
        ),
        claim("permissions", "[\"q\"]", 3, 3, texts(&["{}"])),
        claim("su", "true", 1, 3, texts(&["false", "1"])),
        claim(
            "x",
            "{\"y\":[1,2,{\"z\":null}]}",
            1,
            3,
            texts(&["1e5", "\"\\ud83d\\ude00\""]),
        ),
    ];
    (claims, any::<Index>(), spoil()).prop_map(|(claims, turn, spoil)| {
        let mut members: Vec<String> = claims.into_iter().flatten().collect();
        let turn = turn.index(members.len().max(1));
        members.rotate_left(turn);
        match spoil {
            Spoil::Not => format!("{{{}}}", members.join(",")),
            Spoil::Space => format!(" {{ {} }}\n", members.join(" , ")),
            Spoil::Repeat => {
                let first = members[0].clone();
                format!("{{{},{first}}}", members.join(","))
            }
            Spoil::With(text) => format!("{{{},{text}}}", members.join(",")),
            Spoil::Whole(text) => text.to_owned(),
        }
    })
}

/// What else may be wrong with a payload.
#[derive(Clone, Copy, Debug)]
enum Spoil {
    Not,
    Space,
    Repeat,
    With(&'static str),
    Whole(&'static str),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    prop_oneof![
        12 => Just(Spoil::Not),
        2 => Just(Spoil::Space),
        1 => select(vec![
            Spoil::Repeat,
            Spoil::With("\"\\u0065xp\":99999999999"),
            Spoil::With("\"unread\":[1,]"),
            Spoil::With("\"unread\":\"\\ud800\""),
            Spoil::With("\"unread\":nul"),
            Spoil::Whole("[]"),
            Spoil::Whole(""),
            Spoil::Whole("{}"),
            Spoil::Whole("null"),
        ]),
    ]
}

/// A member with its usual value in `usual` cases, left out in `absent`, with one of `odd` in one.
fn claim(
    name: &'static str,
    value: &str,
    usual: u32,
    absent: u32,
    odd: Vec<String>,
) -> BoxedStrategy<Option<String>> {
    let member = move |value: String| Some(format!("\"{name}\":{value}"));
    let usual = (usual * 4, Just(member(value.to_owned())).boxed());
    let odd = (1, select(odd).prop_map(member).boxed());
    if absent == 0 {
        // Left out now and then all the same.
        return proptest::strategy::Union::new_weighted(vec![usual, odd, (1, Just(None).boxed())])
            .boxed();
    }
    let absent = (absent * 4, Just(None).boxed());
    proptest::strategy::Union::new_weighted(vec![usual, absent, odd]).boxed()
}
