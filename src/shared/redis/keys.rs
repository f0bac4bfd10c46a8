//! The names of keys.

use super::super::record::{RecordKind, RecordName};

/// How many parts a cluster's table has: the tags `{0}` to `{15}`.
pub(super) const PARTS: usize = 16;

/// A part of the table: the keys of one tag, which are on one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part(usize);

impl Part {
    /// The one that holds what concerns all replicas.
    pub(super) const FIRST: Self = Self(0);

    pub(super) fn number(self) -> usize {
        self.0
    }
}

/// The names of all keys of a project.
#[derive(Debug)]
pub(super) struct Keys {
    /// The prefix and the project.
    beginning: String,
    is_cluster: bool,
}

/// The keys of a record: they are of one part.
pub(super) struct RecordKeys {
    pub(super) part: Part,
    /// Its state.
    pub(super) state: String,
    /// The whole answer.
    pub(super) whole: String,
    /// The answer's tokens.
    pub(super) tokens: String,
    /// Since when this part of the memory remembers.
    pub(super) born: String,
}

impl Keys {
    pub(super) fn new(prefix: &str, project_id: &str, is_cluster: bool) -> Self {
        Self {
            beginning: format!("{prefix}{project_id}:"),
            is_cluster,
        }
    }

    pub(super) fn of(&self, name: RecordName) -> RecordKeys {
        let part = self.part_of(name);
        let (hex, kind) = (name.hex(), kind(name.kind));
        let key = |what: &str| self.key(part, &format!("{kind}{what}:{hex}"));
        RecordKeys {
            part,
            state: key("c"),
            whole: key("w"),
            tokens: key("t"),
            born: self.born(part),
        }
    }

    /// All parts of the table.
    pub(super) fn parts(&self) -> impl Iterator<Item = Part> + use<> {
        (0..if self.is_cluster { PARTS } else { 1 }).map(Part)
    }

    pub(super) fn born(&self, part: Part) -> String {
        self.key(part, "born")
    }

    /// Until when Descope wants no calls.
    pub(super) fn stop(&self, part: Part) -> String {
        self.key(part, "stop")
    }

    /// The log of marks.
    pub(super) fn marks(&self) -> String {
        self.key(Part::FIRST, "marks")
    }

    /// Since when it is remembered, when somebody wrote last, and where it ends.
    pub(super) fn marks_state(&self) -> String {
        self.key(Part::FIRST, "marks-state")
    }

    fn key(&self, part: Part, what: &str) -> String {
        let beginning = &self.beginning;
        match (self.is_cluster, part.number()) {
            (false, _) => format!("{beginning}{{e}}:{what}"),
            (true, number) => format!("{beginning}{{{number}}}:{what}"),
        }
    }

    fn part_of(&self, name: RecordName) -> Part {
        let [first, ..] = name.id;
        Part(if self.is_cluster {
            usize::from(first >> 4)
        } else {
            0
        })
    }
}

/// The beginning of the names of an access key's records. A token's have none.
fn kind(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Token => "",
        RecordKind::AccessKey => "ak-",
    }
}

/// A record's name as it stands in another record.
pub(super) fn written(name: RecordName) -> String {
    format!("{}{}", kind(name.kind), name.hex())
}

/// Reads [`written`] again.
pub(super) fn read(text: &str) -> Option<RecordName> {
    match text.strip_prefix(kind(RecordKind::AccessKey)) {
        Some(hex) => RecordName::from_hex(RecordKind::AccessKey, hex),
        None => RecordName::from_hex(RecordKind::Token, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(kind: RecordKind, first: u8) -> RecordName {
        let mut id = [0x11; 16];
        id[0] = first;
        RecordName { kind, id }
    }

    #[test]
    fn all_keys_have_one_tag_and_a_clusters_one_of_sixteen() {
        let keys = Keys::new("ds1:", "P2x", false);
        let of = keys.of(name(RecordKind::Token, 0xa7));
        assert_eq!(of.state, "ds1:P2x:{e}:c:a7111111111111111111111111111111");
        assert_eq!(of.whole, "ds1:P2x:{e}:w:a7111111111111111111111111111111");
        assert_eq!(of.tokens, "ds1:P2x:{e}:t:a7111111111111111111111111111111");
        assert_eq!(of.born, "ds1:P2x:{e}:born");
        assert_eq!(keys.stop(Part::FIRST), "ds1:P2x:{e}:stop");
        assert_eq!(keys.parts().count(), 1);

        let keys = Keys::new("ds1:", "P2x", true);
        let of = keys.of(name(RecordKind::AccessKey, 0xa7));
        assert_eq!(of.part.number(), 10);
        let hex = "a7111111111111111111111111111111";
        assert_eq!(of.state, format!("ds1:P2x:{{10}}:ak-c:{hex}"));
        assert_eq!(of.born, "ds1:P2x:{10}:born");
        assert_eq!(keys.parts().count(), 16);
    }

    #[test]
    fn a_name_in_another_record_is_read_again() {
        for kind in [RecordKind::Token, RecordKind::AccessKey] {
            let name = name(kind, 0);
            assert_eq!(read(&written(name)), Some(name));
        }
        assert_eq!(read(""), None);
        assert_eq!(read("ak-"), None);
    }
}
