//! The places of cookies: pairs of a session name and a refresh name.

use super::{
    check::is_host_prefixed,
    settings::{Names, SessionCookies},
};

/// The two cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CookieKind {
    Session,
    Refresh,
}

/// One of the configured names: that of the session or of the refresh cookie of a pair. The first
/// names make the first pair, the first fallbacks the second, and so on; a list of fallbacks that is
/// shorter leaves slots without a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CookieSlot {
    /// Counted from 0.
    pub(crate) pair: usize,
    pub(crate) kind: CookieKind,
}

impl CookieSlot {
    pub(crate) const fn session(pair: usize) -> Self {
        Self {
            pair,
            kind: CookieKind::Session,
        }
    }

    pub(crate) const fn refresh(pair: usize) -> Self {
        Self {
            pair,
            kind: CookieKind::Refresh,
        }
    }
}

impl SessionCookies {
    pub(super) fn names(&self, kind: CookieKind) -> &Names {
        match kind {
            CookieKind::Session => &self.session,
            CookieKind::Refresh => &self.refresh,
        }
    }

    /// The name of a slot; `None` if the slot has none.
    pub(crate) fn name(&self, slot: CookieSlot) -> Option<&str> {
        let names = self.names(slot.kind);
        match slot.pair.checked_sub(1) {
            None => Some(&names.primary),
            Some(at) => names.fallbacks.get(at).map(String::as_str),
        }
    }

    /// How many pairs there are.
    pub(crate) fn pair_count(&self) -> usize {
        self.session
            .fallbacks
            .len()
            .max(self.refresh.fallbacks.len())
            + 1
    }

    /// The slots with their names, pair by pair.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (CookieSlot, &str)> {
        (0..self.pair_count())
            .flat_map(|pair| [CookieSlot::session(pair), CookieSlot::refresh(pair)])
            .filter_map(|slot| Some((slot, self.name(slot)?)))
    }

    /// Returns `true` if no other host can set the cookie of this slot.
    pub(crate) fn is_host_only(&self, slot: CookieSlot) -> bool {
        self.name(slot).is_some_and(is_host_prefixed)
    }

    /// Returns `true` if no other host can set a cookie of this pair.
    pub(crate) fn is_host_only_pair(&self, pair: usize) -> bool {
        [CookieSlot::session(pair), CookieSlot::refresh(pair)]
            .into_iter()
            .filter_map(|slot| self.name(slot))
            .all(is_host_prefixed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_make_pairs_in_their_order_and_a_shorter_list_leaves_slots_without_one() {
        let cookies = SessionCookies::host_prefixed().session_fallbacks(["DS", "old"]);
        let names: Vec<_> = cookies.slots().map(|(_, name)| name).collect();
        assert_eq!(names, ["__Host-DS", "__Host-DSR", "DS", "DSR", "old"]);
        assert_eq!(cookies.pair_count(), 3);
        assert_eq!(cookies.name(CookieSlot::refresh(2)), None);
        let host_only = |pair| cookies.is_host_only_pair(pair);
        assert_eq!([0, 1, 2].map(host_only), [true, false, false]);
        // One name that others can set is enough.
        let mixed = cookies.clone().refresh_name("refresh");
        assert!(!mixed.is_host_only_pair(0));
        assert!(mixed.is_host_only(CookieSlot::session(0)));
    }
}
