//! The pass over a payload.

use smallvec::SmallVec;

use super::{Current, Entry, Named, Tenants};
use crate::{
    ids::TenantId,
    json::{self, DUPLICATE, Fault, Names, Quoted, Scan},
    jwt::table::{Builder, List, Text, Value, boxed, push},
};

/// The claims of a payload as they are read, before any is known to be missing.
pub(super) struct Reader {
    pub(super) subject: Option<Text>,
    pub(super) descope_subject: Option<Text>,
    pub(super) issuer: Option<Text>,
    pub(super) expires: Option<f64>,
    pub(super) not_before: Option<f64>,
    pub(super) issued: Option<f64>,
    pub(super) audience: Option<Value>,
    pub(super) kind: Named,
    pub(super) token_type: Named,
    pub(super) key_bound: bool,
    pub(super) current: Current,
    pub(super) tenants: Tenants,
    pub(super) roles: List,
    pub(super) permissions: List,
    pub(super) authentication_methods: List,
    pub(super) stepped_up: bool,
    pub(super) actor: Option<Value>,
    pub(super) anonymous: bool,
    pub(super) refresh_expires_at: Option<Text>,
}

/// The members of one object that are read, each at most once: a bit each.
#[derive(Default)]
struct Once(u32);

impl Once {
    fn take(&mut self, bit: u32) -> Result<(), Fault> {
        let bit = 1 << bit;
        if self.0 & bit != 0 {
            return Err(DUPLICATE);
        }
        self.0 |= bit;
        Ok(())
    }
}

impl Reader {
    pub(super) fn read(table: &mut Builder<'_>) -> Result<Self, Fault> {
        let mut read = Self {
            subject: None,
            descope_subject: None,
            issuer: None,
            expires: None,
            not_before: None,
            issued: None,
            audience: None,
            kind: Named::Absent,
            token_type: Named::Absent,
            key_bound: false,
            current: Current::None,
            tenants: Tenants::None,
            roles: List::default(),
            permissions: List::default(),
            authentication_methods: List::default(),
            stepped_up: false,
            actor: None,
            anonymous: false,
            refresh_expires_at: None,
        };
        let mut once = Once::default();
        let mut others = Names::default();
        Scan::new(table.payload()).document(|scan, name| {
            if let Some(bit) = read.member(table, scan, others.push(name)?)? {
                others.pop();
                once.take(bit)?;
            }
            Ok(())
        })?;
        others.distinct()?;
        Ok(read)
    }

    /// One claim, read and passed over; its bit, or `None` if it is not one that is read.
    ///
    /// A wrong type is a fault, never "absent", where the claim decides about acceptance
    /// (CVE-2026-25537); it is "none" where it only grants something.
    fn member<'a>(
        &mut self,
        table: &mut Builder<'a>,
        scan: &mut Scan<'a>,
        name: &str,
    ) -> Result<Option<u32>, Fault> {
        let bit = match name {
            "sub" => {
                self.subject = Some(text(table, scan)?.ok_or("sub_not_a_string")?);
                0
            }
            "dsub" => {
                self.descope_subject = Some(text(table, scan)?.ok_or("dsub_not_a_string")?);
                1
            }
            "iss" => {
                self.issuer = Some(text(table, scan)?.ok_or("iss_not_a_string")?);
                2
            }
            "exp" => {
                self.expires = Some(number(scan)?.ok_or("exp_not_a_number")?);
                3
            }
            "nbf" => {
                self.not_before = Some(number(scan)?.ok_or("nbf_not_a_number")?);
                4
            }
            "iat" => {
                self.issued = Some(number(scan)?.ok_or("iat_not_a_number")?);
                5
            }
            "aud" => {
                self.audience = Some(table.value(scan.value(1)?));
                6
            }
            "drn" => {
                self.kind = named(table, scan)?;
                7
            }
            "token_type" => {
                self.token_type = named(table, scan)?;
                8
            }
            "cnf" => {
                self.key_bound = scan.value(1)? != "null";
                9
            }
            "dct" => {
                self.current = current(scan)?;
                10
            }
            "tenants" => {
                self.tenants = tenants(table, scan)?;
                11
            }
            "roles" => {
                self.roles = table.list(scan, 1)?;
                12
            }
            "permissions" => {
                self.permissions = table.list(scan, 1)?;
                13
            }
            "amr" => {
                self.authentication_methods = table.list(scan, 1)?;
                14
            }
            "su" => {
                self.stepped_up = scan.value(1)? == "true";
                15
            }
            "act" => {
                let value = scan.value(1)?;
                self.actor = (value != "null").then(|| table.value(value));
                16
            }
            "rexp" => {
                self.refresh_expires_at = text(table, scan)?;
                17
            }
            "danu" => {
                // What is neither of these may be a newer way to say yes.
                self.anonymous = !matches!(scan.value(1)?, "false" | "null");
                18
            }
            _ => {
                scan.value(1)?;
                return Ok(None);
            }
        };
        Ok(Some(bit))
    }
}

/// A string of the outermost object; `None` if the value is none.
fn quoted<'a>(scan: &mut Scan<'a>) -> Result<Option<Quoted<'a>>, Fault> {
    if scan.peek() == Some(b'"') {
        return scan.string().map(Some);
    }
    scan.value(1)?;
    Ok(None)
}

fn text<'a>(table: &mut Builder<'a>, scan: &mut Scan<'a>) -> Result<Option<Text>, Fault> {
    quoted(scan)?.map(|string| table.text(string)).transpose()
}

fn number(scan: &mut Scan<'_>) -> Result<Option<f64>, Fault> {
    Ok(json::number(scan.value(1)?))
}

fn named<'a>(table: &mut Builder<'a>, scan: &mut Scan<'a>) -> Result<Named, Fault> {
    Ok(text(table, scan)?.map_or(Named::NotText, Named::Text))
}

fn current(scan: &mut Scan<'_>) -> Result<Current, Fault> {
    let id = quoted(scan)?.and_then(Quoted::text);
    Ok(id
        .and_then(|id| TenantId::from_claim(&id))
        .map_or(Current::None, Current::Tenant))
}

/// The `tenants` claim. Its levels are walked here; `scan` counts those below.
fn tenants<'a>(table: &mut Builder<'a>, scan: &mut Scan<'a>) -> Result<Tenants, Fault> {
    if scan.peek() != Some(b'{') {
        return Ok(if scan.value(1)? == "null" {
            Tenants::None
        } else {
            Tenants::Unusable
        });
    }
    let mut others = Names::default();
    let mut entries: SmallVec<[Entry; 8]> = SmallVec::new();
    scan.object(|scan, name| {
        let id = table.text(name)?;
        let entry = entry(table, scan, id, &mut others)?;
        push(&mut entries, entry);
        Ok(())
    })?;
    json::all_distinct(entries.len(), |index| {
        entries.get(index).map(|entry| table.read(entry.id))
    })?;
    Ok(if entries.is_empty() {
        Tenants::None
    } else {
        Tenants::Listed(boxed(&entries))
    })
}

fn entry<'a>(
    table: &mut Builder<'a>,
    scan: &mut Scan<'a>,
    id: Text,
    others: &mut Names<'a>,
) -> Result<Entry, Fault> {
    let mut roles = List::default();
    let mut permissions = List::default();
    let start = scan.place();
    if scan.peek() == Some(b'{') {
        let mut once = Once::default();
        others.clear();
        scan.object(|scan, name| {
            match others.push(name)? {
                "roles" => {
                    once.take(0)?;
                    roles = table.list(scan, 3)?;
                }
                "permissions" => {
                    once.take(1)?;
                    permissions = table.list(scan, 3)?;
                }
                _ => {
                    scan.value(3)?;
                    return Ok(());
                }
            }
            others.pop();
            Ok(())
        })?;
        others.distinct()?;
    } else {
        scan.value(2)?;
    }
    let value = scan.since(start);
    Ok(Entry {
        id,
        value: table.value(value),
        roles,
        permissions,
    })
}
