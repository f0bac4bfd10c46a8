//! A service that is not there, or stands still, lets nobody through.

use tower_descope_proxies::{Answer, Change, Kind, Request, World};

use crate::{at_each_proxy, setup, world};

at_each_proxy!(
    without_the_service_nobody_passes,
    a_service_that_does_not_answer_lets_nobody_pass,
);

async fn refuses_everybody(world: &World, cookies: &str) {
    let all = [
        Request::get("/").field("Cookie", cookies),
        Request::get("/")
            .field("X-Tenant-Id", "T2acme")
            .field("X-User-Id", "U2ann"),
        Request::new("POST", "/")
            .field("Cookie", cookies)
            .body(b"a=b".to_vec()),
    ];
    for request in all {
        let answer: Answer = world.ask(&request).await;
        assert_eq!(answer.status(), 503, "{answer:?}");
        assert!(answer.field("retry-after").is_some(), "{answer:?}");
        assert!(!answer.body().contains("application"), "{answer:?}");
    }
    assert_eq!(world.application.seen().len(), 0);
}

async fn without_the_service_nobody_passes(kind: Kind) {
    let mut world = world(kind).await;
    let cookies = world.signed_in().cookies().to_owned();
    let request = Request::get("/").field("Cookie", &cookies);
    assert_eq!(world.ask(&request).await.status(), 200, "before");
    let before = world.application.seen().len();
    assert_eq!(before, 1);
    world.application.forget();
    world.stop_service();
    refuses_everybody(&world, &cookies).await;
}

async fn a_service_that_does_not_answer_lets_nobody_pass(kind: Kind) {
    let mut world = setup(kind).change(Change::Impatient).start().await;
    let cookies = world.signed_in().cookies().to_owned();
    world.silence_service().await;
    refuses_everybody(&world, &cookies).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_of_haproxy_that_fails_lets_nobody_pass() {
    let world = setup(Kind::Haproxy).change(Change::Broken).start().await;
    let cookies = world.signed_in().cookies().to_owned();
    refuses_everybody(&world, &cookies).await;
    let logged = world.logged();
    assert!(logged.contains("runtime error"), "{logged}");
}
