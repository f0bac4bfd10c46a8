//! The cost of renewing: where there is nothing new to be had, over a signature check; and of a whole
//! renewal, over a proxy that does as little as one can.
//!
//! The latter are services behind HTTP, measured by the processor time of the thread that does all of their
//! work, the kernel's for its sockets included. Browsers and Descope are on other threads.

use std::{sync::Arc, time::Duration};

use tokio::runtime::Builder;
use tower::{Layer, Service, ServiceExt as _, service_fn};
use tower_descope::{Descope, Renewal, TenantLayer, test_util::FakeDescope};

use crate::{
    bed::{Bed, call, get, handler},
    over_http::{self, processor_time},
    row::{Bench, Row},
    upstream::Renewals,
};

/// How many users are prepared; each is renewed once by a handle.
const USERS: usize = 128;

/// The users of whom nothing is measured.
const WARM_UP: usize = 28;

/// The users of a batch that are measured.
const MEASURED: u64 = 100;

/// How often each user's session is renewed.
const ROUNDS: usize = 2;

pub(crate) fn bench(bench: &mut Bench, bed: &Bed) {
    if bench.wants("renewing") {
        let token = bed.fake.refresh("U2ann").token();
        let (last_minute, straggler) = (last_minute(bed), straggler(bed));
        let rows = vec![
            Row::new("signature_alone", bed.signature_check(&token)),
            last_minute.over("signature_alone"),
            straggler.over("signature_alone"),
        ];
        bench.group("renewing", rows);
    }
    if bench.wants("one_renewal") {
        bench.group("one_renewal", whole_renewals(bed));
    }
}

/// A session that is to be renewed, which cannot be done; and after the first request.
fn last_minute(bed: &Bed) -> Row {
    let fake = bed.wait(FakeDescope::start());
    let descope = bed.warm(fake.descope_builder());
    let session = fake.session("U2ann").issued_at(-560).expires_in(40).token();
    let refresh = fake.refresh("U2ann").token();
    let cookies = format!("DS={session}; DSR={refresh}");
    fake.down(true);
    renewing(bed, "last_minute_while_descope_is_down", &descope, &cookies)
}

/// A good session beside a refresh token that another request has had replaced, after the first.
fn straggler(bed: &Bed) -> Row {
    let user = FakeDescope::builder().user("ann@example.com", |user| user.id("U2ann"));
    let fake = bed.wait(user.start());
    let descope = bed.warm(fake.descope_builder());
    let expired = fake.session("U2ann").expired().token();
    let session = fake.session("U2ann").token();
    let refresh = fake.refresh("U2ann").token();
    // This one has it replaced.
    drop(renewing(
        bed,
        "",
        &descope,
        &format!("DS={expired}; DSR={refresh}"),
    ));
    let cookies = format!("DS={session}; DSR={refresh}");
    renewing(bed, "straggler_with_a_replaced_token", &descope, &cookies)
}

/// A request, again and again, once it was made.
fn renewing(bed: &Bed, name: &str, descope: &Descope, cookies: &str) -> Row {
    let layer = TenantLayer::new(descope.clone()).renew(Renewal::new());
    let mut service = layer.layer(service_fn(handler));
    let request = get(&[("cookie", cookies)]);
    let Ok(response) = bed.wait(service.call(request.clone()));
    assert!(response.status().is_success());
    Row::with_input(
        name,
        move || request.clone(),
        move |it| call(&mut service, it),
    )
}

/// Whole renewals over a proxy that does as little as one can, each of them behind HTTP: the first of a user
/// whom the handle has never seen, and the next, of a user whose tokens it has brought. And that proxy with
/// three signature checks, which is what a renewal that does nothing else would cost on this machine.
fn whole_renewals(bed: &Bed) -> Vec<Row> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let renewals = runtime.expect("a runtime").block_on(async {
        let user_id = |n| format!("U2Zq8mXkQv1cD4eF5gH6iJ{n:05}");
        let users = (0..USERS).fold(FakeDescope::builder(), |fake, n| {
            fake.user(&format!("{n}@example.com"), |user| user.id(user_id(n)))
        });
        let fake = users.start().await;
        Renewals::prepare(&fake, (0..USERS).map(user_id), ROUNDS).await
    });
    let renewals = Arc::new(renewals);
    let check = Arc::new(bed.signature_check(&bed.fake.refresh("U2ann").token()));
    let proxy = |name, checks: usize| {
        let (renewals, check) = (Arc::clone(&renewals), Arc::clone(&check));
        in_batches(name, move || {
            processor_time(sent(&renewals, 0), WARM_UP, async || {
                let (proxy, check) = (Arc::new(renewals.bare_proxy()), Arc::clone(&check));
                service_fn(move |request| {
                    let (proxy, check) = (Arc::clone(&proxy), Arc::clone(&check));
                    async move {
                        (0..checks).for_each(|_| check());
                        proxy.call(request).await
                    }
                })
            })
        })
    };
    let renewing = |name, round| {
        let renewals = Arc::clone(&renewals);
        let row = in_batches(name, move || {
            processor_time(sent(&renewals, round), WARM_UP, async || {
                let (descope, clock) = renewals.handle().await;
                let layer = TenantLayer::new(descope).renew(Renewal::new());
                let service = layer.layer(service_fn(handler));
                for before in 0..round {
                    for request in renewals.requests(before) {
                        let Ok(_) = service.clone().oneshot(request).await;
                    }
                    clock.advance(Renewals::BETWEEN);
                }
                service
            })
        });
        row.over("bare_proxy")
    };
    vec![
        proxy("bare_proxy", 0),
        proxy("three_checks_and_bare_proxy", 3).over("bare_proxy"),
        renewing("first_renewal", 0),
        renewing("next_renewal", 1),
    ]
}

fn sent(renewals: &Renewals, round: usize) -> Vec<Vec<u8>> {
    let cookies = renewals.cookies(round).iter();
    cookies.map(|cookies| over_http::get(cookies)).collect()
}

/// A row of which all users are served at once, however few times are asked for: a handle that has
/// just been made would else be all that is measured.
fn in_batches(name: &str, mut batch: impl FnMut() -> Duration + 'static) -> Row {
    Row::timed(name, move |times| {
        let batches = times.div_ceil(MEASURED);
        let took: Duration = (0..batches).map(|_| batch()).sum();
        let nanos = took.as_nanos() * u128::from(times) / u128::from(batches * MEASURED);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    })
}
