//! Conversions between the forms that times have in tokens and answers, and those of the standard
//! library.

use std::time::{Duration, SystemTime};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Converts a `NumericDate` (RFC 7519), clamped to the time from the epoch to the year 9999.
pub(crate) fn system_time(seconds: f64) -> SystemTime {
    SystemTime::UNIX_EPOCH
        .checked_add(since_epoch(seconds))
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

/// As [`system_time`], as the time since the epoch.
pub(crate) fn since_epoch(seconds: f64) -> Duration {
    /// 9999-12-31T23:59:59Z
    const LAST: f64 = 253_402_300_799.0;
    Duration::try_from_secs_f64(seconds.clamp(0.0, LAST)).unwrap_or_default()
}

/// Reads a date of RFC 3339, as some claims are; `None` if the text is none.
pub(crate) fn rfc3339(text: &str) -> Option<SystemTime> {
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .map(SystemTime::from)
}

/// Cuts a time since the Unix epoch to whole seconds; times after the year 2106, which a `u32` cannot
/// hold, become the last that it can. Precise enough to decide how soon an entry is evicted, and
/// used for nothing else.
pub(crate) fn whole_seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_stay_between_the_epoch_and_the_year_9999() {
        assert_eq!(system_time(-5.0), SystemTime::UNIX_EPOCH);
        let last = system_time(253_402_300_799.0);
        assert_eq!(system_time(1e308), last);
        assert!(system_time(f64::from(u32::MAX)) < last);
    }

    #[test]
    fn a_refresh_expiry_that_does_not_parse_is_none() {
        let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(1_893_456_000);
        assert_eq!(rfc3339("2030-01-01T00:00:00Z"), Some(expected));
        for odd in ["1893456000", "soon", "null", ""] {
            assert_eq!(rfc3339(odd), None, "{odd}");
        }
    }
}
