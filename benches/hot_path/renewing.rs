//! The cost of renewing: where there is nothing new to be had, over a signature check; and of a whole
//! renewal, over a proxy that does as little as one can.
//!
//! The latter two are measured by the processor time of the thread that does all of their work, the
//! kernel's for its sockets included. Whoever answers their calls is on another thread.

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
const USERS: usize = 128;

/// The users of whom nothing is measured.
const WARM_UP: usize = 28;

/// The users of a batch that are measured.
const MEASURED: u64 = 100;

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
        let (bare_proxy, one_renewal) = whole_renewals();
        let rows = vec![bare_proxy, one_renewal.over("bare_proxy")];
        bench.group("one_renewal", rows);
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
    let bare_proxy = in_batches("bare_proxy", move || {
        let requests = for_proxy.requests();
        proxy_runtime.block_on(timed(requests, async |request| {
            proxy.call(request).await.expect("infallible")
        }))
    });
    let renewal_runtime = runtime();
    let one_renewal = in_batches("whole_renewal", move || {
        renewal_runtime.block_on(async {
            let layer = TenantLayer::new(for_renewal.handle().await).renew(Renewal::new());
            let mut service = layer.layer(service_fn(handler));
            timed(for_renewal.requests(), async |request| {
                let Ok(response) = service.call(request).await;
                assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
                response
            })
            .await
        })
    });
    (bare_proxy, one_renewal)
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

/// The processor time of this thread for these requests, but for the first few, of which the first
/// opens the connection.
async fn timed(
    requests: Vec<Request<()>>,
    mut call: impl AsyncFnMut(Request<()>) -> Response<String>,
) -> Duration {
    let mut start = Duration::ZERO;
    for (n, request) in requests.into_iter().enumerate() {
        if n == WARM_UP {
            start = thread_time();
        }
        let response = call(request).await;
        drop(response);
    }
    thread_time().saturating_sub(start)
}

/// The processor time that this thread has had.
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
