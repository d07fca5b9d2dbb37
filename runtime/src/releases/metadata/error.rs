//! Errors of the database of apps and releases.

use thiserror::Error;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the engine's database did not do what was asked. A change did not happen.
#[derive(Debug, Error)]
pub enum MetadataError {
    /// The backend refused or broke.
    #[error("the engine's database failed")]
    Database(#[source] Cause),
    /// The disk is full.
    #[error("the engine's database has no room: the disk is full")]
    Full(#[source] Cause),
    /// Others hold what the operation needs; a later one may get it.
    #[error("the engine's database is busy")]
    Busy(#[source] Cause),
    /// The database cannot be opened or reached.
    #[error("the engine's database cannot be reached")]
    Unavailable(#[source] Cause),
    /// The database itself is damaged.
    #[error("the engine's database is damaged")]
    Damaged(#[source] Cause),
    /// A column holds what this version does not understand.
    #[error("the engine's database holds `{column}` that cannot be read")]
    Corrupt {
        /// Table and column.
        column: &'static str,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The file cannot be made its owner's own.
    #[error("the engine's database cannot be kept private")]
    Private(#[source] std::io::Error),
    /// Written by a newer engine.
    #[error("the engine's database has schema {found}, this engine knows {known}; use the newer engine")]
    NewerSchema {
        /// Its version.
        found: usize,
        /// The newest one that this engine knows.
        known: usize,
    },
    /// The task that ran the statement is gone.
    #[error("a database task was cancelled")]
    Cancelled,
}
