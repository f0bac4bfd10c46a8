//! The rule for entries of a key set that share a `kid`.

use std::collections::{BTreeMap, BTreeSet};

/// Returns the `kid`s that several entries share without being the same key. None of them names a
/// key: which of the entries a signature was made with would otherwise depend on their order.
///
/// An entry without a key is one that was refused. It takes every other entry of its `kid` with it:
/// if, say, a private key was published beside its public one, nobody can tell who signs with it.
pub(super) fn ambiguous_kids<K>(
    entries: &[(&str, Option<K>)],
    same: impl Fn(&K, &K) -> bool,
) -> BTreeSet<String> {
    let mut by_kid: BTreeMap<&str, Vec<Option<&K>>> = BTreeMap::new();
    for (kid, key) in entries {
        by_kid.entry(kid).or_default().push(key.as_ref());
    }
    by_kid
        .into_iter()
        .filter(|(_, keys)| !are_one(keys, &same))
        .map(|(kid, _)| kid.to_owned())
        .inspect(|kid| tracing::warn!(kid, "keys skipped: several have this kid"))
        .collect()
}

/// Returns `true` for a single entry, and for usable ones that are the same key.
fn are_one<K>(keys: &[Option<&K>], same: impl Fn(&K, &K) -> bool) -> bool {
    match keys {
        [_] => true,
        [Some(first), others @ ..] => others
            .iter()
            .all(|other| other.is_some_and(|other| same(first, other))),
        _ => false,
    }
}
