//! Good answers with a catch.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use tower_descope::test_util::{Canned, TestClock};

use super::{
    doors::{Caller, Door, fake, service},
    hostile::{Act, Hostile},
};

/// The deadline of calls that nothing holds up.
const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn of_members_that_stand_twice_the_last_counts_and_is_checked() {
    let fake = fake().start().await;
    let clock = TestClock::at(fake.clock().now());
    let session = |user: &str| fake.session(user).tenant("T2", |t| t).active("T2").token();
    let twice = |name: &str, first: &str, last: &str| {
        format!(
            r#"{{"{name}":{},"more":1,"{name}":{}}}"#,
            json!(first),
            json!(last)
        )
    };
    let (ann, bob, none) = (session("U1"), session("U2"), String::new());
    let machine = fake.session("K2m").without("rexp").token();
    for (door, name, right, wrong) in [
        (Door::Select, "sessionJwt", &*ann, &*bob),
        (Door::Select, "sessionJwt", &ann, "garbage"),
        (Door::Refresh, "sessionJwt", &ann, &bob),
        (Door::Renew, "sessionJwt", &ann, &bob),
        (Door::Renew, "sessionJwt", &ann, &none),
        (Door::Exchange, "sessionJwt", &machine, "garbage"),
        (Door::Me, "userId", "U1", "U2"),
    ] {
        let descope = fake.descope_builder().clock(clock.clone());
        let descope = descope
            .access_keys(tower_descope::AccessKeys::new().key_prefix("K2"))
            .build()
            .unwrap();
        for (first, last, good) in [(wrong, right, true), (right, wrong, false)] {
            let caller = Caller::new(&fake, door);
            let body = twice(name, first, last);
            fake.respond_next(door.path(), Canned::new(200).body(body));
            let seen = caller.call(&descope).await;
            let what = format!("{door:?}, {name}, good last: {good}: {seen:?}");
            if good {
                assert_eq!(seen.status, 200, "{what}");
                // The machine's session is at hand now; it would hide what comes next.
                if door == Door::Exchange {
                    break;
                }
            } else {
                assert!(matches!(seen.status, 502 | 503), "{what}");
                assert!(seen.cookies.is_empty(), "{what}");
            }
        }
    }
}

/// A good answer that leaves the connection open.
fn kept_open(body: &str) -> Act {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    Act::Send((head + body).into())
}

#[tokio::test]
async fn a_kept_connection_that_is_reset_under_a_request_is_an_outage_and_no_second_request() {
    let fake = fake().start().await;
    for door in [Door::Refresh, Door::Me, Door::MyTenants, Door::History] {
        let hostile = Hostile::before(fake.address());
        let clock = TestClock::at(fake.clock().now());
        let descope = service(&fake, &hostile, &clock, LONG);
        let caller = Caller::new(&fake, door);
        let good = || kept_open(&caller.good);
        hostile.play(vec![Act::Read, good(), Act::Read, Act::Reset]);
        for status in [StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE] {
            let seen = caller.call(&descope).await;
            assert_eq!(seen.status, status.as_u16(), "{door:?}: {seen:?}");
        }
        assert_eq!(hostile.requests(door.path()), 2, "{door:?}: each once");
        assert_eq!(hostile.connections(), 1, "{door:?}");
        clock.advance(Duration::from_secs(2));
        let seen = caller.call(&descope).await;
        assert_eq!(seen.status, 200, "{door:?}: by a connection of its own");
        assert_eq!(hostile.connections(), 2, "{door:?}");
    }
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_meanwhile_is_not_noticed() {
    let fake = fake().start().await;
    for door in [Door::Refresh, Door::Me, Door::MyTenants, Door::History] {
        let hostile = Hostile::before(fake.address());
        let clock = TestClock::at(fake.clock().now());
        let descope = service(&fake, &hostile, &clock, LONG);
        let caller = Caller::new(&fake, door);
        // Closed as soon as the answer is out, though nothing said that it would be.
        hostile.play(vec![Act::Read, kept_open(&caller.good)]);
        for n in 1..=5 {
            let seen = caller.call(&descope).await;
            assert_eq!(seen.status, 200, "{door:?}: {seen:?}");
            assert_eq!(hostile.requests(door.path()), n, "{door:?}: each once");
            // The end has arrived before the next request goes out.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn a_flood_of_interim_answers_ends_with_the_deadline() {
    let fake = fake().start().await;
    for interim in ["100 Continue", "103 Early Hints"] {
        let hostile = Hostile::before(fake.address());
        let clock = TestClock::at(fake.clock().now());
        let descope = service(&fake, &hostile, &clock, LONG / 60);
        let caller = Caller::new(&fake, Door::Select);
        let many = format!("HTTP/1.1 {interim}\r\n\r\n").repeat(500);
        hostile.play(vec![Act::Read, Act::Flood(many.into())]);
        // Not by anybody's length: each of them is whole, and gone when the next one comes.
        let seen = tokio::time::timeout(LONG, caller.call(&descope)).await;
        let seen = seen.unwrap();
        assert_eq!((seen.status, &*seen.code), (504, "upstream_timeout"));
        hostile.behave();
        let patient = service(&fake, &hostile, &clock, LONG);
        assert!(caller.is_content_with(&caller.call(&patient).await));
    }
}
