//! How many look-ups of unknown keys wait at one time.

use super::{world::POLICY, *};

/// A store with key `a` whose source hangs from now on.
async fn hung(waiting: usize) -> World {
    let keys = Plan::Keys(vec![jwk("a", ONE)]);
    let world = World::with(keys, KeyPolicy { waiting, ..POLICY });
    world.store.warm_up().await.unwrap();
    world.plan(Plan::Gate);
    world
}

fn strangers(world: &World, how_many: usize) -> Vec<Lookup> {
    let kids = (0..how_many).map(|n| format!("made-up {n}"));
    kids.map(|kid| world.get(&kid)).collect()
}

fn waits(lookups: &[Lookup]) -> usize {
    let waits = |lookup: &&Lookup| matches!(lookup, Lookup::Wait(_));
    lookups.iter().filter(waits).count()
}

fn is_turned_away(lookup: &Lookup) -> bool {
    matches!(lookup, Lookup::Unavailable { retry_after } if *retry_after == Duration::from_secs(1))
}

#[tokio::test]
async fn beyond_the_places_an_unknown_key_is_unavailable_and_a_cached_one_is_served() {
    for places in [0, 1, 64] {
        let world = hung(places).await;
        let lookups = strangers(&world, 100);
        assert_eq!(waits(&lookups), places);
        assert!(lookups.iter().skip(places).all(is_turned_away));
        assert_eq!(world.settle("a").await, "found");
        // Also with no place at all the fetch runs, and its end is the verdict.
        world.source.gate.add_permits(1);
        world.until(|world| !world.store.status().fetching).await;
        assert_eq!(world.fetches(), 2);
        assert_eq!(world.settle("made-up 99").await, "unknown");
    }
}

#[tokio::test]
async fn a_place_is_free_again_once_its_wait_has_ended_or_was_dropped() {
    let world = hung(2).await;
    let mut lookups = strangers(&world, 2);
    assert!(is_turned_away(&world.get("one more")));
    // Never polled, as by a caller that hangs up.
    drop(lookups.pop());
    let one_more = world.get("one more");
    assert!(matches!(one_more, Lookup::Wait(_)));
    assert!(is_turned_away(&world.get("and another")));
    world.source.gate.add_permits(1);
    lookups.push(one_more);
    for lookup in lookups {
        assert_eq!(settle(lookup).await, "waited, unknown");
    }
    world.advance(20);
    world.plan(Plan::Hang);
    assert_eq!(waits(&strangers(&world, 3)), 2);
}

#[tokio::test]
async fn without_usable_keys_everybody_waits() {
    let world = World::with(
        Plan::Gate,
        KeyPolicy {
            waiting: 1,
            ..POLICY
        },
    );
    assert_eq!(waits(&strangers(&world, 100)), 100, "at the start");
    world.source.gate.add_permits(1);
    assert_eq!(world.settle("a").await, "waited, found");

    world.plan(Plan::Fail);
    world.advance(600 + 3_600);
    world
        .until(|world| world.store.status().last_failure().is_some())
        .await;
    world.plan(Plan::Hang);
    world.advance(70);
    assert!(!world.store.status().usable);
    assert_eq!(waits(&strangers(&world, 100)), 100, "past the hard limit");
}

#[tokio::test]
async fn a_known_key_that_is_late_takes_no_place() {
    let world = hung(1).await;
    world.advance(2_000);
    let late: Vec<_> = (0..100).map(|_| world.get("a")).collect();
    assert_eq!(waits(&late), 100);
    let strangers = strangers(&world, 2);
    assert_eq!(waits(&strangers), 1);
    world.source.gate.add_permits(1);
    for lookup in late {
        assert_eq!(settle(lookup).await, "waited, found");
    }
}
