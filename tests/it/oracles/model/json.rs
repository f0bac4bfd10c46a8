//! JSON with nothing lost: members in their order, repeated ones included.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Why there is no verdict on a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoJson {
    /// It is not JSON, or nests deeper than 127 levels.
    Wrong,
    /// A number in it is beyond `f64`. JSON has such numbers, `serde_json` reads none of them.
    OutOfRange,
}

impl Json {
    pub(crate) fn parse(text: &str) -> Result<Self, NoJson> {
        serde_json::from_str(text).map_err(|error| {
            if error.to_string().contains("out of range") {
                NoJson::OutOfRange
            } else {
                NoJson::Wrong
            }
        })
    }

    /// The value of a member that is there exactly once.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else {
            return None;
        };
        let mut found = members.iter().filter(|(key, _)| key == name);
        let first = found.next()?;
        found.next().is_none().then_some(&first.1)
    }

    pub(crate) fn has_duplicates(&self) -> bool {
        let Self::Object(members) = self else {
            return false;
        };
        members
            .iter()
            .enumerate()
            .any(|(at, (name, _))| members[..at].iter().any(|(other, _)| other == name))
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The strings of a list; other elements are passed over, and what is no list has none.
    pub(crate) fn texts(&self) -> Vec<String> {
        match self {
            Self::List(list) => list
                .iter()
                .filter_map(|one| one.text().map(str::to_owned))
                .collect(),
            _ => Vec::new(),
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_unit<E: Error>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
                Ok(Json::Bool(value))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
                number(&value.to_string())
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
                number(&value.to_string())
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
                Ok(Json::Number(value))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
                Ok(Json::Text(value.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(Json::List(values))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut members: Vec<(String, Json)> = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                // With `serde_json/arbitrary_precision` on anywhere in the graph, a number comes
                // as a map of one member with this name.
                match &members[..] {
                    [(name, Json::Text(digits))] if name == "$serde_json::private::Number" => {
                        number(digits)
                    }
                    _ => Ok(Json::Object(members)),
                }
            }
        }

        fn number<E: Error>(digits: &str) -> Result<Json, E> {
            match digits.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Json::Number(number)),
                _ => Err(E::custom("number out of range")),
            }
        }

        deserializer.deserialize_any(Any)
    }
}
