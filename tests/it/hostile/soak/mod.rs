//! A service under mixed load while keys are rotated and Descope comes and goes.
//!
//! The service has a process of its own, whose memory, tasks and files are counted there; the fake
//! and those who ask are in this one. `SOAK_SECONDS=600 cargo test --test it soak -- --nocapture`
//! runs it for so long, at full speed.

mod asking;
mod service;
mod weather;

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use self::{
    asking::{Asker, Kind, Tally},
    service::Service,
    weather::Weather,
};

/// How many ask at a time.
const ASKERS: usize = 8;

/// Between two requests of one asker in the short form, which leaves the machine to other tests.
const PAUSE: Duration = Duration::from_millis(20);

/// From which of many bad days on the service counts as warm: what is kept for a minute, such as
/// answers, is there by then.
const WARM_UP: usize = 10;

/// What allocators, pools and buffers may settle by once the service is warm.
const MOST_GROWTH: usize = 16 * 1024 * 1024;

#[test]
fn a_service_under_load_refuses_nobody_wrongly_and_neither_grows_nor_leaks() {
    if service::is_wanted() {
        service::run();
        return;
    }
    let long = std::env::var("SOAK_SECONDS").ok();
    let long = long.map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(soak(long));
}

async fn soak(long: Option<Duration>) {
    let fake = asking::fake().await;
    let service = Service::start(
        "hostile::soak::a_service_under_load_refuses_nobody_wrongly_and_neither_grows_nor_leaks",
        &fake,
    );
    let weather = Arc::new(Weather::new(&fake));
    let tally = Arc::new(Tally::default());
    let pause = if long.is_none() {
        PAUSE
    } else {
        Duration::ZERO
    };
    let asker = |number| Asker::new(number, service.url(), weather.clone(), tally.clone());
    let asking: Vec<_> = (0..ASKERS)
        .map(|number| tokio::spawn(asker(number).ask_on(pause)))
        .collect();

    weather.calm(Duration::from_secs(1)).await;
    let start = service.memory().await;
    let mut warm = start;
    let started = Instant::now();
    let mut days = 0;
    loop {
        weather.bad_day(&asker(ASKERS)).await;
        weather.calm(Duration::from_secs(1)).await;
        days += 1;
        if long.is_none_or(|long| started.elapsed() >= long) {
            break;
        }
        if days == WARM_UP {
            warm = service.memory().await;
        }
    }
    let end = service.memory().await;
    weather.end();
    for asking in asking {
        asking.await.unwrap();
    }
    let left = service.stop();

    report(&tally, &weather, started.elapsed());
    println!(
        "memory: {} kB at the start, {} kB warm, {} kB at the end; {left}",
        start / 1_024,
        warm / 1_024,
        end / 1_024
    );
    let wrong = tally.wrong();
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
    for kind in Kind::ALL {
        assert!(tally.count(kind) > 0, "{kind:?} was asked");
    }
    assert!(
        end < warm + MOST_GROWTH,
        "memory grew from {warm} to {end} bytes"
    );
    assert_eq!(left.tasks, 0, "tasks are left over");
    assert_eq!(left.files, left.files_before, "files are left open");
}

fn report(tally: &Tally, weather: &Weather, took: Duration) {
    println!("| request | answers |");
    for kind in Kind::ALL {
        println!("| {kind:?} | {} |", tally.answers(kind));
    }
    println!(
        "{} requests, {} rotations, {} key fetches in {:.1} s",
        tally.all(),
        weather.rotations.load(Relaxed),
        weather.fetches.load(Relaxed),
        took.as_secs_f32()
    );
}
