//! Reading the events of a delivery. Pure.
//!
//! The documentation names events and says nothing of their form, so that each member is looked for in
//! the places where it was seen or may be expected, under any spelling of its name. All of it was signed.

use std::{borrow::Cow, collections::BTreeSet};

use super::action::{Meaning, folded};
use crate::{
    ids::UserId,
    json::{self, Scan},
};

/// How many users of one delivery are marked at most. A body has room for some thousand events.
pub(super) const MAX_USERS: usize = 10_000;

/// How deep ids are looked for below an event: `data`, a list in it, a user in that, its id.
const MAX_DEPTH: u32 = 4;

/// The events of a delivery, as far as they matter to sessions.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Events {
    /// Users and access keys whose sessions may have to end.
    pub(super) users: BTreeSet<UserId>,
    /// How many events named them.
    pub(super) named: usize,
    /// How many events are about users and name none, or more than are marked at once.
    pub(super) unnamed: usize,
    /// The name of one of those, in lower case.
    pub(super) unnamed_action: Option<String>,
    /// How many events say something else.
    pub(super) unknown: usize,
    pub(super) other_project: usize,
}

/// The members of one event.
#[derive(Default)]
struct Event<'a> {
    action: Option<String>,
    project: Option<Cow<'a, str>>,
    actor: Option<Cow<'a, str>>,
    ids: Vec<Cow<'a, str>>,
    /// A list of events, where this is what they are wrapped in.
    list: Option<&'a str>,
}

impl Events {
    /// Reads one event or a list of them; `None` if the body is no JSON.
    pub(super) fn read(body: &[u8], project_id: &str) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?.trim_ascii();
        // All of it once, so that nothing below meets anything but JSON, nor nesting without bounds.
        let whole = Scan::new(text).value(0).ok()?;
        if whole.len() != text.len() {
            return None;
        }
        let mut events = Self::default();
        match Event::read(text) {
            Some(Event {
                action: None,
                list: Some(list),
                ..
            }) => events.add_list(list, project_id),
            Some(event) => events.add(event, project_id),
            None => events.add_list(text, project_id),
        }
        Some(events)
    }

    fn add_list(&mut self, list: &str, project_id: &str) {
        if !list.starts_with('[') {
            self.unknown += 1;
            return;
        }
        each_element(list, |element| match Event::read(element) {
            Some(event) => self.add(event, project_id),
            None => self.unknown += 1,
        });
    }

    fn add(&mut self, event: Event<'_>, project_id: &str) {
        if event.is_of_another(project_id) {
            self.other_project += 1;
            return;
        }
        let action = event.action.unwrap_or_default();
        let meaning = Meaning::of(&action);
        if meaning == Meaning::Other {
            self.unknown += 1;
            return;
        }
        // An administrator who deletes several users may be the only one whose id is there.
        let several = meaning == Meaning::Change { several: true };
        let actor = event.actor.filter(|_| several);
        let (mut is_named, mut has_room) = (false, true);
        for user in event.ids.iter().filter_map(|id| UserId::from_claim(id)) {
            has_room = self.users.len() < MAX_USERS || self.users.contains(&user);
            if !has_room {
                break;
            }
            is_named |= actor.as_deref() != Some(user.as_str());
            self.users.insert(user);
        }
        if is_named && has_room {
            self.named += 1;
        } else if has_room && meaning == Meaning::LikelyChange {
            self.unknown += 1;
        } else {
            self.unnamed += 1;
            self.unnamed_action.get_or_insert(action);
        }
    }
}

impl<'a> Event<'a> {
    /// Reads an object's members; `None` for another value.
    fn read(value: &'a str) -> Option<Self> {
        if !value.starts_with('{') {
            return None;
        }
        let mut event = Self::default();
        each_member(value, |name, value| match name {
            "action" => event.action = json::string(value).map(|name| folded(&name)),
            "projectid" => event.project = json::string(value),
            "actorid" => event.actor = json::string(value),
            "userid" | "userids" | "user" | "users" | "accesskeyid" | "accesskeyids"
            | "accesskey" | "accesskeys" | "data" => collect_ids(value, 1, &mut event.ids),
            "events" | "audits" => event.list = Some(value),
            _ => {}
        });
        Some(event)
    }

    fn is_of_another(&self, project_id: &str) -> bool {
        let project = self.project.as_deref().unwrap_or_default();
        !project.is_empty() && project != project_id
    }
}

/// Adds the ids that a value is or has.
fn collect_ids<'a>(value: &'a str, depth: u32, ids: &mut Vec<Cow<'a, str>>) {
    match value.as_bytes().first() {
        Some(b'"') => ids.extend(json::string(value)),
        _ if depth > MAX_DEPTH => {}
        Some(b'[') => each_element(value, |element| collect_ids(element, depth + 1, ids)),
        Some(b'{') => each_member(value, |name, value| {
            // Not `loginIds`: those are addresses, and no id of a session.
            if let "id" | "ids" | "userid" | "userids" | "user" | "users" | "accesskeyid"
            | "accesskeyids" | "accesskey" | "accesskeys" | "keyid" | "keyids" = name
            {
                collect_ids(value, depth + 1, ids);
            }
        }),
        _ => {}
    }
}

/// Calls `visit` with each member of an object that was scanned before, the name folded.
fn each_member<'a>(object: &'a str, mut visit: impl FnMut(&str, &'a str)) {
    // A member that comes twice is no reason to leave a user signed in: both are looked at.
    let _ = Scan::new(object).object(|scan, name| {
        let value = scan.value(1)?;
        visit(&folded(&name.text().unwrap_or_default()), value);
        Ok(())
    });
}

/// Calls `visit` with each element of an array that was scanned before.
fn each_element<'a>(array: &'a str, mut visit: impl FnMut(&'a str)) {
    let _ = json::elements(array, |element| {
        visit(element);
        Ok(())
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const PROJECT: &str = "P2test";

    fn read(body: &Value) -> Events {
        Events::read(body.to_string().as_bytes(), PROJECT).unwrap()
    }

    /// The users that a body has marked, with spaces between them.
    fn users(body: &Value) -> String {
        let events = read(body);
        let users: Vec<_> = events.users.iter().map(UserId::as_str).collect();
        users.join(" ")
    }

    #[test]
    fn an_event_is_read_as_it_was_seen() {
        let event = json!({
            "action": "UserDeleted",
            "actorId": "U2admin",
            "userId": "U2ann",
            "occurred": 1_780_949_905_843_u64,
            "occurred_formatted": "2026-06-08T20:18:25.843Z",
            "projectId": PROJECT,
            "tenants": ["T1"],
            "data": {"nested": {"value": 1}},
        });
        let expected = Events {
            users: [UserId::new("U2ann").unwrap()].into(),
            named: 1,
            ..Events::default()
        };
        assert_eq!(read(&event), expected);
        assert_eq!(read(&json!([event])), expected);
    }

    #[test]
    fn ids_are_found_wherever_they_stand() {
        let of = |mut members: Value| {
            members["action"] = "UsersDeleted".into();
            users(&members)
        };
        for (members, expected) in [
            (json!({"userId": "U1"}), "U1"),
            (json!({"user_id": "U1"}), "U1"),
            (json!({"UserID": "U1", "userIds": ["U2", "U3"]}), "U1 U2 U3"),
            (json!({"data": {"userId": "U1"}}), "U1"),
            (json!({"data": {"user_ids": ["U1", "U2"]}}), "U1 U2"),
            (
                json!({"data": {"users": [{"userId": "U1"}, {"id": "U2"}]}}),
                "U1 U2",
            ),
            (json!({"data": [{"userId": "U1"}]}), "U1"),
            (
                json!({"data": {"user": {"userId": "U1", "loginIds": ["a@b.test"]}}}),
                "U1",
            ),
            (json!({"data": {"access_key_id": "K1"}}), "K1"),
            (json!({"user": {"email": "a@b.test", "name": "Ann"}}), ""),
            (json!({"userId": null, "userIds": 7, "data": true}), ""),
            (json!({"userId": ["", "  ", "a\nb", "U1"]}), "U1"),
            (json!({"actorId": "U1", "tenants": ["U2"], "id": "E1"}), ""),
            (json!({"data": {"users": [[[[["U1"]]]]]}}), ""),
        ] {
            assert_eq!(of(members.clone()), expected, "{members}");
        }
    }

    #[test]
    fn events_are_counted_by_what_came_of_them() {
        let events = read(&json!([
            {"action": "User Modified", "userId": "U1"},
            {"action": "UserDeleted", "userId": "U1", "projectId": ""},
            {"action": "UserDisabled", "userId": "U2"},
            {"action": "UserDeleted", "userId": "U3", "projectId": "P2other"},
            {"action": "LoginSucceed", "userId": "U4"},
            {"action": "UserAttributeDeleted"},
            {"action": "UsersDeleted", "data": {"count": 3}},
            {"action": 7, "userId": "U5"},
            {"userId": "U6"},
            ["UserDeleted", "U7"],
            null,
        ]));
        let users: Vec<_> = events.users.iter().map(UserId::as_str).collect();
        assert_eq!(users, ["U1", "U2"]);
        assert_eq!(events.named, 3);
        assert_eq!(events.other_project, 1);
        assert_eq!(events.unnamed, 1);
        assert_eq!(events.unnamed_action.as_deref(), Some("usersdeleted"));
        assert_eq!(events.unknown, 6);
    }

    #[test]
    fn of_several_users_at_once_the_one_who_did_it_is_not_the_one() {
        let event =
            |action, user| read(&json!({"action": action, "actorId": "U1", "userId": user}));
        assert_eq!(event("UsersDeleted", "U1").unnamed, 1);
        assert_eq!(event("UsersDeleted", "U2").named, 1);
        assert_eq!(event("UserModified", "U1").named, 1);
    }

    #[test]
    fn a_list_may_be_wrapped_or_empty() {
        let deleted = json!([{"action": "UserDeleted", "userId": "U1"}]);
        for name in ["events", "audits", "Events"] {
            assert_eq!(users(&json!({name: deleted})), "U1", "{name}");
        }
        assert_eq!(read(&json!([])), Events::default());
        assert_eq!(read(&json!({"events": []})), Events::default());
        for other in [json!({}), json!("x"), json!(null), json!({"events": 1})] {
            assert_eq!(read(&other).unknown, 1, "{other}");
        }
    }

    #[test]
    fn more_users_than_are_marked_at_once_are_not_passed_over() {
        let ids: Vec<_> = (0..MAX_USERS).map(|n| format!("U{n}")).collect();
        let mut list = vec![json!({"action": "UsersDeleted", "userIds": ids})];
        assert_eq!(read(&json!(list)).unnamed, 0);
        list.push(json!({"action": "UserDeleted", "userId": "U0"}));
        list.push(json!({"action": "UserDisabled", "userId": "another"}));
        let events = read(&json!(list));
        assert_eq!((events.users.len(), events.named), (MAX_USERS, 2));
        assert_eq!(events.unnamed_action.as_deref(), Some("userdisabled"));
    }

    #[test]
    fn what_is_no_json_is_nothing() {
        for body in [
            &b""[..],
            b" ",
            b"{",
            b"{} {}",
            b"[1,]",
            b"action=UserDeleted",
            b"\xef\xbb\xbf{}",
            b"\xff",
            &b"[".repeat(100_000),
            &[b"[".repeat(200), b"]".repeat(200)].concat(),
        ] {
            assert_eq!(Events::read(body, PROJECT), None, "{body:?}");
        }
        let spaced = b"\r\n {\"action\":\"UserDeleted\",\"userId\":\"U1\"} \n";
        assert_eq!(Events::read(spaced, PROJECT).unwrap().named, 1);
    }

    #[test]
    fn a_member_that_comes_twice_leaves_nobody_out() {
        let body = br#"{"action":"x","action":"UserDeleted","userId":"U1","userId":"U2"}"#;
        assert_eq!(Events::read(body, PROJECT).unwrap().users.len(), 2);
    }

    /// JSON of any shape, with the names that mean something.
    fn any_json() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            "[a-zA-Z0-9@. ]{0,12}",
            Just("UserDeleted".to_owned()),
            Just("Users Modified".to_owned()),
            Just(PROJECT.to_owned()),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            text.prop_map(Value::from),
        ];
        let name = prop_oneof![
            ".{0,8}",
            Just("action".to_owned()),
            Just("userId".to_owned()),
            Just("users".to_owned()),
            Just("data".to_owned()),
            Just("projectId".to_owned()),
            Just("events".to_owned()),
        ];
        leaf.prop_recursive(6, 64, 6, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec((name.clone(), inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_json_is_read_and_each_element_counts_once(body in any_json()) {
            let events = read(&body);
            let counted = events.named + events.unnamed + events.unknown + events.other_project;
            if let Value::Array(list) = &body {
                prop_assert_eq!(counted, list.len());
            }
            prop_assert!(events.users.is_empty() || counted > 0);
            prop_assert_eq!(events.unnamed > 0, events.unnamed_action.is_some());
        }

        #[test]
        fn any_bytes_are_read_or_are_nothing(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let is_json = serde_json::from_slice::<Value>(&body).is_ok();
            prop_assert!(is_json || Events::read(&body, PROJECT).is_none());
        }
    }
}
