//! Strings of a token's payload, found once and looked up without copying.

use std::ops::Range;

use super::json::{self, Fault};

/// A token's decoded payload and the strings that stand in its lists.
///
/// A string without escapes stays where it is and costs eight bytes; an escaped one is unescaped
/// into a buffer behind. So a token of two hundred tenants costs a handful of allocations.
#[derive(Debug)]
pub(crate) struct Table {
    payload: Box<str>,
    unescaped: String,
    strings: Vec<Text>,
}

/// A string of a [`Table`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    start: u32,
    len: u32,
    place: Place,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Payload,
    Unescaped,
}

/// Consecutive strings of a [`Table`].
#[derive(Clone, Debug, Default)]
pub(crate) struct List(Range<u32>);

/// The text of a JSON value in a [`Table`]'s payload.
#[derive(Clone, Debug)]
pub(crate) struct Value(Range<u32>);

impl Table {
    /// A table of this payload; `index` fills it while it reads the payload.
    ///
    /// # Errors
    ///
    /// What `index` returns.
    pub(crate) fn build<T>(
        payload: String,
        index: impl FnOnce(&mut Builder<'_>) -> Result<T, Fault>,
    ) -> Result<(Self, T), Fault> {
        let mut builder = Builder {
            payload: &payload,
            unescaped: String::new(),
            strings: Vec::new(),
        };
        let found = index(&mut builder)?;
        let Builder {
            unescaped, strings, ..
        } = builder;
        let table = Self {
            payload: payload.into_boxed_str(),
            unescaped,
            strings,
        };
        Ok((table, found))
    }

    /// The whole payload.
    pub(crate) fn payload(&self) -> &str {
        &self.payload
    }

    /// A string.
    pub(crate) fn text(&self, text: Text) -> &str {
        let place: &str = match text.place {
            Place::Payload => &self.payload,
            Place::Unescaped => &self.unescaped,
        };
        let start = text.start as usize;
        place
            .get(start..start + text.len as usize)
            .unwrap_or_default()
    }

    /// The strings of a list.
    pub(crate) fn list(&self, list: &List) -> impl Iterator<Item = &str> + Clone {
        self.strings
            .get(list.0.start as usize..list.0.end as usize)
            .unwrap_or_default()
            .iter()
            .map(|text| self.text(*text))
    }

    /// The text of a JSON value.
    pub(crate) fn value(&self, value: &Value) -> &str {
        self.payload
            .get(value.0.start as usize..value.0.end as usize)
            .unwrap_or_default()
    }
}

/// Fills a [`Table`].
pub(crate) struct Builder<'a> {
    payload: &'a str,
    unescaped: String,
    strings: Vec<Text>,
}

impl<'a> Builder<'a> {
    /// The payload to read.
    pub(crate) fn payload(&self) -> &'a str {
        self.payload
    }

    /// Where a JSON value stands; `value` is a part of the payload.
    pub(crate) fn value(&self, value: &'a str) -> Value {
        let start = self.offset(value);
        Value(start..start.saturating_add(size(value.len())))
    }

    /// A string that stands for itself or was unescaped.
    pub(crate) fn text(&mut self, value: &'a str) -> Option<Text> {
        let inner = value.strip_prefix('"')?.strip_suffix('"')?;
        if !inner.contains('\\') {
            return Some(Text {
                start: self.offset(inner),
                len: size(inner.len()),
                place: Place::Payload,
            });
        }
        let text = json::string(value)?;
        let start = size(self.unescaped.len());
        self.unescaped.push_str(&text);
        Some(Text {
            start,
            len: size(text.len()),
            place: Place::Unescaped,
        })
    }

    /// The strings of a JSON array. Other elements are passed over, and what is no array is an
    /// empty list, as in Descope's Go SDK.
    pub(crate) fn list(&mut self, value: &'a str) -> Result<List, Fault> {
        let start = size(self.strings.len());
        if value.starts_with('[') {
            json::elements(value, |element| {
                if let Some(text) = self.text(element) {
                    self.strings.push(text);
                }
                Ok(())
            })?;
        }
        Ok(List(start..size(self.strings.len())))
    }

    fn offset(&self, part: &str) -> u32 {
        size((part.as_ptr() as usize).wrapping_sub(self.payload.as_ptr() as usize))
    }
}

/// Payloads are far below 4 GiB: the token's own limit is in the kilobytes. Should that ever
/// change, an offset beyond is out of range and reads as nothing.
fn size(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_found_whether_escaped_or_not() {
        let payload = r#"["a","b\u0026c",1,null,["x"],"d"]"#;
        let (table, list) = Table::build(payload.to_owned(), |builder| {
            builder.list(builder.payload())
        })
        .unwrap();
        assert_eq!(table.list(&list).collect::<Vec<_>>(), ["a", "b&c", "d"]);
        assert_eq!(table.payload(), payload);
    }

    #[test]
    fn what_is_no_array_is_an_empty_list() {
        for payload in ["\"foobar\"", "1", "null", "{\"a\":1}"] {
            let (table, list) = Table::build(payload.to_owned(), |builder| {
                builder.list(builder.payload())
            })
            .unwrap();
            assert_eq!(table.list(&list).count(), 0, "{payload}");
        }
    }
}
