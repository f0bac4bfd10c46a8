//! Who it is: the same whichever credential says so, and in fields that every application can read.

use tower_descope::{AccessKeys, SessionToken, TenantId, test_util::FakeDescope};

use super::{Answer, Question, Server, usual};
use crate::{
    machines::access_keys::KEY,
    support::{
        browser::Browser,
        world::{EXPIRY, fake},
    },
};

/// How an application reads a value.
fn unescaped(value: &str) -> String {
    let value = percent_encoding::percent_decode_str(value);
    value.decode_utf8().unwrap().into_owned()
}

/// How an application reads a list.
fn list(answer: &Answer, name: &str) -> Vec<String> {
    match answer.field(name).unwrap() {
        "-" => Vec::new(),
        names => names.split(',').map(unescaped).collect(),
    }
}

fn about_me(token: &str) -> Question {
    Question::about("GET", "/").bearer(token)
}

#[tokio::test]
async fn cookie_bearer_token_and_renewal_say_the_same() {
    let fake = fake().start().await;
    let server = Server::start(usual(&fake.descope()).permissions(true)).await;
    let ann = Browser::ann(&fake);
    let shown = |answer: &Answer| {
        let mut shown = answer.identity().map(str::to_owned).to_vec();
        shown.push(answer.field("x-tenant-permissions").unwrap().to_owned());
        shown
    };
    let cookie = shown(&server.ask(&Question::page(&ann)).await);
    assert_eq!(cookie, ["U1", "T1", "admin", "-"]);
    let bearer = shown(&server.ask(&about_me(&ann.jar["DS"])).await);
    assert_eq!(bearer, cookie);
    fake.clock().advance(EXPIRY);
    let renewed = server.ask(&Question::page(&ann)).await;
    assert_eq!(shown(&renewed), cookie);
    assert_eq!(renewed.cookies().len(), 2);
}

#[tokio::test]
async fn a_machine_is_its_access_key_in_the_tenant_that_it_acts_in() {
    let fake = fake()
        .access_key(KEY, |key| {
            key.id("K2m")
                .tenant("T1", |t| t.role("reader").permission("export"))
        })
        .start()
        .await;
    let tenant = TenantId::new("T1").unwrap();
    let keys = AccessKeys::new().key_prefix("K2").selected_tenant(tenant);
    let descope = fake.descope_builder().access_keys(keys).build().unwrap();
    let builder = usual(&descope)
        .permissions(true)
        .session_header("X-Session");
    let server = Server::start(builder).await;
    for _ in 0..2 {
        let answer = server.ask(&about_me(KEY)).await;
        assert_eq!(answer.identity(), ["K2m", "T1", "reader"]);
        assert_eq!(answer.field("x-tenant-permissions"), Some("export"));
        // The application can check what the proxy says.
        let token = SessionToken::new(answer.field("x-session").unwrap());
        let session = descope.verify(&token).await.unwrap();
        assert_eq!(session.user_id(), "K2m");
    }
    let unknown = KEY.replace("K2abc", "K2xyz");
    assert_eq!(server.ask(&about_me(&unknown)).await.status, 401);
}

#[tokio::test]
async fn roles_are_those_of_the_active_tenant_and_never_the_projects() {
    let fake = FakeDescope::start().await;
    let server = Server::start(usual(&fake.descope()).permissions(true)).await;
    let session = || {
        fake.session("U1")
            .role("superuser")
            .permission("everything")
            .tenant("T1", |t| t.role("reader").permission("read"))
            .tenant("T2", |t| t.role("owner").permission("delete"))
    };
    let answer = server.ask(&about_me(&session().active("T1").token())).await;
    assert_eq!(answer.identity(), ["U1", "T1", "reader"]);
    assert_eq!(answer.field("x-tenant-permissions"), Some("read"));
    let answer = server.ask(&about_me(&session().token())).await;
    assert_eq!(answer.identity(), ["U1", "-", "-"]);
    assert_eq!(answer.field("x-tenant-permissions"), Some("-"));
    // A tenant that its user does not belong to is none.
    let foreign = session().active_without_membership("T9").token();
    let answer = server.ask(&about_me(&foreign)).await;
    assert_eq!(answer.identity(), ["U1", "-", "-"]);
}

#[tokio::test]
async fn hostile_names_reach_the_application_as_they_are() {
    let fake = FakeDescope::start().await;
    let server = Server::start(usual(&fake.descope()).permissions(true)).await;
    let (user, tenant) = (
        "ann, \"the\" 100% <früh>@acme.test",
        "T 1,T2;=/%2C\u{1f980}",
    );
    let names = [
        "tenant admin",
        "a,b",
        "%2C",
        "-",
        "\r\nX-User-Id: root",
        "\0",
        "日本",
        "x=\"y\"; z",
    ];
    let token = fake
        .session(user)
        .tenant(tenant, |t| {
            let t = names.iter().fold(t, |t, name| t.role(*name));
            names.iter().rev().fold(t, |t, name| t.permission(*name))
        })
        .active(tenant)
        .token();
    let answer = server.ask(&about_me(&token)).await;
    assert_eq!(unescaped(answer.field("x-user-id").unwrap()), user);
    assert_eq!(unescaped(answer.field("x-tenant-id").unwrap()), tenant);
    assert_eq!(list(&answer, "x-tenant-roles"), names);
    let reversed: Vec<&str> = names.into_iter().rev().collect();
    assert_eq!(list(&answer, "x-tenant-permissions"), reversed);
    for (name, value) in &answer.headers {
        assert!(value.to_str().is_ok(), "{name}");
    }
}

#[tokio::test]
async fn an_id_that_would_mean_nobody_is_refused() {
    let fake = FakeDescope::start().await;
    for optional in [false, true] {
        let builder = usual(&fake.descope()).sign_in("/in");
        let builder = if optional {
            builder.optional()
        } else {
            builder
        };
        let server = Server::start(builder).await;
        for token in [
            fake.session("-").token(),
            fake.session("U1").tenant("-", |t| t).active("-").token(),
        ] {
            let answer = server.ask(&about_me(&token)).await;
            assert_eq!(
                (answer.status.as_u16(), answer.code()),
                (401, Some("invalid_token"))
            );
            assert_eq!(answer.field("x-user-id"), None);
            assert_eq!(answer.field("vary"), Some("Authorization, Cookie"));
            assert!(answer.field("x-auth-location").is_some());
        }
        // In a tenant that is not active, the name says nothing.
        let token = fake.session("U1").tenant("-", |t| t).token();
        assert_eq!(
            server.ask(&about_me(&token)).await.identity(),
            ["U1", "-", "-"]
        );
    }
}

#[tokio::test]
async fn the_session_token_is_the_one_in_force() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let server = Server::start(usual(&descope).session_header("X-Auth-Session")).await;
    let mut ann = Browser::ann(&fake);
    let told = async |question: &Question| {
        let answer = server.ask(question).await;
        let token = answer.field("x-auth-session").map(str::to_owned);
        (token, answer)
    };
    let (token, _) = told(&Question::page(&ann)).await;
    assert_eq!(token.as_ref(), Some(&ann.jar["DS"]));
    let bearer = about_me(&ann.jar["DS"]);
    assert_eq!(told(&bearer).await.0.as_ref(), Some(&ann.jar["DS"]));
    // Beside somebody's planted one it is the one whose user is named.
    let planted = fake.session("U1").signed_by_stranger().token();
    let cookies = format!("DS={planted}; {}", ann.cookies());
    let (token, answer) = told(&Question::page(&ann).set("cookie", cookies)).await;
    assert_eq!(answer.identity(), ["U1", "T1", "admin"]);
    assert_eq!(token.as_ref(), Some(&ann.jar["DS"]));

    fake.clock().advance(EXPIRY);
    let before = ann.jar["DS"].clone();
    let (token, answer) = told(&Question::page(&ann)).await;
    ann.keep(&answer.headers);
    assert_ne!(ann.jar["DS"], before);
    assert_eq!(
        token.as_ref(),
        Some(&ann.jar["DS"]),
        "the one of the new cookie"
    );
    let token = SessionToken::new(token.unwrap());
    assert_eq!(descope.verify(&token).await.unwrap().user_id(), "U1");
}
