//! Calls that a browser repeats by itself: how long, how many and how much of them is known; and that no
//! other call ever goes up twice.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tower_descope::{
    FlowRoutes,
    cookie::SessionCookies,
    test_util::{Canned, FakeDescope},
};

use super::{Answer, Page, builder, fake, of, of_many, peer, sent};

/// A page whose execution waits for the code.
async fn waiting(fake: &FakeDescope, service: FlowRoutes) -> Page {
    let mut page = Page::new(fake, service);
    assert_eq!(page.start("sign-in").await.status, 200);
    assert_eq!(
        page.next(json!({"email": "ann@example.test"})).await.status,
        200
    );
    page
}

/// A call of the page's execution that is like no other one of another number, from an address that has
/// not asked for too much; as its browser would repeat it.
async fn numbered(page: &Page, number: usize) -> Answer {
    let mut page = page.clone();
    let peer = format!("192.0.2.{}", number / 20);
    page.fields.push(("x-peer", peer));
    let body = page.body("submit", &json!({"code": "000000", "number": number}));
    page.ask("next", &body).await
}

/// A service that tells addresses apart, without a bound that would be met first.
fn with_addresses(fake: &FakeDescope) -> FlowRoutes {
    builder(&of_many(fake))
        .client_address(peer)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_call_that_is_repeated_while_it_is_under_way_waits_for_the_first_however_long_that_takes()
{
    let fake = fake().start().await;
    let service = builder(&of(&fake)).timeout(Duration::from_secs(120));
    let page = waiting(&fake, service.build().unwrap()).await;
    let body = page.body("submit", &json!({"code": "123456"}));
    let before = sent(&fake, "next");
    fake.hang_path("/v1/flow/next", true);
    let ask = || {
        let (mut page, body) = (page.clone(), body.clone());
        tokio::spawn(async move { page.ask("next", &body).await })
    };
    let first = ask();
    fake.wait_for_calls("/v1/flow/next", before + 1).await;
    fake.clock().advance(Duration::from_secs(90));
    let second = ask();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    fake.hang_path("/v1/flow/next", false);
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert_eq!((first.status, second.status), (200, 200), "{second:?}");
    assert_eq!(first.json, second.json);
    assert_eq!(sent(&fake, "next"), before + 1);
}

#[tokio::test]
async fn a_call_that_descope_put_off_goes_up_again_once_it_may() {
    let fake = fake().start().await;
    let service = builder(&of(&fake)).build().unwrap();
    let mut page = waiting(&fake, service).await;
    let body = page.body("submit", &json!({"code": "123456"}));
    let before = sent(&fake, "next");
    // By Descope, and by some proxy on the way.
    let coded = Canned::error(429, "E130429", "slow down");
    let uncoded = Canned::new(429).body("<html>slow down</html>");
    for (count, (limited, code)) in [(coded, "E130429"), (uncoded, "rate_limited")]
        .into_iter()
        .enumerate()
    {
        fake.respond_next("/v1/flow/next", limited.header("retry-after", "2"));
        // The same call each time, as a page makes it that polls: its nonce has not been used.
        let mut again = page.clone();
        assert_eq!(again.ask("next", &body).await.code(), (429, code));
        assert_eq!(again.ask("next", &body).await.code(), (429, "rate_limited"));
        assert_eq!(sent(&fake, "next"), before + 1 + count);
        fake.clock().advance(Duration::from_secs(3));
    }
    assert_eq!(page.ask("next", &body).await.status, 200);
    assert_eq!(sent(&fake, "next"), before + 3);
}

#[tokio::test]
async fn a_step_that_never_left_this_machine_goes_up_once_descope_can_be_reached() {
    let fake = fake().start().await;
    let mut page = Page::new(&fake, builder(&of(&fake)).build().unwrap());
    page.start("sign-in").await;
    // Nobody listens, and nobody else can have the port.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let at = socket.local_addr().unwrap();
    let descope = fake
        .descope_builder()
        .cookies(SessionCookies::host_prefixed())
        .base_url(format!("http://{at}"))
        .build()
        .unwrap();
    page.service = builder(&descope).build().unwrap();
    let body = page.body("submit", &json!({"email": "ann@example.test"}));
    let refused = page.ask("next", &body).await;
    assert_eq!(refused.code(), (502, "upstream_unavailable"));
    // Descope is there again.
    let listener = socket.listen(16).unwrap();
    let to = fake.url().trim_start_matches("http://").to_owned();
    let passing_on = tokio::spawn(async move {
        let (mut came, _) = listener.accept().await.unwrap();
        let mut up = TcpStream::connect(to).await.unwrap();
        tokio::io::copy_bidirectional(&mut came, &mut up).await
    });
    assert_eq!(page.ask("next", &body).await.status, 200);
    passing_on.abort();
}

#[tokio::test]
async fn of_a_thousand_and_one_answers_the_first_is_not_given_again() {
    let fake = fake().start().await;
    let page = waiting(&fake, with_addresses(&fake)).await;
    for number in 0..1_000 {
        let expected = if number == 0 { 200 } else { 400 };
        assert_eq!(numbered(&page, number).await.status, expected, "{number}");
        if number % 500 == 499 {
            // The budget of all is a thousand at once.
            fake.clock().advance(Duration::from_secs(1));
        }
    }
    let before = sent(&fake, "next");
    // The answer of the page's first step is one of the thousand no more.
    assert_eq!(numbered(&page, 0).await.status, 200);
    assert_eq!(sent(&fake, "next"), before, "given again");
    numbered(&page, 1_000).await;
    let late = numbered(&page, 0).await;
    assert_eq!(
        late.code(),
        (400, "E108201"),
        "Descope has its word on the nonce"
    );
    assert_eq!(sent(&fake, "next"), before + 2);
}

#[tokio::test]
async fn of_more_than_eight_mebibytes_of_answers_the_first_are_not_given_again() {
    let fake = fake().start().await;
    let page = waiting(&fake, with_addresses(&fake)).await;
    let large = |number: usize| {
        let body = json!({
            "executionId": page.execution,
            "stepId": page.step,
            "status": "waiting",
            "output": {"text": "x".repeat(1_000_000), "number": number},
        });
        fake.respond_next("/v1/flow/next", Canned::json(200, &body));
    };
    for number in 0..8 {
        large(number);
        assert_eq!(
            numbered(&page, number).await.json["output"]["number"],
            number
        );
    }
    let before = sent(&fake, "next");
    assert_eq!(numbered(&page, 0).await.json["output"]["number"], 0);
    assert_eq!(sent(&fake, "next"), before, "eight million are kept");
    large(8);
    assert_eq!(numbered(&page, 8).await.json["output"]["number"], 8);
    assert_eq!(numbered(&page, 1).await.json["output"]["number"], 1);
    assert_eq!(sent(&fake, "next"), before + 1, "all but the first");
    assert_eq!(numbered(&page, 0).await.json["output"], Value::Null);
    assert_eq!(sent(&fake, "next"), before + 2);
}

#[tokio::test]
async fn no_call_of_a_flow_goes_up_twice_whatever_its_answer_is() {
    let fake = fake().start().await;
    let descope = of_many(&fake);
    let coded = json!({"errorCode": "E061102", "errorDescription": "no"});
    let answers = [
        (
            200,
            json!({"executionId": "sign-in|#|x", "stepId": "1", "status": "waiting"}),
        ),
        (200, json!([])),
        (302, json!({})),
        (400, coded.clone()),
        (401, coded.clone()),
        (403, json!({})),
        (429, coded.clone()),
        (500, json!({})),
        (502, json!({})),
        (503, coded),
        (521, json!({})),
        (530, json!({})),
    ];
    for (status, body) in answers {
        let answer = Canned::json(status, &body)
            .header("location", "/v1/flow/next")
            .header("retry-after", "0");
        for call in ["start", "next"] {
            let mut page = waiting(&fake, builder(&descope).build().unwrap()).await;
            let before = sent(&fake, "start") + sent(&fake, "next");
            fake.respond_next(&format!("/v1/flow/{call}"), answer.clone());
            if call == "start" {
                page.start("sign-in").await;
            } else {
                page.next(json!({"code": "123456"})).await;
            }
            let after = sent(&fake, "start") + sent(&fake, "next");
            assert_eq!(after - before, 1, "{call}, {status} {body}");
            fake.drop_connection_next(&format!("/v1/flow/{call}"));
            fake.clock().advance(Duration::from_secs(61));
            let lost = if call == "start" {
                page.start("sign-in").await
            } else {
                page.next(json!({"code": "654321"})).await
            };
            assert_eq!(
                lost.code(),
                (502, "upstream_unavailable"),
                "{call}, {status} {body}"
            );
            let all = sent(&fake, "start") + sent(&fake, "next");
            assert_eq!(all - after, 1, "{call}, {status} {body}: then it was lost");
        }
    }
}
