//! The log of marks, as it is written down.

use redis::Value;

use super::{
    super::{
        log::{ENTRY, LogPage, LogPosition},
        store::StoreError,
    },
    answers::{into_bytes, millis, strange, text},
};
use crate::revocation::{CutMark, MarkName};

/// The entries of marks: each is a cut, and the names of its marks one after the other.
pub(super) fn entries(marks: &[CutMark]) -> Vec<(u32, Vec<u8>)> {
    let mut marks = marks.to_vec();
    marks.sort_by_key(|mark| mark.cut);
    let of_a_cut = marks.chunk_by(|one, other| one.cut == other.cut);
    let entries = of_a_cut.flat_map(|marks| marks.chunks(ENTRY));
    let written = entries.filter_map(|entry| {
        let names = entry.iter().flat_map(|mark| mark.name.to_bytes());
        Some((entry.first()?.cut, names.collect()))
    });
    written.collect()
}

/// The id of an entry.
pub(super) fn written(position: LogPosition) -> String {
    format!("{}-{}", position.at, position.number)
}

pub(super) fn page(value: Value) -> Result<LogPage, StoreError> {
    let [since, age, written, newest, continues, entries] = parts(value)?;
    let Value::Array(entries) = entries else {
        return Err(strange());
    };
    Ok(LogPage {
        since: number(text(&since)?)?,
        age: millis(&age)?,
        written: millis(&written)?,
        newest: number(text(&newest)?)?,
        continues: flag(&continues)?,
        entries: entries.into_iter().map(entry).collect::<Result<_, _>>()?,
    })
}

fn entry(value: Value) -> Result<(LogPosition, Vec<CutMark>), StoreError> {
    let [id, cut, names] = parts(value)?;
    let (at, last) = text(&id)?.split_once('-').ok_or_else(strange)?;
    let position = LogPosition {
        at: number(at)?,
        number: number(last)?,
    };
    let cut = text(&cut)?.parse().map_err(|_| strange())?;
    let names = into_bytes(names)?;
    let (names, rest) = names.as_chunks::<{ MarkName::BYTES }>();
    if !rest.is_empty() {
        return Err(strange());
    }
    // Of a kind that a newer version knows, this one can refuse nobody.
    let names = names.iter().filter_map(MarkName::from_bytes);
    let marks = names.map(|name| CutMark { name, cut }).collect();
    Ok((position, marks))
}

fn parts<const N: usize>(value: Value) -> Result<[Value; N], StoreError> {
    let Value::Array(parts) = value else {
        return Err(strange());
    };
    parts.try_into().map_err(|_| strange())
}

fn flag(value: &Value) -> Result<bool, StoreError> {
    match value {
        Value::Int(0) => Ok(false),
        Value::Int(1) => Ok(true),
        _ => Err(strange()),
    }
}

fn number(text: &str) -> Result<u64, StoreError> {
    text.parse().map_err(|_| strange())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::stream::LONGEST_ANSWER, *};
    use crate::shared::log::PAGE;

    fn told(id: &str, cut: &str, names: &[u8]) -> Value {
        let bytes = |bytes: &[u8]| Value::BulkString(bytes.into());
        let entry = [id.as_bytes(), cut.as_bytes(), names].map(bytes).into();
        Value::Array(vec![
            bytes(b"1700000000000"),
            Value::Int(5_000),
            Value::Int(7),
            bytes(b"3"),
            Value::Int(1),
            Value::Array(vec![Value::Array(entry)]),
        ])
    }

    #[test]
    fn marks_are_read_as_they_were_written() {
        let user = MarkName::from_bytes(b"uABCDEFGHIJKLMNOP").unwrap();
        let marks = [
            CutMark {
                name: user,
                cut: 1_700_000_000,
            },
            CutMark {
                name: MarkName::EVERYBODY,
                cut: 1_700_000_000,
            },
        ];
        let written = entries(&marks);
        let [(1_700_000_000, names)] = &*written else {
            panic!("{written:?}");
        };
        assert_eq!(names.len(), 34);
        let read = page(told("1700000000001-3", "1700000000", names)).unwrap();
        let position = LogPosition {
            at: 1_700_000_000_001,
            number: 3,
        };
        assert_eq!(read.entries, [(position, marks.to_vec())]);
        assert_eq!(super::written(position), "1700000000001-3");
        assert_eq!((read.newest, read.written), (3, Duration::from_millis(7)));
        assert!(read.continues);
    }

    /// However many are told at once, a page of full entries is an answer that is taken.
    #[test]
    fn an_entry_has_one_cut_and_no_more_marks_than_a_page_has_room_for() {
        let name = MarkName::EVERYBODY;
        let marks: Vec<_> = (0..200)
            .map(|number| CutMark {
                name,
                cut: 1 + number % 2,
            })
            .collect();
        let entries = entries(&marks);
        let shown: Vec<_> = entries
            .iter()
            .map(|(cut, names)| (*cut, names.len() / MarkName::BYTES))
            .collect();
        assert_eq!(
            shown,
            [(1, 40), (1, 40), (1, 20), (2, 40), (2, 40), (2, 20)]
        );
        let of_entry = ENTRY * MarkName::BYTES + 80;
        assert!((PAGE + 1) * of_entry < LONGEST_ANSWER, "{of_entry}");
    }

    #[test]
    fn an_entry_of_another_shape_is_an_error_and_one_of_another_kind_no_mark() {
        let user = b"uABCDEFGHIJKLMNOP";
        assert!(page(told("1-1", "5", user)).is_ok());
        let newer = page(told("1-1", "5", b"zABCDEFGHIJKLMNOP")).unwrap();
        assert!(matches!(&*newer.entries, [(_, marks)] if marks.is_empty()));
        for (id, cut, names) in [
            ("1", "5", &user[..]),
            ("x-1", "5", user),
            ("1-1", "-5", user),
            ("1-1", "5000000000", user),
            ("1-1", "5", &user[1..]),
        ] {
            page(told(id, cut, names)).unwrap_err();
        }
        page(Value::Nil).unwrap_err();
    }
}
