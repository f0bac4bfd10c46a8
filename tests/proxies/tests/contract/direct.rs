//! The service asked by somebody who is not the proxy.

use tower_descope_proxies::{Kind, Request};

use crate::world;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_secret_nobody_is_told_anything() {
    let world = world(Kind::Nginx).await;
    let cookies = world.to_renew();
    let question = || {
        Request::get("/check")
            .field("Cookie", &cookies)
            .field("X-Forwarded-Method", "GET")
            .field("X-Forwarded-Proto", "http")
            .field("X-Forwarded-Host", world.host())
            .field("X-Forwarded-Uri", "/")
    };
    let wrong = question().field("X-Auth-Proxy", "a guess");
    let twice = world.question(&cookies).field("X-Auth-Proxy", "a guess");
    for request in [question(), wrong, twice] {
        let answer = world.ask_service(&request).await;
        assert_eq!(answer.status(), 403);
        assert_eq!(answer.body(), "");
        assert!(answer.all("x-user-id").is_empty() && answer.all("set-cookie").is_empty());
    }
    assert_eq!(world.fake.calls("/v1/auth/refresh"), 0);
    let answer = world.ask_service(&world.question(&cookies)).await;
    assert_eq!(answer.status(), 200, "with it");
}
