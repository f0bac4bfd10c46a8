//! Something on the way compresses answers, and key sets that editors have saved.

use std::time::Duration;

use http::StatusCode;
use tower_descope::{
    AccessKey, AccessKeys, ErrorKind, ExchangeOptions, RefreshToken, TenantId,
    answer::WhichTenants,
    test_util::{Canned, FakeDescope},
};

use crate::support::{
    app,
    browser::Browser,
    code, token, verdict,
    world::{EXPIRY, REFRESH, fake, late},
};

/// What gzip makes of some text; nobody here can read it.
const GZIP: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xab, 0xae, 5, 0];

fn gzipped(status: u16) -> Canned {
    Canned::new(status)
        .header("content-type", "application/json")
        .header("content-encoding", "gzip")
        .body(GZIP)
}

#[tokio::test]
async fn every_call_says_that_it_wants_no_encoding() {
    let fake = fake()
        .access_key("K2nightly", |key| key.tenant("T1", |t| t))
        .start()
        .await;
    let keys = AccessKeys::new().key_prefix("K2");
    let descope = fake.descope_builder().access_keys(keys).build().unwrap();
    let signed_in = || RefreshToken::new(fake.sign_in("ann@example.test").refresh_jwt());
    descope.refresh(&signed_in()).await.unwrap();
    let tenant = TenantId::new("T1").unwrap();
    descope.select_tenant(&signed_in(), &tenant).await.unwrap();
    let ann = signed_in();
    descope.me(&ann).await.unwrap();
    let which = WhichTenants::Current;
    descope.my_tenants(&ann, which).await.unwrap();
    descope.history(&ann).await.unwrap();
    descope.logout(&ann).await.unwrap();
    descope.logout_all(&signed_in()).await.unwrap();
    let (key, options) = (AccessKey::new("K2nightly"), ExchangeOptions::new());
    descope.exchange_access_key(&key, &options).await.unwrap();

    let requests = fake.requests();
    assert!(requests.len() >= 9, "keys, and eight calls");
    for request in requests {
        let wanted = request.header("accept-encoding");
        assert_eq!(wanted, Some("identity"), "{}", request.path);
    }
}

#[tokio::test]
async fn a_key_set_that_is_compressed_is_a_failure_that_names_the_encoding() {
    let fake = FakeDescope::start().await;
    fake.respond_next(&fake.keys_path(), gzipped(200));
    let descope = fake.descope();
    let error = descope.warm_up().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeysUnavailable);
    assert!(
        error.to_string().contains("content encoding gzip"),
        "{error}"
    );
    assert_eq!(verdict(&app(&descope), &token(&fake)).await, "U1@T1");
}

#[tokio::test]
async fn a_call_whose_answer_is_compressed_fails_by_the_encodings_name_and_keeps_the_cookies() {
    let fake = fake().rotation(false).start().await;
    let ann = RefreshToken::new(fake.sign_in("ann@example.test").refresh_jwt());
    let descope = fake.descope();
    fake.respond_next(REFRESH, gzipped(200));
    let error = descope.refresh(&ann).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamInvalid);
    assert!(
        error.to_string().contains("content encoding gzip"),
        "{error}"
    );

    let app = late(&descope);
    let mut browser = Browser::ann(&fake);
    fake.clock().advance(EXPIRY);
    fake.respond_next(REFRESH, gzipped(200));
    let before = browser.clone();
    let response = browser.visit(&app).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(code(&response), "renewal_unavailable");
    assert!(browser == before);
}

/// The status of a refusal decides as it does without a code; the cause names the encoding.
#[tokio::test]
async fn a_refusal_that_is_compressed_has_no_code_and_ends_no_session() {
    let fake = fake().start().await;
    let descope = fake.descope();
    for (status, kind) in [
        (401, ErrorKind::Refused),
        (429, ErrorKind::RateLimited),
        (500, ErrorKind::UpstreamUnavailable),
    ] {
        let ann = RefreshToken::new(fake.sign_in("ann@example.test").refresh_jwt());
        fake.respond_next(REFRESH, gzipped(status));
        let error = descope.refresh(&ann).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.upstream_code().is_none() && !error.ends_session());
        let cause = std::error::Error::source(&error)
            .expect("a cause")
            .to_string();
        assert!(cause.contains("content encoding gzip"), "{cause}");
    }
}

/// A refresh token in a `Set-Cookie` field is readable whatever the body is.
#[tokio::test]
async fn a_new_refresh_token_beside_a_compressed_body_is_not_lost() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let app = late(&descope);
    let mut browser = Browser::ann(&fake);
    fake.clock().advance(EXPIRY);
    let successor = fake.refresh("U1").active("T1").token();
    let cookie = format!("DSR={successor}; Path=/; HttpOnly");
    fake.respond_next(REFRESH, gzipped(200).header("set-cookie", &cookie));
    assert_eq!(code(&browser.visit(&app).await), "renewal_unavailable");
    // The next page spends it, once the pause after a failure is over.
    fake.clock().advance(Duration::from_secs(2));
    let response = browser.visit(&app).await;
    assert_eq!(response.status(), 200);
    let last = fake.requests().into_iter().rfind(|it| it.path == REFRESH);
    let sent = last.unwrap().header("authorization").unwrap().to_owned();
    assert!(sent.ends_with(&successor));
}

#[tokio::test]
async fn a_byte_order_mark_before_a_key_set_is_skipped() {
    let fake = FakeDescope::start().await;
    let marked = format!("\u{feff}{}", fake.jwks());
    fake.set_jwks_body(Some(marked));
    assert_eq!(verdict(&app(&fake.descope()), &token(&fake)).await, "U1@T1");

    let key = format!("\u{feff}{}", fake.jwks()["keys"][0]);
    let fixed = fake.descope_builder().public_key(key).build().unwrap();
    assert_eq!(verdict(&app(&fixed), &token(&fake)).await, "U1@T1");
}

#[tokio::test]
async fn a_published_key_on_a_curve_needs_no_alg() {
    for algorithm in ["ES256", "ES384", "EdDSA"] {
        let fake = FakeDescope::builder().algorithm(algorithm).start().await;
        let mut set = fake.jwks();
        let key = set["keys"][0].as_object_mut().unwrap();
        key.remove("alg").expect("the fake names it");
        key.remove("use");
        fake.set_jwks_body(Some(set.to_string()));
        let app = app(&fake.descope());
        assert_eq!(verdict(&app, &token(&fake)).await, "U1@T1", "{algorithm}");
        // The key still names the algorithm, not the token.
        let other = fake.session("U1").alg("RS256").token();
        assert_eq!(verdict(&app, &other).await, "invalid_token", "{algorithm}");
    }
}
