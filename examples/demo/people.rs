//! Names of users and tenants, of which tokens hold only the ids.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use tower_descope::{answer::User, test_util::FakeDescope};

/// Who can be chosen on the sign-in page while the fake is in use: login, name, what they are.
pub(crate) const PEOPLE: [(&str, &str, &str); 3] = [
    (
        "ann@acme.test",
        "Ann Archer",
        "Owner of Acme Robotics and of Beta Bakery",
    ),
    (
        "ben@acme.test",
        "Ben Osei",
        "Editor at Acme Robotics, viewer at Beta Bakery",
    ),
    (
        "cleo@beta.test",
        "Cleo Castillo",
        "Editor at Beta Bakery, and nowhere else",
    ),
];

pub(crate) struct People {
    /// True while the fake signs people in.
    offline: bool,
    /// Names by id, as Descope told them at sign-in.
    names: RwLock<HashMap<String, String>>,
}

impl People {
    pub(crate) fn new(offline: bool) -> Self {
        let people = Self {
            offline,
            names: RwLock::default(),
        };
        if offline {
            // The fake's keys are the same at each start: a browser may still be signed in.
            for (id, name) in [
                ("U2ann", "Ann Archer"),
                ("U2ben", "Ben Osei"),
                ("U2cleo", "Cleo Castillo"),
                ("U2support", "Sam of the help desk"),
                ("T2acme", "Acme Robotics"),
                ("T2beta", "Beta Bakery"),
            ] {
                people.learn(id, Some(name));
            }
        }
        people
    }

    /// The code that needs no e-mail, with the fake.
    pub(crate) fn known_code(&self) -> Option<&'static str> {
        self.offline.then_some(FakeDescope::ONE_TIME_CODE)
    }

    /// The name of a user or tenant; its id if nobody signed in who told it.
    pub(crate) fn name_of(&self, id: &str) -> String {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        names.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }

    /// Learns the names in a user's record.
    pub(crate) fn meet(&self, user: &User) {
        if let Some(id) = user.id() {
            self.learn(id.as_str(), user.name().or(user.email()));
        }
        for tenant in user.tenants() {
            if let Some(id) = tenant.id() {
                self.learn(id.as_str(), tenant.name());
            }
        }
    }

    fn learn(&self, id: &str, name: Option<&str>) {
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
            names.insert(id.to_owned(), name.to_owned());
        }
    }
}
