//! Answers that never reached their browser.

use std::time::Duration;

use tower_descope::test_util::Canned;

use super::{KEPT, spent};
use crate::{
    routes::routes,
    support::{
        browser::{Browser, set_cookies},
        call,
        world::{ALMOST, EXPIRY, REFRESH, early, fake, late},
    },
};

const DAY: Duration = Duration::from_secs(24 * 3_600);

#[tokio::test]
async fn an_answer_lost_on_friday_serves_the_page_of_monday() {
    for gap in [Duration::from_secs(301), DAY * 3] {
        for keep in [0, 60, 300] {
            let fake = fake().start().await;
            let keep = Duration::from_secs(keep);
            let descope = fake.descope_builder().keep_answers(keep).build().unwrap();
            let app = late(&descope);
            let mut browser = Browser::ann(&fake);
            fake.clock().advance(EXPIRY);
            assert_eq!(call(&app, browser.get()).await.body(), "U1@T1");
            fake.clock().advance(gap);
            let response = browser.visit(&app).await;
            assert_eq!(response.body(), "U1@T1", "{gap:?}, kept for {keep:?}");
            assert_eq!(set_cookies(response.headers()).len(), 2);
            fake.clock().advance(EXPIRY);
            assert_eq!(browser.visit(&app).await.body(), "U1@T1");
            spent(&fake);
        }
    }
}

#[tokio::test]
async fn a_wall_clock_that_is_set_signs_nobody_out() {
    for ahead in [true, false] {
        let fake = fake().start().await;
        let descope = fake.descope();
        let app = early(&descope);
        let mut browser = Browser::ann(&fake);
        fake.clock().advance(ALMOST);
        assert_eq!(call(&app, browser.get()).await.body(), "U1@T1");
        let step = Duration::from_secs(62);
        let now = fake.clock().now();
        fake.clock()
            .set_wall(if ahead { now + step } else { now - step });
        let response = browser.visit(&app).await;
        assert_eq!(response.body(), "U1@T1", "ahead: {ahead}");
        assert_eq!(set_cookies(response.headers()).len(), 2);
        fake.clock().advance(EXPIRY + step);
        assert_eq!(browser.visit(&app).await.body(), "U1@T1");
        spent(&fake);
    }
}

#[tokio::test]
async fn several_answers_lost_one_after_the_other_are_made_good_by_one_page() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let app = late(&descope);
    let mut browser = Browser::ann(&fake);
    for _ in 0..5 {
        fake.clock().advance(EXPIRY);
        assert_eq!(call(&app, browser.get()).await.body(), "U1@T1");
        fake.clock().advance(KEPT);
    }
    assert_eq!(browser.visit(&app).await.body(), "U1@T1");
    fake.clock().advance(EXPIRY);
    assert_eq!(browser.visit(&app).await.body(), "U1@T1");
    spent(&fake);
}

#[tokio::test]
async fn a_refresh_by_script_whose_answer_was_lost_is_answered_a_day_later() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    let mut browser = Browser::ann(&fake);
    assert_eq!(browser.clone().refresh(&routes).await.status, 200);
    fake.clock().advance(DAY);
    // The user's record, meanwhile, is asked for with the newest token.
    let answer = browser.call(&routes, "/v1/auth/me", "").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let answer = browser.refresh(&routes).await;
    assert_eq!((answer.status, answer.cookies().len()), (200, 2));
    spent(&fake);
}

#[tokio::test]
async fn where_descope_failed_after_it_had_rotated_the_next_page_is_no_second_use() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let app = late(&descope);
    let mut browser = Browser::ann(&fake);
    let before = browser.clone();
    fake.clock().advance(EXPIRY);
    let alone = fake.refresh("U1").active("T1").token();
    let half = Canned::new(200)
        .header("set-cookie", &format!("DSR={alone}"))
        .body("<html>");
    fake.respond_next(REFRESH, half);
    assert_eq!(browser.visit(&app).await.status(), 503);
    assert_eq!(browser, before);
    fake.clock().advance(KEPT);
    assert_eq!(browser.visit(&app).await.body(), "U1@T1");
    assert!(spent(&fake)[1].ends_with(&alone));
}
