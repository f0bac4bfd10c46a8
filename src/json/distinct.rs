//! The test that names are all different.

use std::hash::{BuildHasher as _, RandomState};

use smallvec::SmallVec;

use super::{DUPLICATE, Fault, NOT_JSON, Quoted};
use crate::steps;

/// The names of one object that are not told apart otherwise.
#[derive(Default)]
pub(crate) struct Names<'a> {
    /// Each with the end of its value in `unescaped`, if something in it is escaped.
    names: SmallVec<[(Quoted<'a>, usize); 8]>,
    /// One buffer, so that no name costs memory of its own.
    unescaped: String,
}

impl<'a> Names<'a> {
    /// Adds a name, and returns its value.
    #[inline]
    pub(crate) fn push(&mut self, name: Quoted<'a>) -> Result<&str, Fault> {
        let start = self.unescaped.len();
        if let Some(plain) = name.plain() {
            self.names.push((name, start));
            return Ok(plain);
        }
        name.unescape_into(&mut self.unescaped).ok_or(NOT_JSON)?;
        self.names.push((name, self.unescaped.len()));
        Ok(self.unescaped.get(start..).unwrap_or_default())
    }

    /// Takes the last name out again, which is told apart otherwise.
    #[inline]
    pub(crate) fn pop(&mut self) {
        self.names.pop();
        self.unescaped.truncate(self.end(self.names.len()));
    }

    /// Forgets the names, and keeps their memory for another object.
    pub(crate) fn clear(&mut self) {
        self.names.clear();
        self.unescaped.clear();
    }

    /// # Errors
    ///
    /// A name that is there twice, however it is escaped.
    pub(crate) fn distinct(&self) -> Result<(), Fault> {
        all_distinct(self.names.len(), |index| {
            let (name, end) = self.names.get(index)?;
            name.plain()
                .or_else(|| self.unescaped.get(self.end(index)..*end))
        })
    }

    /// Where the values of the first names end.
    fn end(&self, number: usize) -> usize {
        let last = number.checked_sub(1).and_then(|last| self.names.get(last));
        last.map_or(0, |(_, end)| *end)
    }
}

/// Returns `true` if `number` names differ from each other.
///
/// Few are compared pair by pair. Many are in order as a rule, as Descope's service writes its maps,
/// so that each needs to be held against its neighbour only. Else they are sorted by a hash that
/// nobody outside can foresee: a hostile header must not buy quadratic time, and two hundred tenants
/// not a long sort of texts.
pub(crate) fn all_distinct<'t>(
    number: usize,
    name: impl Fn(usize) -> Option<&'t str>,
) -> Result<(), Fault> {
    const FEW: usize = 16;
    // Those that are sorted are compared some ten times each.
    steps::count(number * FEW);
    let twice = if number <= FEW {
        (0..number).any(|one| (0..one).any(|other| name(one) == name(other)))
    } else if (1..number).all(|index| name(index - 1) < name(index)) {
        false
    } else {
        let seed = RandomState::new();
        let mut hashes: Vec<(u64, usize)> = (0..number)
            .map(|index| (seed.hash_one(name(index)), index))
            .collect();
        hashes.sort_unstable();
        hashes
            .chunk_by(|(one, _), (other, _)| one == other)
            .filter(|alike| alike.len() > 1)
            .any(|alike| {
                let mut names: Vec<_> = alike.iter().map(|&(_, index)| name(index)).collect();
                names.sort_unstable();
                names
                    .windows(2)
                    .any(|pair| matches!(pair, [one, two] if one == two))
            })
    };
    if twice { Err(DUPLICATE) } else { Ok(()) }
}
