//! Why work on a connection failed.

use std::sync::Arc;

use hookd_im_core::store::{QueryError, StoreError};
use rusqlite::ErrorCode;

/// What a function that works on a connection answers with, before the store's caller sees it.
#[derive(Debug)]
pub(super) enum WorkError {
    /// SQLite's own error.
    Sqlite(rusqlite::Error),
    /// An error of the store.
    Store(StoreError),
    /// The answer to a query that is refused.
    Query(QueryError),
}

impl From<rusqlite::Error> for WorkError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for WorkError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<QueryError> for WorkError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Store(error) => Self::Store(error),
            refused => Self::Query(refused),
        }
    }
}

impl From<WorkError> for StoreError {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::Sqlite(error) => of_sqlite(error),
            WorkError::Store(error) => error,
            WorkError::Query(error) => Self::Database(Box::new(error)),
        }
    }
}

impl From<WorkError> for QueryError {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::Query(refused) => refused,
            error => Self::Store(error.into()),
        }
    }
}

/// The store's error for an error of SQLite, which stays in its chain.
fn of_sqlite(error: rusqlite::Error) -> StoreError {
    classified(error.sqlite_error_code(), Box::new(error))
}

/// The store's error for a commit that failed: all writes of the commit share it.
pub(super) fn of_commit(error: Arc<rusqlite::Error>) -> StoreError {
    classified(error.sqlite_error_code(), Box::new(error))
}

fn classified(code: Option<ErrorCode>, cause: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    match code {
        Some(ErrorCode::DiskFull) => StoreError::Full(cause),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy(cause),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged(cause),
        _ => StoreError::Database(cause),
    }
}
