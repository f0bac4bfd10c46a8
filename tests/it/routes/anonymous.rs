//! The session routes go on renewing what an anonymous visitor has.

use tower_descope::test_util::FakeDescopeBuilder;

use super::{ME, REFRESH, SELECT, TRY_REFRESH, routes};
use crate::support::{
    browser::Browser,
    world::{EXPIRY, fake},
};

fn with_visitor() -> FakeDescopeBuilder {
    fake().user("visitor", |user| {
        let user = user.id("V1").tenant("T1", |t| t).tenant("T2", |t| t);
        user.anonymous()
    })
}

#[tokio::test]
async fn a_visitors_session_is_refreshed_as_any_other() {
    let fake = with_visitor().start().await;
    let routes = routes(&fake.descope());
    let mut browser = Browser::signed_in(&fake, "visitor");
    for path in [REFRESH, TRY_REFRESH] {
        let before = browser.clone();
        let answer = browser.call(&routes, path, "{}").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        assert_ne!(browser.jar["DS"], before.jar["DS"], "{path}");
        assert_ne!(browser.jar["DSR"], before.jar["DSR"], "{path}");
    }
    assert_eq!(browser.call(&routes, ME, "").await.status, 200);
}

/// A selection answers success only where handlers would then have the tenant.
#[tokio::test]
async fn a_visitor_selects_no_tenant_and_loses_no_token_by_it() {
    let fake = with_visitor().start().await;
    let routes = routes(&fake.descope());
    let mut browser = Browser::signed_in(&fake, "visitor");
    let before = browser.clone();
    let answer = browser.call(&routes, SELECT, r#"{"tenant":"T2"}"#).await;
    assert_eq!((answer.status, answer.error()), (502, "upstream_invalid"));
    assert_eq!(browser.jar["DS"], before.jar["DS"]);
    assert_ne!(
        browser.jar["DSR"], before.jar["DSR"],
        "rotated, and written"
    );
    fake.clock().advance(EXPIRY);
    let answer = browser.refresh(&routes).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}
