//! A page signs in with a session of the family that its browser has already.

use std::time::Duration;

use tower_descope::{
    Descope, RefreshToken, SessionToken, sign_in::SignedIn, test_util::FakeDescope,
};

use super::{adopt, lines};
use crate::support::{
    browser::Browser,
    call, settled,
    world::{EXPIRY, fake, late},
};

/// Ann's browser, whose session began here and was renewed a while ago.
async fn renewed(fake: &FakeDescope, descope: &Descope) -> Browser {
    let login = fake.sign_in_to("ann@example.test", "T1");
    let mut browser = Browser::default();
    browser.receive(&adopt(descope, &browser, &login).await.unwrap());
    fake.clock().advance(EXPIRY);
    let app = late(descope);
    for _ in 0..2 {
        assert_eq!(browser.visit(&app).await.body(), "U1@T1");
    }
    fake.clock().advance(EXPIRY);
    browser
}

/// A session by which she has stepped up.
fn stepped_up(fake: &FakeDescope) -> String {
    let session = fake.session("U1").tenant("T1", |t| t).active("T1");
    session.stepped_up().token()
}

async fn adopted(descope: &Descope, browser: &Browser, session: &str, refresh: &str) -> SignedIn {
    let (session, refresh) = (SessionToken::new(session), RefreshToken::new(refresh));
    let adopt = descope.adopt(&browser.headers(), session, refresh);
    adopt.await.unwrap()
}

#[tokio::test]
async fn the_session_that_is_adopted_is_the_browsers_whatever_renewal_came_before_it() {
    for rotates in [true, false] {
        let fake = fake().rotation(rotates).start().await;
        let descope = fake.descope();
        let mut browser = renewed(&fake, &descope).await;
        let session = stepped_up(&fake);
        let refresh = browser.jar["DSR"].clone();
        let signed_in = adopted(&descope, &browser, &session, &refresh).await;
        assert!(signed_in.session().is_stepped_up(), "rotates: {rotates}");
        // A page that was asked for before the response landed gets the same one.
        let straggler = call(&late(&descope), browser.get()).await;
        let mut other = browser.clone();
        other.keep(straggler.headers());
        assert_eq!(other.jar["DS"], session);
        browser.receive(&signed_in);
        assert_eq!(browser.jar["DS"], session);
        assert_eq!(browser.jar["DSR"], refresh);
        fake.clock().advance(EXPIRY);
        assert_eq!(browser.visit(&late(&descope)).await.body(), "U1@T1");
        settled(&fake).await;
    }
}

#[tokio::test]
async fn a_renewal_since_the_session_was_issued_goes_before_it() {
    for rotates in [true, false] {
        let fake = fake().rotation(rotates).start().await;
        let descope = fake.descope();
        let mut browser = renewed(&fake, &descope).await;
        let session = stepped_up(&fake);
        let refresh = browser.jar["DSR"].clone();
        let page = browser.clone();
        fake.clock().advance(Duration::from_secs(1));
        assert_eq!(browser.visit(&late(&descope)).await.body(), "U1@T1");
        let signed_in = adopted(&descope, &page, &session, &refresh).await;
        assert!(!signed_in.session().is_stepped_up());
        let lines = lines(&signed_in);
        for value in ["DS", "DSR"].map(|name| &browser.jar[name]) {
            assert!(
                lines.iter().any(|line| line.contains(&**value)),
                "{lines:?}"
            );
        }
    }
}
