//! The server itself: hostile requests, ordered misbehaviour, its end.

use std::time::Duration;

use serde_json::json;

use super::client::{REFRESH, SELECT, ann, send};
use crate::test_util::{Canned, FakeDescope};

#[tokio::test]
async fn hostile_requests_get_plain_refusals() {
    let fake = ann().start().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let bearer = format!(
        "Bearer {}:{}",
        fake.project_id(),
        fake.sign_in("U2ann").refresh_jwt()
    );
    let bodies = [
        (SELECT, vec![0xff, 0xfe], 400),
        (SELECT, b"{\"tenant\":".to_vec(), 400),
        (SELECT, b"[[[[".repeat(10_000), 400),
        (SELECT, vec![b' '; 2 << 20], 413),
        (REFRESH, b"7".to_vec(), 400),
        ("/v1/auth/me/tenants", b"{\"ids\":{}}".to_vec(), 400),
        (
            "/v1/auth/otp/verify/email",
            b"{\"loginId\":[]}".to_vec(),
            400,
        ),
        (
            "/v1/auth/otp/nothing/email",
            b"{\"loginId\":\"a\"}".to_vec(),
            400,
        ),
    ];
    for (path, body, status) in bodies {
        let request = client.post(format!("{}{path}", fake.url())).body(body);
        let response = request
            .header("authorization", &bearer)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), status, "{path}");
    }
    let hostile: [&[u8]; 5] = [b"Bearer", b"Bearer :", b"Bearer \xff", b"Basic P2", b""];
    for authorization in hostile {
        let request = client.post(format!("{}{SELECT}", fake.url()));
        let request = request.header("authorization", authorization);
        assert_eq!(request.send().await.unwrap().status(), 400);
    }
}

#[tokio::test]
async fn it_misbehaves_as_told() {
    let fake = ann().start().await;
    let keys = fake.keys_path();
    let get = async || send(&fake, &keys, &[], None).await;
    fake.fail_next(1);
    fake.respond_next(&keys, Canned::html(520, "<h1>edge</h1>"));
    assert_eq!(get().await.status, 520);
    assert_eq!(get().await.code(), (503, "E990503"));
    assert_eq!(get().await.body, fake.jwks());
    fake.set_jwks_body(Some("[]".into()));
    assert_eq!(get().await.body, json!([]));
    fake.wait_for_key_fetches(4).await;
    assert_eq!(fake.key_fetches(), 4);

    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}{keys}", fake.url());
    fake.drop_connection_next(&keys);
    client.get(&url).send().await.unwrap_err();
    assert_eq!(fake.key_fetches(), 5);
    fake.down(true);
    assert!(client.get(&url).send().await.unwrap_err().is_connect());
    fake.down(true);
    fake.down(false);
    fake.down(false);
    client.get(&url).send().await.unwrap();

    fake.hang_path(&keys, true);
    let hung = tokio::spawn(client.get(&url).send());
    fake.wait_for_calls(&keys, 7).await;
    assert!(!hung.is_finished());
    fake.hang_path(&keys, false);
    assert_eq!(hung.await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn the_last_handle_s_end_frees_the_port() {
    let fake = FakeDescope::start().await;
    let address = fake.address();
    let clone = fake.clone();
    drop(fake);
    std::net::TcpStream::connect(address).unwrap();
    drop(clone);
    for _ in 0..500 {
        if std::net::TcpStream::connect(address).is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("still listening");
}

#[tokio::test]
async fn two_fakes_are_two_projects() {
    let one = FakeDescope::start().await;
    let other = FakeDescope::start().await;
    assert_ne!(one.project_id(), other.project_id());
    assert_eq!(one.project_id().len(), 28);
}
