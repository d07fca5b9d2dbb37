//! What the database's errors mean for the store.

use std::sync::Arc;

use deadpool_postgres::{PoolError, TimeoutType};
use hookd_im_core::store::StoreError;
use thiserror::Error as ThisError;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// What an error of a statement means. Texts are never compared: the server may speak any language.
pub(super) fn store_error(error: Error) -> StoreError {
    let Some(code) = error.code() else {
        // The server said nothing: the connection failed, or a value was not what was expected.
        return if is_lost(&error) {
            StoreError::Unavailable(error.into())
        } else {
            StoreError::Database(error.into())
        };
    };
    match class(code) {
        "08" => StoreError::Unavailable(error.into()),
        "40" => StoreError::Busy(error.into()),
        "53" if *code == SqlState::DISK_FULL => StoreError::Full(error.into()),
        "53" => StoreError::Busy(error.into()),
        "57" if *code == SqlState::QUERY_CANCELED => StoreError::Busy(error.into()),
        "57" => StoreError::Unavailable(error.into()),
        "XX" if [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED].contains(code) => {
            StoreError::Damaged(error.into())
        }
        _ if *code == SqlState::LOCK_NOT_AVAILABLE => StoreError::Busy(error.into()),
        // A standby, or a primary that has become one.
        _ if *code == SqlState::READ_ONLY_SQL_TRANSACTION => StoreError::Unavailable(error.into()),
        _ => StoreError::Database(error.into()),
    }
}

/// What it means that there is no connection.
pub(super) fn pool_error(error: PoolError) -> StoreError {
    match error {
        PoolError::Backend(error) => match store_error(error) {
            // Before there is a connection, nothing else can have failed but the way there.
            StoreError::Database(error) => StoreError::Unavailable(error),
            other => other,
        },
        PoolError::Timeout(TimeoutType::Wait) => StoreError::Busy(error.into()),
        PoolError::Closed => StoreError::Closed,
        PoolError::Timeout(_) | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
            StoreError::Unavailable(error.into())
        }
    }
}

/// True when the connection is gone, or the server about to go.
pub(super) fn is_lost(error: &Error) -> bool {
    match error.code() {
        Some(code) => class(code) == "08" || (class(code) == "57" && *code != SqlState::QUERY_CANCELED),
        None => error.is_closed() || std::error::Error::source(error).is_some_and(|cause| cause.is::<std::io::Error>()),
    }
}

/// True when a commit that ended like this did not happen.
pub(super) fn is_refusal(error: &Error) -> bool {
    error.code().is_some() && !is_lost(error)
}

/// The first two characters: what the codes of one kind have in common.
fn class(code: &SqlState) -> &str {
    code.code().get(..2).unwrap_or_default()
}

/// One error of several callers.
#[derive(Clone, Debug, ThisError)]
#[error(transparent)]
pub(super) struct Shared(Arc<StoreError>);

impl Shared {
    pub(super) fn new(error: StoreError) -> Self {
        Self(Arc::new(error))
    }

    /// The error for one of them.
    pub(super) fn for_one(&self) -> StoreError {
        let cause = Box::new(self.clone());
        match self.0.as_ref() {
            StoreError::Full(_) => StoreError::Full(cause),
            StoreError::Busy(_) => StoreError::Busy(cause),
            StoreError::Unavailable(_) => StoreError::Unavailable(cause),
            StoreError::Damaged(_) => StoreError::Damaged(cause),
            StoreError::TimedOut { operation, limit } => StoreError::TimedOut { operation, limit: *limit },
            StoreError::Closed => StoreError::Closed,
            _ => StoreError::Database(cause),
        }
    }
}
