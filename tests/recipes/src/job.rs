//! A job with an access key of its own.

// recipe: job
use std::time::Duration;

use tokio::sync::Mutex;
use tower_descope::{AccessKey, AccessKeySession, Descope, Error, ExchangeOptions, TenantId};

/// The session of a job in one tenant.
pub struct JobSession {
    descope: Descope,
    key: AccessKey,
    options: ExchangeOptions,
    current: Mutex<Option<AccessKeySession>>,
}

impl JobSession {
    pub fn new(descope: Descope, key: AccessKey, tenant: TenantId) -> Self {
        Self {
            descope,
            key,
            options: ExchangeOptions::new().selected_tenant(tenant),
            current: Mutex::new(None),
        }
    }

    /// The session at hand, or a new one shortly before that ends: each exchange is a call to
    /// Descope, which limits them.
    pub async fn get(&self) -> Result<AccessKeySession, Error> {
        let mut current = self.current.lock().await; // who comes meanwhile waits for this exchange
        if let Some(session) = &*current
            && session.session().expires_in() > Duration::from_secs(60)
        {
            return Ok(session.clone());
        }
        let session = self.descope.exchange_access_key(&self.key, &self.options);
        Ok(current.insert(session.await?).clone())
    }
}

/// One step of the job: asks another service of the project, as a machine of the tenant.
pub async fn export(
    job: &JobSession,
    projects: &str,
) -> Result<String, Box<dyn std::error::Error>> {
    let session = job.get().await?;
    let request = reqwest::Client::new()
        .get(projects)
        .bearer_auth(session.session_token().expose());
    let response = request.send().await?.error_for_status()?;
    Ok(response.text().await?)
}
// end of recipe
