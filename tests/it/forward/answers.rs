//! The table of answers, row by row.

use tower_descope::Renewal;

use super::{Answer, Question, SECRET, Server, usual};
use crate::support::{
    browser::Browser,
    world::{EXPIRY, fake},
};

/// No cache keeps it.
fn is_private(answer: &Answer) -> bool {
    answer.field("cache-control") == Some("no-store")
}

/// Nothing that a proxy could copy for an application.
fn names_nobody(answer: &Answer) -> bool {
    let mut names = answer.headers.keys().map(http::HeaderName::as_str);
    !names.any(|name| name.starts_with("x-user") || name.starts_with("x-tenant"))
}

#[tokio::test]
async fn a_session_is_a_200_without_a_body_that_says_whose_it_is() {
    let fake = fake().start().await;
    let server = Server::start(usual(&fake.descope())).await;
    let ann = Browser::ann(&fake);
    for method in ["GET", "HEAD"] {
        let answer = server.ask(&Question::of(&ann, method, "/page")).await;
        assert_eq!(answer.identity(), ["U1", "T1", "admin"]);
        assert_eq!(answer.field("content-length"), Some("0"));
        assert_eq!(answer.body, "");
        assert_eq!(answer.field("vary"), Some("Authorization, Cookie"));
        assert!(is_private(&answer));
        assert_eq!(answer.code(), None);
        assert!(answer.cookies().is_empty() && answer.numbered().is_empty());
        assert_eq!(answer.field("x-tenant-permissions"), None, "not asked for");
    }
}

#[tokio::test]
async fn no_session_is_a_401_with_a_challenge() {
    let fake = fake().start().await;
    let server = Server::start(usual(&fake.descope())).await;
    let question = || Question::about("GET", "/page");
    for (question, code, challenge) in [
        (question(), "missing_token", "Bearer"),
        (
            question().bearer(&fake.session("U1").expired().token()),
            "expired_token",
            "Bearer error=\"invalid_token\"",
        ),
        (
            question().bearer(&fake.session("U1").signed_by_stranger().token()),
            "invalid_token",
            "Bearer error=\"invalid_token\"",
        ),
        (
            question().bearer(&fake.session("U1").anonymous().token()),
            "anonymous_session",
            "Bearer error=\"insufficient_user_authentication\"",
        ),
    ] {
        let answer = server.ask(&question).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.code(), Some(code));
        let told = answer.field("www-authenticate").unwrap();
        assert!(told.starts_with(challenge), "{told}");
        assert!(answer.body.contains(code) && is_private(&answer));
        assert_eq!(answer.field("content-type"), Some("application/json"));
        assert!(names_nobody(&answer));
        assert_eq!(answer.field("x-auth-location"), None, "no page is set");
    }
}

#[tokio::test]
async fn a_session_that_is_over_is_a_401_that_removes_its_cookies() {
    let fake = fake().start().await;
    let server = Server::start(usual(&fake.descope())).await;
    let ann = Browser::ann(&fake);
    fake.log_out("U1");
    fake.clock().advance(EXPIRY);
    let answer = server.ask(&Question::page(&ann)).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.cookies().len(), 2);
    assert!(
        answer
            .cookies()
            .iter()
            .all(|line| line.contains("Max-Age=0"))
    );
    assert!(answer.numbered().is_empty(), "the browser gets it whole");
}

#[tokio::test]
async fn no_tenant_is_a_403_where_one_is_required() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let nowhere = Browser::in_no_tenant(&fake, "ann@example.test");
    let server = Server::start(usual(&descope).require_tenant()).await;
    let answer = server.ask(&Question::page(&nowhere)).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.code(), Some("no_active_tenant"));
    assert!(is_private(&answer) && names_nobody(&answer));
    let answer = server.ask(&Question::page(&Browser::ann(&fake))).await;
    assert_eq!(answer.identity(), ["U1", "T1", "admin"]);

    let lenient = Server::start(usual(&descope)).await;
    let answer = lenient.ask(&Question::page(&nowhere)).await;
    assert_eq!(answer.identity(), ["U1", "-", "-"]);
}

#[tokio::test]
async fn another_sites_page_that_acts_is_a_403() {
    let fake = fake().start().await;
    let descope = fake
        .descope_builder()
        .origins(["https://spa.example"])
        .build()
        .unwrap();
    let server = Server::start(usual(&descope)).await;
    let ann = Browser::ann(&fake);
    let post = || Question::of(&ann, "POST", "/invoices");
    let evil = [
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://evil.test"),
    ];
    for (fields, expected) in [
        (&evil[..], 403),
        (&[("origin", "https://evil.test")], 403),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[], 403),
        (&[("sec-fetch-site", "same-origin")], 200),
        // The host is the one that the proxy was asked for, not that of the question.
        (&[("origin", "https://app.example")], 200),
        (&[("origin", "http://app.example")], 403),
        (&[("origin", "https://spa.example")], 200),
    ] {
        let fields = fields.iter();
        let question = fields.fold(post(), |question, (name, value)| question.with(name, value));
        let answer = server.ask(&question).await;
        assert_eq!(answer.status, expected, "{:?}", question.fields);
        if expected == 403 {
            assert_eq!(answer.code(), Some("cross_site"));
            assert!(is_private(&answer) && names_nobody(&answer));
        }
    }
    // Nothing of it for a page that is only read, nor for whoever brings a token.
    let [site, origin] = evil;
    let get = Question::page(&ann)
        .with(site.0, site.1)
        .with(origin.0, origin.1);
    assert_eq!(server.ask(&get).await.status, 200);
    let bearer = Question::about("POST", "/").with(origin.0, origin.1);
    let bearer = bearer.bearer(&fake.session("U1").token());
    assert_eq!(server.ask(&bearer).await.status, 200);
    // A handshake is a GET that opens a channel.
    let socket = |origin: &str| {
        let question = Question::of(&ann, "GET", "/live").with("origin", origin);
        question.with("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    assert_eq!(server.ask(&socket("https://evil.test")).await.status, 403);
    assert_eq!(server.ask(&socket("https://app.example")).await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_had_now_is_a_503_that_says_when_to_come_again() {
    let fake = fake().start().await;
    let ann = Browser::ann(&fake);
    // Keys.
    fake.down(true);
    let server = Server::start(usual(&fake.descope())).await;
    let answer = server.ask(&Question::page(&ann)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (503, Some("keys_unavailable"))
    );
    assert!(answer.field("retry-after").is_some() && is_private(&answer));
    fake.down(false);
    // A renewal.
    let descope = fake.descope();
    let server = Server::start(usual(&descope)).await;
    assert_eq!(server.ask(&Question::page(&ann)).await.status, 200);
    fake.clock().advance(EXPIRY);
    descope.warm_up().await.unwrap();
    fake.fail_next(3);
    let answer = server.ask(&Question::page(&ann)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (503, Some("renewal_unavailable"))
    );
    assert!(answer.field("retry-after").is_some() && is_private(&answer));
    assert!(answer.cookies().is_empty() && names_nobody(&answer));
}

#[tokio::test]
async fn credentials_that_contradict_each_other_are_a_400() {
    let fake = fake().start().await;
    let server = Server::start(usual(&fake.descope())).await;
    let token = format!("Bearer {}", fake.session("U1").token());
    let twice = Question::about("GET", "/");
    let twice = twice
        .with("authorization", &token)
        .with("authorization", &token);
    let answer = server.ask(&twice).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (400, Some("ambiguous_credentials"))
    );
    assert!(names_nobody(&answer));
}

#[tokio::test]
async fn a_grpc_call_is_refused_as_every_other_request_and_never_by_a_200() {
    let fake = fake().start().await;
    let server = Server::start(usual(&fake.descope())).await;
    let call = Question::about("POST", "/projects.v1.Projects/List")
        .with("content-type", "application/grpc")
        .with("te", "trailers");
    let answer = server.ask(&call).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (401, Some("missing_token"))
    );
    assert_eq!(answer.field("grpc-status"), None);
    let answer = server.ask(&call.bearer(&fake.session("U1").token())).await;
    assert_eq!(answer.identity(), ["U1", "-", "-"]);
}

#[tokio::test]
async fn behind_optional_nobody_passes_and_what_is_wrong_does_not() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let builder = usual(&descope).optional().permissions(true);
    let server = Server::start(builder.session_header("X-Auth-Session")).await;
    let question = || Question::about("GET", "/");
    for question in [
        question(),
        question().bearer(&fake.session("U1").expired().token()),
        question().bearer(&fake.session("U1").anonymous().token()),
        question().with("cookie", "theme=dark; DS="),
    ] {
        let answer = server.ask(&question).await;
        assert_eq!(answer.identity(), ["-", "-", "-"]);
        assert_eq!(answer.field("x-tenant-permissions"), Some("-"));
        assert_eq!(answer.field("x-auth-session"), Some("-"));
        assert_eq!(answer.field("content-length"), Some("0"));
        assert!(is_private(&answer));
        assert_eq!(answer.code(), None);
    }
    let answer = server.ask(&Question::page(&Browser::ann(&fake))).await;
    assert_eq!(answer.identity(), ["U1", "T1", "admin"]);
    let forged = question().bearer(&fake.session("U1").signed_by_stranger().token());
    let answer = server.ask(&forged).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (401, Some("invalid_token"))
    );
    assert!(names_nobody(&answer));

    // The cookies of a session that is over go, while the page is shown.
    let ann = Browser::ann(&fake);
    fake.log_out("U1");
    fake.clock().advance(EXPIRY);
    let answer = server.ask(&Question::page(&ann)).await;
    assert_eq!(answer.identity(), ["-", "-", "-"]);
    assert_eq!(answer.cookies().len(), 2);

    let both = Server::start(usual(&descope).optional().require_tenant()).await;
    assert_eq!(both.ask(&question()).await.identity(), ["-", "-", "-"]);
    let nowhere = Browser::in_no_tenant(&fake, "bob@example.test");
    assert_eq!(both.ask(&Question::page(&nowhere)).await.status, 403);
}

#[tokio::test]
async fn a_preflight_passes_for_nobody_where_told_so_and_only_without_credentials() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let preflight = || {
        let question = Question::about("OPTIONS", "/invoices");
        question
            .with("origin", "https://spa.example")
            .with("access-control-request-method", "POST")
    };
    let strict = Server::start(usual(&descope)).await;
    assert_eq!(strict.ask(&preflight()).await.code(), Some("missing_token"));

    let builder = usual(&descope).require_tenant().pass_cors_preflight();
    let server = Server::start(builder.session_header("X-Auth-Session")).await;
    let answer = server.ask(&preflight()).await;
    assert_eq!(answer.identity(), ["-", "-", "-"]);
    assert_eq!(answer.field("x-auth-session"), Some("-"));
    assert!(is_private(&answer));
    for question in [
        preflight().without("origin"),
        preflight().without("access-control-request-method"),
        preflight().set("x-forwarded-method", "POST"),
        preflight().with("cookie", "theme=dark"),
        preflight().bearer(&fake.session("U1").expired().token()),
    ] {
        let answer = server.ask(&question).await;
        assert_eq!(answer.status, 401, "{:?}", question.fields);
        assert!(names_nobody(&answer));
    }
}

#[tokio::test]
async fn two_projects_one_after_the_other_take_nothing_of_each_other() {
    let (ours, theirs) = (
        fake().start().await,
        fake().project_id("P2theirs").start().await,
    );
    let server = Server::start(usual(&ours.descope())).await;
    let foreign = Question::about("GET", "/").bearer(&theirs.session("U1").token());
    assert_eq!(server.ask(&foreign).await.code(), Some("invalid_token"));
    let builder = tower_descope::ForwardAuth::builder(theirs.descope()).proxy_secret(SECRET);
    let server = Server::start(builder.renew(Renewal::new())).await;
    assert_eq!(server.ask(&foreign).await.identity(), ["U1", "-", "-"]);
}
