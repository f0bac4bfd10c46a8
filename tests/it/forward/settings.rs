//! Settings that would let somebody in, or lead somebody astray, are errors when it is built.

use tower_descope::{ErrorKind, ForwardAuth, forward::ForwardAuthBuilder};

use super::{SECRET, usual};
use crate::support::world::fake;

#[tokio::test]
async fn what_is_wrong_is_said_with_the_setting_to_change() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let bare = || ForwardAuth::builder(descope.clone());
    let usual = || usual(&descope);
    let wrong: [(ForwardAuthBuilder, &str); 18] = [
        (bare(), "without_proxy_secret()"),
        (bare().proxy_secret(""), "proxy_secret(..)"),
        (bare().proxy_secret("fifteen-letters"), "16 bytes"),
        (bare().proxy_secret("sixteen letters!"), "visible ASCII"),
        (
            bare().proxy_secret("ein-schönes-geheimnis"),
            "visible ASCII",
        ),
        (usual().proxy_secret("short"), "16 bytes"),
        (usual().without_proxy_secret(), "contradict"),
        (usual().redirects(true), "sign_in(..)"),
        (usual().return_hosts(["app.example"]), "sign_in(url)"),
        (usual().sign_in("sign-in"), "sign_in(\"sign-in\")"),
        (usual().sign_in("http://app.example/in"), "https"),
        (usual().sign_in("//evil.test/in"), "path"),
        (
            usual().sign_in("/in").return_hosts(["*.example"]),
            "wildcard",
        ),
        (
            usual().sign_in("/in").return_parameter(""),
            "return_parameter",
        ),
        (usual().session_header("Set-Cookie"), "session_header"),
        (usual().session_header("X-User-Id"), "session_header"),
        (usual().session_header("X Session"), "session_header"),
        (usual().session_header("Authorization"), "session_header"),
    ];
    for (builder, told) in wrong {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        let message = error.to_string();
        assert!(message.contains(told), "{message}");
        assert!(
            !message.contains(SECRET) && !message.contains("fifteen"),
            "{message}"
        );
    }
    assert!(bare().proxy_secret(SECRET).build().is_ok());
    assert!(bare().without_proxy_secret().build().is_ok());
}
