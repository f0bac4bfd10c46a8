//! Rough days of the browser SDK, which asks for a new session shortly before the old one ends.

use std::time::Duration;

use tower_descope::Descope;

use super::{
    day::{Day, Door, EXPIRIES, Rotation, STEP},
    under_way::Seen,
};
use crate::{
    routes::{ME, ask, routes},
    support::world::REFRESH,
};

/// How long after a session began the SDK asks for the next one: twenty seconds before its end.
const ASKS_AFTER: u64 = 580;

fn refreshes(descope: &Descope) -> Door {
    let service = routes(descope);
    Box::new(move |browser, _| {
        let (service, request) = (service.clone(), browser.sdk_request(REFRESH, "{}"));
        tokio::spawn(async move {
            let answer = ask(&service, request).await;
            (answer.status, answer.headers, answer.text)
        })
    })
}

fn is_refreshed((status, headers, _): &Seen) -> bool {
    *status == 200 && headers.get_all("set-cookie").iter().count() >= 1
}

async fn a_day(rotation: Rotation, seed: u64) {
    let open = |replicas: &[Descope]| refreshes(&replicas[0]);
    let mut day = Day::new(rotation, seed, 1, open, is_refreshed).await;
    let service = routes(&day.replicas[0]);
    while day.now < EXPIRIES * ASKS_AFTER {
        // Both tabs have the same timer, and ask again where nothing came back.
        if day.now >= day.renewed.unwrap_or_default() + ASKS_AFTER {
            day.make();
            day.make();
        }
        day.step().await;
        if day.dice.percent(20) {
            let answer = ask(&service, day.browser.sdk_request(ME, "")).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
    }
    let calls = u64::try_from(day.fake.calls(REFRESH)).unwrap();
    assert!(
        calls >= EXPIRIES / 2 && calls <= EXPIRIES + 1 + day.astray,
        "{rotation:?}: {calls} calls, {} answers went astray",
        day.astray
    );
    day.fake.hang_path(REFRESH, false);
    for _ in 0..2 {
        day.fake.clock().advance(Duration::from_secs(STEP));
        let answer = day.browser.refresh(&service).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

#[tokio::test]
async fn a_rough_day_of_the_sdk_signs_nobody_out() {
    a_day(Rotation::On, 21).await;
}

#[tokio::test]
async fn a_rough_day_of_the_sdk_needs_no_forgiveness() {
    a_day(Rotation::OnWithoutReuse, 22).await;
}

#[tokio::test]
async fn a_rough_day_of_the_sdk_without_rotation_signs_nobody_out() {
    a_day(Rotation::Off, 23).await;
}
