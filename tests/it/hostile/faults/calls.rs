//! Every fault at every call.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use tokio::time::timeout;
use tower_descope::{
    Descope,
    test_util::{FakeDescope, TestClock},
};

use super::{
    all,
    doors::{Caller, Door, fake, service},
    hostile::Hostile,
    rows::{Comes, Row, rows},
};

/// The deadline where it is what ends the call.
const SHORT: Duration = Duration::from_millis(800);

/// The deadline where something else must.
const LONG: Duration = Duration::from_secs(30);

/// How much later than at its deadline a call may end on a machine that has other things to do.
const SLACK: Duration = Duration::from_secs(10);

/// The policy's word for how much of an answer is read; the limit itself is 1 MiB, and the rest is
/// what the kernel takes.
const MOST_READ: usize = 4 * 1024 * 1024;

/// How often a good answer may miss a deadline that is meant for faults, on a busy machine.
const TRIES: usize = 30;

/// The longest that anything rests after a failure: an early renewal for a minute.
const REST: Duration = Duration::from_secs(61);

/// The rows, each with what its cases showed.
type Table = BTreeMap<usize, (Row, Vec<(Door, Shown)>)>;

/// What one case showed.
struct Shown {
    status: u16,
    requests: usize,
    written: usize,
}

/// A call meets a fault, and then none.
async fn case(fake: &FakeDescope, door: Door, index: usize) -> (Row, Shown) {
    let mut hostile = Hostile::before(fake.address());
    let trap = Hostile::trap();
    let caller = Caller::new(fake, door);
    let row = rows(caller.good.as_bytes(), &hostile.url(), &trap.url()).swap_remove(index);
    let what = format!("{door:?}, {}", row.what);
    let clock = TestClock::at(fake.clock().now());
    let deadline = if row.comes == Comes::Late {
        SHORT
    } else {
        LONG
    };
    let descope = service(fake, &hostile, &clock, deadline);
    match row.script.clone() {
        Some(script) => hostile.play(script),
        None => hostile.refuse(true).await,
    }

    // A call that only the deadline ended would take longer than this.
    let bound = if row.comes == Comes::Late {
        SHORT + SLACK
    } else {
        LONG / 2
    };
    let seen = timeout(bound, caller.call(&descope)).await;
    let seen = seen.unwrap_or_else(|_| panic!("{what}: not within {bound:?}"));
    assert_eq!(
        (seen.status, &*seen.code),
        door.told(row.comes),
        "{what}: {seen:?}"
    );
    if door.signs_out() {
        assert!(seen.removes_cookies(), "{what}: {seen:?}");
    } else {
        assert!(seen.cookies.is_empty(), "{what}: {seen:?}");
    }
    assert_eq!(
        seen.retry_after.is_some(),
        seen.status == 503,
        "{what}: {seen:?}"
    );
    let shown = Shown {
        status: seen.status,
        requests: hostile.requests(door.path()),
        written: hostile.written(),
    };
    assert!(
        shown.requests <= door.most_requests(row.comes),
        "{what}: {} requests",
        shown.requests
    );
    assert!(shown.written < MOST_READ, "{what}: {} bytes", shown.written);
    assert_eq!(trap.connections(), 0, "{what}: followed a redirect");

    hostile.behave();
    hostile.refuse(false).await;
    recovers(&caller, &descope, &hostile, &clock, &what).await;
    (row, shown)
}

/// The next good answer brings the service back. On a busy machine it may come after a deadline
/// that is meant for faults: then the one after it.
async fn recovers(
    caller: &Caller,
    descope: &Descope,
    hostile: &Hostile,
    clock: &TestClock,
    what: &str,
) {
    let before = hostile.requests(caller.door.path());
    let mut last = None;
    for _ in 0..TRIES {
        clock.advance(REST);
        let seen = timeout(LONG, caller.call(descope)).await.unwrap();
        if caller.is_content_with(&seen) {
            // Who was signed out by an odd answer is signed out.
            let asked = hostile.requests(caller.door.path()) > before;
            assert!(asked || caller.door.signs_out(), "{what}");
            return;
        }
        last = Some(seen);
    }
    panic!("{what}: the service does not come back: {last:?}");
}

#[tokio::test]
async fn no_fault_of_descope_takes_a_call_down_and_the_next_good_answer_is_one() {
    let fake = fake().start().await;
    let count = rows(b"{}", "http://127.0.0.1:1", "http://127.0.0.1:1").len();
    let started = Instant::now();
    let numbers = (0..count).flat_map(|index| Door::ALL.map(|door| (index, door)));
    let cases = numbers.map(|(index, door)| {
        let fake = fake.clone();
        async move {
            let (row, shown) = case(&fake, door, index).await;
            (index, row, door, shown)
        }
    });
    all(cases, |cases| {
        let mut table = Table::new();
        for (index, row, door, shown) in cases {
            let line = table.entry(index).or_insert_with(|| (row, Vec::new()));
            line.1.push((door, shown));
        }
        print(&mut table);
        let seconds = started.elapsed().as_secs_f32();
        println!("{} cases in {seconds:.1} s", count * Door::ALL.len());
    })
    .await;
}

/// Faults × outcome: the status that each call answers with, the most requests that went up, and
/// the most bytes that were taken.
fn print(table: &mut Table) {
    print!("| fault | comes to |");
    for door in Door::ALL {
        print!(" {door:?} |");
    }
    println!(" requests | kB taken |");
    for (row, shown) in table.values_mut() {
        shown.sort_by_key(|(door, _)| Door::ALL.iter().position(|one| one == door));
        print!("| {} | {:?} |", row.what, row.comes);
        for (_, shown) in &*shown {
            print!(" {} |", shown.status);
        }
        let requests = shown.iter().map(|(_, shown)| shown.requests).max();
        let written = shown.iter().map(|(_, shown)| shown.written).max();
        println!(
            " {} | {} |",
            requests.unwrap_or_default(),
            written.unwrap_or_default() / 1_024
        );
    }
}
