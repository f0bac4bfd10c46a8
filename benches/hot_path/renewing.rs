//! What renewing costs: where there is nothing new to be had, over a signature check; and a whole
//! renewal, over a proxy that does as little as one can.
//!
//! The two of the latter kind are measured by the processor time of the thread that does all of their
//! work, the kernel's for its sockets included. Whom they call answers on another thread.

use std::time::Duration;

use http::{Request, Response};
use tokio::runtime::{Builder, Runtime};
use tower::{Layer, Service, service_fn};
use tower_descope::{Descope, Renewal, TenantLayer, test_util::FakeDescope};

use crate::{
    bed::{Bed, call, get, handler},
    row::{Bench, Row},
    upstream::Renewals,
};

/// How many users are prepared; each is renewed once by a handle.
const USERS: usize = 64;

pub(crate) fn bench(bench: &mut Bench, bed: &Bed) {
    if !bench.wants("renewing") {
        return;
    }
    let token = bed.fake.refresh("U2ann").token();
    let (last_minute, straggler) = (last_minute(bed), straggler(bed));
    let rows = vec![
        Row::new("signature_alone", bed.signature_check(&token)),
        last_minute.over("signature_alone"),
        straggler.over("signature_alone"),
    ];
    bench.group("renewing", rows);
    let (bare_proxy, one_renewal) = whole_renewals();
    let rows = vec![bare_proxy, one_renewal.over("bare_proxy")];
    bench.group("one_renewal", rows);
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

fn whole_renewals() -> (Row, Row) {
    let fake_runtime = runtime();
    let user_id = |n| format!("U2Zq8mXkQv1cD4eF5gH6iJ{n:05}");
    let users = (0..USERS).fold(FakeDescope::builder(), |fake, n| {
        fake.user(&format!("{n}@example.com"), |user| user.id(user_id(n)))
    });
    let [for_proxy, for_renewal] = [(); 2].map(|()| {
        fake_runtime.block_on(async {
            let fake = users.clone().real_time().start().await;
            Renewals::prepare(&fake, (0..USERS).map(user_id)).await
        })
    });
    let proxy_runtime = runtime();
    let proxy = for_proxy.bare_proxy();
    let bare_proxy = Row::timed("bare_proxy", move |times| {
        let users = for_proxy.cookies.iter().cycle();
        let requests = users.take(usize::try_from(times).unwrap_or(usize::MAX));
        let requests: Vec<_> = requests.map(|it| get(&[("cookie", it)])).collect();
        proxy_runtime.block_on(timed(requests, async |request| {
            proxy.call(request).await.expect("infallible")
        }))
    });
    let renewal_runtime = runtime();
    let one_renewal = Row::timed("whole_renewal", move |times| {
        let mut took = Duration::ZERO;
        let mut left = usize::try_from(times).unwrap_or(usize::MAX);
        while left > 0 {
            // The first opens the connection.
            let now = left.min(USERS - 1);
            took += renewal_runtime.block_on(async {
                let layer = TenantLayer::new(for_renewal.handle().await).renew(Renewal::new());
                let mut service = layer.layer(service_fn(handler));
                let mut users = for_renewal.cookies.iter();
                let mut requests = users.by_ref().map(|it| get(&[("cookie", it)]));
                let first = requests.next().expect("a user");
                let Ok(_) = service.call(first).await;
                let requests = requests.take(now).collect();
                timed(requests, async |request| {
                    let Ok(response) = service.call(request).await;
                    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
                    response
                })
                .await
            });
            left -= now;
        }
        took
    });
    (bare_proxy, one_renewal)
}

/// The processor time of this thread for these requests.
async fn timed(
    requests: Vec<Request<()>>,
    mut call: impl AsyncFnMut(Request<()>) -> Response<String>,
) -> Duration {
    let start = thread_time();
    for request in requests {
        let response = call(request).await;
        drop(response);
    }
    thread_time().saturating_sub(start)
}

/// What this thread has had of the processor.
#[cfg(target_os = "linux")]
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.try_into().expect("no time before the thread")
}

/// Real time, where the other is not known.
#[cfg(not(target_os = "linux"))]
fn thread_time() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
}
