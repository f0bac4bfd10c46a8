//! Building a handle in odd surroundings: no CA files, proxies in the environment, variables.

#[cfg(unix)]
use std::ffi::OsStr;

use tower_descope::{Descope, ErrorKind, TenantClaims, test_util::FakeDescope};

use crate::support::{child, in_child};

#[test]
fn the_environment_configures_a_handle() {
    if in_child() {
        let descope = Descope::from_env().unwrap();
        assert_eq!(descope.project_id(), "P2fromEnv");
        return;
    }
    child(
        "house::build::the_environment_configures_a_handle",
        &[
            ("DESCOPE_PROJECT_ID", "P2fromEnv"),
            ("DESCOPE_BASE_URI", "http://127.0.0.1:1"),
        ],
    );
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_unicode_is_told_and_not_skipped() {
    use std::os::unix::ffi::OsStrExt;

    if in_child() {
        let error = Descope::from_env().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(error.to_string().contains("DESCOPE_BASE_URI"), "{error}");
        return;
    }
    child(
        "house::build::a_variable_that_is_not_unicode_is_told_and_not_skipped",
        &[
            ("DESCOPE_PROJECT_ID", OsStr::new("P2fromEnv")),
            ("DESCOPE_BASE_URI", OsStr::from_bytes(b"https://\xff")),
        ],
    );
}

#[test]
fn a_proxy_variable_that_names_none_is_told_where_the_environments_proxies_are_used() {
    if in_child() {
        let builder = Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z");
        assert!(builder.build().is_ok(), "it is not used");
        let builder = Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z");
        let error = builder.system_proxy(true).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        let message = error.to_string();
        assert!(
            message.starts_with("HTTPS_PROXY: proxy is not a URL"),
            "{message}"
        );
        assert!(!message.contains("hush"), "{message}");
        return;
    }
    child(
        "house::build::a_proxy_variable_that_names_none_is_told_where_the_environments_proxies_are_used",
        &[("HTTPS_PROXY", "ftp://user:hush@proxy.internal")],
    );
}

#[test]
fn a_proxy_in_the_environment_is_not_used() {
    if in_child() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let fake = FakeDescope::start().await;
            fake.descope().warm_up().await.unwrap();
        });
        return;
    }
    let nowhere = "http://127.0.0.1:9";
    child(
        "house::build::a_proxy_in_the_environment_is_not_used",
        &[
            ("HTTP_PROXY", nowhere),
            ("http_proxy", nowhere),
            ("HTTPS_PROXY", nowhere),
            ("ALL_PROXY", nowhere),
        ],
    );
}

#[test]
fn without_ca_files_loopback_still_works() {
    if in_child() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let fake = FakeDescope::start().await;
            fake.descope().warm_up().await.unwrap();
        });
        return;
    }
    child(
        "house::build::without_ca_files_loopback_still_works",
        &[
            ("SSL_CERT_FILE", "/nonexistent"),
            ("SSL_CERT_DIR", "/nonexistent"),
        ],
    );
}

#[test]
fn messages_name_the_remedy() {
    let project = || Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z");
    for (builder, remedy) in [
        (
            project().base_url("http://descope.internal"),
            "danger_plain_http_base_url",
        ),
        (project().base_url("ftp://descope.internal"), "https"),
        (project().base_url("https://user@descope.internal"), "user"),
        (project().resource_server(true), "audience([…])"),
        (project().origins(["https://app.example/path"]), "https://"),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(error.to_string().contains(remedy), "{error}");
    }
    assert!(
        project()
            .base_url("http://descope.internal")
            .danger_plain_http_base_url(true)
            .tenant_claims(TenantClaims::Listed)
            .build()
            .is_ok()
    );
}

/// With both backends on, jsonwebtoken's own process-wide choice panics; ours is explicit.
#[cfg(all(feature = "aws-lc-rs", feature = "rust-crypto"))]
#[tokio::test]
async fn with_both_backends_in_the_graph_everything_works() {
    let fake = FakeDescope::start().await;
    let token = fake.session("U1").token();
    assert!(
        fake.descope()
            .verify(&tower_descope::SessionToken::new(&token))
            .await
            .is_ok()
    );
}
