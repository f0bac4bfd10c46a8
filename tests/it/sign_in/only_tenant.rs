//! Users of one tenant, who are brought into it wherever a session begins or goes on.

use std::time::Duration;

use tower_descope::{
    Descope, RefreshToken, TenantId,
    test_util::{Canned, FakeDescope, FakeDescopeBuilder, Template},
};

use super::adopt;
use crate::{
    routes::{Browser, REFRESH, SELECT, TRY_REFRESH, calls, routes},
    support::{
        Log, app, call, settled,
        world::{EXPIRY, fake, late},
    },
};

/// The words of the warning: of a call that another one followed, and of a sign-in.
const WARNINGS: [&str; 2] = [
    "only tenant was not selected",
    "a sign-in goes on without the tenant",
];
const SOLO: &str = "solo@example.test";

/// Solo is a member of `T1` alone, Nomad of none; Ann of two.
fn world() -> FakeDescopeBuilder {
    fake()
        .user(SOLO, |user| user.id("U5").tenant("T1", |t| t))
        .user("nomad@example.test", |user| user.id("U6"))
        .user("visitor", |user| {
            user.id("V1").tenant("T1", |t| t).anonymous()
        })
}

fn selecting(fake: &FakeDescope) -> Descope {
    let builder = fake.descope_builder().select_only_tenant(true);
    builder.build().unwrap()
}

/// The calls that came to the fake, in their order.
fn paths(fake: &FakeDescope) -> Vec<String> {
    let requests = fake.requests().into_iter().map(|it| it.path);
    requests.filter(|path| *path != fake.keys_path()).collect()
}

/// The refresh tokens that were sent, in their order.
fn sent(fake: &FakeDescope) -> Vec<String> {
    let requests = fake.requests().into_iter();
    let fields = requests.filter_map(|it| it.header("authorization").map(str::to_owned));
    let tokens = fields.filter_map(|field| field.rsplit(':').next().map(str::to_owned));
    tokens.filter(|token| token.starts_with("eyJ")).collect()
}

#[tokio::test]
async fn who_signs_in_to_no_tenant_begins_in_the_only_one() {
    for rotate in [false, true] {
        let fake = world().start().await;
        let descope = selecting(&fake);
        let mut browser = Browser::default();
        let login = fake.sign_in(SOLO);
        let signed_in = adopt(&descope, &browser, &login).rotate(rotate).await;
        let signed_in = signed_in.unwrap();
        assert_eq!(signed_in.session().active_tenant().unwrap().id(), "T1");
        let expected: &[&str] = if rotate {
            &[REFRESH, SELECT]
        } else {
            &[SELECT]
        };
        assert_eq!(paths(&fake), expected);
        browser.receive(&signed_in);
        assert_eq!(browser.visit(&app(&descope)).await.body(), "U5@T1");
        fake.clear_requests();
        fake.clock().advance(EXPIRY);
        assert_eq!(browser.visit(&late(&descope)).await.body(), "U5@T1");
        assert_eq!(paths(&fake), [REFRESH], "it is there already");
    }
}

#[tokio::test]
async fn a_session_in_no_tenant_is_in_the_only_one_after_it_was_renewed() {
    let fake = world().start().await;
    let descope = selecting(&fake);
    for way in ["layer", REFRESH, TRY_REFRESH, "typed"] {
        let mut browser = Browser::in_no_tenant(&fake, SOLO);
        assert_eq!(browser.visit(&app(&descope)).await.body(), "U5@-");
        fake.clock().advance(EXPIRY);
        fake.clear_requests();
        match way {
            "layer" => {
                assert_eq!(browser.visit(&late(&descope)).await.body(), "U5@T1");
            }
            "typed" => {
                let refresh = RefreshToken::new(&*browser.jar["DSR"]);
                let answer = descope.refresh(&refresh).await.unwrap();
                let headers = browser.headers();
                let signed_in = descope.adopt_answer(&headers, answer).await.unwrap();
                browser.receive(&signed_in);
            }
            path => {
                let answer = browser.call(&routes(&descope), path, "{}").await;
                assert_eq!(answer.status, 200, "{}", answer.text);
            }
        }
        assert_eq!(paths(&fake), [REFRESH, SELECT], "{way}");
        let tokens = sent(&fake);
        assert_eq!(tokens.len(), 2, "{way}");
        assert_ne!(tokens[0], tokens[1], "with what the first call brought");
        assert_eq!(browser.visit(&app(&descope)).await.body(), "U5@T1", "{way}");
        fake.clock().advance(EXPIRY);
        assert_eq!(
            browser.visit(&late(&descope)).await.body(),
            "U5@T1",
            "{way}"
        );
        assert_eq!(fake.calls(SELECT), 1, "{way}");
    }
}

#[tokio::test]
async fn nobody_else_is_brought_anywhere() {
    let left_out = world().jwt_template(Template::CurrentTenant).start().await;
    let usual = world().start().await;
    for (fake, user) in [
        (&usual, "nomad@example.test"),
        (&usual, "ann@example.test"),
        (&usual, "visitor"),
        (&left_out, SOLO),
    ] {
        let descope = selecting(fake);
        let mut browser = Browser::default();
        let login = fake.sign_in(user);
        let adopt = adopt(&descope, &browser, &login).allow_anonymous(true);
        let signed_in = adopt.rotate(true).await.unwrap();
        assert!(signed_in.session().active_tenant().is_err(), "{user}");
        browser.receive(&signed_in);
        fake.clock().advance(EXPIRY);
        let refresh = RefreshToken::new(&*browser.jar["DSR"]);
        assert!(descope.refresh(&refresh).await.is_ok());
        assert_eq!(fake.calls(SELECT), 0, "{user}");
    }
    // In a tenant already, or a service that does not ask for it.
    for (selects, tenant) in [(true, Some("T1")), (false, None)] {
        let builder = usual.descope_builder().select_only_tenant(selects);
        let descope = builder.build().unwrap();
        let login = match tenant {
            Some(tenant) => usual.sign_in_to(SOLO, tenant),
            None => usual.sign_in(SOLO),
        };
        let browser = Browser::default();
        assert!(adopt(&descope, &browser, &login).rotate(true).await.is_ok());
        assert_eq!(usual.calls(SELECT), 0);
    }
}

#[tokio::test]
async fn where_the_tenant_is_not_to_be_had_the_session_goes_on_without_one() {
    let refused = Canned::error(403, FakeDescope::NOT_A_MEMBER, "no");
    for canned in [
        refused,
        Canned::error(500, "E990500", "oops"),
        Canned::error(503, "E990503", "oops"),
        Canned::error(429, "E130429", "slow down").header("retry-after", "2"),
        Canned::html(502, "<html>"),
        Canned::new(200).body("{}"),
    ] {
        for rotate in [None, Some(false), Some(true)] {
            let fake = world().start().await;
            let descope = selecting(&fake);
            let log = Log::default();
            let kept = log.up_to(tracing::Level::WARN);
            let mut browser = Browser::default();
            let login = fake.sign_in(SOLO);
            fake.respond_next(SELECT, canned.clone());
            if let Some(rotate) = rotate {
                let adopt = adopt(&descope, &browser, &login).rotate(rotate);
                browser.receive(&adopt.await.unwrap());
            } else {
                browser = Browser::of(&fake, &login);
                fake.clock().advance(EXPIRY);
                assert_eq!(browser.visit(&late(&descope)).await.body(), "U5@-");
            }
            let warnings = WARNINGS.map(|words| log.lines(words).len());
            let expected = if rotate == Some(false) {
                [0, 1]
            } else {
                [1, 0]
            };
            assert_eq!(warnings, expected, "{rotate:?} {}", log.text());
            drop(kept);
            let before = calls(&fake);
            assert_eq!(browser.visit(&app(&descope)).await.body(), "U5@-");
            assert_eq!(calls(&fake), before, "it rests until the next renewal");
            fake.clock().advance(EXPIRY);
            fake.clear_requests();
            assert_eq!(browser.visit(&late(&descope)).await.body(), "U5@T1");
            assert_eq!(paths(&fake), [REFRESH, SELECT]);
        }
    }
}

#[tokio::test]
async fn what_the_first_call_brought_is_kept_whatever_becomes_of_the_second() {
    for rotation in [true, false] {
        let fake = world().rotation(rotation).start().await;
        let descope = selecting(&fake);
        let mut browser = Browser::in_no_tenant(&fake, SOLO);
        fake.clock().advance(EXPIRY);
        fake.drop_connection_next(SELECT);
        let before = browser.clone();
        assert_eq!(call(&late(&descope), browser.get()).await.body(), "U5@-");
        assert_eq!(paths(&fake)[..2], [REFRESH, SELECT]);
        // The response was lost: the next request has the same session of it, without a call.
        let response = browser.visit(&late(&descope)).await;
        assert_eq!(response.body(), "U5@-");
        assert_eq!(fake.calls(REFRESH), 1);
        let [first, second] = [0, 1].map(|n| sent(&fake)[n].clone());
        assert_eq!(first, before.jar["DSR"]);
        assert_eq!(second, browser.jar["DSR"], "recorded before it went up");
        assert_eq!(rotation, first != second);
        assert_eq!(browser.visit(&app(&descope)).await.body(), "U5@-");
        if !rotation {
            fake.clock().advance(EXPIRY);
            assert_eq!(browser.visit(&late(&descope)).await.body(), "U5@T1");
        }
    }
}

#[tokio::test]
async fn nobody_waits_for_the_tenant_longer_than_for_a_call() {
    let fake = world().start().await;
    let descope = selecting(&fake);
    let mut browser = Browser::in_no_tenant(&fake, SOLO);
    fake.clock().advance(EXPIRY);
    fake.hang_path(SELECT, true);
    let page = {
        let (app, request) = (late(&descope), browser.get());
        tokio::spawn(async move { call(&app, request).await })
    };
    fake.wait_for_calls(SELECT, 1).await;
    settled(&fake).await;
    fake.clock().advance(Duration::from_secs(10));
    let response = page.await.unwrap();
    assert_eq!(response.body(), "U5@-");
    browser.keep(response.headers());
    // What comes late is there for the next page: the token of the first answer is spent by it.
    fake.hang_path(SELECT, false);
    descope.drain().await;
    fake.clock().advance(EXPIRY);
    assert_eq!(browser.visit(&late(&descope)).await.body(), "U5@T1");
    fake.clock().advance(EXPIRY);
    assert_eq!(browser.visit(&late(&descope)).await.body(), "U5@T1");
}

#[tokio::test]
async fn pages_at_once_share_both_calls() {
    let fake = world().start().await;
    let descope = selecting(&fake);
    let browser = Browser::in_no_tenant(&fake, SOLO);
    fake.clock().advance(EXPIRY);
    fake.hang_path(SELECT, true);
    let pages: Vec<_> = (0..8)
        .map(|_| {
            let (app, request) = (late(&descope), browser.get());
            tokio::spawn(async move { call(&app, request).await })
        })
        .collect();
    fake.wait_for_calls(SELECT, 1).await;
    settled(&fake).await;
    assert!(pages.iter().all(|page| !page.is_finished()), "one turn");
    fake.hang_path(SELECT, false);
    for page in pages {
        let response = page.await.unwrap();
        assert_eq!(response.body(), "U5@T1");
        let mut other = browser.clone();
        other.keep(response.headers());
        assert_eq!(other.visit(&app(&descope)).await.body(), "U5@T1");
    }
    assert_eq!(paths(&fake), [REFRESH, SELECT]);
}

#[tokio::test]
async fn who_joins_a_second_tenant_stays_where_they_are_and_who_leaves_one_is_moved() {
    let fake = world().start().await;
    let descope = selecting(&fake);
    let mut browser = Browser::in_no_tenant(&fake, "nomad@example.test");
    let next = async |browser: &mut Browser| {
        fake.clock().advance(EXPIRY);
        browser.visit(&late(&descope)).await.body().clone()
    };
    assert_eq!(next(&mut browser).await, "U6@-");
    fake.set_user("nomad@example.test", |user| user.tenant("T2", |t| t));
    assert_eq!(next(&mut browser).await, "U6@T2");
    fake.set_user("nomad@example.test", |user| user.tenant("T1", |t| t));
    assert_eq!(next(&mut browser).await, "U6@T2");
    assert_eq!(fake.calls(SELECT), 1);
    let refresh = RefreshToken::new(&*browser.jar["DSR"]);
    let tenant = TenantId::new("T2").unwrap();
    assert!(descope.select_tenant(&refresh, &tenant).await.is_ok());
    fake.set_user("nomad@example.test", |user| user.without_tenant("T2"));
    assert_eq!(next(&mut browser).await, "U6@T1");
}

#[tokio::test]
async fn a_selection_that_brings_no_session_to_use_leaves_the_browser_the_refresh_token_in_force() {
    let fake = world().start().await;
    let descope = selecting(&fake);
    let login = fake.sign_in(SOLO);
    // Nobody's, beside a refresh token that has taken the other's place.
    let session = fake.session("U5").active("T1").anonymous().token();
    let successor = fake.sign_in(SOLO).refresh_jwt().to_owned();
    let body = serde_json::json!({ "sessionJwt": session, "refreshJwt": successor });
    fake.respond_next(SELECT, Canned::json(200, &body));
    let mut browser = Browser::default();
    let signed_in = adopt(&descope, &browser, &login).await.unwrap();
    assert!(signed_in.session().active_tenant().is_err());
    browser.receive(&signed_in);
    assert_eq!(browser.jar["DSR"], successor);
    // A process that knows nothing of it.
    fake.clock().advance(EXPIRY);
    let response = browser.visit(&late(&fake.descope())).await;
    assert_eq!(response.status(), 200);
    assert!(response.body().starts_with("U5@"));
}
