//! Every fault at the key endpoint.

use std::time::Duration;

use tokio::time::timeout;
use tower_descope::{
    Descope,
    jwks::KeyCache,
    test_util::{FakeDescope, TestClock},
};

use super::{
    all,
    hostile::Hostile,
    rows::{Comes, Row, rows},
};
use crate::support::{App, advance, app, code, verdict, with_bearer};

/// The deadline where it is what ends the fetch.
const SHORT: Duration = Duration::from_millis(800);

/// The deadline where something else must.
const LONG: Duration = Duration::from_secs(30);

/// How much later than at its deadline a request may be answered on a machine that has other
/// things to do; the cache itself adds two seconds before it takes a fetch for lost.
const SLACK: Duration = Duration::from_secs(10);

/// 256 KiB, and what the kernel takes.
const MOST_READ: usize = 4 * 1024 * 1024;

/// How often a good answer may miss a deadline that is meant for faults, on a busy machine.
const TRIES: usize = 30;

/// The longest wait between tries, its jitter included.
const REST: u64 = 67;

/// A service, its Descope, and the fault in between.
struct Case {
    hostile: Hostile,
    clock: TestClock,
    descope: Descope,
    app: App,
    row: Row,
    bound: Duration,
    /// Signed by the one key of the set.
    known: String,
    unknown: String,
}

impl Case {
    fn new(fake: &FakeDescope, index: usize, trap: &Hostile) -> Self {
        let hostile = Hostile::before(fake.address());
        let good = fake.jwks().to_string();
        let row = rows(good.as_bytes(), &hostile.url(), &trap.url()).swap_remove(index);
        let late = row.comes == Comes::Late;
        let clock = TestClock::at(fake.clock().now());
        let descope = fake
            .descope_builder()
            .base_url(hostile.url())
            .clock(clock.clone())
            .key_cache(KeyCache::new().fetch_deadline(if late { SHORT } else { LONG }))
            .build()
            .unwrap();
        let session = || fake.session("U1").expires_in(86_400);
        Self {
            hostile,
            clock,
            app: app(&descope),
            descope,
            bound: if late { SHORT + SLACK } else { LONG / 2 },
            row,
            known: session().token(),
            unknown: session().kid("SKnobodysKey").token(),
        }
    }

    async fn begin(&mut self) {
        match self.row.script.clone() {
            Some(script) => self.hostile.play(script),
            None => self.hostile.refuse(true).await,
        }
    }

    async fn end(&mut self) {
        self.hostile.behave();
        self.hostile.refuse(false).await;
    }

    /// 503 and no more, within its time.
    async fn is_unavailable(&self, token: &str) {
        let what = &self.row.what;
        let answer = timeout(self.bound, with_bearer(&self.app, token)).await;
        let answer = answer.unwrap_or_else(|_| panic!("{what}: not within {:?}", self.bound));
        assert_eq!(answer.status(), 503, "{what}");
        assert_eq!(code(&answer), "keys_unavailable", "{what}");
        assert!(answer.headers().contains_key("retry-after"), "{what}");
        assert!(!answer.headers().contains_key("www-authenticate"), "{what}");
        let status = self.descope.key_status();
        assert!(status.last_failure().is_some(), "{what}");
    }

    /// The verdict once Descope behaves; a good answer may miss a deadline that is meant for
    /// faults.
    async fn comes_to(&self, token: &str, expected: &str) {
        let mut last = String::new();
        for _ in 0..TRIES {
            advance(&self.clock, REST).await;
            last = timeout(LONG, verdict(&self.app, token)).await.unwrap();
            if last == expected {
                return;
            }
        }
        panic!("{}: {last}, not {expected}", self.row.what);
    }
}

/// At the start, then with keys at hand.
async fn case(fake: &FakeDescope, index: usize) -> (usize, String) {
    let trap = Hostile::trap();
    let mut case = Case::new(fake, index, &trap);
    let what = case.row.what.clone();
    case.begin().await;
    case.is_unavailable(&case.known).await;
    assert_eq!(case.descope.key_status().count(), 0, "{what}");
    // Others neither wait for another fetch nor cause more than the limiter allows.
    for _ in 0..3 {
        case.is_unavailable(&case.unknown).await;
    }
    let fetches = case.hostile.connections();
    assert!(fetches <= 2, "{what}: {fetches} fetches");

    case.end().await;
    case.comes_to(&case.known, "U1@-").await;
    assert!(case.descope.key_status().last_failure().is_none());

    // With keys at hand: whose key is known does not notice.
    advance(&case.clock, 30).await;
    case.begin().await;
    let (known, ()) = tokio::join!(
        verdict(&case.app, &case.known),
        case.is_unavailable(&case.unknown)
    );
    assert_eq!(known, "U1@-", "{what}");
    assert_eq!(verdict(&case.app, &case.known).await, "U1@-", "{what}");
    assert_eq!(case.descope.key_status().count(), 1, "{what}");

    case.end().await;
    case.comes_to(&case.unknown, "invalid_token").await;
    assert_eq!(verdict(&case.app, &case.known).await, "U1@-", "{what}");
    assert_eq!(trap.connections(), 0, "{what}: followed a redirect");
    let written = case.hostile.written();
    // At least two fetches met the fault.
    assert!(written / 2 < MOST_READ, "{what}: {written} bytes");
    (
        index,
        format!("| {what} | 503 | 200 | 503 | {} |", written / 2_048),
    )
}

#[tokio::test]
async fn no_fault_of_the_key_endpoint_outlasts_it_and_known_keys_do_not_notice() {
    let fake = FakeDescope::start().await;
    let rows = rows(b"{}", "http://127.0.0.1:1", "http://127.0.0.1:1");
    // A byte order mark before a key set is skipped.
    let faults = (0..rows.len()).filter(|&index| rows[index].what != "a BOM");
    let faults: Vec<usize> = faults.collect();
    assert_eq!(faults.len() + 1, rows.len());
    let cases = faults.into_iter().map(|index| {
        let fake = fake.clone();
        async move { case(&fake, index).await }
    });
    all(cases, |mut table| {
        table.sort();
        println!("| fault at the key endpoint | no keys yet | known kid | unknown kid | kB each |");
        for (_, line) in table {
            println!("{line}");
        }
    })
    .await;
}
