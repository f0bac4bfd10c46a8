//! The names of audit events.

/// The longest name that is looked at, in bytes.
const LONGEST: usize = 64;

/// The events by which sessions may have to end that Descope documents. Whoever is marked and may stay
/// is renewed once.
const DOCUMENTED: [&str; 8] = [
    "userdeleted",
    "usersdeleted",
    "usermodified",
    "usersmodified",
    "loginexceedmaxattempts",
    "accesskeydeleted",
    "accesskeysdeleted",
    "accesskeymodified",
];

/// Parts of the names of events about users or access keys by which sessions may have to end. Descope
/// does not say that there are any but the documented ones.
const CHANGES: [&str; 18] = [
    "delet",
    "remov",
    "modif",
    "updat",
    "chang",
    "disab",
    "deactiv",
    "inactiv",
    "block",
    "lock",
    "suspend",
    "expir",
    "revok",
    "reset",
    "logout",
    "loggedout",
    "signout",
    "signedout",
];

/// An event's meaning for sessions, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Sessions of whoever it is about may not go on as they are. Of several at once, it is about others
    /// than who did it.
    Change {
        several: bool,
    },
    /// The same, by a name that is not documented.
    LikelyChange,
    Other,
}

impl Meaning {
    /// The meaning of a name that was [folded](folded).
    pub(super) fn of(action: &str) -> Self {
        if DOCUMENTED.contains(&action) {
            let several = action.starts_with("users") || action.starts_with("accesskeys");
            return Self::Change { several };
        }
        let has_any = |parts: &[&str]| parts.iter().any(|part| action.contains(part));
        if has_any(&["user", "accesskey", "session"]) && has_any(&CHANGES)
            || has_any(&["logout", "signout"])
        {
            return Self::LikelyChange;
        }
        Self::Other
    }
}

/// A name's letters and digits, in lower case: "User Deleted", `user_deleted` and `UserDeleted` are one.
pub(super) fn folded(name: &str) -> String {
    let ascii = name.bytes().filter(u8::is_ascii_alphanumeric);
    ascii
        .take(LONGEST)
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(name: &str) -> Meaning {
        Meaning::of(&folded(name))
    }

    #[test]
    fn the_documented_names_are_known_however_they_are_written() {
        for (name, several) in [
            ("UserDeleted", false),
            ("User Deleted", false),
            ("user_deleted", false),
            ("user.deleted", false),
            ("UsersDeleted", true),
            ("UserModified", false),
            ("USERS MODIFIED", true),
            ("LoginExceedMaxAttempts", false),
            ("AccessKeyDeleted", false),
            ("AccessKeysDeleted", true),
            ("access-key-modified", false),
        ] {
            assert_eq!(meaning(name), Meaning::Change { several }, "{name}");
        }
    }

    #[test]
    fn names_that_tell_of_a_user_s_end_are_taken_for_one() {
        for name in [
            "UserDisabled",
            "User Status Changed",
            "UserLoggedOut",
            "LogoutAll",
            "SignOutEverywhere",
            "UserTenantRemoved",
            "UserRolesUpdated",
            "AccessKeyDeactivated",
            "SessionRevoked",
        ] {
            assert_eq!(meaning(name), Meaning::LikelyChange, "{name}");
        }
    }

    #[test]
    fn signing_in_and_what_is_about_no_user_is_something_else() {
        for name in [
            "",
            "LoginSucceed",
            "LoginFailed",
            "LoginStarted",
            "UserCreated",
            "UserRefresh",
            "AccessKeyCreated",
            "RoleDeleted",
            "FlowUpdated",
            "\u{e9}\u{301}",
        ] {
            assert_eq!(meaning(name), Meaning::Other, "{name}");
        }
    }

    #[test]
    fn a_long_name_is_cut_off() {
        assert_eq!(folded(&"Ab-".repeat(1_000)).len(), LONGEST);
    }
}
