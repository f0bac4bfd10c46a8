//! Answers whose session is in a tenant that it does not list: `ActiveTenant` would refuse it.

use serde_json::json;
use tower_descope::{
    ErrorKind, RefreshToken, SelectTenant, TenantId,
    test_util::{Canned, FakeDescope},
};

use super::{Browser, PATH, fake};
use crate::support::{
    app,
    world::{EXPIRY, REFRESH, late},
};

/// An answer with a session in `T3` that lists the user's own tenants alone, and with a new refresh
/// token.
fn unlisted(fake: &FakeDescope) -> Canned {
    let session = fake.session("U1").active_without_membership("T3");
    let refresh = fake.sign_in("ann@example.test");
    let body = json!({ "sessionJwt": session.token(), "refreshJwt": refresh.refresh_jwt() });
    Canned::json(200, &body)
}

#[tokio::test]
async fn a_selection_that_handlers_would_refuse_is_a_502_and_the_session_stays_as_it_was() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let service = SelectTenant::new(descope.clone());
    let mut browser = Browser::ann(&fake);
    let before = browser.clone();
    fake.respond_next(PATH, unlisted(&fake));
    let answer = browser.select(&service, "T3").await;
    assert_eq!(
        (answer.status.as_u16(), answer.error()),
        (502, "upstream_invalid")
    );
    // The new refresh token took the place of the browser's own, and is written.
    assert_eq!(browser.jar["DS"], before.jar["DS"]);
    assert_ne!(browser.jar["DSR"], before.jar["DSR"]);
    assert_eq!(browser.visit(&app(&descope)).await.body(), "U1@T1");
    fake.clock().advance(EXPIRY);
    assert_eq!(browser.visit(&late(&descope)).await.status(), 200);

    let token = RefreshToken::new(fake.sign_in_to("ann@example.test", "T1").refresh_jwt());
    fake.respond_next(PATH, unlisted(&fake));
    let tenant = TenantId::new("T3").unwrap();
    let error = descope.select_tenant(&token, &tenant).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamInvalid);
}

#[tokio::test]
async fn a_refresh_names_no_tenant_that_is_not_active_and_no_selection_is_answered_with_it() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let token = RefreshToken::new(fake.sign_in_to("ann@example.test", "T1").refresh_jwt());
    fake.respond_next(REFRESH, unlisted(&fake));
    let answer = descope.refresh(&token).await.unwrap();
    assert_eq!(answer.session().user_id(), "U1");
    assert_eq!(answer.tenant(), None);
    assert_eq!(answer.lost_tenant().unwrap(), "T1");
    // The kept answer is in the tenant by its `dct` alone: the selection goes up.
    let tenant = TenantId::new("T3").unwrap();
    let error = descope.select_tenant(&token, &tenant).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(fake.calls(PATH), 1);
}
