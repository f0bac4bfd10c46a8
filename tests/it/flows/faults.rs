//! Every fault of Descope's at the two calls of a flow, and many calls at once.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;
use tower_descope::{
    Descope,
    cookie::SessionCookies,
    test_util::{FakeDescope, TestClock},
};

use super::{Page, builder, fake, of, of_many, peer, sent};
use crate::hostile::faults::{
    all,
    hostile::Hostile,
    rows::{Comes, Row, rows},
};

/// Nothing takes longer than this, but where the clock of the service has to be moved.
const LONG: Duration = Duration::from_secs(30);

/// The policy's word for how much of an answer is read, and what the kernel takes.
const MOST_READ: usize = 4 * 1024 * 1024;

/// An answer that the page could go on with.
const GOOD: &str = r#"{"executionId":"sign-in|#|x","stepId":"1","status":"waiting"}"#;

const BOTH: [&str; 2] = ["start", "next"];

fn service(fake: &FakeDescope, url: String, clock: &TestClock) -> Descope {
    fake.descope_builder()
        .base_url(url)
        .public_key(fake.jwks()["keys"][0].to_string())
        .cookies(SessionCookies::host_prefixed())
        .clock(clock.clone())
        .build()
        .unwrap()
}

/// What the page is told.
fn told(row: &Row) -> (u16, &'static str) {
    match row.comes {
        Comes::Late => (504, "upstream_timeout"),
        Comes::Limited => (429, "rate_limited"),
        // A refusal without a code of Descope's is some proxy's word.
        Comes::Broken | Comes::Away | Comes::Refused(_) => (502, "upstream_unavailable"),
        Comes::Odd => (502, "upstream_invalid"),
    }
}

/// A call meets a fault; the execution of the page is none the worse for it.
async fn case(fake: FakeDescope, call: &'static str, index: usize) {
    let mut hostile = Hostile::before(fake.address());
    let trap = Hostile::trap();
    let row = rows(GOOD.as_bytes(), &hostile.url(), &trap.url()).swap_remove(index);
    let what = format!("{call}, {}", row.what);
    let clock = TestClock::at(fake.clock().now());
    // What went before went by another replica: no connection is left of it.
    let before = service(&fake, fake.url(), &clock);
    let mut page = Page::new(&fake, builder(&before).build().unwrap());
    let body = if call == "start" {
        json!({"flowId": "sign-in", "options": {}, "input": {}})
    } else {
        assert_eq!(page.start("sign-in").await.status, 200, "{what}");
        page.body("submit", &json!({"email": "ann@example.test"}))
    };
    let jar = page.jar.clone();
    let descope = service(&fake, hostile.url(), &clock);
    page.service = builder(&descope).timeout(LONG * 2).build().unwrap();
    match row.script.clone() {
        Some(script) => hostile.play(script),
        None => hostile.refuse(true).await,
    }
    let path = format!("/v1/flow/{call}");
    let mut asking = Box::pin(page.ask(call, &body));
    if row.comes == Comes::Late {
        // It is over by the clock of the service, once the request has gone up.
        let went_up = async {
            while hostile.requests(&path) == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            answer = &mut asking => panic!("{what}: {answer:?}"),
            () = went_up => clock.advance(LONG * 3),
        }
    }
    let answer = timeout(LONG, asking).await;
    let answer = answer.unwrap_or_else(|_| panic!("{what}: not within {LONG:?}"));
    assert_eq!(answer.code(), told(&row), "{what}: {answer:?}");
    assert_eq!(answer.cookies(), 0, "{what}: {answer:?}");
    let is_limited = row.comes == Comes::Limited;
    assert!(
        is_limited || !answer.headers.contains_key("retry-after"),
        "{what}"
    );
    assert!(hostile.requests(&path) <= 1, "{what}: sent again");
    assert!(hostile.connections() <= 1, "{what}: tried again");
    assert!(
        hostile.written() < MOST_READ,
        "{what}: {} bytes",
        hostile.written()
    );
    assert_eq!(trap.connections(), 0, "{what}: followed a redirect");
    assert_eq!(page.jar, jar, "{what}");

    hostile.behave();
    hostile.refuse(false).await;
    clock.advance(Duration::from_secs(61));
    // Another body than before: a repetition would get what the first one got.
    let answer = if call == "start" {
        timeout(LONG, page.start("sign-in")).await
    } else {
        timeout(
            LONG,
            page.next(json!({"email": "ann@example.test", "again": true})),
        )
        .await
    };
    let answer = answer.unwrap();
    assert_eq!(answer.status, 200, "{what}: the next one: {answer:?}");
}

#[tokio::test]
async fn no_fault_of_descope_takes_a_flow_down_or_makes_a_call_go_up_twice() {
    let fake = fake().start().await;
    let count = rows(GOOD.as_bytes(), "http://127.0.0.1:1", "http://127.0.0.1:1").len();
    let numbers = (0..count).flat_map(|index| BOTH.map(|call| (index, call)));
    let cases = numbers.map(|(index, call)| case(fake.clone(), call, index));
    all(cases, |passed: Vec<()>| assert!(passed.len() <= 2 * count)).await;
}

#[tokio::test]
async fn sixty_four_calls_may_be_on_their_way_and_each_ends_with_its_time() {
    let fake = fake().start().await;
    let descope = of_many(&fake);
    let service = builder(&descope).client_address(peer).build().unwrap();
    let at = |number: usize| {
        let mut page = Page::new(&fake, service.clone());
        page.fields.push(("x-peer", format!("192.0.2.{number}")));
        page
    };
    fake.hang_path("/v1/flow/start", true);
    let waiting: Vec<_> = (0..64)
        .map(|number| {
            let mut page = at(number);
            tokio::spawn(async move { page.start("sign-in").await })
        })
        .collect();
    while sent(&fake, "start") < 64 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let answer = at(64).start("sign-in").await;
    assert_eq!(answer.code(), (429, "rate_limited"));
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(sent(&fake, "start"), 64);
    fake.clock().advance(Duration::from_secs(31));
    for call in waiting {
        assert_eq!(call.await.unwrap().code(), (504, "upstream_timeout"));
    }
    fake.hang_path("/v1/flow/start", false);
    assert_eq!(at(64).start("sign-in").await.status, 200);
}

#[tokio::test]
async fn draining_waits_for_a_step_whose_browser_has_gone() {
    let fake = fake().start().await;
    let descope = of_many(&fake);
    let mut page = Page::new(&fake, builder(&descope).build().unwrap());
    fake.hang_path("/v1/flow/start", true);
    let start = tokio::spawn(async move { page.start("sign-in").await.status });
    fake.wait_for_calls("/v1/flow/start", 1).await;
    start.abort();
    assert!(start.await.is_err());
    let drained = tokio::spawn(async move { descope.drain().await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!drained.is_finished());
    fake.hang_path("/v1/flow/start", false);
    drained.await.unwrap();
}

#[tokio::test]
async fn a_token_of_a_third_party_is_for_no_script_wherever_it_stands() {
    let fake = fake().start().await;
    let signed_in = fake.sign_in("ann@example.test");
    let opaque = "an-opaque-token-of-a-third-party";
    let info = json!({
        "sessionJwt": signed_in.session_jwt(),
        "refreshJwt": signed_in.refresh_jwt(),
        "externalToken": opaque,
        "idToken": "x.y.z",
        "cookieName": "DSR_other",
    });
    let body = json!({
        "executionId": "sign-in|#|x",
        "status": "completed",
        "authInfo": info,
        "output": {"token": opaque, opaque: 1},
    });
    fake.respond_next(
        "/v1/flow/start",
        tower_descope::test_util::Canned::json(200, &body),
    );
    let descope = of(&fake);
    let mut page = Page::new(&fake, builder(&descope).build().unwrap());
    let answer = page.start("sign-in").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json["output"], json!({"token": ""}));
    for name in ["externalToken", "idToken", "cookieName"] {
        assert_eq!(answer.json["authInfo"].get(name), None::<&Value>, "{name}");
    }
    assert!(!answer.json.to_string().contains(opaque));
    assert_eq!(page.user(&descope).await.as_deref(), Some("U1"));
}
