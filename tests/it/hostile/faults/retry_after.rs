//! Descope asks to slow down, or fails, and says when to come again, in every way there is.

use std::time::{Duration, SystemTime};

use tower_descope::test_util::TestClock;

use super::{
    all,
    doors::{Caller, Door, fake, service},
    hostile::{Act, Hostile},
    rows::{Comes, answer},
};
use crate::support::{advance, app, token, verdict, with_bearer};

/// The deadline of calls that nothing holds up.
const LONG: Duration = Duration::from_secs(30);

/// What one form of the field counts as.
#[derive(Clone, Copy, Debug)]
enum Means {
    Nothing,
    Seconds(u64),
    /// A date so many seconds ahead, by the machine's own clock.
    About(u64),
}

fn forms() -> Vec<(&'static str, Vec<String>, Means)> {
    use Means::{About, Nothing, Seconds};
    let at = |seconds: u64| {
        let date = SystemTime::now() + Duration::from_secs(seconds);
        httpdate::fmt_http_date(date)
    };
    let one = |value: &str| vec![value.to_owned()];
    vec![
        ("none", vec![], Nothing),
        ("zero", one("0"), Seconds(0)),
        ("seconds", one("17"), Seconds(17)),
        ("leading zeros", one("0017"), Seconds(17)),
        ("white space around", one("  17\t"), Seconds(17)),
        ("a day", one("86400"), Seconds(86_400)),
        ("more than a day", one("86401"), Nothing),
        ("beyond 64 bits", one("99999999999999999999999"), Nothing),
        ("thousands of digits", one(&"1".repeat(5_000)), Nothing),
        ("negative", one("-1"), Nothing),
        ("a plus", one("+17"), Nothing),
        ("a fraction", one("17.5"), Nothing),
        ("an exponent", one("1e1"), Nothing),
        ("hexadecimal", one("0x11"), Nothing),
        ("a unit", one("17s"), Nothing),
        ("empty", one(""), Nothing),
        ("a word", one("soon"), Nothing),
        ("other digits", one("\u{661}\u{667}"), Nothing),
        ("quoted", one("\"17\""), Nothing),
        ("a list", one("17, 18"), Nothing),
        ("two fields", vec!["17".into(), "18".into()], Nothing),
        ("two fields alike", vec!["17".into(), "17".into()], Nothing),
        (
            "seconds and a word",
            vec!["17".into(), "soon".into()],
            Nothing,
        ),
        (
            "a date gone by",
            one("Thu, 01 Jan 1970 00:00:00 GMT"),
            Seconds(0),
        ),
        ("a date ahead", one(&at(600)), About(600)),
        ("a date too far ahead", one(&at(86_400 + 600)), Nothing),
        (
            "a date that is none",
            one("Thu, 99 Jan 2026 00:00:00 GMT"),
            Nothing,
        ),
        ("ISO 8601", one("2099-01-01T00:00:00Z"), Nothing),
    ]
}

/// What a caller is told, given what Descope's field means; `default` where it means nothing.
fn fits(means: Means, told: Option<&str>, least: u64, default: Option<u64>) -> bool {
    let told: Option<u64> = told.map(|told| told.parse().unwrap());
    match means {
        Means::Nothing => told == default,
        Means::Seconds(seconds) => told == Some(seconds.max(least)),
        // The machine may be slow.
        Means::About(seconds) => told.is_some_and(|told| (seconds - 300..=seconds).contains(&told)),
    }
}

/// What each call says by itself, and the least that it says.
fn own_words(door: Door, told: u16) -> (u64, Option<u64>) {
    match door {
        // Descope's own wish is passed on as it is; an outage has none unless it says so.
        Door::Select if told == 429 => (0, None),
        Door::Select => (1, None),
        Door::Renew => (1, Some(5)),
        // A 429 without Descope's code is a failure, too.
        Door::Exchange => (1, Some(1)),
        _ => (1, Some(10)),
    }
}

#[tokio::test]
async fn every_form_of_retry_after_is_passed_on_checked_or_dropped() {
    let fake = fake().start().await;
    let doors = [
        Door::Select,
        Door::Refresh,
        Door::Me,
        Door::Logout,
        Door::Renew,
        Door::Exchange,
    ];
    let statuses = [
        (429, Comes::Limited),
        (500, Comes::Broken),
        (503, Comes::Away),
    ];
    let cases = doors.into_iter().flat_map(|door| {
        statuses.map(|(status, comes)| {
            let fake = fake.clone();
            async move {
                let hostile = Hostile::before(fake.address());
                let clock = TestClock::at(fake.clock().now());
                for (what, fields, means) in forms() {
                    let what = format!("{door:?}, {status}, {what}");
                    // After the one before Descope may be left alone, by machines for a day.
                    let descope = service(&fake, &hostile, &clock, LONG);
                    hostile.play(refusal(status, &fields));
                    let seen = Caller::new(&fake, door).call(&descope).await;
                    assert_eq!((seen.status, &*seen.code), door.told(comes), "{what}");
                    let told = seen.retry_after.as_deref();
                    let (least, default) = own_words(door, seen.status);
                    let fits = match door {
                        Door::Logout => told.is_none(),
                        _ => fits(means, told, least, default),
                    };
                    assert!(fits, "{what}: {told:?}");
                }
            }
        })
    });
    all(cases, drop).await;
}

fn refusal(status: u16, fields: &[String]) -> Vec<Act> {
    let mut lines = String::new();
    for value in fields {
        lines.extend(["retry-after: ", value, "\r\n"]);
    }
    answer(&format!("{status} No"), &lines, b"{}")
}

#[tokio::test]
async fn the_key_endpoint_cannot_hold_off_its_next_try_nor_bring_it_on() {
    let fake = fake().start().await;
    let cases = forms().into_iter().map(|(what, fields, _)| {
        let fake = fake.clone();
        async move {
            for status in [429, 503] {
                let hostile = Hostile::before(fake.address());
                let clock = TestClock::at(fake.clock().now());
                let builder = fake.descope_builder().base_url(hostile.url());
                let descope = builder.clock(clock.clone()).build().unwrap();
                let (app, token) = (app(&descope), token(&fake));
                hostile.play(refusal(status, &fields));
                for _ in 0..5 {
                    let answer = with_bearer(&app, &token).await;
                    assert_eq!(answer.status(), 503, "{what}");
                    let wait = answer.headers()["retry-after"].to_str().unwrap();
                    let wait: u64 = wait.parse().unwrap();
                    assert!((1..=10).contains(&wait), "{what}: {wait}");
                }
                assert!(hostile.connections() <= 2, "{what}: a burst of two");
                hostile.behave();
                let mut last = String::new();
                for _ in 0..5 {
                    advance(&clock, 67).await;
                    last = verdict(&app, &token).await;
                    if last == "U1@T1" {
                        break;
                    }
                }
                assert_eq!(last, "U1@T1", "{what}");
            }
        }
    });
    all(cases, drop).await;
}

#[tokio::test]
async fn a_machine_that_was_told_to_wait_goes_on_when_the_wait_is_over() {
    let fake = fake().start().await;
    // However long the wait is, one a minute of those that wait is tried.
    for (after, before) in [("17", 16), ("86400", 59), ("86401", 9), ("-1", 9)] {
        let hostile = Hostile::before(fake.address());
        let clock = TestClock::at(fake.clock().now());
        let caller = Caller::new(&fake, Door::Exchange);
        let descope = service(&fake, &hostile, &clock, LONG);
        let field = format!("retry-after: {after}\r\n");
        hostile.play(answer("429 No", &field, br#"{"errorCode":"E130429"}"#));
        assert_eq!(caller.call(&descope).await.status, 503);
        hostile.behave();
        let path = Door::Exchange.path();
        clock.advance(Duration::from_secs(before));
        let seen = caller.call(&descope).await;
        assert_eq!((seen.status, hostile.requests(path)), (503, 1), "{after}");
        assert_eq!(seen.retry_after.as_deref(), Some("1"), "{after}");
        clock.advance(Duration::from_secs(1));
        // The fake's own clock stands: a session of a day ago would be none.
        clock.set_wall(fake.clock().now());
        let seen = caller.call(&descope).await;
        assert!(caller.is_content_with(&seen), "{after}: {seen:?}");
    }
}
