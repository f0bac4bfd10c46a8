use std::{
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
    thread,
    time::Duration,
};

use serde_json::json;

use super::{bucket::Bucket, *};
use crate::{jwt::claims::Claims, session::TenantClaims};

const NOW: Duration = Duration::from_secs(1_000);

fn at(seconds: u64) -> Duration {
    NOW + Duration::from_secs(seconds)
}

fn key() -> Arc<VerifyingKey> {
    // The point of RFC 7515 appendix A.3.
    let jwk = json!({
        "kty": "EC", "kid": "a", "alg": "ES256", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    let jwk = serde_json::from_value(jwk).unwrap();
    Arc::new(VerifyingKey::from_jwk(&jwk).unwrap())
}

/// A session that lives for so many seconds, with so many bytes of claims of its own.
fn session(lives: u64, bytes: usize) -> Session {
    let expires = NOW.as_secs() + lives;
    let payload = format!(
        r#"{{"iss":"P1","sub":"U1","exp":{expires},"x":"{}"}}"#,
        "x".repeat(bytes)
    );
    let claims = Claims::parse(payload.into()).unwrap();
    Session::new(
        claims,
        TenantClaims::default(),
        crate::clock::Clock::System,
        None,
    )
}

/// With an end that is like a signature's: unlike any other in all its bytes.
fn token(number: usize) -> String {
    let state = BuildHasherDefault::<DefaultHasher>::default();
    let signature = format!("{:016x}", state.hash_one(number));
    format!("header.payload.{number}{signature}")
}

struct World {
    cache: SessionCache,
    key: Arc<VerifyingKey>,
}

impl World {
    fn new(entries: usize) -> Self {
        let bytes = 64 * 1024 * 1024;
        Self {
            cache: SessionCache::new(Bounds {
                entries,
                bytes,
                compact: false,
            }),
            key: key(),
        }
    }

    /// As a request does: looks, and keeps what it had to verify. Whether it was there.
    fn request(&self, number: usize) -> bool {
        let found = self.has(number);
        if !found {
            self.keep(number, 600, at(0));
        }
        found
    }

    fn has(&self, number: usize) -> bool {
        let token = token(number);
        self.cache.find(token.as_bytes(), |_, _| ()).is_some()
    }

    fn keep(&self, number: usize, lives: u64, now: Duration) {
        let session = session(lives, 0);
        self.cache
            .keep(token(number).as_bytes(), &session, &self.key, now);
    }
}

#[test]
fn what_is_kept_is_found_by_its_whole_token_alone() {
    let world = World::new(100);
    let known = token(7);
    assert!(!world.request(7));
    assert!(world.request(7));
    for other in [
        "",
        "short",
        &known[1..],
        &known.replace("payload", "pay1oad"),
        &format!("x{known}"),
        &format!("{known}x"),
    ] {
        assert!(
            world.cache.find(other.as_bytes(), |_, _| ()).is_none(),
            "{other}"
        );
    }
}

#[test]
fn a_thousand_tokens_that_come_once_flush_nothing_that_is_in_use() {
    let world = World::new(100);
    let regulars = 0..100;
    for number in regulars.clone() {
        world.request(number);
        world.request(number);
    }
    for number in 1_000..2_000 {
        assert!(!world.request(number));
    }
    assert!(regulars.into_iter().all(|number| world.request(number)));
    assert_eq!(world.cache.status().entries(), 100);
}

#[test]
fn tokens_that_come_again_take_the_place_of_those_that_do_not() {
    let world = World::new(100);
    for number in 0..100 {
        world.request(number);
    }
    // Other people's turn. How often they have to come is for a coin to say.
    let all_there = || {
        (1_000..1_050)
            .filter(|&number| world.request(number))
            .count()
            == 50
    };
    assert!((0..10_000).any(|_| all_there()));
    assert!(world.cache.status().entries() <= 100);
}

#[test]
fn a_newcomer_takes_one_place_and_no_more() {
    let world = World::new(300);
    let old = 0..300;
    for number in old.clone() {
        world.request(number);
    }
    // Let in at its second or third time as a rule, by chance later.
    assert!((0..100).any(|_| world.request(1_000)));
    assert_eq!(world.cache.status().entries(), 300);
    assert_eq!(old.filter(|&number| world.has(number)).count(), 299);
}

#[test]
fn a_larger_newcomer_takes_one_place_too_while_there_are_bytes_enough() {
    let world = World::new(20);
    for number in 0..20 {
        world.request(number);
    }
    let large = session(600, 1_000);
    for number in 1_000..1_010 {
        let token = token(number);
        let let_in = (0..100).any(|_| {
            world
                .cache
                .keep(token.as_bytes(), &large, &world.key, at(0));
            world.has(number)
        });
        assert!(let_in);
        assert_eq!(world.cache.status().entries(), 20);
    }
}

#[test]
fn whoever_is_asked_for_stays_and_the_others_go_one_by_one() {
    let world = World::new(64);
    for number in 0..64 {
        world.request(number);
    }
    for number in 1_000..1_048 {
        let mut let_in = (0..100).map(|_| {
            assert!((0..16).all(|regular| world.request(regular)));
            world.request(number)
        });
        assert!(let_in.any(|there| there));
        assert_eq!(world.cache.status().entries(), 64);
    }
}

#[test]
fn a_bucket_gives_what_has_expired_first_and_then_what_is_used_least() {
    let world = World::new(8);
    for number in 0..5 {
        world.keep(number, if number == 4 { 10 } else { 600 }, at(0));
    }
    for (number, uses) in [(0, 2), (1, 1), (2, 5)] {
        assert!((0..uses).all(|_| world.has(number)));
    }
    let [bucket] = &*world.cache.table.as_ref().unwrap().buckets else {
        panic!("one bucket holds eight");
    };
    let gone = |count, wanted, now| {
        let gone = bucket.evict(count, wanted, now);
        let tokens = gone.iter().map(|entry| entry.token.to_vec());
        tokens.collect::<Vec<_>>()
    };
    let tokens = |numbers: &[usize]| -> Vec<_> {
        let numbers = numbers.iter();
        numbers.map(|&it| token(it).into_bytes()).collect()
    };
    assert!(gone(9, 0, at(0)).is_empty(), "no room is wanted");
    assert!(gone(0, 1, at(0)).is_empty(), "it does not come more often");
    // The room of what has expired is enough; then one is, and then two have to go.
    assert_eq!(gone(9, 1, at(11)), tokens(&[4]));
    assert_eq!(gone(9, 1, at(11)), tokens(&[3]));
    assert_eq!(gone(3, usize::MAX, at(11)), tokens(&[1, 0]));
    bucket.halve_uses();
    assert!(gone(2, 1, at(11)).is_empty(), "half of five");
    assert_eq!(gone(3, 1, at(11)), tokens(&[2]));
}

/// Ten times as many users as there is room for, as their requests are spread in nature (Zipf's law):
/// the fewest misses are those of a cache that knows beforehand who comes most often.
#[test]
fn those_who_come_most_often_are_in_the_cache() {
    const USERS: usize = 10_000;
    const ENTRIES: usize = 1_000;
    const REQUESTS: usize = 200_000;
    // Both kept from one call to the next, which would take most of the time.
    let session = session(600, 0);
    let tokens: Vec<String> = (0..USERS).map(token).collect();
    for exponent in [0.7, 1.0] {
        let mut shares = Vec::new();
        let mut sum = 0.0;
        for rank in 1..=u32::try_from(USERS).unwrap() {
            sum += f64::from(rank).powf(-exponent);
            shares.push(sum);
        }
        let world = World::new(ENTRIES);
        let (mut misses, mut fewest) = (0_u32, 0_u32);
        let mut random = 1_u64;
        for request in 0..REQUESTS {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let place = f64::from(u32::try_from(random >> 32).unwrap()) / f64::from(u32::MAX);
            let user = shares.partition_point(|share| *share < place * sum);
            let token = tokens[user.min(USERS - 1)].as_bytes();
            let counts = request >= REQUESTS / 4;
            fewest += u32::from(counts && user >= ENTRIES);
            if world.cache.find(token, |_, _| ()).is_none() {
                misses += u32::from(counts);
                world.cache.keep(token, &session, &world.key, at(0));
            }
        }
        let ratio = f64::from(misses) / f64::from(fewest);
        assert!(ratio < 1.08, "{exponent}: {ratio}");
    }
}

#[test]
#[cfg(target_pointer_width = "64")]
fn a_bucket_fills_five_cache_lines() {
    assert_eq!(size_of::<Bucket>(), 320);
}

#[test]
fn the_books_are_balanced_whatever_threads_do_at_once() {
    let world = World::new(64);
    thread::scope(|scope| {
        for thread in 0..4 {
            let world = &world;
            scope.spawn(move || {
                for round in 0..2_000 {
                    world.request((round * 7 + thread * 13) % 300);
                    assert!(world.cache.status().entries() <= 64);
                }
            });
        }
    });
    let table = world.cache.table.as_ref().unwrap();
    let (mut entries, mut bytes) = (
        0,
        size_of_val(&*table.buckets) + size_of_val(&*table.frequencies.slots),
    );
    for bucket in &table.buckets {
        for entry in bucket.try_read().unwrap().iter() {
            entries += 1;
            bytes += entry.bytes();
        }
    }
    let status = world.cache.status();
    assert_eq!((status.entries(), status.bytes()), (entries, bytes));
    assert!(entries > 32, "{entries}");
}

#[test]
fn nobody_waits_for_a_thread_that_is_held_up_inside() {
    let world = World::new(100);
    world.request(1);
    let table = world.cache.table.as_ref().unwrap();
    let all: Vec<_> = table
        .buckets
        .iter()
        .map(|bucket| bucket.try_write().unwrap())
        .collect();
    assert!(!world.request(1), "as if it was not cached");
    assert!(!world.request(2));
    drop(all);
    assert!(world.request(1));
    let status = world.cache.status();
    assert_eq!(status.entries(), 1, "what could not be kept is not counted");
}

#[test]
fn one_large_session_takes_the_room_of_several_and_no_more_than_there_is() {
    let bounds = Bounds {
        entries: 100,
        bytes: 64 * 1024,
        compact: false,
    };
    let cache = SessionCache::new(bounds);
    let key = key();
    for round in 0..3 {
        for number in 0..20 {
            let token = token(number);
            if cache.find(token.as_bytes(), |_, _| ()).is_none() {
                cache.keep(token.as_bytes(), &session(600, 20_000), &key, at(round));
            }
            assert!(cache.status().bytes() <= bounds.bytes);
        }
    }
    assert!((1..=3).contains(&cache.status().entries()));
    for _ in 0..20 {
        cache.keep(token(77).as_bytes(), &session(600, 100_000), &key, at(0));
    }
    assert!(cache.find(token(77).as_bytes(), |_, _| ()).is_none());
}

#[test]
fn what_has_expired_gives_way_at_once() {
    let world = World::new(8);
    for number in 0..8 {
        world.keep(number, 10, at(0));
        world.has(number);
    }
    for number in 100..120 {
        world.keep(number, 600, at(11));
    }
    assert_eq!((100..120).filter(|&number| world.has(number)).count(), 8);
}
