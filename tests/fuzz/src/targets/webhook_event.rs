//! Audit events as a webhook gets them: unsigned they do nothing, whatever they say; signed they are
//! always taken, end the sessions of nobody whose id is not in them, and of everybody whom an event of
//! the documented form names. Text: the body.

use std::collections::BTreeSet;

use http::Request;
use serde::de::IgnoredAny;
use serde_json::Value;
use tower_descope::{
    RejectionKind, Revocation, RevocationWebhook, SessionToken, test_util::FakeDescope,
};
use tower_service::Service;

use super::bed;
use crate::{
    dice::Dice,
    harness::Target,
    json_text::{self, Member},
};

pub const TARGET: Target = Target {
    name: "webhook_event",
    make,
    check,
    slow: 8,
};

const SECRET: &str = "c0ffee-c0ffee-c0ffee-c0ffee";
const USERS: [&str; 3] = ["U1", "U2", "K1"];

/// The documented events about one user or access key.
const ENDINGS: [&str; 5] = [
    "UserDeleted",
    "UserModified",
    "LoginExceedMaxAttempts",
    "AccessKeyDeleted",
    "AccessKeyModified",
];

const IDS: &[&str] = &[
    "\"U1\"",
    "\"U2\"",
    "\"K1\"",
    "\"U\\u0031\"",
    "\"u1\"",
    "\"\"",
    "null",
    "[\"U1\",\"U2\"]",
    "{\"userId\":\"U2\"}",
    "{\"users\":[{\"id\":\"U1\"}]}",
    "[[[[[[\"K1\"]]]]]]",
];

const MEMBERS: &[Member] = &[
    Member {
        name: "action",
        values: &[
            "\"UserDeleted\"",
            "\"UserModified\"",
            "\"LoginExceedMaxAttempts\"",
            "\"AccessKeyDeleted\"",
            "\"UsersDeleted\"",
            "\"user_deleted\"",
            "\"User Disabled\"",
            "\"LoginSucceed\"",
            "7",
        ],
        eighths: 8,
    },
    Member {
        name: "userId",
        values: IDS,
        eighths: 6,
    },
    Member {
        name: "user_ids",
        values: IDS,
        eighths: 2,
    },
    Member {
        name: "actorId",
        values: IDS,
        eighths: 2,
    },
    Member {
        name: "data",
        values: IDS,
        eighths: 2,
    },
    Member {
        name: "projectId",
        values: &[
            "\"P2fuzzFuzzFuzzFuzzFuzzFuzzFu\"",
            "\"P2other\"",
            "\"\"",
            "1",
        ],
        eighths: 3,
    },
    Member {
        name: "events",
        values: &["[]", "[{\"action\":\"UserDeleted\",\"userId\":\"U1\"}]"],
        eighths: 1,
    },
];

fn make(dice: &mut Dice<'_>, _: &[Vec<u8>]) -> Vec<u8> {
    let mut events = Vec::new();
    for _ in 0..=dice.below(3) {
        events.push(json_text::object(dice, MEMBERS));
    }
    let body = match dice.below(8) {
        0 => events.swap_remove(0),
        1 => format!("{{\"events\":[{}]}}", events.join(",")),
        2 => json_text::odd_value(dice),
        _ => format!("[{}]", events.join(",")),
    };
    body.into_bytes()
}

fn check(body: &[u8]) {
    let Ok(body) = std::str::from_utf8(body) else {
        return;
    };
    let right = FakeDescope::webhook_signature(SECRET, body);
    let wrong = FakeDescope::webhook_signature("another-secret-of-theirs", body);
    for signature in [None, Some(wrong)] {
        let (status, ended) = delivered(body, signature);
        assert_eq!((status, ended.len()), (401, 0));
    }
    let (status, ended) = delivered(body, Some(right));
    assert_eq!(status, 204);
    if serde_json::from_str::<IgnoredAny>(body).is_err() {
        assert!(ended.is_empty(), "it is no JSON");
    }
    for &user in &ended {
        // An escape may be one of its letters.
        assert!(body.contains(user) || body.contains('\\'), "{user}");
    }
    // It is stricter where a number is too large for it, or a text is half a character.
    let json = serde_json::from_str(body).unwrap_or_default();
    for user in named(&json) {
        assert!(ended.contains(&user), "{user} goes on");
    }
}

/// Delivers a body to a service of its own: the status, and whose sessions have ended.
fn delivered(body: &str, signature: Option<String>) -> (u16, BTreeSet<&'static str>) {
    let descope = bed::builder().revocation(Revocation::available());
    let descope = descope.build().unwrap();
    let webhook = RevocationWebhook::builder(descope.clone(), SECRET).build();
    let mut request = Request::post("/hooks/descope");
    if let Some(signature) = signature {
        request = request.header("x-descope-webhook-s256", signature);
    }
    let request = request.body(body.to_owned()).unwrap();
    let Ok(answer) = bed::ready(webhook.unwrap().call(request));
    let is_over = |user: &&str| {
        let verdict = bed::ready(descope.verify(&session_of(user)));
        verdict.is_err_and(|refusal| refusal.kind() == RejectionKind::SessionRevoked)
    };
    let ended = USERS.into_iter().filter(is_over).collect();
    (answer.status().as_u16(), ended)
}

fn session_of(user: &str) -> SessionToken {
    thread_local! {
        static SESSIONS: [String; 3] = USERS.map(|user| {
            bed::session_token(&format!(r#""sub":"{user}""#))
        });
    }
    let place = USERS.iter().position(|known| *known == user).unwrap();
    SessionToken::new(SESSIONS.with(|sessions| sessions[place].clone()))
}

/// Whom the events of a list name that are written as the documentation and others' reports have it.
fn named(body: &Value) -> BTreeSet<&'static str> {
    let events = body.as_array().map(Vec::as_slice).unwrap_or_default();
    let of_event = |event: &Value| {
        let event = event.as_object()?;
        // A name under several spellings has no one value.
        let spellings = |name: &str| {
            let is_it = |(spelling, _): &(&String, &Value)| {
                let plain = spelling.chars().filter(char::is_ascii_alphanumeric);
                plain.collect::<String>().eq_ignore_ascii_case(name)
            };
            event
                .iter()
                .filter(is_it)
                .map(|(_, value)| value)
                .collect::<Vec<_>>()
        };
        let projects = spellings("projectid");
        let project = projects.first().and_then(|it| it.as_str());
        let project = project.unwrap_or_default();
        let is_plain = spellings("action").len() == 1 && projects.len() <= 1;
        let is_ours = project.is_empty() || project == bed::PROJECT;
        let is_ending = ENDINGS.contains(&event.get("action")?.as_str()?);
        let user = event.get("userId")?.as_str()?;
        let user = USERS.into_iter().find(|known| *known == user)?;
        (is_plain && is_ours && is_ending).then_some(user)
    };
    events.iter().filter_map(of_event).collect()
}
