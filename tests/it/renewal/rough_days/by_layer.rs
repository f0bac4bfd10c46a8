//! Rough days of pages behind the layer.

use std::{cell::Cell, convert::Infallible, sync::Arc, time::Duration};

use http::{Request, Response};
use tokio::sync::Notify;
use tower::ServiceBuilder;
use tower_descope::Descope;

use super::{
    day::{Day, Door, EXPIRIES, Rotation, STEP},
    under_way::Seen,
};
use crate::support::{
    App, call, seen,
    world::{EXPIRY, REFRESH, late, layer},
};

/// Pages of replicas in turn, whose handlers take as long as they are told.
fn pages(replicas: &[Descope], window: u64) -> Door {
    let apps: Vec<_> = replicas.iter().map(|it| page(it, window)).collect();
    let turn = Cell::new(0);
    Box::new(move |browser, handler| {
        turn.set((turn.get() + 1) % apps.len());
        let (app, mut request) = (apps[turn.get()].clone(), browser.get());
        request.extensions_mut().insert(handler);
        tokio::spawn(async move {
            let (parts, body) = call(&app, request).await.into_parts();
            (parts.status.as_u16(), parts.headers, body)
        })
    })
}

fn page(descope: &Descope, window: u64) -> App {
    let handler = |request: Request<()>| async move {
        let handler = request.extensions().get::<Arc<Notify>>().cloned();
        handler.unwrap().notified().await;
        Ok::<_, Infallible>(Response::new(seen(&request)))
    };
    let service = ServiceBuilder::new()
        .layer(layer(descope, window))
        .service_fn(handler);
    App::new(service)
}

fn is_page((status, _, body): &Seen) -> bool {
    (*status, &**body) == (200, "U1@T1")
}

/// With a renewal so many seconds before the end, and a session of ten minutes.
async fn a_day(rotation: Rotation, window: u64, seed: u64) {
    a_day_of(1, rotation, window, seed).await;
}

async fn a_day_of(replicas: usize, rotation: Rotation, window: u64, seed: u64) {
    let open = |replicas: &[Descope]| pages(replicas, window);
    let mut day = Day::new(rotation, seed, replicas, open, is_page).await;
    // The leeway belongs to a session's life where it is not renewed early.
    let life = if window == 0 { 610 } else { 600 - window };
    while day.now < EXPIRIES * life {
        for _ in 0..2 {
            if day.dice.percent(70) {
                day.make();
            }
        }
        day.step().await;
    }
    let calls = u64::try_from(day.fake.calls(REFRESH)).unwrap();
    // Without rotation there is nothing by which an answer that went astray could be given again.
    let astray = if rotation == Rotation::Off {
        day.astray
    } else {
        0
    };
    assert!(
        calls >= EXPIRIES / 2 && calls <= EXPIRIES + 1 + astray,
        "{rotation:?}: {calls} calls, {} answers went astray",
        day.astray
    );
    assert!(day.outages >= 2, "{} outages", day.outages);
    // Calm returns.
    day.fake.hang_path(REFRESH, false);
    day.fake.clock().advance(Duration::from_secs(STEP));
    for replica in day.replicas.iter().chain(&day.replicas) {
        assert_eq!(day.browser.visit(&late(replica)).await.body(), "U1@T1");
        day.fake.clock().advance(EXPIRY);
    }
}

#[tokio::test]
async fn a_rough_day_of_pages_signs_nobody_out_and_costs_one_refresh_for_each_expiry() {
    a_day(Rotation::On, 0, 1).await;
}

#[tokio::test]
async fn a_rough_day_where_descope_forgives_a_second_use_does_not_need_that() {
    a_day(Rotation::OnWithoutReuse, 0, 2).await;
}

#[tokio::test]
async fn a_rough_day_without_rotation_signs_nobody_out() {
    a_day(Rotation::Off, 0, 3).await;
}

#[tokio::test]
async fn a_rough_day_of_early_renewals_signs_nobody_out_either() {
    a_day(Rotation::On, 60, 11).await;
}

#[tokio::test]
async fn a_rough_day_of_early_renewals_needs_no_forgiveness_either() {
    a_day(Rotation::OnWithoutReuse, 60, 12).await;
}

#[tokio::test]
async fn a_rough_day_of_early_renewals_without_rotation_signs_nobody_out_either() {
    a_day(Rotation::Off, 60, 13).await;
}

#[tokio::test]
async fn a_rough_day_of_three_replicas_costs_what_one_of_a_single_one_does() {
    a_day_of(3, Rotation::On, 0, 21).await;
}

#[tokio::test]
async fn a_rough_day_of_early_renewals_at_three_replicas_signs_nobody_out() {
    a_day_of(3, Rotation::On, 60, 22).await;
}
