//! Marks that sign-outs make.

use std::time::Duration;

use http::StatusCode;
use http_body_util::Full;
use tower_descope::{
    Descope, RejectionKind, Revocation, SessionRoutes, SessionToken, TenantLayer,
    cookie::SessionCookies,
};

use super::world;
use crate::{
    routes::{LOGOUT, LOGOUT_ALL, SELECT, ask},
    support::{
        App, app_with,
        browser::Browser,
        call, code,
        world::{fake, late},
    },
};

fn routes(descope: &Descope) -> SessionRoutes {
    SessionRoutes::new(descope.clone()).at("/v1/auth")
}

fn app(descope: &Descope) -> App {
    app_with(TenantLayer::new(descope.clone()))
}

async fn is_in(app: &App, browser: &Browser) -> bool {
    let response = call(app, browser.get()).await;
    if response.status() == StatusCode::OK {
        return true;
    }
    assert_eq!(code(&response), "session_revoked");
    false
}

#[tokio::test]
async fn who_signs_out_in_one_browser_is_signed_out_of_its_sessions_alone() {
    let (fake, descope) = world().await;
    let app = app(&descope);
    let (ann, other_device) = (Browser::ann(&fake), {
        fake.clock().advance(Duration::from_secs(1));
        Browser::ann(&fake)
    });
    assert!(is_in(&app, &ann).await && is_in(&app, &other_device).await);
    let answer = ann.clone().call(&routes(&descope), LOGOUT, "{}").await;
    assert_eq!(answer.status, 200);
    // Somebody has copied the cookies before.
    assert!(!is_in(&app, &ann).await);
    assert!(is_in(&app, &other_device).await);
}

#[tokio::test]
async fn the_first_request_of_a_replica_that_has_no_keys_yet_may_be_a_sign_out() {
    let fake = fake().start().await;
    let revocation = Revocation::available();
    let descope = fake.descope_builder().revocation(revocation);
    let descope = descope.build().unwrap();
    let ann = Browser::ann(&fake);
    let answer = ann.clone().call(&routes(&descope), LOGOUT, "{}").await;
    assert_eq!(answer.status, 200);
    assert!(!is_in(&app(&descope), &ann).await);
}

#[tokio::test]
async fn no_cookie_that_a_sibling_host_has_set_keeps_a_sign_out_from_ones_own_session() {
    let fake = fake().start().await;
    let descope = fake
        .descope_builder()
        .cookies(SessionCookies::host_prefixed())
        .revocation(Revocation::available());
    let descope = descope.build().unwrap();
    descope.warm_up().await.unwrap();
    let own = fake.session("U1").token();
    // Browsers send those with the longest path first.
    let junk = (0..20).map(|n| format!("DS=a.b.{n}"));
    let planted = (0..20).map(|n| format!("DS={}", fake.session("U2").issued_at(-n).token()));
    let cookies: Vec<_> = junk
        .chain(planted)
        .chain([format!("__Host-DS={own}")])
        .collect();
    let request = http::Request::post(LOGOUT)
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/json")
        .header("cookie", cookies.join("; "))
        .body(Full::from("{}"))
        .unwrap();
    assert_eq!(ask(&routes(&descope), request).await.status, 200);
    let refused = descope.verify(&SessionToken::new(own)).await.unwrap_err();
    assert_eq!(refused.kind(), RejectionKind::SessionRevoked);
}

#[tokio::test]
async fn the_sessions_that_its_family_brought_end_with_it() {
    let (fake, descope) = world().await;
    let (app, routes) = (app(&descope), routes(&descope));
    let mut ann = Browser::ann(&fake);
    let mut copies = vec![ann.clone()];
    for tenant in ["T2", "T1", "T2"] {
        fake.clock().advance(Duration::from_secs(2));
        let body = format!(r#"{{"tenant":"{tenant}"}}"#);
        assert_eq!(ann.call(&routes, SELECT, &body).await.status, 200);
        copies.push(ann.clone());
    }
    // The session cookie is gone, and only the refresh token says whose it was.
    ann.jar.remove("DS");
    assert_eq!(ann.call(&routes, LOGOUT, "{}").await.status, 200);
    let first = copies.remove(0);
    for copy in &copies {
        assert!(!is_in(&app, copy).await);
    }
    assert!(
        is_in(&app, &first).await,
        "nobody knows that it is the same"
    );
}

#[tokio::test]
async fn whoever_signs_out_everywhere_is_out_in_every_browser() {
    let (fake, descope) = world().await;
    let (app, routes) = (app(&descope), routes(&descope));
    let browsers = [Browser::ann(&fake), Browser::ann(&fake)];
    let bob = Browser::signed_in(&fake, "bob@example.test");
    fake.clock().advance(Duration::from_secs(1));
    let mut ann = Browser::ann(&fake);
    assert_eq!(ann.call(&routes, LOGOUT_ALL, "{}").await.status, 200);
    for browser in &browsers {
        assert!(!is_in(&app, browser).await);
    }
    assert!(is_in(&app, &bob).await);
    // None of them is renewed.
    for mut browser in browsers {
        let response = browser.visit(&late(&descope)).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }
    fake.clock().advance(Duration::from_secs(1));
    assert!(is_in(&app, &Browser::ann(&fake)).await);
}

#[tokio::test]
async fn what_was_renewed_before_descope_knew_of_the_sign_out_ends_when_it_does() {
    let (fake, descope) = world().await;
    let app = app(&descope);
    let ann = Browser::ann(&fake);
    fake.hang_path(LOGOUT_ALL, true);
    let (handle, refresh) = (descope.clone(), ann.refresh_token());
    let logout = tokio::spawn(async move { handle.logout_all(&refresh).await });
    fake.wait_for_calls(LOGOUT_ALL, 1).await;
    assert!(
        !is_in(&app, &ann).await,
        "here it holds before descope knows"
    );
    // Another replica renews a session meanwhile.
    fake.clock().advance(Duration::from_secs(2));
    let elsewhere = Browser::ann(&fake);
    assert!(is_in(&app, &elsewhere).await);
    fake.hang_path(LOGOUT_ALL, false);
    logout.await.unwrap().unwrap();
    assert!(!is_in(&app, &elsewhere).await);
}

#[tokio::test]
async fn a_sign_out_by_the_handle_marks_what_it_knows() {
    let (fake, descope) = world().await;
    let app = app(&descope);
    let mut ann = Browser::ann(&fake);
    fake.clock().advance(Duration::from_secs(2));
    let answer = descope.refresh(&ann.refresh_token()).await.unwrap();
    let session = answer.session_token().expose().to_owned();
    ann.jar.insert("DS".into(), session);
    assert!(is_in(&app, &ann).await);
    let refresh = answer.refresh_token().unwrap().clone();
    descope.logout(&refresh).await.unwrap();
    assert!(!is_in(&app, &ann).await);
    // Everywhere, by the handle.
    fake.clock().advance(Duration::from_secs(2));
    let (one, other) = (Browser::ann(&fake), Browser::ann(&fake));
    descope.logout_all(&one.refresh_token()).await.unwrap();
    assert!(!is_in(&app, &other).await);
}
