//! What the SDKs call, and what they are answered.

use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use tower_descope::{
    ErrorKind, RefreshToken, ReturnPaths, SelectTenant, SessionRoutes, SessionToken, TenantId,
    answer::WhichTenants,
    test_util::{Canned, ResponseMethod},
};

use super::{
    Browser, CALLS, HISTORY, LOGOUT, LOGOUT_ALL, ME, MY_TENANTS, REFRESH, SELECT, TRY_REFRESH, ask,
    fake, routes,
};

#[tokio::test]
async fn each_call_of_the_sdk_works_and_no_body_has_a_token() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let routes = routes(&descope);
    let mut ann = Browser::ann(&fake);
    for path in [REFRESH, TRY_REFRESH] {
        let before = ann.jar["DSR"].clone();
        let answer = ann.call(&routes, path, "{}").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.json["sessionExpiration"].is_u64());
        assert_eq!(answer.json["claims"]["dct"], "T1");
        assert_eq!(answer.json["tenant"], "T1");
        assert_eq!(answer.json["user"]["userId"], "U1");
        for absent in ["sessionJwt", "refreshJwt", "authInfo", "cookieName"] {
            assert!(answer.json.get(absent).is_none(), "{absent}");
        }
        assert_ne!(ann.jar["DSR"], before, "rotated");
    }
    let answer = ann.call(&routes, SELECT, r#"{"tenant":"T2"}"#).await;
    assert_eq!(answer.json["claims"]["dct"], "T2", "{}", answer.text);
    let answer = ann.refresh(&routes).await;
    assert_eq!(answer.json["claims"]["dct"], "T2", "it survives a refresh");
    let session = descope
        .verify(&SessionToken::new(&ann.jar["DS"]))
        .await
        .unwrap();
    assert_eq!(session.active_tenant().unwrap().id(), "T2");

    let answer = ann.call(&routes, ME, "").await;
    assert_eq!((answer.status, &answer.json["userId"]), (200, &json!("U1")));
    let answer = ann.call(&routes, MY_TENANTS, r#"{"dct":true}"#).await;
    assert_eq!(answer.json["tenants"][0]["id"], "T2", "{}", answer.text);
    let answer = ann.call(&routes, MY_TENANTS, r#"{"ids":["T1"]}"#).await;
    assert_eq!(answer.json["tenants"][0]["name"], "One", "{}", answer.text);
    let answer = ann.call(&routes, HISTORY, "").await;
    assert_eq!(answer.json[0]["userId"], "U1", "{}", answer.text);

    let answer = ann.call(&routes, LOGOUT, "{}").await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "{}"));
    assert!(ann.jar.is_empty());
    assert_eq!(fake.calls(LOGOUT), 1);
    assert_eq!(fake.calls(TRY_REFRESH), 0, "refresh tells more");
}

#[tokio::test]
async fn without_a_session_nothing_goes_up() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    for (path, body) in CALLS {
        let mut nobody = Browser::signed_out(&fake);
        let answer = nobody.call(&routes, path, body).await;
        match path {
            TRY_REFRESH => assert_eq!((answer.status, &*answer.text), (200, "{}")),
            LOGOUT | LOGOUT_ALL => {
                let unconfirmed = r#"{"everywhere":false}"#;
                let text = if path == LOGOUT { "{}" } else { unconfirmed };
                assert_eq!((answer.status, &*answer.text), (200, text));
                assert_eq!(answer.cookies().len(), 2, "{path}");
            }
            _ => {
                assert_eq!(answer.status, 401, "{path}");
                assert_eq!(answer.error(), "missing_refresh_token", "{path}");
                assert_eq!(answer.headers["www-authenticate"], "Bearer", "{path}");
            }
        }
        if !path.starts_with(LOGOUT) {
            assert!(answer.cookies().is_empty(), "{path}");
        }
    }
    assert!(fake.requests().is_empty(), "not even for keys");
}

#[tokio::test]
async fn the_four_response_modes_with_and_without_rotation_all_stay_signed_in() {
    for rotation in [true, false] {
        for session in [ResponseMethod::Body, ResponseMethod::Cookies] {
            for refresh in [ResponseMethod::Body, ResponseMethod::Cookies] {
                let row = format!("rotation {rotation}, session {session:?}, refresh {refresh:?}");
                let fake = fake()
                    .rotation(rotation)
                    .session_response(session)
                    .refresh_response(refresh)
                    .start()
                    .await;
                let descope = fake
                    .descope_builder()
                    .rotation(rotation)
                    .cookie_managed(refresh == ResponseMethod::Cookies)
                    .build()
                    .unwrap();
                let routes = routes(&descope);
                let mut ann = Browser::ann(&fake);
                let before = ann.jar.clone();
                ann.call(&routes, SELECT, r#"{"tenant":"T2"}"#).await;
                for _ in 0..3 {
                    fake.clock().advance(Duration::from_secs(700));
                    let answer = ann.refresh(&routes).await;
                    assert_eq!(answer.status, 200, "{row}: {}", answer.text);
                    let session = descope
                        .verify(&SessionToken::new(&ann.jar["DS"]))
                        .await
                        .unwrap();
                    assert_eq!(session.active_tenant().unwrap().id(), "T2", "{row}");
                }
                let names: Vec<_> = ann.jar.keys().cloned().collect();
                assert_eq!(names, ["DS", "DSR"], "{row}: no cookie of the CDN");
                assert_eq!(ann.jar["DSR"] != before["DSR"], rotation, "{row}");
                for (path, body) in [(ME, ""), (MY_TENANTS, r#"{"dct":true}"#), (LOGOUT, "{}")] {
                    let answer = ann.call(&routes, path, body).await;
                    assert_eq!(answer.status, 200, "{row}: {path}");
                }
                assert_eq!(fake.calls(LOGOUT), 1, "{row}");
                assert!(ann.jar.is_empty(), "{row}");
            }
        }
    }
}

#[tokio::test]
async fn the_cookie_decides_alone_and_a_header_only_where_that_is_switched_on() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let with_header = |browser: &Browser, path: &str, body: &str, token: &str| {
        let mut request = browser.sdk_request(path, body);
        let credential = format!("Bearer {}:{token}", fake.project_id());
        let headers = request.headers_mut();
        headers.insert("authorization", credential.parse().unwrap());
        request
    };
    let sdk = routes(&descope).accept_bearer_refresh(true);
    for service in [routes(&descope), sdk.clone()] {
        let ann = Browser::ann(&fake);
        let stale = fake.sign_in("bob@example.test");
        for token in ["garbage", stale.refresh_jwt()] {
            let answer = ask(&service, with_header(&ann, ME, "", token)).await;
            assert_eq!(answer.json["userId"], "U1", "{}", answer.text);
        }
    }
    let nobody = Browser::signed_out(&fake);
    let signed_in = fake.sign_in("bob@example.test");
    let token = signed_in.refresh_jwt();
    let answer = ask(&routes(&descope), with_header(&nobody, ME, "", token)).await;
    assert_eq!(answer.error(), "missing_refresh_token");
    let answer = ask(&sdk, with_header(&nobody, ME, "", token)).await;
    assert_eq!(answer.json["userId"], "U2", "{}", answer.text);
    let answer = ask(&sdk, with_header(&nobody, REFRESH, "{}", token)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.cookies().is_empty(), "no cookie for who sent none");
    let answer = ask(&sdk, with_header(&nobody, LOGOUT, "{}", token)).await;
    // Whatever the browser has, if it is one.
    assert_eq!((answer.status, answer.cookies().len()), (200, 2));

    // Tokens stand in a body only where that is asked for.
    let signed_in = fake.sign_in("bob@example.test");
    let open = sdk
        .session_token_in_answer(true)
        .refresh_token_in_answer(true);
    let request = with_header(&nobody, REFRESH, "{}", signed_in.refresh_jwt());
    let response = open.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    for name in ["sessionJwt", "refreshJwt"] {
        assert!(body[name].as_str().unwrap().starts_with("eyJ"), "{name}");
    }
}

#[tokio::test]
async fn user_records_are_passed_on_without_what_the_sdk_would_take_for_tokens() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    let mut ann = Browser::ann(&fake);
    let record = json!({
        "userId": "U1", "name": "Ann", "customAttributes": {"plan": "gold"},
        "authInfo": {}, "access_token": "x", "sessionJwt": null, "sessionExpiration": 1,
    });
    fake.respond_next(ME, Canned::json(200, &record));
    let answer = ann.call(&routes, ME, "").await;
    let expected = json!({"userId": "U1", "name": "Ann", "customAttributes": {"plan": "gold"}});
    assert_eq!(answer.json, expected);
}

#[tokio::test]
async fn a_selection_can_have_a_service_of_its_own() {
    let fake = fake().start().await;
    let paths = ReturnPaths::new("/home").unwrap();
    let select = SelectTenant::new(fake.descope()).html_forms(paths);
    let service = routes(&fake.descope()).select_tenant(select);
    let ann = Browser::ann(&fake);
    let mut request = ann.sdk_request(SELECT, "tenant=T2");
    let form = "application/x-www-form-urlencoded".parse().unwrap();
    request.headers_mut().insert("content-type", form);
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn in_axum_the_routes_are_nested() {
    let fake = fake().start().await;
    let app: axum::Router =
        axum::Router::new().nest_service("/v1/auth", SessionRoutes::new(fake.descope()));
    let ann = Browser::ann(&fake);
    for (path, status) in [
        (ME, 200),
        (HISTORY, 200),
        ("/v1/auth/other", 404),
        ("/other", 404),
    ] {
        let request = ann.sdk_request(path, "").map(axum::body::Body::new);
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
    }
    let request = ann.sdk_request(SELECT, r#"{"tenant":"T2"}"#);
    let response = app
        .oneshot(request.map(axum::body::Body::new))
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn without_http_all_calls_are_typed() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let signed_in = fake.sign_in_to("ann@example.test", "T1");
    let first = RefreshToken::new(signed_in.refresh_jwt());
    let answer = descope.refresh(&first).await.unwrap();
    assert_eq!(answer.tenant().unwrap(), "T1");
    assert_eq!(answer.session().user_id(), "U1");
    assert_eq!(answer.lost_tenant(), None);
    assert!(answer.refresh_token().is_some());
    assert!(!format!("{answer:?}").contains("eyJ"));
    // With the first token, though it is spent: what is known here is newer.
    let user = descope.me(&first).await.unwrap();
    assert_eq!(user.id().unwrap(), "U1");
    let current = descope
        .my_tenants(&first, WhichTenants::Current)
        .await
        .unwrap();
    assert_eq!(current[0].name(), Some("One"));
    let listed = WhichTenants::Listed(vec![TenantId::new("T2").unwrap()]);
    let listed = descope.my_tenants(&first, listed).await.unwrap();
    assert_eq!(listed[0].id().unwrap(), *"T2");
    let history = descope.history(&first).await.unwrap();
    assert_eq!(history[0].user_id().unwrap(), "U1");
    assert!(history[0].time().is_some());

    let elsewhere = RefreshToken::new(fake.sign_in("ann@example.test").refresh_jwt());
    descope.logout_all(&first).await.unwrap();
    for token in [&first, &elsewhere] {
        let error = descope.refresh(token).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SessionEnded);
        assert!(error.ends_session());
    }
    descope.logout(&first).await.unwrap();
    let error = descope.logout_all(&first).await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::SessionEnded,
        "it cannot end the others"
    );

    // A logout that Descope could not be told of may be repeated.
    let token = RefreshToken::new(fake.sign_in("ann@example.test").refresh_jwt());
    fake.respond_next(LOGOUT, Canned::error(500, "E990500", "oops"));
    let error = descope.logout(&token).await.unwrap_err();
    assert!(error.is_transient());
    assert!(descope.refresh(&token).await.unwrap_err().ends_session());
    fake.clear_requests();
    descope.logout(&token).await.unwrap();
    assert_eq!(fake.calls(LOGOUT), 1);
}
