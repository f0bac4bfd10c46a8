//! Reads fields of Descope's answers that may be absent or of another type.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// A text; an empty one is how Descope says that there is none.
pub(super) fn text<'a>(json: &'a Value, name: &str) -> Option<&'a str> {
    json.get(name)?.as_str().filter(|text| !text.is_empty())
}

pub(super) fn flag(json: &Value, name: &str) -> Option<bool> {
    json.get(name)?.as_bool()
}

pub(super) fn items<'a>(json: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    json.get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

pub(super) fn texts<'a>(json: &'a Value, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    items(json, name).filter_map(Value::as_str)
}

/// A time in seconds since the Unix epoch.
pub(super) fn time(json: &Value, name: &str) -> Option<SystemTime> {
    unix_time(json.get(name)?.as_i64()?)
}

/// `seconds` since the Unix epoch, or before it; `None` where that is no time.
pub(super) fn unix_time(seconds: i64) -> Option<SystemTime> {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 {
        UNIX_EPOCH.checked_sub(distance)
    } else {
        UNIX_EPOCH.checked_add(distance)
    }
}

/// A number of seconds that may be negative, which is no duration.
pub(super) fn duration(seconds: i64) -> Option<Duration> {
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_times_and_durations_where_they_can_be() {
        assert_eq!(unix_time(0), Some(UNIX_EPOCH));
        let second = Duration::from_secs(1);
        assert_eq!(unix_time(1), Some(UNIX_EPOCH + second));
        assert_eq!(unix_time(-1), Some(UNIX_EPOCH - second));
        assert_eq!(duration(1), Some(second));
        assert_eq!(duration(-1), None);
    }
}
