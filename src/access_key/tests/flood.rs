//! A machine that asks once a second, among made-up keys.

use super::*;

/// The time after which a machine has to be admitted.
const PATIENCE: u64 = 30;

/// Milliseconds between two events.
const TICK: u64 = 100;

/// The made-up keys that come at a tick, counted from the flood's beginning.
type Flood = fn(u64) -> Vec<u64>;

fn defaults() -> ExchangePolicy {
    ExchangePolicy {
        per_second: NonZeroU32::new(5).unwrap(),
        burst: 20,
        capacity: 10_000,
        ..policy()
    }
}

fn made_up(number: u64) -> Digest {
    let mut bytes = [1; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Digest::from(bytes)
}

fn floods() -> Vec<(&'static str, Flood)> {
    vec![
        ("each once", |tick| vec![tick]),
        ("each twice, a second apart", |tick| {
            // Ten new ones in every other second, which come again in the next.
            vec![tick / 20 * 10 + tick % 10]
        }),
        ("each twice, twenty a second", |tick| {
            vec![tick, tick.saturating_sub(10)]
        }),
        ("each five times, fifty a second", |tick| {
            (0..5).map(|back| tick.saturating_sub(10 * back)).collect()
        }),
        ("the same ten", |tick| vec![tick % 10]),
        ("the same fifty", |tick| vec![tick % 50]),
        ("the same hundred", |tick| vec![tick % 100]),
        ("the same hundred, backwards", |tick| vec![99 - tick % 100]),
        ("the same three hundred", |tick| vec![tick % 300]),
        ("the same thousand", |tick| vec![tick % 1_000]),
        ("each once, a thousand a second", |tick| {
            (0..100).map(|n| tick * 100 + n).collect()
        }),
    ]
}

/// Returns after how many seconds a machine is admitted that first asks at the second `comes`.
/// `flood_for` is for how many seconds the flood has been going on when the process starts; it may
/// also begin so many seconds after. Made-up keys come before the machine at each tick.
fn admitted_after(flood: Flood, flood_for: i64, comes: u64) -> u64 {
    let mut world = World::new();
    world.table = ExchangeTable::new(defaults(), HashSet::new());
    let machine = made_up(u64::MAX);
    for tick in 0..(comes + 120) * 1_000 / TICK {
        let flooded = i64::try_from(tick).unwrap() + flood_for * 10;
        if let Ok(flooded) = u64::try_from(flooded) {
            for key in flood(flooded) {
                let key = made_up(key);
                let step = world.table.present(key, || true, || 0, &world.now);
                if let ExchangeStep::Exchange(number, _) = step {
                    let refused = ExchangeOutcome::Refused;
                    assert!(world.table.finish(key, number, refused, &world.now));
                }
            }
        }
        if tick % 10 == 0 && tick >= comes * 10 {
            let step = world.table.present(machine, || true, || 0, &world.now);
            if let ExchangeStep::Exchange(..) = step {
                return tick / 10 - comes;
            }
        }
        world.pass(TICK);
    }
    u64::MAX
}

#[test]
fn a_machine_is_admitted_within_half_a_minute_of_a_restart_whenever_the_flood_began() {
    for (name, flood) in floods() {
        for flood_for in [-5, 0, 5, 60, 3_600] {
            let seconds = admitted_after(flood, flood_for, 0);
            assert!(seconds <= PATIENCE, "{name}, {flood_for}: {seconds}");
        }
    }
}

#[test]
fn a_machine_that_is_new_is_admitted_as_soon_in_a_flood_that_has_gone_on_for_long() {
    for (name, flood) in floods() {
        for comes in [1, 3, 10, 62, 300] {
            let seconds = admitted_after(flood, 0, comes);
            assert!(seconds <= PATIENCE, "{name}, {comes}: {seconds}");
        }
    }
}

#[test]
fn machines_that_ask_seldom_do_not_keep_each_other_out() {
    let mut world = World::new();
    world.table = ExchangeTable::new(defaults(), HashSet::new());
    let mut waiting: Vec<_> = (0..200).collect();
    // Each of two hundred asks every twenty seconds: each has lost its place when it comes again.
    for tick in 0..900_u64 {
        waiting.retain(|machine| {
            if machine % 200 != tick % 200 {
                return true;
            }
            let step = world
                .table
                .present(made_up(*machine), || true, || 0, &world.now);
            !matches!(step, ExchangeStep::Exchange(..))
        });
        world.pass(TICK);
    }
    assert_eq!(waiting, Vec::<u64>::new());
}

#[test]
fn a_key_whose_exchange_failed_goes_on_waiting_at_its_place() {
    let mut world = World::new();
    world.table = ExchangeTable::new(defaults(), HashSet::new());
    let machine = made_up(u64::MAX);
    let mut tries = 0;
    // Descope is away for half a minute.
    for tick in 0..600_u64 {
        let is_away = tick < 300;
        for (key, is_good) in [(made_up(tick), false), (machine, true)] {
            if is_good && tick % 10 != 0 {
                continue;
            }
            let step = world.table.present(key, || true, || 0, &world.now);
            if let ExchangeStep::Exchange(number, _) = step {
                tries += u32::from(is_good);
                if is_good && !is_away {
                    assert!(tick <= 300 + 160, "{tick}");
                    assert!(tries > 3);
                    return;
                }
                let outcome = if is_away {
                    ExchangeOutcome::Failed
                } else {
                    ExchangeOutcome::Refused
                };
                assert!(world.table.finish(key, number, outcome, &world.now));
            }
        }
        world.pass(TICK);
    }
    panic!("not admitted");
}
