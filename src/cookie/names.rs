//! The search for cookies of certain names in a `Cookie` field.
//!
//! A field is not split at its semicolons, of which a hostile one has sixteen thousand. A name is
//! recognised by its end: an `=` behind the last byte of one of the names that are looked for. A
//! block without such an `=` is passed over as a whole, and at each other the name is compared
//! backwards, up to the semicolon before it.

use std::ops::ControlFlow;

use memchr::memchr;

use crate::steps;

/// How many bytes are passed over together; a compiler makes a few vectors of them.
const BLOCK: usize = 64;

/// So many bytes, and one more: a name may end with the last, and its `=` stand behind.
type Block = [u8; BLOCK + 1];

/// Names of cookies that are looked for.
#[derive(Debug)]
pub(super) struct NameSet {
    names: Box<[Box<[u8]>]>,
    endings: Endings,
}

/// The different last bytes of names.
#[derive(Debug)]
enum Endings {
    /// As those of `DS` and `DSR`, with whatever before them. A single one stands here twice.
    Two([u8; 2]),
    /// So many at once. Where the last of them are fewer, one stands there more than once.
    More(Box<[[u8; 4]]>),
}

impl NameSet {
    pub(super) fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let names = names.into_iter().map(|name| name.as_bytes().into());
        let names: Box<[Box<[u8]>]> = names.collect();
        let last = names.iter().filter_map(|name| name.last().copied());
        Self {
            endings: Endings::new(last.collect()),
            names,
        }
    }

    /// Calls `visit` with the number of the name and with the value of each cookie in a field that has
    /// one of the names, in their order, until it breaks. White space around a value is no part of it.
    ///
    /// Nothing is decoded, and a `;` within quotes ends a pair (RFC 6265bis section 5.7). White space
    /// before `=` makes another name; no browser sends it.
    #[inline]
    pub(super) fn each_in<'f>(
        &self,
        field: &'f [u8],
        mut visit: impl FnMut(usize, &'f [u8]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(first) = memchr(b'=', field) else {
            steps::count(field.len());
            return ControlFlow::Continue(());
        };
        steps::count(first);
        // The first cookie is ours as a rule, where one is. All up to here has been looked at.
        let mut at = self
            .cookie_at(field, first, &mut visit)?
            .map_or(first, |end| end - 1);
        while at + 1 < field.len() {
            at += self
                .endings
                .passed_over(field.get(at..).unwrap_or_default());
            let is_last = field.len() - at <= BLOCK;
            if is_last
                && let Some(block) = field.last_chunk()
                && !self.endings.may_be_in(block)
            {
                break;
            }
            let stop = field.len().min(at + BLOCK + 1);
            let mut from = at + 1;
            while let Some(ahead) = field.get(from..stop).and_then(|rest| memchr(b'=', rest)) {
                let equals = from + ahead;
                steps::count(ahead + 1);
                from = self
                    .cookie_at(field, equals, &mut visit)?
                    .unwrap_or(equals + 1);
            }
            at = (at + BLOCK).max(from - 1);
        }
        ControlFlow::Continue(())
    }

    /// Visits the cookie whose name ends before an `=`, if it is one of the names, and returns where
    /// its value ends.
    #[inline]
    fn cookie_at<'f>(
        &self,
        field: &'f [u8],
        equals: usize,
        visit: &mut impl FnMut(usize, &'f [u8]) -> ControlFlow<()>,
    ) -> ControlFlow<(), Option<usize>> {
        let Some((before, after)) = field.split_at_checked(equals) else {
            return ControlFlow::Continue(None);
        };
        let after = after.get(1..).unwrap_or_default();
        let last = before.last();
        let mut end = None;
        for (number, name) in self.names.iter().enumerate() {
            // Few names end as this one, and most that do are it.
            if name.last() != last {
                continue;
            }
            let is_whole = |start: &[u8]| {
                let pair = start.trim_ascii_end();
                steps::count(start.len() - pair.len());
                pair.last().is_none_or(|&byte| byte == b';')
            };
            if before.strip_suffix(&**name).is_some_and(is_whole) {
                let len = *end.get_or_insert_with(|| memchr(b';', after).unwrap_or(after.len()));
                steps::count(len);
                visit(number, after.get(..len).unwrap_or_default().trim_ascii())?;
            }
        }
        ControlFlow::Continue(end.map(|len| equals + 1 + len))
    }
}

impl Endings {
    fn new(mut last: Vec<u8>) -> Self {
        last.sort_unstable();
        last.dedup();
        match *last {
            [one] => Self::Two([one, one]),
            [one, other] => Self::Two([one, other]),
            _ => {
                let lists = last.chunks(4).map(|some| {
                    let first = some.first().copied().unwrap_or_default();
                    std::array::from_fn(|at| some.get(at).copied().unwrap_or(first))
                });
                Self::More(lists.collect())
            }
        }
    }

    /// How many bytes at the beginning can hold the end of no name: so many blocks.
    #[inline]
    fn passed_over(&self, bytes: &[u8]) -> usize {
        match self {
            Self::Two(two) => blocks_without(bytes, |block| ends_in(block, *two)),
            Self::More(lists) => blocks_without(bytes, |block| {
                lists.iter().any(|list| ends_in(block, *list))
            }),
        }
    }

    /// Returns `false` if no name can end in a block.
    fn may_be_in(&self, block: &Block) -> bool {
        steps::count(BLOCK);
        match self {
            Self::Two(two) => ends_in(block, *two),
            Self::More(lists) => lists.iter().any(|list| ends_in(block, *list)),
        }
    }
}

/// How many bytes at the beginning are whole blocks of which this is not true.
#[inline]
fn blocks_without(bytes: &[u8], is_found: impl Fn(&Block) -> bool) -> usize {
    let mut passed = 0;
    while let Some(block) = bytes.get(passed..).and_then(<[u8]>::first_chunk) {
        steps::count(BLOCK);
        if is_found(block) {
            break;
        }
        passed += BLOCK;
    }
    passed
}

/// Returns `true` if an `=` in a block is behind one of these bytes.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without a branch it is a loop over vectors"
)]
#[inline]
fn ends_in<const N: usize>(block: &Block, endings: [u8; N]) -> bool {
    let next = block.iter().skip(1);
    block.iter().zip(next).fold(false, |any, (&last, &next)| {
        let is_last = endings
            .iter()
            .fold(false, |is_last, &ending| is_last | (last == ending));
        any | (is_last & (next == b'='))
    })
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;

    const NAMES: [&[&str]; 4] = [
        &["DS", "DSR"],
        &["__Host-DS", "__Host-DSR", "DS", "DSR"],
        &["a", "aa", "D", "S=", "SD"],
        // More last bytes than are looked for at once, and one that is another's beginning.
        &["DS", "DSR", "DSa", "DSb", "DSc", "DSd", "DSe", "x", "DSR"],
    ];

    fn found<'f>(names: &[&str], field: &'f [u8]) -> Vec<(usize, &'f [u8])> {
        let mut found = Vec::new();
        let _ = NameSet::new(names.iter().copied()).each_in(field, |name, value| {
            found.push((name, value));
            ControlFlow::Continue(())
        });
        found
    }

    /// The same by splitting the field at its semicolons and each pair at its name.
    fn split<'f>(names: &[&str], field: &'f [u8]) -> Vec<(usize, &'f [u8])> {
        let mut found = Vec::new();
        for pair in field.split(|&byte| byte == b';') {
            for (number, name) in names.iter().enumerate() {
                let rest = pair.trim_ascii_start().strip_prefix(name.as_bytes());
                if let Some(value) = rest.and_then(|rest| rest.strip_prefix(b"=")) {
                    found.push((number, value.trim_ascii()));
                }
            }
        }
        found
    }

    #[test]
    fn a_cookie_is_found_wherever_it_stands_in_a_block() {
        for names in NAMES {
            for name in names {
                for before in 0..200 {
                    for filler in [";", " ", "a=1; ", "=", "DS", "x"] {
                        let filler: String = filler.chars().cycle().take(before).collect();
                        for after in [0, 1, 63, 64, 65] {
                            let after = "y".repeat(after);
                            let field = format!("{filler};{name}=v{after}; z");
                            let field = field.as_bytes();
                            assert_eq!(found(names, field), split(names, field), "{field:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_name_is_whole_and_the_first_of_its_pair() {
        let names = &["DS", "__Host-DS"];
        for (field, values) in [
            ("DS=1;DS=2; DS = 3;\t DS=4 ;;DS= 5", "1,2,4,5"),
            ("xDS=1; x DS=2; DS=DS=3; =DS=4; \"DS=5\"", "DS=3"),
            ("__Host-DS=1; _Host-DS=2; __Host-DS", "1"),
            ("DS=; DS==; DS", ",="),
            ("", ""),
            ("=", ""),
            (" DS=\"a;DS=b\"", "\"a,b\""),
        ] {
            let found = found(names, field.as_bytes());
            let found: Vec<_> = found
                .iter()
                .map(|(_, value)| str::from_utf8(value).unwrap())
                .collect();
            assert_eq!(found.join(","), values, "{field}");
        }
    }

    #[test]
    fn nothing_is_looked_at_behind_the_cookie_that_ends_the_search() {
        let field = "DS=1; DSR=2; DS=3; ".repeat(1_000);
        let mut seen = 0;
        let (end, steps) = steps::of(|| {
            NameSet::new(["DS", "DSR"]).each_in(field.as_bytes(), |_, _| {
                seen += 1;
                if seen == 4 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })
        });
        assert!(end.is_break() && seen == 4 && steps < 300, "{steps}");
    }

    #[test]
    fn the_work_is_in_proportion_to_the_field() {
        let all = [
            ";",
            "a=1; ",
            "=",
            "=;",
            " ",
            " =",
            "S=",
            "xS=1; ",
            "xDS=1; ",
            "DS=",
            "DS =",
            "a=DS=DS=; ",
            "DS=; ",
            " DS=x;",
            "DS=x; DSR=x; ",
            "__Host-DS=x",
            "__Host-DS=DS=DSR=",
            "      DS=DS=",
            "\t",
        ];
        for names in NAMES {
            for text in all {
                let field = text.repeat(16_000 / text.len());
                let (_, steps) = steps::of(|| found(names, field.as_bytes()));
                assert!(steps <= 12 * field.len() + 500, "{text:?}: {steps}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn it_finds_what_splitting_finds(
            parts in vec(
                select(vec![
                    &b"DS"[..], b"DSR", b"__Host-", b"DS=", b"DSR=", b"S=", b"R=", b"aa=", b"x=",
                    b"=", b"=", b";", b";", b"; ", b" ", b"\t", b"\x0c", b"\"", b"\xff", b"a", b"D",
                    b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                ]),
                0..80,
            ),
        ) {
            let field = parts.concat();
            for names in NAMES {
                prop_assert_eq!(found(names, &field), split(names, &field));
            }
        }
    }
}
