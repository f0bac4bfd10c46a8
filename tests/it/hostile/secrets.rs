//! No token text in any log, `Debug`, error or default body: everything that a run over every path
//! says is searched for them.

use std::future::IntoFuture;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;
use tower_descope::{
    AccessKey, AccessKeys, Descope, ExchangeOptions, RefreshToken, Renewal, SelectTenant,
    SessionRoutes, SessionToken, TenantId, TenantLayer,
    answer::WhichTenants,
    sign_in::{Adopt, CodeRecipient, Exchange, SignInRefusal},
    test_util::{Canned, FakeDescope},
};

use crate::support::{Log, app_with, child, in_child, send, with_bearer};

const MACHINE: &str = "K2eyJgoodAccessKeyOfAMachine";

#[test]
fn nothing_that_this_crate_says_has_a_token_in_it() {
    // In a process of its own: which events are wanted is decided once per process.
    if !in_child() {
        child::<&str>(
            "hostile::secrets::nothing_that_this_crate_says_has_a_token_in_it",
            &[],
        );
        return;
    }
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("tower_descope=trace")
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let said = tracing::subscriber::with_default(subscriber, || runtime.block_on(every_path()));
    let log = log.text();
    for event in [
        "no session",
        "tenant selected",
        "keys fetched",
        "session renewed",
        "session not renewed",
        "session call",
        "session call refused",
        "signed out here, but not at descope",
        "the session is in no tenant after its refresh",
        "access key exchanged",
        "access key refused",
        "access key not exchanged",
        "signed in",
        "not signed in",
        "signed out",
        "a sign-in goes on without the tenant",
        "a session that was left is signed out here",
        "its session has ended since",
    ] {
        assert!(log.contains(event), "the run logged {event:?}:\n{log}");
    }
    for text in [&log, &said] {
        if let Some(at) = text.find("eyJ") {
            let from = at.saturating_sub(200);
            panic!(
                "a token was shown: …{}…",
                &text[from..(at + 20).min(text.len())]
            );
        }
    }
}

/// An access key that is good, one that is not, and one that cannot be exchanged now; their texts
/// are looked for like tokens.
async fn machines(fake: &FakeDescope) -> Vec<String> {
    let keys = AccessKeys::new().key_prefix("K2");
    let descope = fake.descope_builder().access_keys(keys).build().unwrap();
    let app = app_with(TenantLayer::new(descope.clone()));
    let mut said = Vec::new();
    for (text, status) in [
        (MACHINE, None),
        ("K2eyJnobodyKnowsThisOne", None),
        ("K2eyJnotExchangedToday", Some(500)),
        ("K2eyJnotEvenLookedAtToday", Some(429)),
    ] {
        if let Some(status) = status {
            let echo = Canned::new(status).body(text);
            fake.respond_next("/v1/auth/accesskey/exchange", echo);
        }
        said.push(format!("{:?}", with_bearer(&app, text).await));
        let key = AccessKey::new(text);
        said.push(format!(
            "{key:?} {:?}",
            descope.verify_access_key(&key).await
        ));
        match descope
            .exchange_access_key(&key, &ExchangeOptions::new())
            .await
        {
            Ok(machine) => said.push(format!("{machine:?}")),
            Err(error) => said.push(format!("{error:?} {error}")),
        }
    }
    said
}

/// Sign-ins and sign-outs, good and bad, with addresses and codes that are looked for like tokens.
async fn sign_ins() -> Vec<String> {
    let fake = FakeDescope::builder()
        .user("ann@example.test", |user| user.id("U1").tenant("T1", |t| t))
        .start()
        .await;
    let builder = fake.descope_builder().select_only_tenant(true);
    let descope = builder.build().unwrap();
    let mut said = Vec::new();
    let mut headers = HeaderMap::new();
    let bobs = fake.refresh("U2").token();
    headers.insert("cookie", format!("DSR={bobs}").parse().unwrap());
    let echo = serde_json::json!({
        "errorCode": "eyJ", "errorDescription": "eyJann@example.test eyJ123", "message": "eyJ",
    });
    let to = [
        CodeRecipient::email("eyJann@example.test"),
        CodeRecipient::email("eyJ\n"),
        CodeRecipient::sms("+eyJ1"),
    ];
    for canned in [
        None,
        Some(Canned::json(401, &echo)),
        Some(Canned::json(403, &echo)),
        Some(Canned::new(500).body("eyJ")),
        Some(Canned::new(200).body("{\"sessionJwt\":\"eyJ\"}")),
        Some(Canned::new(302).body("eyJ").header("location", "/eyJ")),
    ] {
        let answer = |path: &str| {
            if let Some(canned) = &canned {
                fake.respond_next(path, canned.clone());
            }
        };
        for to in &to {
            answer("/v1/auth/otp/signup-in/email");
            answer("/v1/auth/otp/signup-in/sms");
            said.push(format!("{to:?} {:?}", descope.send_code(to).await));
            for code in ["eyJ123", "eyJ 123", FakeDescope::ONE_TIME_CODE] {
                answer("/v1/auth/otp/verify/email");
                answer("/v1/auth/otp/verify/sms");
                sign_in(descope.verify_code(&headers, to, code), &mut said).await;
            }
        }
        for by in [Exchange::OAuth, Exchange::Sso] {
            answer("/v1/auth/oauth/exchange");
            answer("/v1/auth/saml/exchange");
            for code in ["eyJcode", "eyJ code"] {
                sign_in(descope.exchange_code(&headers, by, code), &mut said).await;
            }
        }
        answer("/v1/auth/tenant/select");
        // Of the session that the browser had.
        answer("/v1/auth/logout");
        let login = fake.sign_in("ann@example.test");
        let session = SessionToken::new(login.session_jwt());
        let refresh = RefreshToken::new(login.refresh_jwt());
        let adopt = || descope.adopt(&headers, session.clone(), refresh.clone());
        sign_in(adopt(), &mut said).await;
        answer("/v1/auth/refresh");
        sign_in(adopt().rotate(true), &mut said).await;
        sign_in(adopt().max_age(std::time::Duration::ZERO), &mut said).await;
        for everywhere in [false, true] {
            answer("/v1/auth/logout");
            answer("/v1/auth/logoutall");
            let signed_out = if everywhere {
                descope.sign_out_everywhere(&headers).await
            } else {
                descope.sign_out(&headers).await
            };
            said.push(format!("{signed_out:?} {:?}", signed_out.told()));
            let shown = descope.presented_refresh_token(&headers).await;
            said.push(format!("{shown:?}"));
        }
        let bobs = fake.refresh("U2").token();
        headers.insert("cookie", format!("DSR={bobs}").parse().unwrap());
    }
    // Signed in, and out before the response is written.
    let login = fake.sign_in_to("ann@example.test", "T1");
    let refresh = RefreshToken::new(login.refresh_jwt());
    let session = SessionToken::new(login.session_jwt());
    let signed_in = descope.adopt(&headers, session, refresh.clone()).await;
    said.push(format!("{:?}", descope.logout(&refresh).await));
    signed_in.unwrap().set_cookies(&mut HeaderMap::new());
    said
}

/// Awaits a sign-in, and notes all that it says but for its cookies.
async fn sign_in(adopt: Adopt, said: &mut Vec<String>) {
    said.push(format!("{adopt:?}"));
    let adopting = adopt.into_future();
    said.push(format!("{adopting:?}"));
    match adopting.await {
        Ok(signed_in) => {
            let mut head = HeaderMap::new();
            signed_in.set_cookies(&mut head);
            said.push(format!("{signed_in:?} {head:?}"));
        }
        Err(error) => {
            said.push(format!("{error:?} {error}"));
            said.push(format!("{:?}", SignInRefusal::from(error)));
        }
    }
}

/// Takes every path, and returns the `Debug` and `Display` of what it met.
async fn every_path() -> String {
    let mut said = Vec::new();
    let fake = FakeDescope::builder()
        .tenant("T1", "One")
        .user("ann@example.test", |user| user.id("U1").tenant("T1", |t| t))
        .access_key(MACHINE, |key| key)
        .start()
        .await;
    let descope = fake.descope();
    let app = app_with(TenantLayer::new(descope.clone()));
    let optional = app_with(
        TenantLayer::new(descope.clone())
            .optional()
            .require_tenant(),
    );
    let session = || fake.session("U1").tenant("T1", |t| t);
    for token in [
        session().active("T1").token(),
        session().token(),
        session().active_without_membership("T2").token(),
        session().expired().token(),
        session().signed_by_stranger().token(),
        session().kid("SKunknown").token(),
        session().issued_at(400).token(),
        session().raw_payload("{\"sub\":\"eyJ\"").token(),
        fake.refresh("U1").token(),
    ] {
        for app in [&app, &optional] {
            let response = with_bearer(app, &token).await;
            said.push(format!("{response:?}"));
        }
        said.push(format!(
            "{:?}",
            descope.verify(&SessionToken::new(&token)).await
        ));
        said.push(format!("{:?}", SessionToken::new(token.as_str())));
        let refresh = RefreshToken::new(token.as_str());
        let tenant = TenantId::new("T1").unwrap();
        match descope.select_tenant(&refresh, &tenant).await {
            Ok(selection) => said.push(format!("{selection:?}")),
            Err(error) => said.push(format!("{error:?} {error}")),
        }
        said.push(typed_calls(&descope, &refresh).await);
    }
    let signed_in = fake.sign_in("ann@example.test");
    said.push(typed_calls(&descope, &RefreshToken::new(signed_in.refresh_jwt())).await);
    said.push(session_routes(&fake, &descope).await);
    said.extend(machines(&fake).await);
    said.extend(sign_ins().await);
    let service = SelectTenant::new(descope.clone());
    let path = "/v1/auth/tenant/select";
    let echo = serde_json::json!({"errorCode": "eyJ", "errorDescription": "eyJ", "message": "eyJ"});
    for canned in [
        None,
        Some(Canned::json(403, &echo)),
        Some(Canned::new(500).body("eyJ")),
        Some(Canned::new(200).body("{\"sessionJwt\":\"eyJ\"}")),
        Some(Canned::new(302).body("eyJ").header("location", "/eyJ")),
    ] {
        if let Some(canned) = canned {
            fake.respond_next(path, canned);
        }
        let signed_in = fake.sign_in("ann@example.test");
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header("cookie", format!("DSR={}", signed_in.refresh_jwt()))
            .body(Full::<Bytes>::from(r#"{"tenant":"T1"}"#))
            .unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        // Set-Cookie carries tokens, and is marked so that `Debug` does not show them.
        said.push(format!("{parts:?}"));
        let body = body.collect().await.unwrap().to_bytes();
        said.push(String::from_utf8(body.to_vec()).unwrap());
    }
    said.push(renewals(&fake, &descope).await);
    fake.fail_always(Some(500));
    fake.clock().advance(std::time::Duration::from_secs(10_000));
    said.push(format!(
        "{:?}",
        with_bearer(&app, &session().active("T1").token()).await
    ));
    said.push(format!(
        "{descope:?} {:?} {:?}",
        descope.key_status(),
        descope.warm_up().await
    ));
    said.join("\n")
}

/// The `Debug` and `Display` of all that the typed calls answer; the last of them sign out.
async fn typed_calls(descope: &Descope, refresh: &RefreshToken) -> String {
    let mut said = vec![format!("{:?}", descope.refresh(refresh).await)];
    said.push(format!("{:?}", descope.me(refresh).await));
    let tenants = descope.my_tenants(refresh, WhichTenants::Current).await;
    said.push(format!("{tenants:?} {:?}", descope.history(refresh).await));
    for outcome in [
        descope.logout(refresh).await,
        descope.logout_all(refresh).await,
    ] {
        said.push(format!("{outcome:?}"));
        said.extend(outcome.err().map(|error| error.to_string()));
    }
    said.join("\n")
}

/// What the session routes say when all is well, and when Descope echoes what it should not.
async fn session_routes(fake: &FakeDescope, descope: &Descope) -> String {
    let mut said = Vec::new();
    let routes = SessionRoutes::new(descope.clone()).at("/v1/auth");
    said.push(format!("{routes:?}"));
    let echo = serde_json::json!({"errorCode": "eyJ", "errorDescription": "eyJ", "message": "eyJ"});
    let lost = serde_json::json!({
        "sessionJwt": fake.session("U1").token(), "refreshJwt": fake.refresh("U1").token(),
    });
    for canned in [
        None,
        Some(Canned::json(401, &echo)),
        Some(Canned::new(500).body("eyJ")),
        Some(Canned::new(200).body("{\"sessionJwt\":\"eyJ\"}")),
        Some(Canned::new(302).body("eyJ").header("location", "/eyJ")),
        Some(Canned::json(200, &lost)),
    ] {
        for path in ["refresh", "try-refresh", "me", "me/history", "logout"] {
            let path = format!("/v1/auth/{path}");
            if let Some(canned) = &canned {
                let upstream = path.replace("try-refresh", "refresh");
                fake.respond_next(&upstream, canned.clone());
            }
            let signed_in = fake.sign_in_to("ann@example.test", "T1");
            let request = Request::builder()
                .uri(&path)
                .method(if path.contains("/me") { "GET" } else { "POST" })
                .header("cookie", format!("DSR={}", signed_in.refresh_jwt()))
                .body(Full::<Bytes>::default())
                .unwrap();
            let response = routes.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            said.push(format!("{parts:?}"));
            let body = body.collect().await.unwrap().to_bytes();
            said.push(String::from_utf8(body.to_vec()).unwrap());
        }
    }
    said.join("\n")
}

/// Sessions that are renewed in the layer, or should be.
async fn renewals(fake: &FakeDescope, descope: &Descope) -> String {
    let path = "/v1/auth/refresh";
    let echo = serde_json::json!({"errorCode": "eyJ", "errorDescription": "eyJ", "message": "eyJ"});
    let app = app_with(TenantLayer::new(descope.clone()).renew(Renewal::new()));
    let mut said = Vec::new();
    for canned in [
        None,
        Some(Canned::json(403, &echo)),
        Some(Canned::new(500).body("eyJ")),
        Some(Canned::new(200).body("{\"sessionJwt\":\"eyJ\"}")),
        Some(Canned::error(401, "E064001", "eyJ")),
    ] {
        if let Some(canned) = canned {
            fake.respond_next(path, canned);
        }
        let signed_in = fake.sign_in("ann@example.test");
        fake.clock().advance(std::time::Duration::from_secs(660));
        let (parts, body) = send(&app, &[("cookie", signed_in.cookies())])
            .await
            .into_parts();
        said.push(format!("{parts:?} {body}"));
    }
    said.join("\n")
}
