//! Tables and their migrations.

use hookd_im_core::store::StoreError;
use rusqlite::{Connection, TransactionBehavior};

use super::error::WorkError;

/// Step `n` brings a file of `user_version` `n` to `n + 1`. A released step is never edited: append the next one.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_start.sql"),
    include_str!("migrations/0002_hook_queue.sql"),
    include_str!("migrations/0003_open_sessions.sql"),
    include_str!("migrations/0004_outbox.sql"),
    include_str!("migrations/0005_ended_logins.sql"),
    include_str!("migrations/0006_counted_queue.sql"),
];

/// Brings the file to the newest schema. A file of a newer program is refused instead of half understood.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), WorkError> {
    migrate_to(connection, MIGRATIONS.len())
}

/// As [`migrate`], to the schema of an earlier program.
pub(super) fn migrate_to(connection: &mut Connection, newest: usize) -> Result<(), WorkError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = usize::try_from(version).ok().filter(|done| *done <= newest).ok_or_else(|| StoreError::Corrupt {
        table: "sqlite_schema",
        row: "user_version".to_owned(),
        problem: format!("schema version {version} is unknown, this program knows 0 to {newest}: use a newer program"),
    })?;
    for (migration, version) in MIGRATIONS.iter().take(newest).zip(1_i64..).skip(done) {
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", version)?;
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::{MIGRATIONS, migrate};

    fn version(connection: &Connection) -> i64 {
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    #[test]
    fn migrating_twice_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        assert_eq!(version(&connection), i64::try_from(MIGRATIONS.len()).unwrap());
    }

    #[test]
    fn schema_of_a_newer_program_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 999).unwrap();
        let error = migrate(&mut connection).unwrap_err();
        assert!(error.to_string().contains("999"), "{error}");
    }
}
