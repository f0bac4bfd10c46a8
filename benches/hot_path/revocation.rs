//! What it costs to ask whether a session was revoked: a good session, with nothing marked and with
//! 100,000 others marked.

use std::{env, time::Duration};

use tower::{Layer, service_fn};
use tower_descope::{Descope, Mark, Revocation, TenantLayer, UserId, test_util::FakeDescope};

use crate::{
    bed::{Bed, call, get, handler},
    row::{Bench, Row},
};

pub(crate) fn bench(bench: &mut Bench, bed: &Bed) {
    if !bench.wants("revocation") {
        return;
    }
    let marks = if env::var_os("BENCH_QUICK").is_some() {
        10_000
    } else {
        100_000
    };
    let fake = bed.wait(FakeDescope::builder().start());
    let strict = || Revocation::strict(Duration::from_secs(1));
    let off = bed.warm(fake.descope_builder());
    let [none, marked] = [(); 2].map(|()| bed.warm(fake.descope_builder().revocation(strict())));
    // The session is older than the marks, so that each request has to look for its user's.
    let token = fake.session("U2ann").token();
    let bearer = format!("Bearer {token}");
    for n in 0..marks {
        let user = UserId::new(format!("U2Zq8mXkQv1cD4eF5gH6iJ{n:06}")).expect("an id");
        bed.wait(marked.revoke(Mark::user(&user))).expect("on");
    }
    let row = |name: &str, descope: &Descope| {
        let mut service = TenantLayer::new(descope.clone()).layer(service_fn(handler));
        let request = get(&[("authorization", &bearer)]);
        Row::with_input(
            name,
            move || request.clone(),
            move |it| call(&mut service, it),
        )
    };
    let rows = vec![
        row("off", &off),
        row("nothing_is_marked", &none).over("off"),
        row("others_are_marked", &marked).over("nothing_is_marked"),
    ];
    bench.group("revocation", rows);
}
