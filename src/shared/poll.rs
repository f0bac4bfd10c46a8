//! When to ask again while another replica's call is under way. Pure.

use std::time::Duration;

const SHORTEST: Duration = Duration::from_millis(10);

/// The longest first pause: calls of a slow hour say nothing of this one.
const LONGEST: Duration = Duration::from_millis(500);

const PAUSES: [Duration; 4] = [
    Duration::from_millis(20),
    Duration::from_millis(40),
    Duration::from_millis(80),
    Duration::from_millis(150),
];

/// How much of the average a new measurement is.
const WEIGHT: u32 = 8;

/// The pauses of one wait.
#[derive(Clone, Debug)]
pub(crate) struct Pauses {
    average: Duration,
    asked: usize,
}

impl Pauses {
    /// The pauses where a call takes so long on average.
    pub(crate) fn new(average: Duration) -> Self {
        Self { average, asked: 0 }
    }

    /// The next pause, for a call that has been under way for so long.
    pub(crate) fn next(&mut self, age: Option<Duration>) -> Duration {
        let asked = self.asked;
        self.asked += 1;
        if let (0, Some(age)) = (asked, age) {
            return self.average.saturating_sub(age).clamp(SHORTEST, LONGEST);
        }
        let place = asked.min(PAUSES.len()).saturating_sub(1);
        PAUSES.get(place).copied().unwrap_or(SHORTEST)
    }
}

/// The average after another call that took so long.
pub(crate) fn smoothed(average: Duration, took: Duration) -> Duration {
    if average.is_zero() {
        return took;
    }
    average.saturating_mul(WEIGHT - 1).saturating_add(took) / WEIGHT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    #[test]
    fn the_first_pause_is_the_rest_of_an_average_call_and_the_later_ones_grow() {
        let mut pauses = Pauses::new(ms(300));
        assert_eq!(pauses.next(Some(ms(100))), ms(200));
        let rest: Vec<_> = (0..6).map(|_| pauses.next(Some(ms(400)))).collect();
        assert_eq!(rest, [ms(20), ms(40), ms(80), ms(150), ms(150), ms(150)]);
        assert_eq!(Pauses::new(ms(300)).next(Some(ms(400))), ms(10));
        assert_eq!(Pauses::new(ms(20_000)).next(Some(ms(0))), ms(500));
    }

    #[test]
    fn the_average_follows_what_calls_take() {
        assert_eq!(smoothed(Duration::ZERO, ms(80)), ms(80));
        assert_eq!(smoothed(ms(80), ms(160)), ms(90));
    }
}
