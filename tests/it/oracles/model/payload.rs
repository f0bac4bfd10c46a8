//! Payloads, claim by claim.

use proptest::{
    prelude::*,
    sample::{Index, select},
};
use serde_json::json;

use super::{cases::Rules, policy::Slot};

/// A payload, as text: a JSON object cannot say everything that a token can.
#[expect(clippy::too_many_lines, reason = "a table of claims and their values")]
pub(super) fn payload(
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
        claim("danu", "true", 1, 8, texts(&["false", "null", "0", "\"\""])),
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
