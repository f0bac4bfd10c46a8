//! One-time codes and the codes of redirects: a call, and then as any sign-in.

use serde_json::json;
use tower_descope::{
    Descope, Error, ErrorKind, SessionToken, Visitor,
    sign_in::{CodeRecipient, Exchange},
    test_util::{Canned, FakeDescope},
};

use super::lines;
use crate::{
    routes::{LOGOUT, calls},
    support::{
        app,
        browser::Browser,
        settled,
        world::{EXPIRY, fake, late},
    },
};

const SEND: &str = "/v1/auth/otp/signup-in/email";
const VERIFY: &str = "/v1/auth/otp/verify/email";
const OAUTH: &str = "/v1/auth/oauth/exchange";
const SSO: &str = "/v1/auth/saml/exchange";
const GOOD: &str = FakeDescope::ONE_TIME_CODE;

fn ann() -> CodeRecipient {
    CodeRecipient::email("ann@example.test")
}

async fn verify(descope: &Descope, to: &CodeRecipient, code: &str) -> Result<Browser, Error> {
    let mut browser = Browser::default();
    let adopt = descope.verify_code(&browser.headers(), to, code);
    let signed_in = adopt.await?;
    assert!(signed_in.user().is_some(), "the call brought the record");
    browser.receive(&signed_in);
    Ok(browser)
}

async fn exchange(descope: &Descope, by: Exchange, code: &str) -> Result<Browser, Error> {
    let mut browser = Browser::default();
    let signed_in = descope.exchange_code(&browser.headers(), by, code).await?;
    browser.receive(&signed_in);
    Ok(browser)
}

#[tokio::test]
async fn a_code_signs_in_whom_it_was_sent_to_known_or_not() {
    let fake = fake().user("+15550100", |user| user.id("U7")).start().await;
    let descope = fake.descope();
    for (to, channel, known) in [
        (ann(), "email", Some("U1@-")),
        (CodeRecipient::sms("+15550100"), "sms", Some("U7@-")),
        (CodeRecipient::email("new@example.test"), "email", None),
    ] {
        fake.clear_requests();
        descope.send_code(&to).await.unwrap();
        let mut browser = verify(&descope, &to, GOOD).await.unwrap();
        let seen = browser.visit(&app(&descope)).await.into_body();
        assert!(known.is_none_or(|known| known == seen), "{seen}");
        fake.clock().advance(EXPIRY);
        assert_eq!(*browser.visit(&late(&descope)).await.body(), seen);
        assert_eq!(fake.calls(&format!("/v1/auth/otp/signup-in/{channel}")), 1);
        assert_eq!(fake.calls(&format!("/v1/auth/otp/verify/{channel}")), 1);
        // The project's id alone goes up: no token, no cookie.
        let project = format!("Bearer {}", fake.project_id());
        let requests = fake.requests();
        let mut codes = requests.iter().filter(|it| it.path.contains("/otp/"));
        assert!(codes.all(|it| it.header("authorization") == Some(&project)));
        assert!(requests.iter().all(|it| it.header("cookie").is_none()));
    }
}

#[tokio::test]
async fn a_wrong_code_is_refused_with_descopes_word_and_changes_nothing() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let bobs = Browser::signed_in(&fake, "bob@example.test");
    descope.send_code(&ann()).await.unwrap();
    let mut wrong = Vec::new();
    for _ in 0..FakeDescope::CODE_ATTEMPTS {
        let adopt = descope.verify_code(&bobs.headers(), &ann(), "111111");
        let error = adopt.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(!error.is_transient());
        wrong.push(error.upstream_code().unwrap().to_owned());
    }
    assert_eq!(wrong[0], "E061102");
    // It is worn out, also for who knows it; a new one is good.
    let error = verify(&descope, &ann(), GOOD).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(error.upstream_code(), Some("E061103"));
    descope.send_code(&ann()).await.unwrap();
    assert!(verify(&descope, &ann(), GOOD).await.is_ok());
    settled(&fake).await;
    assert_eq!(fake.calls(LOGOUT), 0);
    assert!(bobs.renews(&descope).await);
}

#[tokio::test]
async fn a_text_that_can_be_no_code_or_address_is_refused_without_a_call() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let refused = |error: Error| {
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(error.upstream_code(), None);
        assert_eq!(error.upstream_status(), None);
    };
    let long = "1".repeat(33);
    for code in [
        "",
        &long,
        "12 34",
        "123456\n",
        "12-34",
        "１２３",
        "12\0",
        "a%20",
    ] {
        refused(verify(&descope, &ann(), code).await.unwrap_err());
    }
    let address = "a".repeat(321);
    for login in ["", &address, "a\nb@example.test", "a\u{7f}", "a\u{85}b"] {
        for to in [CodeRecipient::email(login), CodeRecipient::sms(login)] {
            refused(descope.send_code(&to).await.unwrap_err());
            refused(verify(&descope, &to, GOOD).await.unwrap_err());
        }
    }
    let long = "c".repeat(2_049);
    for code in ["", &long, "a b", "a\n", "é", "\u{1}"] {
        for by in [Exchange::OAuth, Exchange::Sso] {
            refused(exchange(&descope, by, code).await.unwrap_err());
        }
    }
    assert_eq!(calls(&fake), 0);
    // The longest that can be one is Descope's to judge.
    let to = CodeRecipient::email("a".repeat(320));
    descope.send_code(&to).await.unwrap();
    let error = verify(&descope, &to, &"1".repeat(32)).await.unwrap_err();
    assert_eq!(error.upstream_code(), Some("E061102"));
    let error = exchange(&descope, Exchange::OAuth, &"~".repeat(2_048)).await;
    assert_eq!(error.unwrap_err().upstream_code(), Some("E061301"));
    assert_eq!(calls(&fake), 3);
}

#[tokio::test]
async fn no_call_of_a_sign_in_is_repeated() {
    let fake = fake().start().await;
    let descope = fake.descope();
    descope.warm_up().await.unwrap();
    let oauth = fake.oauth_code("google", "ann@example.test");
    let sso = fake.sso_code("T1", "ann@example.test");
    for path in [SEND, VERIFY, OAUTH, SSO] {
        for (canned, kind) in [
            (Canned::new(503), ErrorKind::UpstreamUnavailable),
            (
                Canned::error(500, "E990500", "oops"),
                ErrorKind::UpstreamUnavailable,
            ),
            (
                Canned::error(429, "E130429", "slow down"),
                ErrorKind::RateLimited,
            ),
            (Canned::html(403, "<html>"), ErrorKind::Refused),
        ] {
            fake.clear_requests();
            fake.respond_next(path, canned);
            let result = match path {
                SEND => descope.send_code(&ann()).await,
                VERIFY => verify(&descope, &ann(), GOOD).await.map(drop),
                OAUTH => exchange(&descope, Exchange::OAuth, &oauth).await.map(drop),
                _ => exchange(&descope, Exchange::Sso, &sso).await.map(drop),
            };
            let error = result.unwrap_err();
            assert_eq!(error.kind(), kind, "{path}: {error}");
            assert!(error.is_transient(), "{path}: {error}");
            assert_eq!(calls(&fake), 1, "{path}");
        }
    }
    // Nothing of it has used the codes up.
    assert!(exchange(&descope, Exchange::OAuth, &oauth).await.is_ok());
    assert!(exchange(&descope, Exchange::Sso, &sso).await.is_ok());
}

#[tokio::test]
async fn the_code_of_a_redirect_signs_in_once_and_only_where_it_came_from() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let oauth = || fake.oauth_code("google", "ann@example.test");
    let sso = || fake.sso_code("T1", "ann@example.test");
    for (by, code, method, used) in [
        (Exchange::OAuth, oauth(), "oauth", "E061301"),
        (Exchange::Sso, sso(), "fed", FakeDescope::SSO_CODE_REFUSED),
    ] {
        let mut browser = exchange(&descope, by, &code).await.unwrap();
        let session = SessionToken::new(&*browser.jar["DS"]);
        let session = descope.verify(&session).await.unwrap();
        let methods: Vec<_> = session.authentication_methods().collect();
        assert_eq!(methods, [method]);
        assert_eq!(browser.visit(&app(&descope)).await.body(), "U1@-");
        let error = exchange(&descope, by, &code).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(error.upstream_code(), Some(used));
    }
    assert!(exchange(&descope, Exchange::Sso, &oauth()).await.is_err());
    assert!(exchange(&descope, Exchange::OAuth, &sso()).await.is_err());
    let late = oauth();
    fake.clock().advance(FakeDescope::EXCHANGE_CODE_TTL * 2);
    assert!(exchange(&descope, Exchange::OAuth, &late).await.is_err());
}

#[tokio::test]
async fn what_descope_answers_to_a_code_is_held_to_the_rules_of_every_sign_in() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let bobs = Browser::signed_in(&fake, "bob@example.test");
    let session = || fake.session("U1");
    // A session of its own in each.
    let pair = |session: &str| {
        let refresh = fake.refresh("U1").token();
        json!({"sessionJwt": session, "refreshJwt": refresh})
    };
    let invalid = ErrorKind::UpstreamInvalid;
    let refresh = fake.refresh("U1").token();
    let twice = json!({"sessionJwt": session().token(), "refreshJwt": session().token()});
    // What is a session and no sign-in is ended at Descope: nobody has its tokens.
    for (answer, kind, is_ended) in [
        (json!({}), invalid, false),
        (json!({"sessionJwt": session().token()}), invalid, false),
        (json!({"refreshJwt": refresh}), invalid, false),
        (twice, invalid, false),
        (pair("dark"), invalid, false),
        (
            pair(&session().signed_by_stranger().token()),
            invalid,
            false,
        ),
        (pair(&session().issuer("P2other").token()), invalid, false),
        (pair(&session().expired().token()), invalid, false),
        (pair(&session().without("drn").token()), invalid, false),
        (pair(&refresh), invalid, false),
        (
            pair(&fake.session("U2").token()),
            ErrorKind::NotASignIn,
            false,
        ),
        (
            pair(&session().issued_at(-301).token()),
            ErrorKind::NotASignIn,
            true,
        ),
        (
            pair(&session().without("amr").token()),
            ErrorKind::NotASignIn,
            true,
        ),
        (
            pair(&session().anonymous().token()),
            ErrorKind::AnonymousSession,
            true,
        ),
    ] {
        fake.clear_requests();
        fake.respond_next(VERIFY, Canned::json(200, &answer));
        let adopt = descope.verify_code(&bobs.headers(), &ann(), GOOD);
        let error = adopt.await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(!error.to_string().contains("eyJ"));
        fake.wait_for_calls(LOGOUT, usize::from(is_ended)).await;
        settled(&fake).await;
        assert_eq!(fake.calls(LOGOUT), usize::from(is_ended), "{error}");
    }
    assert!(bobs.renews(&descope).await);
}

#[tokio::test]
async fn a_code_without_a_word_about_the_method_counts_only_where_the_service_says_so() {
    let fake = fake().without_methods(true).start().await;
    for accept in [false, true] {
        let builder = fake.descope_builder().sign_in_without_methods(accept);
        let descope = builder.build().unwrap();
        descope.send_code(&ann()).await.unwrap();
        match verify(&descope, &ann(), GOOD).await {
            Ok(mut browser) => {
                assert!(accept);
                assert_eq!(browser.visit(&app(&descope)).await.body(), "U1@-");
            }
            Err(error) => {
                assert!(!accept);
                assert_eq!(error.kind(), ErrorKind::NotASignIn);
            }
        }
    }
}

#[tokio::test]
async fn a_visitor_who_is_let_in_by_a_code_is_still_no_user() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let answer = json!({
        "sessionJwt": fake.session("V1").anonymous().token(),
        "refreshJwt": fake.refresh("V1").anonymous().token(),
    });
    fake.respond_next(VERIFY, Canned::json(200, &answer));
    let adopt = descope.verify_code(&Browser::default().headers(), &ann(), GOOD);
    let signed_in = adopt.allow_anonymous(true).await.unwrap();
    assert!(signed_in.session().is_anonymous());
    assert_eq!(lines(&signed_in).len(), 2);
    let token = SessionToken::new(answer["sessionJwt"].as_str().unwrap());
    let visitor = descope.verify_visitor(&token).await.unwrap();
    assert!(matches!(visitor, Visitor::Anonymous(_)));
}
