//! JSON of which values are made only when somebody asks for them.

use std::{borrow::Cow, sync::OnceLock};

use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::{Value, value::RawValue};

use super::{Fault, Quoted, Scan};

/// More members than any object of Descope's has that is read here.
const MEMBERS: usize = 32;

/// A value that is kept as text. It was read once, so that making a [`Value`] of it does not fail; of one with
/// a name that `serde_json` uses inside, `null` is made.
#[derive(Clone)]
pub(crate) struct UnparsedJson {
    text: Box<str>,
    value: OnceLock<Value>,
}

/// The members of an object, in their order, each of them what `serde_json` takes for a value. Of
/// several with one name the last counts, as in a [`Value`].
pub(crate) struct Members<'a>(Vec<JsonMember<'a>>);

/// A member of an object, unparsed.
pub(crate) struct JsonMember<'a> {
    name: Quoted<'a>,
    text: &'a str,
}

impl UnparsedJson {
    pub(crate) fn value(&self) -> &Value {
        let parse = || serde_json::from_str(&self.text).unwrap_or_default();
        self.value.get_or_init(parse)
    }

    /// The text of one of its members, if it is an object and that is one.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some(value) = self.value.get() {
            return value.get(name)?.as_str().map(Cow::Borrowed);
        }
        let members = Members::parse(self.text.as_bytes()).ok()?;
        match members.last(name)?.scalar()? {
            Value::String(text) => Some(Cow::Owned(text)),
            _ => None,
        }
    }

    /// The memory that it takes, in bytes, roughly: also once somebody has asked for its value.
    pub(crate) fn size(&self) -> usize {
        self.text.len() + value_size(&self.text)
    }
}

impl From<Value> for UnparsedJson {
    fn from(value: Value) -> Self {
        Self {
            text: value.to_string().into(),
            value: value.into(),
        }
    }
}

impl PartialEq for UnparsedJson {
    fn eq(&self, other: &Self) -> bool {
        self.value() == other.value()
    }
}

/// As the text that it was read from, byte for byte.
impl Serialize for UnparsedJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.text).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'a> Members<'a> {
    /// Reads an object: exactly what a map of [`Value`]s would be read from, but that a name which
    /// `serde_json` uses inside (`$serde_json::private::…`) is a name like any other.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, serde_json::Error> {
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        let mut scan = Scan::new(text);
        match Self::scan(&mut scan) {
            // Whether such a number is one depends on how `serde_json` was built.
            Ok(members) if !scan.has_large_number() => Ok(members),
            result => {
                serde_json::from_slice::<serde_json::Map<String, Value>>(bytes)?;
                result.map_err(serde_json::Error::custom)
            }
        }
    }

    fn scan(scan: &mut Scan<'a>) -> Result<Self, Fault> {
        let mut members = Vec::with_capacity(MEMBERS);
        scan.document(|scan, name| {
            let text = scan.value(1)?;
            members.push(JsonMember { name, text });
            Ok(())
        })?;
        Ok(Self(members))
    }

    /// The member that counts of those with this name.
    pub(crate) fn last(&self, name: &str) -> Option<&JsonMember<'a>> {
        self.0.iter().rfind(|member| member.name.is(name))
    }
}

impl JsonMember<'_> {
    /// Returns `true` for an object.
    pub(crate) fn is_object(&self) -> bool {
        self.text.starts_with('{')
    }

    /// Returns `true` for `null` and the empty text.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.text, "null" | r#""""#)
    }

    /// Its value, unless that is an object or an array.
    pub(crate) fn scalar(&self) -> Option<Value> {
        match self.text.as_bytes().first()? {
            b'{' | b'[' => None,
            b'"' => {
                let text = Quoted::scanned(self.text)?.text()?;
                Some(Value::String(text.into_owned()))
            }
            _ => serde_json::from_str(self.text).ok(),
        }
    }

    /// A copy that is parsed when somebody asks for its value.
    pub(crate) fn to_unparsed(&self) -> UnparsedJson {
        UnparsedJson {
            text: self.text.into(),
            value: OnceLock::new(),
        }
    }
}

/// The memory that the value of a text takes, in bytes, roughly: as if each mark of punctuation stood
/// between two values, and none in a text.
fn value_size(text: &str) -> usize {
    let values = text.bytes().map(|byte| match byte {
        b',' | b'[' | b'{' => 1,
        // A name, and the place of a member in its map.
        b':' => 2,
        _ => 0_usize,
    });
    (1 + values.sum::<usize>()) * size_of::<Value>() + text.len()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn members(text: &str) -> Result<Members<'_>, serde_json::Error> {
        Members::parse(text.as_bytes())
    }

    #[test]
    fn exactly_what_is_an_object_of_values_has_members() {
        let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        for (value, is_one) in [
            ("1", true),
            (r#""a\u00e9\n""#, true),
            (r#"{"a":[{"a":[]},null,true,-1,1e3,"x"],"a":2}"#, true),
            (&deep(126), true),
            (&deep(127), false),
            (r#""\ud800""#, false),
            ("01", false),
            ("[1,]", false),
            ("{\"a\"}", false),
            ("\"\u{1}\"", false),
        ] {
            let text = format!(r#"{{"x": {value} }}"#);
            assert_eq!(serde_json::from_str::<Value>(&text).is_ok(), is_one);
            assert_eq!(members(&text).is_ok(), is_one, "{value}");
        }
        // Which is one only where a crate in the graph keeps numbers as text.
        for large in [
            "1e999",
            "-1E+999",
            "[0.1e309]",
            &"9".repeat(400),
            "1e5",
            "1e-999",
        ] {
            let text = format!(r#"{{"x":{{"y":{large}}}}}"#);
            let is_one = serde_json::from_str::<Value>(&text).is_ok();
            assert_eq!(members(&text).is_ok(), is_one, "{large}");
        }
        for text in ["", "[]", "1", "{} x", "{", r#"{"a":1,}"#] {
            assert!(members(text).is_err(), "{text}");
        }
    }

    #[test]
    fn of_members_with_one_name_the_last_counts() {
        let members = members(r#"{"a":1,"b":[],"\u0061":"","c":null}"#).unwrap();
        assert!(members.last("a").unwrap().is_empty());
        assert!(members.last("b").unwrap().scalar().is_none());
        assert!(members.last("c").unwrap().is_empty());
        assert!(members.last("d").is_none());
    }

    #[test]
    fn a_value_is_that_of_its_text() {
        let text = r#"{"u": {"id":"x","id":"U\u00091","n":[1,2.5,{"b":false}],"e":null} }"#;
        let value = json!({"id": "U\t1", "n": [1, 2.5, {"b": false}], "e": null});
        let unparsed = members(text).unwrap().last("u").unwrap().to_unparsed();
        assert_eq!(unparsed.text("id").unwrap(), "U\t1");
        assert_eq!((unparsed.text("n"), unparsed.text("o")), (None, None));
        let size = unparsed.size();
        assert_eq!(*unparsed.value(), value);
        assert_eq!(unparsed.text("id").unwrap(), "U\t1");
        assert_eq!(unparsed.size(), size, "it counts from the start");
        let parsed = UnparsedJson::from(value);
        assert!(parsed == unparsed);
        assert!(parsed.size() > 8 * size_of::<Value>());
    }

    #[test]
    fn a_value_is_written_as_it_was_read() {
        let text = r#"{ "id":"x", "id":"U\u00091", "n":[1, 2.50,1e2] }"#;
        let object = format!(r#"{{"u":{text}}}"#);
        let unparsed = members(&object).unwrap().last("u").unwrap().to_unparsed();
        assert_eq!(serde_json::to_string(&unparsed).unwrap(), text);
        let parsed = UnparsedJson::from(json!({"a": [1, null]}));
        assert_eq!(serde_json::to_string(&parsed).unwrap(), r#"{"a":[1,null]}"#);
    }
}
