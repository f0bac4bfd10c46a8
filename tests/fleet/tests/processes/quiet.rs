//! Ordinary requests.

use crate::fleet::{Fleet, Setup};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_ordinary_requests_send_redis_nothing() {
    const REQUESTS: usize = 10_000;
    let fleet = Fleet::start(Setup::default()).await;
    let urls = fleet.urls();
    let mut browsers: Vec<_> = (0..10).map(|user| fleet.browser(user)).collect();
    // A renewal shows that what is counted below is counted where there is something.
    let mut other = fleet.browser(11).expired();
    let before = fleet.counts();
    assert_eq!(other.visit(&urls[0]).await.status, 200);
    fleet.drain().await;
    assert!(fleet.counts().records > before.records);

    let before = fleet.counts();
    let mut tasks = tokio::task::JoinSet::new();
    for browser in &mut browsers {
        let (browser, urls) = (browser.clone(), urls.clone());
        tasks.spawn(async move {
            for number in 0..REQUESTS / 10 {
                let answer = browser.page(&urls[number % urls.len()]).await;
                assert_eq!(answer.status, 200);
                assert!(answer.is_untouched());
            }
        });
    }
    tasks.join_all().await;
    let after = fleet.counts();
    let (scripts, ticks) = (after.scripts - before.scripts, after.births - before.births);
    println!("{REQUESTS} ordinary requests: {scripts} scripts, of which {ticks} were ticks");
    // A tick reads when the memory began, and no record; each other script reads a record.
    assert_eq!(after.records, before.records);
    assert_eq!(scripts, ticks);
}
