//! The app's own data, in `SQLite`. One table serves all tenants, so every query must say which:
//! each takes an [`ActiveTenant`], which exists only where a verified session named it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Error, params};
use time::{Duration, OffsetDateTime};
use tower_descope::ActiveTenant;

/// An in-memory database. Its calls take microseconds; a database on a disk or behind a network
/// is no thing to wait for in an async handler.
pub(crate) struct Store(Mutex<Connection>);

pub(crate) struct Project {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) lead: String,
    pub(crate) done: i64,
    pub(crate) tasks: i64,
    pub(crate) updated: OffsetDateTime,
}

pub(crate) struct Invoice {
    pub(crate) issued: OffsetDateTime,
    pub(crate) what: String,
    pub(crate) seats: i64,
    pub(crate) cents: i64,
    pub(crate) paid: bool,
}

impl Store {
    pub(crate) fn open() -> Result<Self, Error> {
        let db = Connection::open_in_memory()?;
        db.execute_batch(
            "CREATE TABLE projects (
                 id INTEGER PRIMARY KEY,
                 tenant TEXT NOT NULL,
                 name TEXT NOT NULL,
                 status TEXT NOT NULL,
                 lead TEXT NOT NULL,
                 done INTEGER NOT NULL,
                 tasks INTEGER NOT NULL,
                 updated INTEGER NOT NULL
             );
             CREATE INDEX projects_of_tenant ON projects (tenant, updated);
             CREATE TABLE invoices (
                 tenant TEXT NOT NULL,
                 issued INTEGER NOT NULL,
                 what TEXT NOT NULL,
                 seats INTEGER NOT NULL,
                 cents INTEGER NOT NULL,
                 paid INTEGER NOT NULL
             );",
        )?;
        let now = OffsetDateTime::now_utc();
        for (tenant, name, status, lead, done, tasks, days) in PROJECTS {
            let updated = (now - Duration::days(*days)).unix_timestamp();
            db.execute(
                "INSERT INTO projects (tenant, name, status, lead, done, tasks, updated)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![tenant, name, status, lead, done, tasks, updated],
            )?;
        }
        for (tenant, days, what, seats, cents, paid) in INVOICES {
            let issued = (now - Duration::days(*days)).unix_timestamp();
            db.execute(
                "INSERT INTO invoices (tenant, issued, what, seats, cents, paid)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![tenant, issued, what, seats, cents, paid],
            )?;
        }
        Ok(Self(Mutex::new(db)))
    }

    /// The tenant's projects, the latest first.
    pub(crate) fn projects(&self, tenant: &ActiveTenant) -> Result<Vec<Project>, Error> {
        let db = self.db();
        let mut query = db.prepare(
            "SELECT id, name, status, lead, done, tasks, updated FROM projects
             WHERE tenant = ?1 ORDER BY updated DESC, id DESC",
        )?;
        let rows = query.query_map([tenant.id().as_str()], |row| {
            Ok(Project {
                id: row.get(0)?,
                name: row.get(1)?,
                status: row.get(2)?,
                lead: row.get(3)?,
                done: row.get(4)?,
                tasks: row.get(5)?,
                updated: date(row.get(6)?),
            })
        })?;
        rows.collect()
    }

    /// Adds a project to the tenant; its id is returned.
    pub(crate) fn add_project(
        &self,
        tenant: &ActiveTenant,
        name: &str,
        lead: &str,
    ) -> Result<i64, Error> {
        let db = self.db();
        db.execute(
            "INSERT INTO projects (tenant, name, status, lead, done, tasks, updated)
             VALUES (?1, ?2, 'New', ?3, 0, 0, ?4)",
            params![
                tenant.id().as_str(),
                name,
                lead,
                OffsetDateTime::now_utc().unix_timestamp()
            ],
        )?;
        Ok(db.last_insert_rowid())
    }

    /// The tenant's invoices, the latest first.
    pub(crate) fn invoices(&self, tenant: &ActiveTenant) -> Result<Vec<Invoice>, Error> {
        let db = self.db();
        let mut query = db.prepare(
            "SELECT issued, what, seats, cents, paid FROM invoices
             WHERE tenant = ?1 ORDER BY issued DESC",
        )?;
        let rows = query.query_map([tenant.id().as_str()], |row| {
            Ok(Invoice {
                issued: date(row.get(0)?),
                what: row.get(1)?,
                seats: row.get(2)?,
                cents: row.get(3)?,
                paid: row.get(4)?,
            })
        })?;
        rows.collect()
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        // A panic elsewhere leaves no statement half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is wrong with a project's name, if anything.
pub(crate) fn problem_of(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("Give the project a name.")
    } else if name.chars().count() > 80 {
        Some("A name has at most 80 characters.")
    } else if name.chars().any(char::is_control) {
        Some("A name has no line breaks or other control characters.")
    } else {
        None
    }
}

fn date(unix: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(unix).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Tenant, name, status, lead, tasks done, tasks, days since the last change.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    i64,
    i64,
    i64,
);

const PROJECTS: &[Row] = &[
    (
        "T2acme",
        "Gripper v3: tolerance study",
        "On track",
        "Ann Archer",
        18,
        24,
        0,
    ),
    (
        "T2acme",
        "Warehouse pilot in Rotterdam",
        "At risk",
        "Ben Osei",
        9,
        31,
        1,
    ),
    (
        "T2acme",
        "Vision firmware 2.4",
        "On track",
        "Mira Lindqvist",
        40,
        44,
        3,
    ),
    (
        "T2acme",
        "Safety cage certification",
        "Blocked",
        "Ann Archer",
        5,
        12,
        9,
    ),
    (
        "T2acme",
        "Spare parts portal",
        "Done",
        "Tomás Ferreira",
        27,
        27,
        26,
    ),
    (
        "T2beta",
        "Christmas stollen 2026",
        "On track",
        "Cleo Castillo",
        11,
        14,
        0,
    ),
    (
        "T2beta",
        "Second deck oven",
        "At risk",
        "Ann Archer",
        6,
        19,
        2,
    ),
    (
        "T2beta",
        "Rye starter & flour trials",
        "On track",
        "Jonas Weber",
        13,
        16,
        5,
    ),
    (
        "T2beta",
        "Allergen labels for the counter",
        "Done",
        "Cleo Castillo",
        8,
        8,
        17,
    ),
];

/// Tenant, days since it was issued, what for, seats, cents, whether paid.
type InvoiceRow = (&'static str, i64, &'static str, i64, i64, bool);

const INVOICES: &[InvoiceRow] = &[
    ("T2acme", 6, "Team plan, monthly", 42, 100_800, false),
    ("T2acme", 36, "Team plan, monthly", 41, 98_400, true),
    ("T2acme", 67, "Team plan, monthly", 38, 91_200, true),
    ("T2beta", 12, "Starter plan, monthly", 6, 7_200, true),
    ("T2beta", 42, "Starter plan, monthly", 5, 6_000, true),
];
