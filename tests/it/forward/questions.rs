//! What is asked: who may ask, which request is meant, and what a client can do about it.

use tower_descope::ForwardAuth;
use tracing::Level;

use super::{Question, SECRET, Server, usual};
use crate::support::{Log, browser::Browser, world::fake};

const FIELDS: [&str; 4] = [
    "x-forwarded-method",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-uri",
];

#[tokio::test]
async fn whoever_does_not_have_the_proxys_secret_is_told_nothing() {
    let fake = fake().start().await;
    let log = Log::default();
    let _guard = log.up_to(Level::DEBUG);
    let server = Server::start(usual(&fake.descope()).sign_in("/in").redirects(true)).await;
    let question = Question::page(&Browser::ann(&fake));
    for wrong in [
        question.clone().without("x-auth-proxy"),
        question.clone().set("x-auth-proxy", ""),
        question.clone().set("x-auth-proxy", "9F2D7C51E0B84A36"),
        question.clone().set("x-auth-proxy", &SECRET[..15]),
        question
            .clone()
            .set("x-auth-proxy", format!("{SECRET},{SECRET}")),
        question.clone().with("x-auth-proxy", SECRET),
        question.clone().with("x-auth-proxy", "another"),
        question.clone().set("x-auth-proxy", b"\xff\xfe"),
        // It is asked for before anything else.
        Question::about("GET", "/")
            .set("x-auth-proxy", "wrong")
            .without("x-forwarded-method"),
    ] {
        let answer = server.ask(&wrong).await;
        assert_eq!(answer.status, 403);
        assert_eq!(answer.body, "");
        let mut names: Vec<_> = answer
            .headers
            .keys()
            .map(http::HeaderName::as_str)
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["cache-control", "content-length", "date"]);
    }
    assert_eq!(server.ask(&question).await.status, 200);
    assert_eq!(fake.calls("/v1/auth/refresh"), 0);
    let log = log.text();
    assert_eq!(
        log.matches("without the proxy's secret").count(),
        1,
        "{log}"
    );
    assert!(
        log.contains("reason=\"no_secret\"") && !log.contains(SECRET),
        "{log}"
    );
    assert!(!format!("{:?}", usual(&fake.descope()).build()).contains(SECRET));
    assert!(!format!("{:?}", usual(&fake.descope())).contains(SECRET));
}

#[tokio::test]
async fn a_secret_is_changed_without_an_interruption() {
    let fake = fake().start().await;
    let builder = usual(&fake.descope()).proxy_secret("the-next-secret-of-the-proxy");
    let server = Server::start(builder).await;
    let question = Question::page(&Browser::ann(&fake));
    assert_eq!(server.ask(&question).await.status, 200);
    let next = question.set("x-auth-proxy", "the-next-secret-of-the-proxy");
    assert_eq!(server.ask(&next).await.status, 200);
}

#[tokio::test]
async fn without_a_secret_by_choice_everybody_may_ask() {
    let fake = fake().start().await;
    let builder = ForwardAuth::builder(fake.descope()).without_proxy_secret();
    let server = Server::start(builder).await;
    let question = Question::page(&Browser::ann(&fake));
    for question in [
        question.clone(),
        question.clone().without("x-auth-proxy"),
        question.set("x-auth-proxy", "whatever"),
    ] {
        assert_eq!(server.ask(&question).await.status, 200);
    }
}

#[tokio::test]
async fn the_questions_own_head_says_nothing() {
    let fake = fake().start().await;
    let server = Server::start(usual(&fake.descope())).await;
    let ann = Browser::ann(&fake);
    for (method, path) in [
        ("GET", "/"),
        ("POST", "/auth/logout"),
        ("HEAD", "/healthz?x=/../y"),
        ("OPTIONS", "/check/anything/at/all"),
        ("DELETE", "//x"),
    ] {
        // Neither does its own Host, which is this server's, nor what is called Forwarded.
        let question = Question::page(&ann).put_by(method, path);
        let question = question.with("forwarded", "host=evil.test;proto=http");
        let answer = server.ask(&question).await;
        assert_eq!(answer.identity(), ["U1", "T1", "admin"], "{method} {path}");
        let acts = Question::of(&ann, "POST", "/x").put_by(method, path);
        assert_eq!(server.ask(&acts).await.code(), Some("cross_site"));
    }
}

#[tokio::test]
async fn a_body_that_a_proxy_sends_along_is_not_read() {
    use tower::ServiceExt;

    struct Unread;
    let fake = fake().start().await;
    let forward_auth = usual(&fake.descope()).build().unwrap();
    let token = format!("Bearer {}", fake.session("U1").token());
    let request = http::Request::post("/")
        .header("x-auth-proxy", SECRET)
        .header("x-forwarded-method", "POST")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "app.example")
        .header("x-forwarded-uri", "/")
        .header("authorization", token)
        // No body at all, by its type.
        .body(Unread)
        .unwrap();
    let answer = forward_auth.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_missing_field_is_an_error_that_the_log_says_how_to_mend() {
    let fake = fake().start().await;
    let question = Question::page(&Browser::ann(&fake));
    for (field, status, code, directive) in [
        (
            FIELDS[0],
            500,
            "misconfigured",
            "X-Forwarded-Method $request_method;",
        ),
        (
            FIELDS[1],
            400,
            "invalid_forwarded",
            "X-Forwarded-Proto $scheme;",
        ),
        (
            FIELDS[2],
            500,
            "misconfigured",
            "X-Forwarded-Host $http_host;",
        ),
        (
            FIELDS[3],
            400,
            "invalid_forwarded",
            "X-Forwarded-Uri $request_uri;",
        ),
    ] {
        let log = Log::default();
        let _guard = log.up_to(Level::INFO);
        let server = Server::start(usual(&fake.descope())).await;
        for _ in 0..3 {
            let answer = server.ask(&question.clone().without(field)).await;
            assert_eq!(answer.status, status, "{field}");
            assert_eq!(answer.code(), Some(code));
            assert_eq!(answer.field("cache-control"), Some("no-store"));
            assert!(answer.body.contains(code), "{}", answer.body);
            assert_eq!(answer.field("x-user-id"), None);
        }
        let log = log.text();
        assert_eq!(log.matches("ERROR").count(), 1, "once a minute: {log}");
        assert!(log.contains(field) && log.contains(directive), "{log}");
        fake.clock().advance(std::time::Duration::from_secs(60));
    }
}

#[tokio::test]
async fn a_field_that_comes_twice_is_refused_whatever_it_says() {
    let fake = fake().start().await;
    let log = Log::default();
    let _guard = log.up_to(Level::INFO);
    let server = Server::start(usual(&fake.descope())).await;
    let question = Question::page(&Browser::ann(&fake));
    for (field, others) in [
        (FIELDS[0], ["GET", "POST"]),
        (FIELDS[1], ["https", "http"]),
        (FIELDS[2], ["app.example", "evil.test"]),
        (FIELDS[3], ["/page", "/other"]),
    ] {
        for other in others {
            let answer = server.ask(&question.clone().with(field, other)).await;
            assert_eq!(answer.status, 400, "{field} {other}");
            assert_eq!(answer.code(), Some("invalid_forwarded"));
            assert_eq!(answer.field("x-user-id"), None);
        }
    }
    assert!(log.text().contains("reason=\"repeated\""), "{}", log.text());
}

#[tokio::test]
async fn hostile_values_are_refused_and_not_logged_as_errors() {
    let fake = fake().start().await;
    let log = Log::default();
    let _guard = log.up_to(Level::INFO);
    let server = Server::start(usual(&fake.descope())).await;
    let question = Question::page(&Browser::ann(&fake));
    let huge = format!("/{}", "x".repeat(17_000));
    for (field, values) in [
        (FIELDS[0], &["", "GET, POST", "GET /", "G\tET"][..]),
        (FIELDS[1], &["", "https, http", "ftp", "javascript"]),
        (
            FIELDS[2],
            &[
                "",
                "app.example, evil.test",
                "https://app.example",
                "ann@app.example",
                "app.example/x",
                "app.example:65536",
                "app.example:",
                "app.example\tx",
            ],
        ),
        (
            FIELDS[3],
            &[
                "",
                "page",
                "*",
                "https://evil.test/",
                "/a b",
                "/a\tb",
                "\\\\evil.test",
                &huge,
            ],
        ),
    ] {
        for value in values {
            let answer = server.ask(&question.clone().set(field, value)).await;
            assert_eq!(answer.status, 400, "{field}: {value:.30}");
            assert_eq!(answer.code(), Some("invalid_forwarded"));
        }
    }
    assert_eq!(log.text(), "", "clients can send them");
}

/// A client that sends the fields itself: the proxy overwrites them, and what it does not know of reaches
/// this service as the client's word, which says nothing.
#[tokio::test]
async fn a_client_that_claims_to_be_somebody_is_nobody() {
    let fake = fake().start().await;
    let server = Server::start(usual(&fake.descope()).permissions(true)).await;
    let claim = |question: Question| {
        question
            .with("x-user-id", "root")
            .with("x-tenant-id", "T3")
            .with("x-tenant-id", "T2")
            .with("x-tenant-roles", "admin,owner")
            .with("x-tenant-permissions", "everything")
            .with("x_tenant_id", "T3")
            .with("x-auth-session", "eyJ")
            .with("x-auth-set-cookie-1", "DS=evil")
            .with("x-original-method", "GET")
            .with("x-http-method-override", "GET")
            .with("connection", "x-tenant-id")
    };
    let answer = server.ask(&claim(Question::about("GET", "/"))).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.field("x-user-id"), None);
    let bob = Browser::signed_in(&fake, "bob@example.test");
    let answer = server.ask(&claim(Question::page(&bob))).await;
    assert_eq!(answer.identity(), ["U2", "T1", "-"]);
    assert_eq!(answer.field("x-tenant-permissions"), Some("-"));
    assert!(answer.numbered().is_empty());
    assert_eq!(answer.field("x-auth-session"), None);
    let answer = server.ask(&claim(Question::of(&bob, "POST", "/"))).await;
    assert_eq!(answer.code(), Some("cross_site"));
}

/// The method that is believed is the proxy's. Whoever could reach this service and name another one
/// would pass the cross-site check: that is what the secret is for.
#[tokio::test]
async fn a_post_of_another_site_that_is_called_a_get_is_stopped_by_the_secret_alone() {
    let fake = fake().start().await;
    let server = Server::start(usual(&fake.descope())).await;
    let ann = Browser::ann(&fake);
    let forged = Question::of(&ann, "POST", "/pay")
        .with("origin", "https://evil.test")
        .with("sec-fetch-site", "cross-site");
    // What the proxy makes of the client's own field: it puts its own in its place.
    assert_eq!(server.ask(&forged).await.code(), Some("cross_site"));
    // A proxy that adds its own is found out.
    let added = forged.clone().with("x-forwarded-method", "GET");
    assert_eq!(server.ask(&added).await.status, 400);
    // Past the proxy there is no secret.
    let direct = forged.set("x-forwarded-method", "GET");
    let answer = server.ask(&direct.clone().without("x-auth-proxy")).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (403, None));
    assert_eq!(
        server.ask(&direct).await.status,
        200,
        "nothing else can tell"
    );
}
