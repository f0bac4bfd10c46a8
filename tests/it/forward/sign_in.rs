//! Where whoever has no session is sent, and where they may come back to.

use super::{Answer, Question, Server, usual};
use crate::support::{browser::Browser, world::fake};

/// The return URL in a location.
fn back(answer: &Answer, name: &str) -> Option<String> {
    let (_, query) = answer.field(name)?.split_once('?')?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find_map(|(name, value)| (name == "return_to").then(|| value.into_owned()))
}

fn navigation(target: &str) -> Question {
    Question::about("GET", target)
        .with("sec-fetch-site", "none")
        .with("sec-fetch-mode", "navigate")
        .with("sec-fetch-dest", "document")
        .with("accept", "text/html,*/*")
}

#[tokio::test]
async fn a_401_names_the_page_and_the_way_back() {
    let fake = fake().start().await;
    let builder = usual(&fake.descope())
        .sign_in("https://id.example/sign-in?app=shop")
        .return_hosts(["app.example", "localhost:8080"]);
    let server = Server::start(builder).await;
    let answer = server
        .ask(&navigation("/a%20b?c=d&e=https://x.test/#"))
        .await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.field("location"),
        None,
        "no redirect unless it is wanted"
    );
    let location = answer.field("x-auth-location").unwrap();
    assert!(location.starts_with("https://id.example/sign-in?app=shop&return_to=https%3A%2F%2F"));
    assert_eq!(
        back(&answer, "x-auth-location").unwrap(),
        "https://app.example/a%20b?c=d&e=https://x.test/%23"
    );
    let local = navigation("/").set("x-forwarded-host", "localhost:8080");
    let local = local.set("x-forwarded-proto", "http");
    let answer = server.ask(&local).await;
    assert_eq!(
        back(&answer, "x-auth-location").unwrap(),
        "http://localhost:8080/"
    );
    // Whoever is signed in is not sent anywhere, nor who is refused for another reason.
    let ann = Browser::ann(&fake);
    let answer = server.ask(&Question::page(&ann)).await;
    assert_eq!(answer.field("x-auth-location"), None);
    let cross = Question::of(&ann, "POST", "/").with("sec-fetch-site", "cross-site");
    let answer = server.ask(&cross).await;
    assert_eq!(
        (answer.status.as_u16(), answer.field("x-auth-location")),
        (403, None)
    );
}

#[tokio::test]
async fn no_host_but_the_allowed_ones_is_led_back_to() {
    let fake = fake().start().await;
    let builder = usual(&fake.descope())
        .sign_in("https://id.example/sign-in")
        .return_hosts(["app.example"])
        .redirects(true);
    let server = Server::start(builder).await;
    for host in [
        "evil.test",
        "app.example.evil.test",
        "evil-app.example",
        "x.app.example",
        "app.example:8443",
        "id.example",
        "127.0.0.1",
    ] {
        let answer = server
            .ask(&navigation("/").set("x-forwarded-host", host))
            .await;
        assert_eq!(answer.status, 401, "{host}");
        assert_eq!(answer.field("x-auth-location"), None, "{host}");
        assert_eq!(answer.field("location"), None, "{host}");
    }
    // However the target is written, it is one of the allowed host.
    for target in [
        "//evil.test/",
        "///evil.test",
        "/\\evil.test",
        "/@evil.test",
        "/.evil.test",
        "/%2f%2fevil.test",
        "/../../evil.test",
        "/?//evil.test",
        "/:443@evil.test/",
    ] {
        let answer = server.ask(&navigation(target)).await;
        let back = back(&answer, "x-auth-location").unwrap();
        let url = url::Url::parse(&back).unwrap();
        assert_eq!(
            url.origin().ascii_serialization(),
            "https://app.example",
            "{target}"
        );
        assert!(
            url.username().is_empty() && url.password().is_none(),
            "{back}"
        );
    }
}

#[tokio::test]
async fn a_page_of_the_host_at_hand_is_told_a_path_of_it() {
    let fake = fake().start().await;
    let builder = usual(&fake.descope())
        .sign_in("/auth/sso")
        .return_parameter("next");
    let server = Server::start(builder).await;
    for (target, location) in [
        ("/page?a=b", "/auth/sso?next=%2Fpage%3Fa%3Db"),
        ("/", "/auth/sso?next=%2F"),
        ("//evil.test/", "/auth/sso"),
        ("/\\evil.test", "/auth/sso?next=%2F%255Cevil.test"),
        ("/a/../b", "/auth/sso"),
    ] {
        for host in ["app.example", "other.example"] {
            let question = navigation(target).set("x-forwarded-host", host);
            let answer = server.ask(&question).await;
            assert_eq!(answer.field("x-auth-location"), Some(location), "{target}");
        }
    }
}

#[tokio::test]
async fn pages_that_browsers_open_are_redirected_where_that_is_wanted_and_nothing_else_is() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let server = Server::start(usual(&descope).sign_in("/in").redirects(true)).await;
    let old = || Question::about("GET", "/page").with("accept", "text/html, */*;q=0.8");
    for question in [
        navigation("/page"),
        navigation("/page").set("x-forwarded-method", "HEAD"),
        navigation("/page").set("sec-fetch-site", "cross-site"),
        old(),
    ] {
        let answer = server.ask(&question).await;
        assert_eq!(answer.status, 302);
        assert_eq!(answer.field("location"), Some("/in?return_to=%2Fpage"));
        assert_eq!(answer.field("x-auth-location"), answer.field("location"));
        assert_eq!(answer.code(), Some("missing_token"));
        assert_eq!(answer.field("cache-control"), Some("no-store"));
        assert_eq!(answer.field("vary"), Some("Authorization, Cookie"));
        assert_eq!(answer.body, "");
        assert_eq!(answer.field("www-authenticate"), None);
    }
    for question in [
        navigation("/page").set("x-forwarded-method", "POST"),
        navigation("/page").set("sec-fetch-mode", "cors"),
        navigation("/page").set("sec-fetch-dest", "image"),
        navigation("/page").set("sec-fetch-dest", "iframe"),
        Question::about("GET", "/page"),
        Question::about("GET", "/page").with("accept", "application/json"),
        Question::about("GET", "/page")
            .with("sec-fetch-mode", "websocket")
            .with("sec-websocket-key", "x"),
    ] {
        let answer = server.ask(&question).await;
        assert_eq!(answer.status, 401, "{:?}", question.fields);
        assert_eq!(answer.field("location"), None);
        assert!(answer.field("x-auth-location").is_some());
    }
    // A refusal that signing in does not mend is none of a page's.
    let nowhere = Browser::in_no_tenant(&fake, "ann@example.test");
    let builder = usual(&descope)
        .sign_in("/in")
        .redirects(true)
        .require_tenant();
    let server = Server::start(builder).await;
    let question = navigation("/page").with("cookie", nowhere.cookies());
    assert_eq!(server.ask(&question).await.status, 403);
}
