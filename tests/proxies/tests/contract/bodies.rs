//! Bodies go to the application whole, and not to the service.

use tower_descope_proxies::{Kind, Request};

use crate::{at_each_proxy, setup, world};

at_each_proxy!(
    ten_megabytes_arrive_at_the_application,
    a_body_in_chunks_arrives_too,
    what_follows_a_body_is_answered,
    a_body_that_is_refused_is_refused_without_being_sent_on,
    a_client_that_waits_to_be_told_to_go_on_is_told_so,
);

const TEN_MEGABYTES: usize = 10 * 1024 * 1024;

async fn ten_megabytes_arrive_at_the_application(kind: Kind) {
    let world = world(kind).await;
    // A renewal along with it.
    let request = Request::new("POST", "/upload").field("Cookie", &world.to_renew());
    let answer = world.ask(&request.body(vec![b'x'; TEN_MEGABYTES])).await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    assert_eq!(answer.all("set-cookie").len(), 4);
    let seen = world.application.seen();
    assert_eq!((seen.len(), seen[0].length), (1, TEN_MEGABYTES));
    assert_eq!(seen[0].all("x-tenant-id"), ["T2acme"]);
}

async fn a_body_in_chunks_arrives_too(kind: Kind) {
    let world = world(kind).await;
    let cookies = world.signed_in().cookies().to_owned();
    let request = Request::new("POST", "/upload").field("Cookie", &cookies);
    let answer = world.ask(&request.chunked(&vec![b'x'; 300_000])).await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    assert_eq!(world.application.seen()[0].length, 300_000);
}

async fn what_follows_a_body_is_answered(kind: Kind) {
    let world = setup(kind).overheard().start().await;
    let cookies = world.signed_in().cookies().to_owned();
    for _ in 0..5 {
        let request = Request::new("POST", "/upload").field("Cookie", &cookies);
        assert_eq!(
            world.ask(&request.body(vec![b'x'; 1_000])).await.status(),
            200
        );
        let request = Request::get("/").field("Cookie", &cookies);
        assert_eq!(world.ask(&request).await.status(), 200);
    }
    if kind == Kind::Nginx {
        // One for each worker: no question has announced a body, at which the service ends a connection.
        let connections = world.connections();
        assert!((1..=2).contains(&connections), "{connections}");
    }
}

async fn a_body_that_is_refused_is_refused_without_being_sent_on(kind: Kind) {
    let world = world(kind).await;
    let request = Request::new("POST", "/upload").body(vec![b'x'; 1_000]);
    let answer = world.ask(&request).await;
    assert_eq!(answer.status(), 401);
    assert_eq!(world.application.seen().len(), 0);
}

async fn a_client_that_waits_to_be_told_to_go_on_is_told_so(kind: Kind) {
    let world = world(kind).await;
    let request = Request::new("POST", "/upload")
        .field("Cookie", world.signed_in().cookies())
        .field("Expect", "100-continue")
        .body(vec![b'x'; 1_000]);
    let answer = world.ask(&request).await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    assert_eq!(world.application.seen()[0].length, 1_000);
}
