//! What is left to chance, by a seed.

use std::{
    env,
    sync::Once,
    time::{SystemTime, UNIX_EPOCH},
};

/// A xorshift generator.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// One of a test, by the seed of this run and the test's own number.
    pub(crate) fn new(number: u64) -> Self {
        static TOLD: Once = Once::new();
        let set = env::var("FLEET_SEED").ok().and_then(|it| it.parse().ok());
        let seed: u64 = set.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            u64::from(now.subsec_nanos())
        });
        TOLD.call_once(|| println!("FLEET_SEED={seed}"));
        let mut chance = Self((seed << 20) ^ (number << 1) ^ 0x9e37_79b9_7f4a_7c15);
        for _ in 0..8 {
            chance.next();
        }
        chance
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let number = self.next() % u64::try_from(end).unwrap();
        usize::try_from(number).unwrap()
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
