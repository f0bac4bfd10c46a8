//! `sign-in`: a page hands over the tokens that Descope's sign-in component was given.

use std::time::Duration;

use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower::ServiceExt;
use tower_descope::{
    Descope, SessionRoutes,
    cookie::{CookieLife, SessionCookies},
    endpoint::ResponseBody,
    routes::SignIn,
    test_util::{FakeDescope, SignedIn},
};

use super::{Browser, REFRESH, calls, fake, routes};
use crate::support::browser::set_cookies;

const SIGN_IN: &str = "/v1/auth/sign-in";

pub(super) fn open(descope: &Descope) -> SessionRoutes {
    routes(descope).sign_in(SignIn::new())
}

/// The `detail` of the component's event, more or less.
fn detail(tokens: &SignedIn) -> Value {
    json!({
        "sessionJwt": tokens.session_jwt(),
        "refreshJwt": tokens.refresh_jwt(),
        "user": {"userId": tokens.user_id()},
        "firstSeen": false,
    })
}

pub(super) struct Asked {
    pub(super) status: u16,
    pub(super) error: String,
    pub(super) json: Value,
    pub(super) lines: Vec<String>,
    fields: http::HeaderMap,
}

pub(super) async fn post(
    routes: &SessionRoutes,
    browser: &Browser,
    fields: &[(&str, &str)],
    body: impl Into<bytes::Bytes>,
) -> Asked {
    let mut request = Request::post(SIGN_IN).header("host", "app.example");
    if !browser.jar.is_empty() {
        request = request.header("cookie", browser.cookies());
    }
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.into())).unwrap();
    let response: Response<ResponseBody> = routes.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    Asked {
        status: head.status.as_u16(),
        error: json["error"].as_str().unwrap_or_default().to_owned(),
        lines: set_cookies(&head.headers),
        json,
        fields: head.headers,
    }
}

const OF_A_PAGE: [(&str, &str); 2] = [
    ("content-type", "application/json"),
    ("sec-fetch-site", "same-origin"),
];

pub(super) async fn sign_in(routes: &SessionRoutes, browser: &mut Browser, body: &Value) -> Asked {
    let asked = post(routes, browser, &OF_A_PAGE, body.to_string()).await;
    browser.keep(&asked.fields);
    asked
}

#[tokio::test]
async fn a_page_hands_over_its_tokens_and_its_browser_has_a_session_of_their_successor() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let routes = open(&descope)
        .session_token_in_answer(true)
        .refresh_token_in_answer(true);
    let tokens = fake.sign_in_to("ann@example.test", "T1");
    let mut browser = Browser::signed_out(&fake);
    let asked = sign_in(&routes, &mut browser, &detail(&tokens)).await;
    let routes = open(&descope);
    assert_eq!((asked.status, &*asked.error), (200, ""), "{}", asked.json);
    assert_eq!(asked.fields[header::CACHE_CONTROL], "no-store");
    assert_eq!(asked.json["tenant"], "T1");
    assert!(asked.json["sessionExpiration"].is_i64());
    assert!(asked.json["claims"].is_object() && asked.json["user"].is_object());
    let text = asked.json.to_string();
    assert!(
        !text.contains("eyJ"),
        "no token, whatever the other answers have: {text}"
    );
    // What a script has seen is not what the browser holds, and is worth nothing.
    assert_ne!(browser.jar["DSR"], tokens.refresh_jwt());
    let seen = Browser::with(tokens.session_jwt(), tokens.refresh_jwt());
    let mut thief = Browser {
        project_id: browser.project_id.clone(),
        ..seen
    };
    assert_eq!(thief.call(&routes, REFRESH, "{}").await.status, 503);
    let again = sign_in(&routes, &mut thief, &detail(&tokens)).await;
    assert_eq!((again.status, &*again.error), (401, "invalid_token"));
    assert!(again.lines.is_empty());
    // The browser goes on.
    for _ in 0..3 {
        assert_eq!(browser.call(&routes, REFRESH, "{}").await.status, 200);
    }
}

#[tokio::test]
async fn without_the_setting_there_is_no_such_call() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    let tokens = fake.sign_in("ann@example.test");
    let mut browser = Browser::signed_out(&fake);
    let asked = sign_in(&routes, &mut browser, &detail(&tokens)).await;
    assert_eq!((asked.status, &*asked.error), (404, "not_found"));
    assert_eq!(calls(&fake), 0);
}

#[tokio::test]
async fn only_a_page_of_this_site_signs_in() {
    let fake = fake().start().await;
    let descope = fake
        .descope_builder()
        .origins(["https://front.example"])
        .build()
        .unwrap();
    let routes = open(&descope);
    let browser = Browser::signed_out(&fake);
    let ann = || detail(&fake.sign_in("ann@example.test")).to_string();
    let json = ("content-type", "application/json");
    for fields in [
        vec![json],
        vec![json, ("sec-fetch-site", "none")],
        vec![json, ("sec-fetch-site", "same-site")],
        vec![json, ("sec-fetch-site", "cross-site")],
        vec![json, ("origin", "https://evil.example")],
        vec![json, ("origin", "null")],
        vec![
            json,
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "none"),
        ],
        vec![
            json,
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "same-origin"),
        ],
    ] {
        let asked = post(&routes, &browser, &fields, ann()).await;
        assert_eq!(
            (asked.status, &*asked.error),
            (403, "cross_site"),
            "{fields:?}"
        );
        assert!(asked.lines.is_empty());
    }
    assert_eq!(calls(&fake), 0);
    for fields in [
        vec![json, ("sec-fetch-site", "same-origin")],
        vec![json, ("origin", "https://app.example")],
        vec![
            json,
            ("origin", "https://front.example"),
            ("sec-fetch-site", "cross-site"),
        ],
    ] {
        let asked = post(&routes, &browser, &fields, ann()).await;
        assert_eq!(asked.status, 200, "{fields:?} {}", asked.json);
    }
}

#[tokio::test]
async fn an_upstream_that_fails_fails_the_sign_in_which_may_be_repeated() {
    let fake = fake().start().await;
    let descope = fake
        .descope_builder()
        .timeout(Duration::from_millis(500))
        .build()
        .unwrap();
    descope.warm_up().await.unwrap();
    let routes = open(&descope);
    let bob = Browser::signed_in(&fake, "bob@example.test");
    let tokens = fake.sign_in_to("ann@example.test", "T1");
    let mut browser = bob.clone();
    fake.fail_next(1);
    let asked = sign_in(&routes, &mut browser, &detail(&tokens)).await;
    assert_eq!(
        (asked.status, &*asked.error),
        (503, "unavailable"),
        "{}",
        asked.json
    );
    assert!(asked.fields.contains_key(header::RETRY_AFTER));
    assert!(
        asked.lines.is_empty() && browser == bob,
        "Bob's browser stays his"
    );
    fake.clock().advance(Duration::from_secs(2));
    let asked = sign_in(&routes, &mut browser, &detail(&tokens)).await;
    assert_eq!(asked.status, 200, "{}", asked.json);
    let answer = browser.call(&routes, "/v1/auth/me", "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json["userId"], "U1");
}

#[tokio::test]
async fn another_users_session_is_ended_at_descope_too() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let routes = open(&descope);
    let bob = Browser::signed_in(&fake, "bob@example.test");
    let mut browser = bob.clone();
    let tokens = fake.sign_in_to("ann@example.test", "T1");
    let asked = sign_in(&routes, &mut browser, &detail(&tokens)).await;
    assert_eq!(asked.status, 200);
    descope.drain().await;
    assert_eq!(fake.calls("/v1/auth/logout"), 1);
    let mut old = bob.clone();
    let answer = old.call(&routes, REFRESH, "{}").await;
    assert_eq!(answer.status, 401);
    assert_eq!(old, bob, "its late requests remove nothing");
}

#[tokio::test]
async fn whoever_stays_signed_in_says_so() {
    let fake = fake().start().await;
    let cookies = SessionCookies::new().life(CookieLife::Chosen);
    let descope = fake.descope_builder().cookies(cookies).build().unwrap();
    let routes = open(&descope);
    for (remember, stays) in [(Some(true), true), (Some(false), false), (None, false)] {
        let mut browser = Browser::signed_out(&fake);
        let mut body = detail(&fake.sign_in_to("ann@example.test", "T1"));
        if let Some(remember) = remember {
            body["remember"] = remember.into();
        }
        let asked = sign_in(&routes, &mut browser, &body).await;
        assert_eq!(asked.status, 200, "{}", asked.json);
        let set = asked
            .lines
            .iter()
            .filter(|line| !line.contains("Max-Age=0"));
        let (mut lasting, mut all) = (0, 0);
        for line in set {
            all += 1;
            lasting += usize::from(line.contains("Max-Age="));
        }
        assert_eq!(
            (lasting, all),
            if stays { (3, 3) } else { (0, 2) },
            "{:?}",
            asked.lines
        );
        assert_eq!(browser.jar.contains_key("DSR-R"), stays);
        let answer = browser.call(&routes, REFRESH, "{}").await;
        assert_eq!(answer.status, 200);
        let lines = set_cookies(&answer.headers);
        let lasting = lines
            .iter()
            .filter(|line| line.contains("Max-Age="))
            .count();
        assert_eq!(lasting, if stays { 3 } else { 0 }, "{lines:?}");
    }
}

#[tokio::test]
async fn a_project_that_does_not_rotate_signs_in_all_the_same() {
    let fake = fake().rotation(false).start().await;
    let routes = open(&fake.descope());
    let tokens = fake.sign_in_to("ann@example.test", "T1");
    let mut browser = Browser::signed_out(&fake);
    let asked = sign_in(&routes, &mut browser, &detail(&tokens)).await;
    assert_eq!(asked.status, 200, "{}", asked.json);
    assert_eq!(browser.jar["DSR"], tokens.refresh_jwt());
    assert_eq!(browser.call(&routes, REFRESH, "{}").await.status, 200);
}

async fn status(fake: &FakeDescope, sign_in_rules: SignIn, body: &Value) -> u16 {
    let routes = routes(&fake.descope()).sign_in(sign_in_rules);
    sign_in(&routes, &mut Browser::signed_out(fake), body)
        .await
        .status
}

#[tokio::test]
async fn the_rules_can_be_chosen() {
    let fake = fake()
        .user("visitor", |user| user.id("U9").anonymous())
        .start()
        .await;
    let visitor = detail(&fake.sign_in("visitor"));
    assert_eq!(status(&fake, SignIn::new(), &visitor).await, 403);
    assert_eq!(
        status(&fake, SignIn::new().allow_anonymous(true), &visitor).await,
        200
    );
    let tokens = fake.sign_in("ann@example.test");
    fake.clock().advance(Duration::from_secs(301));
    assert_eq!(status(&fake, SignIn::new(), &detail(&tokens)).await, 403);
    let later = SignIn::new()
        .max_age(Duration::from_secs(600))
        .rotate(false);
    fake.clear_requests();
    assert_eq!(status(&fake, later, &detail(&tokens)).await, 200);
    assert_eq!(calls(&fake), 0, "nothing is spent where that is not wanted");
}
