//! One account that works against the others: what gives way is its own.

use std::time::Duration;

use tower::ServiceExt;
use tower_descope::{Descope, SelectTenant, test_util::FakeDescope};

use super::{KEPT, spent};
use crate::support::{
    App, Log,
    browser::Browser,
    call,
    world::{EXPIRY, expired, fake, late},
};

const OTHERS: usize = 30;

/// People whose answers were lost, more than the keep time ago.
async fn others(fake: &FakeDescope, app: &App) -> Vec<Browser> {
    let mut others = Vec::new();
    for number in 0..OTHERS {
        let user = format!("O{number}");
        let refresh = fake.refresh(&user).tenant("T1", |t| t).active("T1").token();
        let other = Browser::with(&expired(fake, &user), &refresh);
        assert_eq!(call(app, other.get()).await.status(), 200);
        others.push(other);
    }
    fake.clock().advance(KEPT);
    others
}

async fn go_on(fake: &FakeDescope, app: &App, others: Vec<Browser>) {
    for mut other in others {
        assert_eq!(other.visit(app).await.status(), 200);
        fake.clock().advance(Duration::from_secs(1));
        assert_eq!(other.visit(app).await.status(), 200);
    }
    spent(fake);
}

fn crowded(fake: &FakeDescope, log: &Log) -> (Descope, tracing::subscriber::DefaultGuard) {
    let descope = fake.descope_builder().kept_sessions(100).build().unwrap();
    (descope, log.errors())
}

#[tokio::test]
async fn five_hundred_sign_ins_of_one_account_drive_out_nobody_else() {
    let (fake, log) = (fake().start().await, Log::default());
    let (descope, _guard) = crowded(&fake, &log);
    let app = late(&descope);
    let others = others(&fake, &app).await;
    let mut newest = Browser::default();
    for _ in 0..500 {
        let refresh = fake.refresh("U1").active("T1").token();
        newest = Browser::with(&expired(&fake, "U1"), &refresh);
        assert_eq!(call(&app, newest.get()).await.body(), "U1@T1");
    }
    assert_eq!(newest.visit(&app).await.body(), "U1@T1");
    go_on(&fake, &app, others).await;
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn a_loop_that_always_shows_its_first_token_costs_nobody_else_anything() {
    let (fake, log) = (fake().start().await, Log::default());
    let (descope, _guard) = crowded(&fake, &log);
    let app = late(&descope);
    let others = others(&fake, &app).await;
    let first = Browser::ann(&fake);
    for turn in 0..300 {
        let request = first.switch(["T2", "T1"][turn % 2]);
        let select = SelectTenant::new(descope.clone());
        let response = select.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200, "turn {turn}");
        fake.clock().advance(Duration::from_secs(1));
    }
    let mut ann = first.clone();
    fake.clock().advance(EXPIRY);
    assert_eq!(ann.visit(&app).await.body(), "U1@T1");
    go_on(&fake, &app, others).await;
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn a_loop_that_always_shows_the_newest_token_costs_nobody_else_anything() {
    let (fake, log) = (fake().start().await, Log::default());
    let (descope, _guard) = crowded(&fake, &log);
    let app = late(&descope);
    let others = others(&fake, &app).await;
    let mut ann = Browser::ann(&fake);
    let routes = crate::routes::routes(&descope);
    let mut refused = 0;
    for _ in 0..200 {
        let answer = ann.refresh(&routes).await;
        refused += usize::from(answer.status == 503);
        assert!([200, 503].contains(&answer.status), "{}", answer.text);
        fake.clock().advance(Duration::from_millis(500));
    }
    assert!(refused >= 80, "one a second goes up: {refused}");
    go_on(&fake, &app, others).await;
    assert_eq!(log.text(), "");
}
