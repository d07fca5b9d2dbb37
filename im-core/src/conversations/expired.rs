//! The end of temporary conversations (S-11, S-12).

use crate::core::ImCore;
use crate::store::StoreError;

/// Deletes temporary conversations whose life is over, and their messages. To be called from time to time, on any node: they
/// cannot be found any more anyway.
///
/// # Errors
/// When the store fails; the rest is deleted later.
pub async fn delete_expired(core: &ImCore) -> Result<(), StoreError> {
    while core.store.delete_expired_conversations().await? {}
    Ok(())
}
