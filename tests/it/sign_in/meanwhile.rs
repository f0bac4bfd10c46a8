//! What comes back with a browser's old cookies after it has signed in.

use std::{convert::Infallible, sync::Arc};

use http::{Request, Response};
use tokio::sync::Notify;
use tower::{ServiceBuilder, ServiceExt};
use tower_descope::test_util::{FakeDescope, SignedIn as Login};

use super::adopt;
use crate::{
    routes::{ME, routes},
    support::{
        browser::{Browser, untouched},
        seen,
        world::{EXPIRY, fake, late, layer},
    },
};

fn login(fake: &FakeDescope, name: &str) -> Login {
    fake.sign_in_to(&format!("{name}@example.test"), "T1")
}

#[tokio::test]
async fn a_removal_that_waited_for_a_slow_handler_is_not_written_over_a_sign_in() {
    // As the same user, as another one, or not at all.
    for name in [Some("ann"), Some("bob"), None] {
        let fake = fake().start().await;
        let descope = fake.descope();
        let (begun, goes_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let handler = (Arc::clone(&begun), Arc::clone(&goes_on));
        let service = ServiceBuilder::new()
            .layer(layer(&descope, 60).optional())
            .service_fn(move |request: Request<()>| {
                let (begun, goes_on) = handler.clone();
                async move {
                    begun.notify_one();
                    goes_on.notified().await;
                    Ok::<_, Infallible>(Response::new(seen(&request)))
                }
            });
        let mut browser = Browser::of(&fake, &login(&fake, "ann"));
        fake.clock().advance(EXPIRY);
        fake.log_out("U1");
        let waiting = tokio::spawn(service.oneshot(browser.get()));
        begun.notified().await;
        if let Some(name) = name {
            let signed_in = adopt(&descope, &browser, &login(&fake, name));
            browser.receive(&signed_in.await.unwrap());
        }
        goes_on.notify_one();
        let response = waiting.await.unwrap().unwrap();
        assert_eq!(response.body(), "expired_token");
        assert_eq!(untouched(&response), name.is_some(), "{name:?}");
        browser.keep(response.headers());
        fake.clock().advance(EXPIRY);
        let status = browser.visit(&late(&descope)).await.status();
        assert_eq!(status, if name.is_some() { 200 } else { 401 }, "{name:?}");
    }
}

#[tokio::test]
async fn a_call_that_only_reads_removes_no_cookies_of_a_sign_in_that_came_meanwhile() {
    for name in [Some("ann"), Some("bob"), None] {
        let fake = fake().start().await;
        let descope = fake.descope();
        let service = routes(&descope);
        let mut browser = Browser::of(&fake, &login(&fake, "ann"));
        let mut old = browser.clone();
        fake.log_out("U1");
        fake.hang_path(ME, true);
        let reading = {
            let (service, mut old) = (service.clone(), old.clone());
            tokio::spawn(async move { old.call(&service, ME, "").await })
        };
        fake.wait_for_calls(ME, 1).await;
        if let Some(name) = name {
            let signed_in = adopt(&descope, &browser, &login(&fake, name));
            browser.receive(&signed_in.await.unwrap());
        }
        fake.hang_path(ME, false);
        let answer = reading.await.unwrap();
        assert_eq!(answer.status, 401);
        assert_eq!(answer.cookies().is_empty(), name.is_some(), "{name:?}");
        // Nor does one that comes later.
        let later = old.call(&service, ME, "").await;
        assert_eq!(later.status, 401);
        assert_eq!(later.cookies().is_empty(), name.is_some(), "{name:?}");
    }
}
