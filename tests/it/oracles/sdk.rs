//! The official SDKs beside us: their verdicts on one list of tokens, and their `select_tenant`
//! against an app that mounts `SelectTenant`, and what they make of the tokens that our routes leave
//! in a browser. Run by `tests/interop/sdk/run.sh`, which brings the
//! SDKs and says in the environment where they are; plain `cargo test` has nothing to run here.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use axum::{
    Json, Router,
    routing::{get, post_service},
};
use serde_json::{Value, json};
use tower_descope::{
    SelectTenant, SessionToken,
    test_util::{FakeDescope, ResponseMethod, TestClock},
};

use crate::routes::{self, Browser, SELECT};

fn folder(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from)
}

fn read(path: &Path) -> Value {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// Where we refuse what both SDKs accept, and why; each is in the documentation.
const STRICTER: &[(&str, &str)] = &[
    ("exp_missing", "a session without an end is none"),
    ("sub_missing", "a session is somebody's"),
    ("iss_app_tenant", "only by issuers(…)"),
    ("refresh_token", "a refresh token is not a session"),
    ("drn_other", "another kind is not a session"),
    ("oidc_access_token", "only for a resource server"),
    ("oidc_id_token", "an id token is not a session"),
    ("oidc_refresh_token", "a refresh token is not a session"),
    (
        "dpop_bound",
        "bound to a key whose proof nobody checks here",
    ),
];

#[tokio::test]
async fn we_agree_with_the_sdks_but_where_we_are_stricter() {
    let Some(folder) = folder("SDK_VERDICTS") else {
        return;
    };
    let tokens = read(&folder.join("tokens.json"));
    let sdks = ["python", "node"].map(|sdk| read(&folder.join(format!("verdicts-{sdk}.json"))));
    let tokens = tokens.as_array().unwrap();
    assert!(tokens.len() > 20, "a list worth comparing");

    // The fake that made the list: its project, its keys, its time.
    let claims = payload(tokens[0]["token"].as_str().unwrap());
    let issued = SystemTime::UNIX_EPOCH + Duration::from_secs(claims["iat"].as_u64().unwrap());
    let fake = FakeDescope::builder()
        .project_id(claims["iss"].as_str().unwrap())
        .clock(TestClock::at(issued))
        .start()
        .await;
    fake.add_key_for("ES256");
    let descope = fake.descope();

    let mut stricter: BTreeMap<_, _> = STRICTER.iter().copied().collect();
    for case in tokens {
        let name = case["name"].as_str().unwrap();
        let ours = descope
            .verify(&SessionToken::new(case["token"].as_str().unwrap()))
            .await;
        let theirs = sdks
            .each_ref()
            .map(|verdicts| verdicts[name]["accepts"].as_bool().unwrap());
        if let Some(why) = stricter.remove(name) {
            assert!(ours.is_err(), "{name}: no longer stricter ({why})");
            assert_eq!(theirs, [true, true], "{name}");
        } else if theirs == [true, true] {
            assert!(ours.is_ok(), "{name}: both SDKs accept, we say {ours:?}");
        } else if theirs == [false, false] {
            assert!(ours.is_err(), "{name}: both SDKs refuse");
        } else {
            // They differ, so the policy decides alone: an audience that nobody asked for is not
            // looked at; an issuer and a date of issue are.
            assert_eq!(ours.is_ok(), name == "aud_foreign", "{name}: {ours:?}");
        }
    }
    assert!(stricter.is_empty(), "not in the list: {stricter:?}");
}

fn payload(token: &str) -> Value {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// Runs the script for one SDK and returns what it printed. It must succeed within a minute; after
/// that `timeout` ends it.
async fn run<const N: usize>(script: &Path, sdk: &str, variables: [(&str, String); N]) -> String {
    let mut command = Command::new("timeout");
    command
        .arg("60")
        .arg(script)
        .arg(sdk)
        .envs(variables)
        .stdin(Stdio::null());
    // On a thread of its own: the server that the SDK asks runs on this one. tokio's processes would
    // switch on its signal handling for every default member of the workspace.
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = output.await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{sdk}: {said}");
    said
}

#[tokio::test]
async fn the_sdks_select_tenants_through_an_app_as_if_it_were_descope() {
    let Some(script) = folder("SDK_SELECT") else {
        return;
    };
    let fake = FakeDescope::builder()
        .real_time()
        .user("ann@example.test", |user| {
            user.id("U1").tenant("T1", |t| t).tenant("T2", |t| t)
        })
        .start()
        .await;
    let select = SelectTenant::new(fake.descope())
        .accept_bearer_refresh(true)
        .session_token_in_answer(true)
        .refresh_token_in_answer(true);
    let keys = fake.jwks();
    let app = Router::new()
        .route("/v1/auth/tenant/select", post_service(select))
        // The SDKs verify what they are answered, with keys from their base URL.
        .route(&fake.keys_path(), get(|| async move { Json(keys) }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });

    for sdk in ["python", "node"] {
        let signed_in = fake.sign_in("ann@example.test");
        let variables = [
            ("APP_URL", url.clone()),
            ("PROJECT_ID", fake.project_id().to_owned()),
            ("REFRESH_JWT", signed_in.refresh_jwt().to_owned()),
        ];
        let said = run(&script, sdk, variables).await;
        assert!(said.contains("selected T2"), "{sdk}: {said}");
        print!("{said}");
    }
    assert_eq!(fake.calls("/v1/auth/tenant/select"), 2);
}

/// A fake and a browser that has been through a refresh, a selection and a refresh by our routes.
async fn walked(
    session: ResponseMethod,
    refresh: ResponseMethod,
    rotation: bool,
) -> (FakeDescope, Value) {
    let fake = routes::fake()
        .real_time()
        .rotation(rotation)
        .session_response(session)
        .refresh_response(refresh)
        // The SDKs know no other way.
        .bearer_beside_cookies(true)
        .start()
        .await;
    let descope = fake
        .descope_builder()
        .rotation(rotation)
        .cookie_managed(refresh == ResponseMethod::Cookies)
        .build()
        .unwrap();
    let routes = routes::routes(&descope);
    let mut browser = Browser::ann(&fake);
    let before = browser.jar.clone();
    for call in 0..3 {
        let answer = if call == 1 {
            let body = r#"{"tenant":"T2"}"#;
            browser.call(&routes, SELECT, body).await
        } else {
            browser.refresh(&routes).await
        };
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert_ne!(browser.jar["DS"], before["DS"]);
    assert_eq!(browser.jar["DSR"] != before["DSR"], rotation);
    let row = json!({
        "row": format!("session {session:?}, refresh {refresh:?}, rotation {rotation}"),
        "url": fake.url(),
        "project": fake.project_id(),
        "session": browser.jar["DS"],
        "refresh": browser.jar["DSR"],
        "tenant": "T2",
        "sessionInBody": session == ResponseMethod::Body,
    });
    (fake, row)
}

#[tokio::test]
async fn the_sdks_accept_what_our_routes_leave_in_a_browser() {
    use ResponseMethod::{Body, Cookies};

    let Some(script) = folder("SDK_ROWS") else {
        return;
    };
    for sdk in ["python", "node"] {
        let (mut fakes, mut rows) = (Vec::new(), Vec::new());
        for rotation in [true, false] {
            for modes in [[Body, Body], [Body, Cookies], [Cookies, Body], [Cookies; 2]] {
                let (fake, row) = walked(modes[0], modes[1], rotation).await;
                fakes.push(fake);
                rows.push(row);
            }
        }
        let said = run(&script, sdk, [("ROWS", Value::from(rows).to_string())]).await;
        assert_eq!(
            said.matches("agrees on").count(),
            fakes.len(),
            "{sdk}: {said}"
        );
        print!("{said}");
    }
}
