//! Strings of a token's payload, found once and looked up without copying.

use std::ops::Range;

use smallvec::SmallVec;

use crate::json::{Fault, NOT_JSON, Quoted, Scan};

/// A token's decoded payload and the strings that stand in its lists.
///
/// A string without escapes stays where it is and costs eight bytes; an escaped one is unescaped
/// into a buffer behind. So a token of two hundred tenants costs a handful of allocations.
#[derive(Debug)]
pub(crate) struct Table {
    payload: Box<str>,
    unescaped: Box<str>,
    strings: Box<[Text]>,
}

/// A string of a [`Table`]: small, since a session may have hundreds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    /// Its place, in the payload; or in the buffer behind, and then with [`Text::UNESCAPED`].
    start: u32,
    len: u32,
}

/// Consecutive strings of a [`Table`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct List {
    start: u32,
    end: u32,
}

/// The text of a JSON value in a [`Table`]'s payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value {
    start: u32,
    end: u32,
}

impl Table {
    /// A table of this payload; `index` fills it while it reads the payload.
    ///
    /// # Errors
    ///
    /// The position that `index` returns.
    pub(crate) fn build<T>(
        payload: Box<str>,
        index: impl FnOnce(&mut Builder<'_>) -> Result<T, Fault>,
    ) -> Result<(Self, T), Fault> {
        let mut builder = Builder {
            payload: &payload,
            unescaped: String::new(),
            strings: SmallVec::new(),
        };
        let found = index(&mut builder)?;
        let Builder {
            unescaped, strings, ..
        } = builder;
        let table = Self {
            unescaped: unescaped.into_boxed_str(),
            strings: boxed(&strings),
            payload,
        };
        Ok((table, found))
    }

    /// The whole payload.
    pub(crate) fn payload(&self) -> &str {
        &self.payload
    }

    /// A string.
    pub(crate) fn text(&self, text: Text) -> &str {
        text.of(&self.payload, &self.unescaped)
    }

    /// Returns `true` if a string is `other`.
    pub(crate) fn is(&self, text: Text, other: &str) -> bool {
        let (is, other) = (
            text.bytes_of(&self.payload, &self.unescaped),
            other.as_bytes(),
        );
        // Ids of one kind are equally long and begin alike: their ends tell nearly all of them apart,
        // without a call.
        is.len() == other.len() && is.last_chunk::<8>() == other.last_chunk() && is == other
    }

    /// The strings of a list.
    pub(crate) fn list(&self, list: List) -> impl Iterator<Item = &str> + Clone {
        self.strings
            .get(list.start as usize..list.end as usize)
            .unwrap_or_default()
            .iter()
            .map(|text| self.text(*text))
    }

    /// The text of a JSON value.
    pub(crate) fn value(&self, value: Value) -> &str {
        self.payload
            .get(value.start as usize..value.end as usize)
            .unwrap_or_default()
    }

    /// The memory that the table holds on to, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.payload.len() + self.unescaped.len() + size_of_val(&*self.strings)
    }
}

impl Text {
    /// Offsets end below it.
    const UNESCAPED: u32 = 1 << 31;

    fn of<'t>(self, payload: &'t str, unescaped: &'t str) -> &'t str {
        let (place, range) = self.place(payload, unescaped);
        place.get(range).unwrap_or_default()
    }

    fn bytes_of<'t>(self, payload: &'t str, unescaped: &'t str) -> &'t [u8] {
        let (place, range) = self.place(payload, unescaped);
        place.as_bytes().get(range).unwrap_or_default()
    }

    fn place<'t>(self, payload: &'t str, unescaped: &'t str) -> (&'t str, Range<usize>) {
        let place = if self.start & Self::UNESCAPED == 0 {
            payload
        } else {
            unescaped
        };
        let start = (self.start & !Self::UNESCAPED) as usize;
        (place, start..start + self.len as usize)
    }
}

/// Fills a [`Table`].
pub(crate) struct Builder<'a> {
    payload: &'a str,
    unescaped: String,
    /// On the stack, as long as there are not many.
    strings: SmallVec<[Text; 32]>,
}

impl<'a> Builder<'a> {
    /// The payload to read.
    pub(crate) fn payload(&self) -> &'a str {
        self.payload
    }

    /// Where a JSON value stands; `value` is a part of the payload.
    pub(crate) fn value(&self, value: &'a str) -> Value {
        let start = self.offset(value);
        let end = start.saturating_add(size(value.len()));
        Value { start, end }
    }

    /// A string that stands for itself or was unescaped.
    pub(crate) fn text(&mut self, string: Quoted<'a>) -> Result<Text, Fault> {
        if let Some(plain) = string.plain() {
            return Ok(Text {
                start: self.offset(plain),
                len: size(plain.len()),
            });
        }
        let start = self.unescaped.len();
        string.unescape_into(&mut self.unescaped).ok_or(NOT_JSON)?;
        Ok(Text {
            start: size(start) | Text::UNESCAPED,
            len: size(self.unescaped.len() - start),
        })
    }

    /// The value of a string of this table.
    pub(crate) fn read(&self, text: Text) -> &str {
        text.of(self.payload, &self.unescaped)
    }

    /// Passes over a value, `depth` levels below the outermost; the strings of an array. Other
    /// elements are passed over, and what is no array is an empty list, as in Descope's Go SDK.
    pub(crate) fn list(&mut self, scan: &mut Scan<'a>, depth: u32) -> Result<List, Fault> {
        let start = size(self.strings.len());
        if scan.peek() == Some(b'[') {
            scan.array(|scan| {
                if scan.peek() == Some(b'"') {
                    let text = self.text(scan.string()?)?;
                    push(&mut self.strings, text);
                } else {
                    scan.value(depth + 1)?;
                }
                Ok(())
            })?;
        } else {
            scan.value(depth)?;
        }
        let end = size(self.strings.len());
        Ok(List { start, end })
    }

    fn offset(&self, part: &str) -> u32 {
        size((part.as_ptr() as usize).wrapping_sub(self.payload.as_ptr() as usize))
    }
}

/// Adds to a list that is short or else long: in big steps.
#[inline]
pub(crate) fn push<A: smallvec::Array>(list: &mut SmallVec<A>, item: A::Item) {
    if list.len() == list.capacity() {
        list.reserve(list.len() * 4);
    }
    list.push(item);
}

/// Exactly what there is, since a session may be kept for long.
pub(crate) fn boxed<A>(list: &SmallVec<A>) -> Box<[A::Item]>
where
    A: smallvec::Array<Item: Copy>,
{
    list.as_slice().into()
}

/// Payloads are far below 2 GiB: the token's own limit is in the kilobytes. Should that ever
/// change, an offset beyond is out of range and reads as nothing.
fn size(len: usize) -> u32 {
    const MOST: u32 = Text::UNESCAPED - 1;
    u32::try_from(len).map_or(MOST, |len| len.min(MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(payload: &str) -> (Table, List) {
        Table::build(payload.into(), |builder| {
            builder.list(&mut Scan::new(builder.payload()), 0)
        })
        .unwrap()
    }

    #[test]
    fn strings_are_found_whether_escaped_or_not() {
        let payload = r#"["a","b\u0026c",1,null,["x"],"d"]"#;
        let (table, list) = list(payload);
        assert_eq!(table.list(list).collect::<Vec<_>>(), ["a", "b&c", "d"]);
        assert_eq!(table.payload(), payload);
    }

    #[test]
    fn a_string_is_another_if_all_of_it_is() {
        let payload = r#"["","a","T2Zq8mXkQ001","T\u0032Zq8mXkQ001","\u00e9"]"#;
        let (table, list) = list(payload);
        let texts: Vec<_> = table.list(list).map(str::to_owned).collect();
        let others = ["x", "a ", "T3Zq8mXkQ001", "T2Zq8mXkQ002", "8mXkQ001"];
        let all = texts.iter().map(String::as_str).chain(others);
        for other in all {
            for (&text, as_read) in table.strings.iter().zip(&texts) {
                assert_eq!(table.is(text, other), as_read == other, "{as_read} {other}");
            }
        }
    }

    #[test]
    fn a_table_says_what_it_holds_on_to() {
        let payload = r#"["a","b\u0026c","d"]"#;
        let (table, _) = list(payload);
        let strings = 3 * size_of::<Text>();
        assert_eq!(table.heap_bytes(), payload.len() + "b&c".len() + strings);
    }

    #[test]
    fn elements_nest_as_deep_as_the_list_leaves_room_for() {
        let at_depth = |depth, nested: usize| {
            let payload = format!("[{}{}]", "[".repeat(nested), "]".repeat(nested));
            Table::build(payload.into(), |builder| {
                builder.list(&mut Scan::new(builder.payload()), depth)
            })
            .map(drop)
        };
        // 127 levels in all, of which the list is one.
        for depth in [0, 1, 5] {
            let most = 126 - depth as usize;
            assert_eq!(at_depth(depth, most), Ok(()), "{depth}");
            assert!(at_depth(depth, most + 1).is_err(), "{depth}");
        }
    }

    #[test]
    fn an_offset_beyond_all_payloads_is_out_of_range_and_not_in_the_other_text() {
        let most = Text::UNESCAPED - 1;
        for len in [most as usize, most as usize + 1, usize::MAX] {
            assert_eq!(size(len), most);
        }
        assert_eq!(size(most as usize - 1), most - 1);
    }

    #[test]
    fn what_is_no_array_is_an_empty_list() {
        for payload in ["\"foobar\"", "1", "null", "{\"a\":1}", "[]", "[1]"] {
            let (table, list) = list(payload);
            assert_eq!(table.list(list).count(), 0, "{payload}");
        }
    }

    #[test]
    fn many_strings_are_kept_in_their_order() {
        let all: Vec<String> = (0..500).map(|number| format!("role {number}")).collect();
        let (table, list) = list(&serde_json::to_string(&all).unwrap());
        assert_eq!(table.list(list).collect::<Vec<_>>(), all);
    }
}
