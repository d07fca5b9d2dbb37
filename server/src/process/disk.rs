//! Failures of a disk: it is full, or it lost data.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::path::Path;

use hookd_im_core::store::StoreError;
use rusqlite::ErrorCode;
use rustix::io::Errno;

use crate::error::{ServerError, chain};

/// True when there was no room for what had to be written.
pub fn is_full(error: &(dyn Error + 'static)) -> bool {
    // The process that compiles modules reports its error as text.
    let in_words = io::Error::from(Errno::NOSPC).to_string();
    chain(error).any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        matches!(io, Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge))
            || sqlite_code(cause) == Some(ErrorCode::DiskFull)
            || matches!(cause.downcast_ref(), Some(StoreError::Full(_)))
            || cause.to_string().contains(&in_words)
    })
}

/// The error of opening a database, with the file and the fix where it is damaged.
pub fn explained(error: impl Error + Send + Sync + 'static, database: &Path) -> ServerError {
    let is_damaged = chain(&error)
        .filter_map(sqlite_code)
        .any(|code| matches!(code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase));
    let name = database.display();
    let step = match is_damaged {
        true => format!(
            "`{name}` is damaged; put the last backup of the data folder in its place (docs/operations.md), or what \
             `sqlite3 {name} .recover` saves of it"
        ),
        false => format!("cannot open `{name}`"),
    };
    ServerError::failed(step, error)
}

fn sqlite_code(error: &(dyn Error + 'static)) -> Option<ErrorCode> {
    error.downcast_ref::<rusqlite::Error>()?.sqlite_error_code()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::BoxError;

    #[test]
    fn a_full_disk_is_known_in_every_form() {
        let no_room = || io::Error::from(Errno::NOSPC);
        let sqlite = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL), None);
        let in_words = BoxError::from(format!("the compile process ended: cannot write: {}", no_room()));
        let by_the_store = StoreError::Full("the writer's error".into()).into();
        let as_a_cause = ServerError::failed("outer", no_room()).into();
        for full in [by_the_store, as_a_cause, sqlite.into(), in_words] {
            assert!(is_full(full.as_ref()), "{full:?}");
        }
        assert!(!is_full(&io::Error::from(Errno::ACCESS)));
    }
}
