//! Keys that never came, each reason with its own remedy.

use tokio::net::TcpListener;
use tower_descope::{
    Descope,
    test_util::{Canned, FakeDescope},
};
use tracing::Level;

use super::assert_told_once;
use crate::support::Log;

const KEYS: &str = "/v2/keys/";

/// The message of a failed warm-up; the log says the same, once.
async fn told(descope: &Descope, remedy: &str) {
    let log = Log::default();
    let _kept = log.up_to(Level::INFO);
    let error = descope.warm_up().await.unwrap_err().to_string();
    assert!(error.contains(remedy), "{error}");
    assert_told_once(&log, Level::WARN, "no usable keys", remedy);
}

fn at(base_url: &str) -> Descope {
    let builder = Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z");
    builder.base_url(base_url).build().unwrap()
}

#[tokio::test]
async fn what_answers_in_descopes_place_is_told_by_its_answer() {
    for (answer, remedy) in [
        (
            Canned::error(404, "E011003", "no such project"),
            "copy the project id from its console into the builder's project id",
        ),
        (
            Canned::html(403, "<h1>no</h1>"),
            "does not serve the project's keys: check base_url",
        ),
        (Canned::html(502, "<h1>no</h1>"), "the proxies on the way"),
        (
            Canned::html(200, "<h1>hello</h1>"),
            "it is not descope that answers: check base_url",
        ),
        (
            Canned::json(200, &serde_json::json!([])),
            "it is not descope that answers",
        ),
    ] {
        let fake = FakeDescope::start().await;
        let path = format!("{KEYS}{}", fake.project_id());
        fake.respond_next(&path, answer);
        told(&fake.descope(), remedy).await;
    }
}

#[tokio::test]
async fn a_host_that_is_not_there_is_told() {
    told(
        &at("https://descope.invalid"),
        "the host's name cannot be resolved: check base_url",
    )
    .await;
}

#[tokio::test]
async fn a_port_on_which_nobody_listens_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    told(
        &at(&format!("http://{address}")),
        "nothing listens there: check host and port",
    )
    .await;
}

#[tokio::test]
async fn https_to_a_port_without_tls_is_told() {
    let fake = FakeDescope::start().await;
    let url = fake.url().replace("http://", "https://");
    told(
        &at(&url),
        "the port does not speak TLS: check scheme and port in base_url",
    )
    .await;
}
