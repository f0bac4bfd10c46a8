//! What a test of a service does with the fake in its own process: its start, its cookies, its
//! tokens.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tower_descope::{
    cookie::SessionCookies,
    test_util::{FakeDescope, Template},
};

use crate::support::{
    Log, app, child, in_child, send,
    world::{self, renamed_cookies},
};

#[tokio::test]
async fn each_start_is_one_warning_that_names_the_project() {
    // In a process of its own: which events are wanted is decided once per process.
    if !in_child() {
        child::<&str>(
            "fake::each_start_is_one_warning_that_names_the_project",
            &[],
        );
        return;
    }
    let log = Log::default();
    let guard = log.up_to(tracing::Level::WARN);
    let fakes = [FakeDescope::start().await, world::fake().start().await];
    drop(guard);
    let said = log.text();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    for (line, fake) in lines.iter().zip(&fakes) {
        assert!(
            line.contains("WARN") && line.contains("FakeDescope has started"),
            "{line}"
        );
        assert!(line.contains(fake.project_id()), "{line}");
        assert!(line.contains(&fake.address().to_string()), "{line}");
    }
}

#[tokio::test]
async fn the_cookies_of_a_sign_in_have_the_names_that_the_service_reads() {
    for cookies in [
        SessionCookies::new(),
        SessionCookies::host_prefixed(),
        SessionCookies::host_prefixed().without_fallbacks(),
        renamed_cookies().without_fallbacks(),
    ] {
        let fake = world::fake().start().await;
        let builder = fake.descope_builder().cookies(cookies.clone());
        let app = app(&builder.build().unwrap());
        let ann = fake.sign_in_to("ann@example.test", "T1");
        let page = send(&app, &[("cookie", ann.cookies())]).await;
        assert_eq!(page.body(), "U1@T1", "{cookies:?}");
    }
}

/// The names in the `Cookie` header of a new sign-in.
fn cookie_names(fake: &FakeDescope) -> String {
    let ann = fake.sign_in("U1");
    let names = ann.cookies().split("; ");
    let names: Vec<&str> = names
        .map(|cookie| cookie.split('=').next().unwrap())
        .collect();
    names.join(" ")
}

#[tokio::test]
async fn the_handle_that_was_built_last_names_the_cookies() {
    let fake = world::fake().cookie_names("S", "R").start().await;
    assert_eq!(
        cookie_names(&fake),
        "S R",
        "the project's: nothing is built yet"
    );
    let prefixed = fake
        .descope_builder()
        .cookies(SessionCookies::host_prefixed());
    assert_eq!(cookie_names(&fake), "S R");
    prefixed.build().unwrap();
    assert_eq!(cookie_names(&fake), "__Host-DS __Host-DSR");

    // Neither a handle that could not be built nor the one that verifies a token for a test.
    let wrong = renamed_cookies().path("no path");
    fake.descope_builder().cookies(wrong).build().unwrap_err();
    fake.session("U1").kind("DS").verify().await.unwrap();
    assert_eq!(cookie_names(&fake), "__Host-DS __Host-DSR");

    let own = fake.descope_builder().cookies(renamed_cookies());
    own.build().unwrap();
    assert_eq!(cookie_names(&fake), "app app_refresh");
    fake.descope();
    assert_eq!(cookie_names(&fake), "DS DSR");
}

/// The message with which `act` panics.
fn panic_of<R>(act: impl FnOnce() -> R) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(act)) else {
        panic!("it did not panic");
    };
    *panic.downcast::<String>().unwrap()
}

#[tokio::test]
async fn an_active_tenant_without_a_membership_is_asked_for_by_name() {
    let fake = world::fake().start().await;
    for builder in [
        fake.session("U1").active("T9"),
        fake.session("U9").active("T9"),
        fake.refresh("U1").active("T9"),
        fake.session("U9")
            .active_without_membership("T8")
            .active("T9"),
    ] {
        let said = panic_of(|| builder.token());
        assert!(said.contains("no member of the tenant `T9`"), "{said}");
        assert!(
            said.contains(r#".active_without_membership("T9")"#),
            "{said}"
        );
        assert_eq!(panic_of(|| builder.claims()), said);
        let builder = builder.active_without_membership("T9");
        assert_eq!(builder.claims()["dct"], "T9");
    }
    let said = panic_of(|| fake.sign_in_to("U1", "T9"));
    assert!(said.contains("not a member of the tenant `T9`"), "{said}");
}

#[tokio::test]
async fn a_member_is_one_by_the_directory_or_by_the_token_in_any_order() {
    for template in [Template::Default, Template::CurrentTenant] {
        let fake = world::fake().jwt_template(template).start().await;
        for builder in [
            fake.session("U1").active("T1"),
            fake.session("ann@example.test").active("T2"),
            fake.session("U9").active("T9").tenant("T9", |t| t),
            fake.session("U9").tenant("T9", |t| t).active("T9"),
            fake.refresh("U1").active("T1"),
        ] {
            assert!(builder.claims()["dct"].is_string());
        }
    }
}

/// As jwt-authorizer asks, which names the key that it looks for.
#[tokio::test]
async fn a_reader_of_the_key_set_may_name_the_key_that_it_looks_for() {
    let fake = FakeDescope::start().await;
    let url = format!("{}{}?kid=SK2any", fake.url(), fake.keys_path());
    let client: Client<_, Empty<Bytes>> =
        Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let answer = client.get(url.parse().unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let keys: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(keys, fake.jwks());
}
