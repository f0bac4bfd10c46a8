//! What Descope goes through meanwhile.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use tower_descope::test_util::FakeDescope;

use super::asking::{Asker, Pool};

/// How long an outage takes, and what comes between two.
const SPELL: Duration = Duration::from_millis(300);

/// How long Descope is left alone after a 429 that names no time, and a little more.
const SLOW_DOWN: Duration = Duration::from_secs(13);

/// How long after an outage its marks may still show: a refresh token rests for a second, and so
/// do fetches; and the machine may be slow.
const MARKS: Duration = Duration::from_secs(2);

/// How many keys are published at a time: what a browser holds was signed by one of these.
const KEYS: usize = 4;

pub(super) struct Weather {
    fake: FakeDescope,
    started: Instant,
    /// When the last outage ended, in milliseconds from the start; the far future while there is
    /// one.
    cleared: AtomicU64,
    over: AtomicBool,
    /// The tokens that must be good now, whatever happens.
    pool: Mutex<Pool>,
    kids: Mutex<VecDeque<String>>,
    pub(super) rotations: AtomicUsize,
    pub(super) fetches: AtomicUsize,
}

impl Weather {
    pub(super) fn new(fake: &FakeDescope) -> Self {
        let kid = fake.current_kid();
        Self {
            fake: fake.clone(),
            started: Instant::now(),
            cleared: AtomicU64::new(0),
            over: AtomicBool::new(false),
            pool: Mutex::new(Pool::new(fake, &kid)),
            kids: Mutex::new([kid].into()),
            rotations: AtomicUsize::new(0),
            fetches: AtomicUsize::new(0),
        }
    }

    pub(super) fn fake(&self) -> &FakeDescope {
        &self.fake
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(SeqCst)
    }

    pub(super) fn end(&self) {
        self.over.store(true, SeqCst);
    }

    pub(super) fn pool(&self) -> Pool {
        self.pool.lock().unwrap().clone()
    }

    /// Whether an outage may show in an answer to what was asked at this moment.
    pub(super) fn was_bad_since(&self, asked: Instant) -> bool {
        let marks = u64::try_from(MARKS.as_millis()).unwrap();
        let cleared = self.cleared.load(SeqCst);
        cleared > 0 && self.millis(asked) < cleared.saturating_add(marks)
    }

    /// Nothing happens, and nothing of what happened shows any more.
    pub(super) async fn calm(&self, time: Duration) {
        while self.was_bad_since(Instant::now()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(time).await;
    }

    /// Everything that can happen, once.
    pub(super) async fn bad_day(&self, probe: &Asker) {
        let fake = &self.fake;
        for status in [500, 429] {
            self.begin(|| fake.fail_always(Some(status))).await;
            if status == 429 {
                // For so long the service leaves Descope alone.
                fake.fail_always(None);
                tokio::time::sleep(SLOW_DOWN).await;
            }
            self.clear(|| fake.fail_always(None)).await;
        }
        self.rotate(probe).await;
        self.begin(|| fake.delay(SPELL / 3)).await;
        self.clear(|| fake.delay(Duration::ZERO)).await;
        // For longer than a fetch may take.
        let keys = fake.keys_path();
        self.begin(|| fake.hang_path(&keys, true)).await;
        tokio::time::sleep(SPELL * 2).await;
        self.clear(|| fake.hang_path(&keys, false)).await;
        // What goes up just when it goes down would be spent, and its answer lost: nothing does.
        self.begin(|| fake.fail_always(Some(503))).await;
        self.begin(|| fake.down(true)).await;
        self.clear(|| {
            fake.fail_always(None);
            fake.down(false);
        })
        .await;
        // The fake remembers everything.
        self.fetches.fetch_add(fake.key_fetches(), SeqCst);
        fake.clear_requests();
    }

    async fn begin(&self, outage: impl FnOnce()) {
        self.cleared.store(u64::MAX, SeqCst);
        outage();
        tokio::time::sleep(SPELL).await;
    }

    async fn clear(&self, end: impl FnOnce()) {
        end();
        self.cleared.store(self.millis(Instant::now()), SeqCst);
        tokio::time::sleep(SPELL).await;
    }

    /// A new key. It signs those sessions that must be good once the service has it; and the
    /// oldest one goes.
    async fn rotate(&self, probe: &Asker) {
        self.cleared.store(u64::MAX, SeqCst);
        let new = self.fake.rotate_keys_keeping_old();
        let pool = Pool::new(&self.fake, &new);
        let mut known = false;
        for _ in 0..200 {
            known = probe.is_served(&pool).await;
            if known {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(known, "the service never takes the new key");
        *self.pool.lock().unwrap() = pool;
        self.rotations.fetch_add(1, SeqCst);
        // Who drew a session of the old pool a moment ago is answered.
        self.clear(|| ()).await;
        let oldest = {
            let mut kids = self.kids.lock().unwrap();
            kids.push_back(new);
            (kids.len() > KEYS).then(|| kids.pop_front()).flatten()
        };
        if let Some(oldest) = oldest {
            self.fake.remove_key(&oldest);
        }
    }

    fn millis(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.started);
        u64::try_from(since.as_millis()).unwrap()
    }
}
