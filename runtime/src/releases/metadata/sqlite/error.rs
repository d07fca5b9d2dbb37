//! Errors of SQLite as those of the database. The error of SQLite stays in the chain.

use rusqlite::{Error, ErrorCode};

use super::super::MetadataError;

impl From<Error> for MetadataError {
    fn from(error: Error) -> Self {
        let (code, cause) = (error.sqlite_error_code(), Box::new(error));
        match code {
            Some(ErrorCode::DiskFull) => Self::Full(cause),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(cause),
            Some(ErrorCode::CannotOpen) => Self::Unavailable(cause),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(cause),
            _ => Self::Database(cause),
        }
    }
}
