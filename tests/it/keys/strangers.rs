//! Strangers with made-up keys while the key endpoint hangs: how many wait, and who waits for them.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt, limit::ConcurrencyLimit, service_fn};
use tower_descope::{
    Descope, SelectTenant, SessionToken, TenantLayer, jwks::KeyCache, test_util::FakeDescope,
};

use crate::support::{advance, app, code, seen, token, verdict, with_bearer};

/// The default of `waiting_for_keys`.
const WAITING: usize = 64;

/// A handle with keys at hand, which may fetch again, from an endpoint that hangs.
async fn hung(settings: KeyCache) -> (FakeDescope, Descope) {
    let fake = FakeDescope::start().await;
    // So that no deadline ends what is to be seen.
    let settings = settings.fetch_deadline(Duration::from_secs(30));
    let descope = fake.descope_builder().key_cache(settings).build().unwrap();
    descope.warm_up().await.unwrap();
    advance(fake.clock(), 20).await;
    fake.hang(true);
    (fake, descope)
}

/// A token of a key that nobody has, without the cost of a signature.
fn made_up(token: &str, n: usize) -> String {
    let header = format!(r#"{{"alg":"RS256","kid":"SKmadeup{n}","typ":"JWT"}}"#);
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", BASE64_URL_SAFE_NO_PAD.encode(header))
}

fn request(token: &str) -> Request<()> {
    let bearer = format!("Bearer {token}");
    let request = Request::get("/").header("authorization", bearer);
    request.body(()).unwrap()
}

fn poll<T>(future: &mut Pin<Box<impl Future<Output = T> + ?Sized>>) -> Poll<T> {
    future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
}

fn is_turned_away<B>(response: &Response<B>) {
    assert_eq!(response.status(), 503);
    assert_eq!(code(response), "keys_unavailable");
    assert_eq!(response.headers()[header::RETRY_AFTER], "1");
}

#[tokio::test]
async fn a_good_token_waits_for_none_of_ten_thousand_strangers() {
    for strangers in [8, 64, 10_000] {
        let (fake, descope) = hung(KeyCache::new()).await;
        let handler = service_fn(|request: Request<()>| async move {
            Ok::<_, std::convert::Infallible>(Response::new(seen(&request)))
        });
        let inner = ConcurrencyLimit::new(handler, 8);
        let mut service = TenantLayer::new(descope).layer(inner);
        let good = token(&fake);
        let mut waiting = Vec::new();
        for n in 0..strangers {
            let mut answer = Box::pin(
                service
                    .ready()
                    .await
                    .unwrap()
                    .call(request(&made_up(&good, n))),
            );
            match poll(&mut answer) {
                Poll::Pending => waiting.push(answer),
                Poll::Ready(response) => is_turned_away(&response.unwrap()),
            }
            // Done at its first poll, however many wait by now.
            if n % 100 == 7 {
                let mut answer = Box::pin(service.ready().await.unwrap().call(request(&good)));
                let Poll::Ready(response) = poll(&mut answer) else {
                    panic!("a good token waits for {n} strangers");
                };
                assert_eq!(response.unwrap().body(), "U1@T1");
            }
        }
        assert_eq!(waiting.len(), strangers.min(WAITING));
        fake.hang(false);
        for answer in waiting {
            assert_eq!(answer.await.unwrap().status(), 401);
        }
    }
}

#[tokio::test]
async fn the_sixty_fifth_stranger_is_answered_503_until_the_fetch_has_ended() {
    let (fake, descope) = hung(KeyCache::new()).await;
    let app = app(&descope);
    let good = token(&fake);
    let tokens: Vec<_> = (0..=WAITING).map(|n| made_up(&good, n)).collect();
    let mut answers: Vec<_> = tokens
        .iter()
        .map(|token| Box::pin(with_bearer(&app, token)))
        .collect();
    let last = answers.pop().unwrap();
    for answer in &mut answers {
        assert!(poll(answer).is_pending());
    }
    is_turned_away(&last.await);
    // Who hangs up makes room.
    drop(answers.pop());
    let one_more = made_up(&good, 1_000);
    let mut one_more = Box::pin(with_bearer(&app, &one_more));
    assert!(poll(&mut one_more).is_pending());
    is_turned_away(&with_bearer(&app, &tokens[0]).await);
    fake.hang(false);
    assert_eq!(one_more.await.status(), 401);
    for answer in answers {
        assert_eq!(answer.await.status(), 401);
    }
    assert_eq!(fake.key_fetches(), 2, "one for all of them");
    assert_eq!(verdict(&app, &tokens[0]).await, "invalid_token");
}

#[tokio::test]
async fn with_no_place_at_all_a_new_key_works_as_soon_as_its_fetch_has_ended() {
    let (fake, descope) = hung(KeyCache::new().waiting_for_keys(0)).await;
    let app = app(&descope);
    let new = fake.add_key();
    let new = fake.session("U1").signed_by(new).token();
    is_turned_away(&with_bearer(&app, &new).await);
    is_turned_away(&with_bearer(&app, &new).await);
    fake.hang(false);
    crate::support::eventually("the fetch ends", || !descope.key_status().is_fetching()).await;
    // The fake published the key before it was asked, or else after: the next fetch has it.
    advance(fake.clock(), 20).await;
    with_bearer(&app, &new).await;
    crate::support::eventually("the fetch ends", || !descope.key_status().is_fetching()).await;
    assert_eq!(verdict(&app, &new).await, "U1@-");
}

#[tokio::test]
async fn where_there_are_no_keys_yet_everybody_waits_for_the_first_ones() {
    let fake = FakeDescope::start().await;
    let settings = KeyCache::new().waiting_for_keys(1);
    let app = app(&fake.descope_builder().key_cache(settings).build().unwrap());
    fake.hang(true);
    let good = token(&fake);
    let mut answers: Vec<_> = (0..200)
        .map(|_| Box::pin(with_bearer(&app, &good)))
        .collect();
    for answer in &mut answers {
        assert!(poll(answer).is_pending());
    }
    fake.hang(false);
    for answer in answers {
        assert_eq!(answer.await.body(), "U1@T1");
    }
}

/// The places are the handle's: whoever asks it counts, and is turned away.
#[tokio::test]
async fn every_door_of_the_handle_has_the_same_places() {
    let (fake, descope) = hung(KeyCache::new().waiting_for_keys(1)).await;
    let good = token(&fake);
    let stranger = SessionToken::new(made_up(&good, 0));
    let mut first = Box::pin(descope.verify(&stranger));
    assert!(poll(&mut first).is_pending());

    let rejection = descope
        .verify(&SessionToken::new(made_up(&good, 1)))
        .await
        .unwrap_err();
    assert_eq!(rejection.code(), "keys_unavailable");
    assert_eq!(rejection.retry_after(), Some(Duration::from_secs(1)));
    is_turned_away(&with_bearer(&app(&descope), &made_up(&good, 2)).await);
    let refresh = made_up(&fake.refresh("U1").token(), 3);
    let select = Request::post("/")
        .header("host", "app.example")
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/json")
        .header("cookie", format!("DSR={refresh}"))
        .body(Full::<Bytes>::from(r#"{"tenant":"T1"}"#))
        .unwrap();
    let response = SelectTenant::new(descope.clone())
        .oneshot(select)
        .await
        .unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    fake.hang(false);
    assert_eq!(first.await.unwrap_err().code(), "invalid_token");
}
