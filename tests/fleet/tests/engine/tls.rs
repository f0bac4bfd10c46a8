//! A server with TLS.

use std::{fs, path::PathBuf, process::Command};

use tower_descope_fleet::{Redis, free_port};

use crate::{all_hold, impatient, probe};

/// Runs a test of this file once more in a process of its own, which trusts these certificates.
fn child(test: &str, url: &str, trusted: &str) -> bool {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("FLEET_TLS_URL", url)
        .env("SSL_CERT_FILE", trusted)
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap();
    if !output.status.success() {
        println!("{}", String::from_utf8_lossy(&output.stdout));
        println!("{}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}

/// Files that go with it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn with_tls() -> (Redis, Folder, String, String) {
    let certified = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
    let tls_port = free_port();
    let folder = std::env::temp_dir().join(format!("tower-descope-tls-{tls_port}"));
    fs::create_dir_all(&folder).unwrap();
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    fs::write(&cert, certified.cert.pem()).unwrap();
    fs::write(&key, certified.signing_key.serialize_pem()).unwrap();
    let cert = cert.to_str().unwrap().to_owned();
    let redis = Redis::with(&[
        "--tls-port",
        &tls_port.to_string(),
        "--tls-cert-file",
        &cert,
        "--tls-key-file",
        key.to_str().unwrap(),
        "--tls-ca-cert-file",
        &cert,
        "--tls-auth-clients",
        "no",
    ]);
    let url = format!("rediss://localhost:{tls_port}");
    (redis, Folder(folder), url, cert)
}

/// Two providers of algorithms are in this graph, and the process has chosen none: nothing panics, and
/// nothing is chosen for it.
#[tokio::test]
async fn a_server_with_a_certificate_that_the_system_trusts_is_used() {
    if let Ok(url) = std::env::var("FLEET_TLS_URL") {
        all_hold(&probe(&url)).await;
        assert!(rustls::crypto::CryptoProvider::get_default().is_none());
        return;
    }
    let (_redis, _folder, url, cert) = with_tls();
    let test = "tls::a_server_with_a_certificate_that_the_system_trusts_is_used";
    assert!(child(test, &url, &cert));
}

#[tokio::test]
async fn a_provider_that_the_process_has_chosen_is_taken() {
    if let Ok(url) = std::env::var("FLEET_TLS_URL") {
        let chosen = rustls::crypto::ring::default_provider();
        chosen.install_default().unwrap();
        all_hold(&probe(&url)).await;
        return;
    }
    let (_redis, _folder, url, cert) = with_tls();
    assert!(child(
        "tls::a_provider_that_the_process_has_chosen_is_taken",
        &url,
        &cert
    ));
}

#[tokio::test]
async fn a_server_that_the_system_does_not_trust_is_not_used() {
    let (redis, _folder, url, _cert) = with_tls();
    let failed = probe(&url).make("claim", 1).await.unwrap_err();
    assert_eq!(failed.kind, "unreachable", "{failed}");
    assert!(failed.message.contains("TLS failed"), "{failed}");
    assert!(failed.message.contains("certificate"), "{failed}");
    assert_eq!(redis.cli(&["dbsize"]), "0");
    // Nor one without TLS.
    let plain = redis.url().replace("redis://", "rediss://");
    let failed = impatient(&plain).make("claim", 1).await.unwrap_err();
    assert_eq!(failed.kind, "unreachable", "{failed}");
}
