use std::fmt;

use serde_json::{Map, Value};

use crate::{error::Error, ids::TenantId};

/// The largest size of custom claims, as JSON, in bytes.
const MAX_CLAIMS: usize = 4 * 1024;

/// The options of an exchange of an access key.
///
/// ```
/// use tower_descope::{ExchangeOptions, TenantId};
///
/// let options = ExchangeOptions::new().selected_tenant(TenantId::new("T2acme")?);
/// # Ok::<(), tower_descope::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct ExchangeOptions {
    selected_tenant: Option<TenantId>,
    custom_claims: Map<String, Value>,
}

impl ExchangeOptions {
    /// Makes options that ask for nothing but a session.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a tenant the session's current one (`dct`). Descope refuses keys that have no rights
    /// in it.
    pub fn selected_tenant(mut self, tenant: TenantId) -> Self {
        self.selected_tenant = Some(tenant);
        self
    }

    /// Adds claims to the session. They are found below `nsec` ("non-secure": chosen by whoever
    /// exchanges the key, not by Descope). At most 4 KiB of JSON.
    pub fn custom_claims(mut self, claims: Map<String, Value>) -> Self {
        self.custom_claims = claims;
        self
    }

    /// Returns the tenant to select.
    pub(crate) fn tenant(&self) -> Option<&TenantId> {
        self.selected_tenant.as_ref()
    }

    /// Returns the custom claims, if there are any.
    pub(crate) fn claims(&self) -> Option<&Map<String, Value>> {
        (!self.custom_claims.is_empty()).then_some(&self.custom_claims)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let text = serde_json::to_string(&self.custom_claims).unwrap_or_default();
        if text.len() > MAX_CLAIMS {
            return Err(Error::config(format!(
                "the custom claims of access keys take {} bytes, at most {MAX_CLAIMS} are allowed",
                text.len()
            )));
        }
        Ok(())
    }
}

impl fmt::Debug for ExchangeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExchangeOptions")
            .field("selected_tenant", &self.selected_tenant)
            .finish_non_exhaustive()
    }
}
