//! The log of revocation marks.

use std::time::Duration;

use super::{
    super::{
        log::{LogPage, LogPosition, LogTimes, PAGE},
        store::Store,
    },
    Bench, SHORT, past,
};
use crate::revocation::{CutMark, MarkName};

const TICK: Duration = Duration::from_millis(50);

/// Of a log that nobody looks at is said after a second that it was interrupted.
fn keeping(keep: Duration) -> LogTimes {
    LogTimes::new(keep, TICK, Duration::from_secs(2))
}

pub(super) fn long() -> LogTimes {
    keeping(super::LONG)
}

/// A mark of this number, made in this second.
fn mark(number: u32, cut: u32) -> CutMark {
    let name = MarkName::session(&number.to_string());
    CutMark {
        name: name.unwrap_or_else(|error| panic!("{error}")),
        cut,
    }
}

async fn append(store: &dyn Store, marks: &[CutMark]) {
    store.append_marks(marks, long()).await.unwrap();
}

async fn read(store: &dyn Store, after: Option<LogPosition>) -> LogPage {
    store.read_marks(after, long()).await.unwrap()
}

/// The marks of a page, and where it ends.
fn marks(page: LogPage) -> (Vec<CutMark>, Option<LogPosition>) {
    let last = page.entries.last().map(|(position, _)| *position);
    let marks = page.entries.into_iter().flat_map(|(_, marks)| marks);
    (marks.collect(), last)
}

pub(crate) async fn marks_are_read_once_and_in_their_order(bench: &dyn Bench) {
    let store = bench.store();
    let empty = read(store, None).await;
    assert_eq!((empty.newest, empty.entries.len()), (0, 0));
    assert!(empty.continues);
    append(store, &[mark(1, 5)]).await;
    append(store, &[mark(2, 7), mark(3, 7)]).await;
    let page = read(store, None).await;
    assert_eq!(page.since, empty.since);
    let numbers: Vec<_> = page.entries.iter().map(|(it, _)| it.number).collect();
    assert_eq!((numbers, page.newest), (vec![1, 2], 2));
    let (read_first, last) = marks(page);
    assert_eq!(read_first, [mark(1, 5), mark(2, 7), mark(3, 7)]);
    // From there on there is nothing, and then what is new.
    let nothing = read(store, last).await;
    assert_eq!((nothing.newest, nothing.entries.len()), (2, 0));
    assert!(nothing.continues);
    append(store, &[mark(4, 6)]).await;
    let page = read(store, last).await;
    assert!(page.continues);
    let (new, last) = marks(page);
    assert_eq!(new, [mark(4, 6)]);
    assert_eq!(last.map(|it| it.number), Some(3));
    // Another reader has all of them.
    assert_eq!(marks(read(store, None).await).0.len(), 4);
}

pub(crate) async fn a_long_log_is_read_page_by_page(bench: &dyn Bench) {
    let store = bench.store();
    let number = |index: usize| u32::try_from(index).unwrap_or_default();
    let all: Vec<_> = (0..2 * PAGE + 7)
        .map(|index| mark(number(index), 1 + number(index)))
        .collect();
    // Of cuts of their own, so that each is an entry.
    for marks in all.chunks(500) {
        store.append_marks(marks, long()).await.unwrap();
    }
    let (mut found, mut position, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = read(store, position).await;
        assert!(page.continues && page.entries.len() <= PAGE);
        let (marks, last) = marks(page);
        if marks.is_empty() {
            break;
        }
        found.extend(marks);
        (position, pages) = (last, pages + 1);
    }
    assert_eq!(found, all);
    // An engine may write those that were told at once as one entry.
    assert!((1..=3).contains(&pages), "{pages}");
}

pub(crate) async fn many_marks_of_one_second_are_all_told(bench: &dyn Bench) {
    let store = bench.store();
    let all: Vec<_> = (0..500).map(|number| mark(number, 9)).collect();
    for _ in 0..20 {
        append(store, &all).await;
    }
    let (mut found, mut position) = (0, None);
    loop {
        let (marks, last) = marks(read(store, position).await);
        if marks.is_empty() {
            break;
        }
        assert!(marks.iter().all(|mark| all.contains(mark)));
        found += marks.len();
        position = last;
    }
    assert_eq!(found, 20 * all.len());
}

pub(crate) async fn old_marks_are_not_read_and_their_age_is_no_loss(bench: &dyn Bench) {
    let store = bench.store();
    // Long enough that what is written below is read in time, however busy the machine.
    let kept = Duration::from_secs(2);
    let times = keeping(kept);
    let read = async |after| store.read_marks(after, times).await.unwrap();
    store.append_marks(&[mark(1, 1)], times).await.unwrap();
    let old = read(None).await.entries.last().map(|(it, _)| *it);
    assert!(old.is_some());
    bench.pass(past(kept)).await;
    let page = read(None).await;
    assert_eq!((page.newest, page.entries.len()), (1, 0));
    assert!(read(old).await.continues);
    store.append_marks(&[mark(2, 2)], times).await.unwrap();
    for after in [None, old] {
        let page = read(after).await;
        assert!(page.continues, "{after:?}");
        let (marks, last) = marks(page);
        assert_eq!(marks, [mark(2, 2)], "{after:?}");
        assert_eq!(last.map(|it| it.number), Some(2), "{after:?}");
    }
}

pub(crate) async fn a_log_that_was_lost_is_another_one(bench: &dyn Bench) {
    let store = bench.store();
    append(store, &[mark(1, 1)]).await;
    append(store, &[mark(2, 2)]).await;
    let page = read(store, None).await;
    let last = page.entries.last().map(|(it, _)| *it);
    bench.pass(SHORT).await;
    bench.forget_all().await;
    let gone = read(store, last).await;
    assert!(gone.since != page.since && !gone.continues, "{gone:?}");
    assert_eq!((gone.newest, gone.entries.len()), (0, 0));
    assert!(gone.age < SHORT, "{gone:?}");
    append(store, &[mark(3, 3)]).await;
    let anew = read(store, None).await;
    assert_eq!((anew.since, anew.newest), (gone.since, 1));
    assert_eq!(marks(anew).0, [mark(3, 3)]);
    bench.pass(SHORT).await;
    assert!(read(store, None).await.age >= SHORT);
}

pub(crate) async fn whoever_reads_notes_that_somebody_was_there(bench: &dyn Bench) {
    let store = bench.store();
    append(store, &[mark(1, 1)]).await;
    let written = async || read(store, None).await.written;
    assert!(written().await < SHORT);
    for _ in 0..3 {
        bench.pass(past(SHORT)).await;
        // Nobody else did, so this reader has.
        assert!(written().await < SHORT);
    }
}

pub(crate) async fn a_log_that_nobody_could_reach_is_young_again(bench: &dyn Bench) {
    let store = bench.store();
    let interruption = past(long().quiet);
    read(store, None).await;
    bench.pass(SHORT).await;
    let before = read(store, None).await;
    assert!(before.age >= SHORT);
    bench.interrupt(interruption).await;
    let after = read(store, None).await;
    assert_eq!(after.since, before.since);
    assert!(after.age < interruption, "{after:?}");
    bench.pass(SHORT).await;
    assert!(read(store, None).await.age >= SHORT);
    // Whoever writes first says so, too.
    bench.interrupt(interruption).await;
    append(store, &[mark(1, 1)]).await;
    let after = read(store, None).await;
    assert!(after.age < interruption, "{after:?}");
    assert_eq!(after.since, before.since);
}
