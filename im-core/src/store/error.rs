//! Errors of the store.

use std::time::Duration;

use thiserror::Error;

/// Why the store could not answer. The text is for logs, never for clients.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The backend refused or broke.
    #[error("the database failed")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The disk is full. A write did not happen.
    #[error("the database has no room: the disk is full")]
    Full(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Others hold what the operation needs: locks, connections. A write did not happen; a later one may.
    #[error("the database is busy")]
    Busy(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database cannot be reached. A write did not happen.
    #[error("the database cannot be reached")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database itself is damaged.
    #[error("the database is damaged")]
    Damaged(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row that this program did not write.
    #[error("table `{table}`, row `{row}`: {problem}")]
    Corrupt {
        /// Table name.
        table: &'static str,
        /// Primary key.
        row: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The backend is too slow or too busy. A write did not happen, and will not.
    #[error("the store did not finish `{operation}` within {limit:?}: it is overloaded or its disk is slow")]
    TimedOut {
        /// What was waited for.
        operation: &'static str,
        /// How long.
        limit: Duration,
    },
    /// A write was begun, and its end could not be found out in time: it may have happened, and may happen yet.
    #[error("it is not known whether `{operation}` happened: the commit was not answered in time, the disk is slow")]
    OutcomeUnknown {
        /// What was begun.
        operation: &'static str,
    },
    /// The backend has shut down.
    #[error("the store is closed")]
    Closed,
}

/// Why a query failed.
#[derive(Debug, Error)]
pub enum QueryError {
    /// The filter cannot be understood (P-77); the text goes to the client.
    #[error("{0}")]
    BadFilter(String),
    /// It would cost more than one query may, or the app asks too much at a time; the text goes to the client.
    #[error("{0}")]
    TooCostly(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
