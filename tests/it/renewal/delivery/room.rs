//! An undelivered answer while many others want room.

use tower_descope::{Descope, test_util::FakeDescope};

use super::{KEPT, spent};
use crate::support::{
    App, Log,
    browser::{Browser, set_cookies},
    call,
    world::{EXPIRY, REFRESH, expired, fake, late},
};

/// Somebody whose session has expired.
fn somebody(fake: &FakeDescope, user: &str) -> Browser {
    let refresh = fake.refresh(user).tenant("T1", |t| t).active("T1").token();
    Browser::with(&expired(fake, user), &refresh)
}

/// Ann, whose answer is lost, and so many others who get and show theirs.
async fn ann_among(others: usize, fake: &FakeDescope, app: &App) -> Browser {
    let ann = Browser::ann(fake);
    fake.clock().advance(EXPIRY);
    assert_eq!(call(app, ann.get()).await.body(), "U1@T1");
    for number in 0..others {
        let mut other = somebody(fake, &format!("O{number}"));
        assert_eq!(other.visit(app).await.status(), 200);
        assert_eq!(other.visit(app).await.status(), 200, "delivered");
    }
    ann
}

async fn ann_goes_on(fake: &FakeDescope, app: &App, mut ann: Browser) {
    for _ in 0..2 {
        let response = ann.visit(app).await;
        assert_eq!(response.body(), "U1@T1");
        assert_eq!(set_cookies(response.headers()).len(), 2);
        fake.clock().advance(EXPIRY);
    }
    spent(fake);
}

fn handles(fake: &FakeDescope) -> [Descope; 2] {
    [
        fake.descope_builder().kept_sessions(50),
        fake.descope_builder().kept_session_bytes(300_000),
    ]
    .map(|builder| builder.build().unwrap())
}

#[tokio::test]
async fn an_undelivered_answer_outlives_many_others_that_were_delivered() {
    for which in 0..2 {
        let fake = fake().start().await;
        let app = late(&handles(&fake)[which]);
        let ann = ann_among(120, &fake, &app).await;
        ann_goes_on(&fake, &app, ann).await;
    }
}

#[tokio::test]
async fn an_answer_older_than_the_keep_time_outlives_those_delivered_before() {
    for which in 0..2 {
        let fake = fake().start().await;
        let app = late(&handles(&fake)[which]);
        let ann = ann_among(30, &fake, &app).await;
        fake.clock().advance(KEPT);
        for number in 100..110 {
            let mut other = somebody(&fake, &format!("O{number}"));
            assert_eq!(other.visit(&app).await.status(), 200);
        }
        ann_goes_on(&fake, &app, ann).await;
    }
}

#[tokio::test]
async fn large_answers_of_many_sessions_give_way_and_everybody_goes_on() {
    let log = Log::default();
    let _guard = log.errors();
    let large = "x".repeat(700_000);
    let mut builder = fake();
    for number in 0..40 {
        builder = builder.user(&format!("l{number}@example.test"), |user| {
            user.id(format!("L{number}"))
                .tenant("T1", |t| t)
                .attribute("large", large.clone())
        });
    }
    let fake = builder.start().await;
    let bound = 4 << 20;
    let descope = fake.descope_builder().kept_session_bytes(bound);
    let app = late(&descope.build().unwrap());
    let mut browsers: Vec<_> = (0..40)
        .map(|number| Browser::signed_in(&fake, &format!("l{number}@example.test")))
        .collect();
    fake.clock().advance(EXPIRY);
    for round in 0..3 {
        for (number, browser) in browsers.iter_mut().enumerate() {
            let response = call(&app, browser.get()).await;
            assert_eq!(response.body(), &format!("L{number}@T1"), "round {round}");
            // Of every other one the answer is lost each time but the last.
            if round == 2 || number % 2 == 0 {
                browser.keep(response.headers());
            }
        }
        let wait = if round == 1 { EXPIRY } else { KEPT };
        fake.clock().advance(wait);
    }
    assert!(fake.calls(REFRESH) >= 80);
    spent(&fake);
    assert_eq!(log.text(), "", "nobody's session was forgotten");
}

#[tokio::test]
async fn where_nothing_else_can_give_way_an_error_event_says_so() {
    let log = Log::default();
    let _guard = log.errors();
    let fake = fake().start().await;
    let descope = fake.descope_builder().kept_sessions(5).build().unwrap();
    let app = late(&descope);
    descope.warm_up().await.unwrap();
    for number in 0..10 {
        let other = somebody(&fake, &format!("O{number}"));
        assert_eq!(call(&app, other.get()).await.status(), 200);
    }
    assert!(log.text().contains("kept_sessions"), "{}", log.text());
}
