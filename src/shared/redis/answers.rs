//! The scripts' answers, read. Whatever is not one of theirs is an error, never a guess.

use std::time::Duration;

use redis::Value;

use super::{
    super::{
        record::{Claimed, EndedBy, Found, Published, Record, RecordName, StoredAnswer},
        store::StoreError,
    },
    failure, keys,
};

/// The state of a record, as the script for claims and looks tells it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is this attempt's now; `made` if it was not before.
    Own {
        made: bool,
    },
    Lost {
        left: Duration,
    },
    None,
    There(Record),
}

pub(super) fn strange() -> StoreError {
    failure::invalid("redis: the answer is none of our script's")
}

pub(super) fn state(value: Value) -> Result<Found<State>, StoreError> {
    let Value::Array(parts) = value else {
        return Err(strange());
    };
    let parts: [Value; 5] = parts.try_into().map_err(|_| strange())?;
    let [word, first, second, bytes, predecessor] = parts;
    let (first, second, bytes) = (millis(&first)?, millis(&second)?, into_bytes(bytes)?);
    let state = match text(&word)? {
        "own" => State::Own {
            made: !first.is_zero(),
        },
        "lost" => State::Lost { left: second },
        "none" => State::None,
        "busy" => State::There(Record::Busy {
            age: first,
            left: second,
        }),
        "done" => State::There(Record::Done(StoredAnswer {
            sealed: bytes,
            age: first,
        })),
        "late" => State::There(Record::Late),
        "rest" => State::There(Record::Rest { left: second }),
        "dead" => {
            let code = str::from_utf8(&bytes).map_err(|_| strange())?;
            State::There(Record::Dead(EndedBy::of_code(code).ok_or_else(strange)?))
        }
        _ => return Err(strange()),
    };
    Ok(Found {
        state,
        predecessor: name(&predecessor)?,
    })
}

pub(super) fn claimed(found: Found<State>) -> Result<Found<Claimed>, StoreError> {
    let state = match found.state {
        State::Own { .. } => Claimed::Own,
        State::Lost { left } => Claimed::Lost { left },
        State::There(record) => Claimed::Taken(record),
        State::None => return Err(strange()),
    };
    Ok(Found {
        state,
        predecessor: found.predecessor,
    })
}

pub(super) fn looked(found: Found<State>) -> Result<Found<Option<Record>>, StoreError> {
    let state = match found.state {
        State::There(record) => Some(record),
        State::None => None,
        State::Own { .. } | State::Lost { .. } => return Err(strange()),
    };
    Ok(Found {
        state,
        predecessor: found.predecessor,
    })
}

pub(super) fn published(value: &Value) -> Result<Published, StoreError> {
    match text(value)? {
        "own" => Ok(Published::Own),
        "foreign" => Ok(Published::Foreign),
        "out" => Ok(Published::SignedOut),
        _ => Err(strange()),
    }
}

/// The name of a record, or an empty text.
pub(super) fn name(value: &Value) -> Result<Option<RecordName>, StoreError> {
    match text(value)? {
        "" => Ok(None),
        written => keys::read(written).map(Some).ok_or_else(strange),
    }
}

/// The end of a step that has nothing to tell.
pub(super) fn noted(value: &Value) -> Result<(), StoreError> {
    match text(value)? {
        "ok" | "other" => Ok(()),
        _ => Err(strange()),
    }
}

/// Since when a part of the memory remembers; how long ago that is; for how long Descope wants no
/// calls.
pub(super) fn tick(value: Value) -> Result<(u64, Duration, Duration), StoreError> {
    let Value::Array(parts) = value else {
        return Err(strange());
    };
    let [born, age, stop]: [Value; 3] = parts.try_into().map_err(|_| strange())?;
    let born = text(&born)?.parse().map_err(|_| strange())?;
    Ok((born, millis(&age)?, millis(&stop)?))
}

/// How many replicas have confirmed.
pub(super) fn confirmed(value: &Value) -> Result<u64, StoreError> {
    match value {
        Value::Int(number) => u64::try_from(*number).map_err(|_| strange()),
        _ => Err(strange()),
    }
}

/// The value of a setting of the server's.
pub(super) fn setting(value: Value) -> Option<String> {
    let value = match value {
        Value::Array(parts) => parts.into_iter().nth(1)?,
        Value::Map(parts) => parts.into_iter().next()?.1,
        _ => return None,
    };
    text(&value).ok().map(str::to_owned)
}

pub(super) fn text(value: &Value) -> Result<&str, StoreError> {
    match value {
        Value::BulkString(bytes) => str::from_utf8(bytes).map_err(|_| strange()),
        Value::SimpleString(text) => Ok(text),
        _ => Err(strange()),
    }
}

pub(super) fn into_bytes(value: Value) -> Result<Vec<u8>, StoreError> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        _ => Err(strange()),
    }
}

pub(super) fn millis(value: &Value) -> Result<Duration, StoreError> {
    match value {
        Value::Int(number) => u64::try_from(*number)
            .map(Duration::from_millis)
            .map_err(|_| strange()),
        _ => Err(strange()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(word: &str, first: i64, bytes: &[u8], predecessor: &str) -> Value {
        Value::Array(vec![
            Value::BulkString(word.into()),
            Value::Int(first),
            Value::Int(0),
            Value::BulkString(bytes.into()),
            Value::BulkString(predecessor.into()),
        ])
    }

    #[test]
    fn an_answer_of_another_shape_is_an_error_and_no_state() {
        assert!(state(told("own", 1, b"", "")).is_ok());
        for wrong in [
            told("owned", 1, b"", ""),
            told("own", -1, b"", ""),
            told("own", 1, b"", "x"),
            told("dead", 1, b"x", ""),
            told("dead", 1, b"\xff", ""),
            Value::Array(vec![]),
            Value::Nil,
            Value::Okay,
            Value::Int(1),
        ] {
            state(wrong).unwrap_err();
        }
        // A look claims nothing, and a claim finds something or has it.
        looked(state(told("own", 1, b"", "")).unwrap()).unwrap_err();
        claimed(state(told("none", 0, b"", "")).unwrap()).unwrap_err();
        published(&Value::BulkString(b"done".into())).unwrap_err();
        noted(&Value::Okay).unwrap_err();
        confirmed(&Value::Int(-1)).unwrap_err();
        tick(Value::Array(vec![Value::Int(1)])).unwrap_err();
    }

    #[test]
    fn a_setting_is_read_in_both_versions_of_the_protocol() {
        let pair = || {
            let text = |text: &str| Value::BulkString(text.into());
            (text("maxmemory-policy"), text("noeviction"))
        };
        let (name, value) = pair();
        let array = setting(Value::Array(vec![name, value]));
        assert_eq!(array.as_deref(), Some("noeviction"));
        let map = setting(Value::Map(vec![pair()]));
        assert_eq!(map.as_deref(), Some("noeviction"));
        assert_eq!(setting(Value::Array(vec![])), None);
        assert_eq!(setting(Value::Nil), None);
    }
}
