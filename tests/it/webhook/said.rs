//! The lines of the log about deliveries.

use std::time::Duration;

use serde_json::json;
use tracing::Level;

use super::{Hooked, SECRET, SIGNATURE, deleted};
use crate::support::Log;

const REFUSED: &str = "a delivery of the audit webhook is refused";
const UNNAMED: &str = "an audit event does not name its users";
const UNREADABLE: &str = "is no JSON";

#[tokio::test]
async fn what_is_refused_or_not_understood_is_said_once_a_minute() {
    let Hooked { fake, hook, .. } = Hooked::start().await;
    let log = Log::default();
    let _kept = log.up_to(Level::INFO);
    for minute in 1..=2 {
        for _ in 0..3 {
            hook.send(http::Request::post("/"), "{}").await;
            hook.deliver("{").await;
            let unnamed = json!({"action": "Users\n\u{1b}[ Deleted"});
            hook.deliver(&unnamed.to_string()).await;
        }
        for (words, detail) in [
            (REFUSED, r#"reason="no_signature""#),
            (UNREADABLE, "passed over"),
            (UNNAMED, r#"action="usersdeleted""#),
        ] {
            let lines = log.lines(words);
            assert_eq!(lines.len(), minute, "{words}: {}", log.text());
            assert!(lines[0].contains("WARN"), "{}", lines[0]);
            assert!(lines[0].contains(detail), "{}", lines[0]);
        }
        fake.clock().advance(Duration::from_secs(60));
    }
}

#[tokio::test]
async fn no_line_has_a_secret_an_address_or_a_body_in_it() {
    let Hooked { hook, .. } = Hooked::start().await;
    let log = Log::default();
    let _kept = log.up_to(Level::TRACE);
    let event = json!({
        "action": "UserModified",
        "userId": "U1",
        "data": {"user": {"email": "ann@example.test", "userId": "ann@example.test"}},
    });
    hook.deliver(&event.to_string()).await;
    hook.deliver("ann@example.test").await;
    let answer = hook
        .send(
            http::Request::post("/").header(SIGNATURE, "c2lnbmF0dXJl"),
            &event.to_string(),
        )
        .await;
    assert_eq!(answer.status, 401);
    hook.deliver(&deleted("U1")).await;
    let ours: Vec<_> = log
        .lines("tower_descope")
        .into_iter()
        .filter(|line| !line.contains("tower_descope::test_util"))
        .collect();
    assert!(ours.len() > 3, "{ours:?}");
    for line in &ours {
        for text in [
            SECRET,
            "example.test",
            "c2lnbmF0dXJl",
            "UserModified",
            "data",
        ] {
            assert!(!line.contains(text), "{line}");
        }
    }
}
