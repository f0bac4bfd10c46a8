//! A worker that is sent the access keys of others.

// recipe: worker
use tower_descope::{AccessKey, Descope, Rejection};

/// A message of a queue, or the first one of a connection, which says by a key whose it is.
pub struct Message {
    pub key: AccessKey,
    pub text: String,
}

/// Works off one message, for the tenant of its sender and nobody else.
pub async fn work(descope: &Descope, message: &Message) -> Result<String, Rejection> {
    let session = descope.verify_access_key(&message.key).await?;
    let tenant = session.active_tenant()?;
    tenant.require_role("writer")?;
    Ok(format!("{} for {}", message.text, tenant.id()))
}
// end of recipe
