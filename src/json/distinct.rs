//! The test that names are all different.

use std::{
    borrow::Cow,
    hash::{BuildHasher as _, RandomState},
};

use smallvec::SmallVec;

use super::{DUPLICATE, Fault};

/// The names of one object that are not told apart otherwise.
#[derive(Default)]
pub(crate) struct Names<'a>(SmallVec<[Cow<'a, str>; 8]>);

impl<'a> Names<'a> {
    pub(crate) fn push(&mut self, name: Cow<'a, str>) {
        self.0.push(name);
    }

    /// Forgets the names, and keeps their memory for another object.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// # Errors
    ///
    /// A name that is there twice.
    pub(crate) fn distinct(&self) -> Result<(), Fault> {
        all_distinct(self.0.len(), |index| self.0.get(index).map(AsRef::as_ref))
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
