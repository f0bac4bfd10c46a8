//! A 429 of Descope's, as replicas tell each other of it and of its end.

use std::time::Duration;

use crate::{
    clock::Now,
    error::{Error, ErrorKind},
    rotation::pressure::{SlowDown, SlowDownNews},
};

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: u32) -> Now {
    Now {
        wall: SECOND * seconds,
        mono: SECOND * seconds,
    }
}

fn slow_down(pressure: &mut SlowDown, seconds: u32, now: Now) {
    let error = Error::new(ErrorKind::RateLimited, "x").with_retry_after(Some(SECOND * seconds));
    pressure.note(Some(&error), now);
}

#[test]
fn a_success_ends_it_whatever_was_asked_of_the_others_before() {
    let mut pressure = SlowDown::new();
    slow_down(&mut pressure, 60, at(0));
    let asked = pressure.news();
    pressure.note(None, at(1));
    pressure.note_told(asked, Some(SECOND * 59), at(2));
    assert_eq!(pressure.rest(at(2)), None);
    let over = pressure.news();
    assert_eq!(over, Some(SlowDownNews::Over));
    assert_eq!(over.unwrap().left(at(2)), Some(Duration::ZERO));
    pressure.note_told(over, None, at(3));
    assert_eq!((pressure.rest(at(3)), pressure.news()), (None, None));
    // Where nothing was to be ended there is nothing to tell.
    pressure.note(None, at(4));
    assert_eq!(pressure.news(), None);
}

#[test]
fn what_others_know_is_followed_and_not_told_again() {
    let mut pressure = SlowDown::new();
    pressure.note_told(None, Some(SECOND * 30), at(0));
    assert_eq!(pressure.rest(at(1)), Some(SECOND * 29));
    assert_eq!(pressure.news(), None);
    pressure.note_told(None, None, at(2));
    assert_eq!(pressure.rest(at(2)), None, "another one had a success");
    pressure.note_told(None, Some(SECOND * 600), at(3));
    assert_eq!(pressure.rest(at(3)), Some(SECOND * 60));
}

#[test]
fn a_429_that_could_not_be_told_yet_stands_until_it_is_over() {
    let mut pressure = SlowDown::new();
    let asked = pressure.news();
    slow_down(&mut pressure, 60, at(0));
    pressure.note_told(asked, None, at(1));
    assert_eq!(pressure.rest(at(1)), Some(SECOND * 59));
    let news = pressure.news().unwrap();
    assert_eq!(news.left(at(1)), Some(SECOND * 59));
    assert_eq!(news.left(at(60)), None, "not that it is over");
}
