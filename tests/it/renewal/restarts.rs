//! A whole day in simulated time, in which Descope is restarted again and again.

use std::time::Duration;

use tower_descope::SessionToken;

use crate::{
    support::call,
    support::{
        browser::Browser,
        world::{REFRESH, early, fake, late},
    },
};

const DAY: u64 = 24 * 60;

/// Minutes of the day at which Descope goes down, and for how many.
const OUTAGES: [(u64, u64); 9] = [
    (7, 2),
    (100, 5),
    (211, 1),
    (333, 12),
    (450, 25),
    (600, 9),
    (777, 11),
    (1_000, 3),
    (1_300, 30),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_in_which_descope_is_restarted_signs_nobody_out() {
    for renews_early in [false, true] {
        let fake = fake().start().await;
        let descope = fake.descope();
        let app = if renews_early {
            early(&descope)
        } else {
            late(&descope)
        };
        let mut browser = Browser::signed_in(&fake, "ann@example.test");
        let (mut unavailable, mut borne) = (0, 0);
        for minute in 0..DAY {
            let down = OUTAGES
                .iter()
                .any(|(from, minutes)| (*from..from + minutes).contains(&minute));
            for (from, minutes) in OUTAGES {
                if minute == from {
                    fake.down(true);
                } else if minute == from + minutes {
                    fake.down(false);
                }
            }
            let expired = descope
                .verify(&SessionToken::new(&browser.jar["DS"]))
                .await
                .is_err();
            let before = browser.clone();
            let tasks: Vec<_> = (0..3)
                .map(|_| {
                    let (app, request) = (app.clone(), browser.get());
                    tokio::spawn(async move { call(&app, request).await })
                })
                .collect();
            for task in tasks {
                let response = task.await.unwrap();
                let status = response.status().as_u16();
                let at = format!("minute {minute}, early {renews_early}");
                if down && expired {
                    assert_eq!(status, 503, "{at}");
                    assert!(response.headers().contains_key("retry-after"), "{at}");
                } else {
                    assert_eq!((status, &**response.body()), (200, "U1@T1"), "{at}");
                }
                browser.keep(response.headers());
            }
            let names: Vec<_> = browser.jar.keys().collect();
            assert_eq!(names, ["DS", "DSR"], "no cookie is lost");
            if down {
                assert_eq!(browser, before, "minute {minute}");
                if expired {
                    unavailable += 1;
                } else {
                    borne += 1;
                }
            }
            fake.clock().advance(Duration::from_secs(60));
        }
        assert!(unavailable > 10 && borne > 10, "{unavailable}, {borne}");
        assert_eq!(browser.visit(&app).await.body(), "U1@T1");
        println!(
            "early {renews_early}: {} refreshes, {unavailable} minutes of 503, {borne} borne",
            fake.calls(REFRESH)
        );
    }
}
