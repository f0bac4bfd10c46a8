//! Sessions of anonymous visitors: renewed where the layer lets visitors pass, and nowhere else.

use tower_descope::{
    RefreshToken, TenantLayer,
    test_util::{FakeDescope, FakeDescopeBuilder},
};

use crate::support::{
    App, app_with,
    browser::{Browser, set_cookies, untouched},
    code,
    world::{ALMOST, EXPIRY, REFRESH, early, fake, late, layer},
};

const VISITOR: &str = "visitor";

fn with_visitor() -> FakeDescopeBuilder {
    fake().user(VISITOR, |user| {
        user.id("V1").tenant("T1", |t| t).anonymous()
    })
}

fn open(fake: &FakeDescope, window: u64) -> App {
    app_with(layer(&fake.descope(), window).allow_anonymous())
}

#[tokio::test]
async fn an_anonymous_session_is_not_renewed_where_it_is_refused() {
    let fake = with_visitor().start().await;
    let apps = [late(&fake.descope()), early(&fake.descope())];
    for after in [ALMOST, EXPIRY] {
        for app in &apps {
            let mut browser = Browser::signed_in(&fake, VISITOR);
            fake.clock().advance(after);
            let response = browser.visit(app).await;
            assert_eq!(response.status(), 401);
            assert_eq!(code(&response), "anonymous_session");
            assert!(untouched(&response));
        }
    }
    assert_eq!(fake.calls(REFRESH), 0);
}

#[tokio::test]
async fn a_lost_answer_is_made_good_to_a_visitor_only_where_they_are_let_pass() {
    let fake = with_visitor().start().await;
    let descope = fake.descope();
    let mut browser = Browser::signed_in(&fake, VISITOR);
    let old = RefreshToken::new(&browser.jar["DSR"]);
    descope.refresh(&old).await.unwrap();
    assert_eq!(fake.calls(REFRESH), 1);
    // The browser has not heard of it, and its session is still good.
    let response = browser.visit(&late(&descope)).await;
    assert_eq!(code(&response), "anonymous_session");
    assert!(untouched(&response));
    let response = browser
        .visit(&app_with(layer(&descope, 0).allow_anonymous()))
        .await;
    assert_eq!(response.status(), 200);
    assert_eq!(set_cookies(response.headers()).len(), 2);
    assert_eq!(fake.calls(REFRESH), 1, "from what is kept");
}

#[tokio::test]
async fn behind_a_layer_that_allows_visitors_their_sessions_are_renewed() {
    let fake = with_visitor().start().await;
    for (app, after) in [(open(&fake, 0), EXPIRY), (open(&fake, 60), ALMOST)] {
        let mut browser = Browser::signed_in(&fake, VISITOR);
        let before = browser.clone();
        fake.clock().advance(after);
        let calls = fake.calls(REFRESH);
        let response = browser.visit(&app).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.body(), "anonymous_session", "the handler's word");
        assert_eq!(fake.calls(REFRESH), calls + 1);
        assert_ne!(browser.jar["DS"], before.jar["DS"]);
        assert_ne!(browser.jar["DSR"], before.jar["DSR"]);
        assert_eq!(browser.visit(&app).await.status(), 200);
    }
}

#[tokio::test]
async fn a_refresh_token_that_says_that_it_is_a_visitors_is_not_sent_where_they_are_refused() {
    let fake = with_visitor().start().await;
    let refresh = fake.refresh("V2").anonymous().token();
    let mut browser = Browser::with("", &refresh);
    let response = browser.visit(&late(&fake.descope())).await;
    assert_eq!(response.status(), 401);
    assert_eq!(code(&response), "anonymous_session");
    assert!(untouched(&response));
    assert_eq!(fake.calls(REFRESH), 0);

    let response = browser.visit(&open(&fake, 0)).await;
    assert_eq!(response.status(), 200);
    assert_eq!(fake.calls(REFRESH), 1);
}

#[tokio::test]
async fn a_visitor_who_shows_first_in_descopes_answer_is_refused_and_loses_nothing() {
    let fake = with_visitor().start().await;
    let app = late(&fake.descope());
    let mut browser = Browser::signed_in(&fake, VISITOR);
    let before = browser.clone();
    // No session beside it says whose the refresh token is.
    browser.jar.remove("DS");
    let response = browser.visit(&app).await;
    assert_eq!(response.status(), 401);
    assert_eq!(code(&response), "anonymous_session");
    assert_eq!(set_cookies(response.headers()).len(), 2);
    assert_ne!(
        browser.jar["DSR"], before.jar["DSR"],
        "rotated, and written"
    );
    assert_eq!(fake.calls(REFRESH), 1);
    // From now on its session cookie says so.
    assert_eq!(code(&browser.visit(&app).await), "anonymous_session");
    assert_eq!(fake.calls(REFRESH), 1);
    let response = browser.visit(&open(&fake, 0)).await;
    assert_eq!(response.body(), "anonymous_session");
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_page_for_everybody_renews_no_visitor_unless_it_is_told_to() {
    let fake = with_visitor().start().await;
    let page = |layer: TenantLayer| app_with(layer.optional());
    let mut browser = Browser::signed_in(&fake, VISITOR);
    fake.clock().advance(EXPIRY);
    let response = browser.visit(&page(layer(&fake.descope(), 0))).await;
    assert_eq!(response.body(), "anonymous_session");
    assert_eq!(fake.calls(REFRESH), 0);
    let open = page(layer(&fake.descope(), 0).allow_anonymous());
    let response = browser.visit(&open).await;
    assert_eq!(response.body(), "anonymous_session");
    assert_eq!(fake.calls(REFRESH), 1);
}
