//! The embedded backend: one SQLite file in WAL mode, one thread that writes, a few connections that read.

mod bans;
mod calls;
mod conversation_row;
mod conversations;
mod daily_users;
mod error;
mod expired;
mod history;
mod kicks;
mod members;
mod membership;
mod message_edits;
mod message_row;
mod messages;
mod missed_events;
mod nodes;
mod outcome;
mod queries;
mod reader;
mod receipts;
mod refused_conversations;
mod retention;
mod schema;
mod search;
mod sessions;
mod settings;
mod standing;
mod standing_rows;
mod stored_events;
mod subscriptions;
mod unread;
mod views;
mod writer;

use std::fs::{self, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hookd_im_core::store::StoreError;
use hookd_im_core::timestamp::{Clock, Timestamp};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use self::calls::Claims;
use self::error::WorkError;
use self::nodes::Leases;
use self::queries::Queries;
use self::reader::Readers;
pub use self::writer::WriteCounts;
use self::writer::Writer;

/// How long calls may take.
#[derive(Clone, Copy)]
struct Deadlines {
    /// A read, its wait for a connection included.
    read: Duration,
    /// A write, its wait in the queue and its commit included.
    write: Duration,
    /// Looking whether a write happened whose commit was not heard of.
    read_back: Duration,
}

/// One call takes 4 s at most: a client gives a request up after 20 s (P-12), and a blocking hook may take 15 s of those.
const DEADLINES: Deadlines = Deadlines {
    read: Duration::from_secs(4),
    write: Duration::from_millis(3500),
    read_back: Duration::from_millis(500),
};

/// Reads at the same time that are not queries of clients.
const READERS: usize = 4;

/// How long SQLite waits for a lock that another process (a backup, a shell) holds on the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Pages in the log before they are copied into the file, 16 MiB. A page that several commits change is copied once, and with
/// SQLite's 1,000 pages that happens every few commits under load.
const LOG_PAGES: u32 = 4000;

/// Prepared statements kept by each connection: more than this backend has.
const STATEMENT_CACHE: usize = 64;

/// The store in one SQLite file. One process opens a file at a time: leases of nodes and claims of calls are in its memory.
pub struct SqliteStore {
    writer: Writer,
    /// For what stands in the way of a send.
    readers: Readers,
    queries: Queries,
    clock: Clock,
    read_back: Duration,
    claims: Claims,
    leases: Leases,
}

impl SqliteStore {
    /// Opens the file, or makes it, and brings it to the newest schema. Blocks for as long as that takes.
    ///
    /// # Errors
    /// The file cannot be used, or a newer program has written it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with_clock(path, Arc::new(Timestamp::now))
    }

    /// Like [`SqliteStore::open`], with another source of times than the system's clock.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn open_with_clock(path: impl AsRef<Path>, clock: Clock) -> Result<Self, StoreError> {
        let path = path.as_ref();
        Self::over(prepared(path)?, path, clock, DEADLINES)
    }

    /// `writer` is a connection to the file at `path`, which is ready.
    fn over(writer: Connection, path: &Path, clock: Clock, deadlines: Deadlines) -> Result<Self, StoreError> {
        Ok(Self {
            writer: Writer::start(writer, deadlines.write)?,
            readers: Readers::open(path, READERS, deadlines.read)?,
            queries: Queries::open(path, deadlines.read)?,
            clock,
            read_back: deadlines.read_back,
            claims: Claims::default(),
            leases: Leases::default(),
        })
    }

    /// How many writes shared how many commits.
    pub fn write_counts(&self) -> WriteCounts {
        self.writer.counts()
    }
}

/// A connection that may write, to a file of the newest schema.
fn prepared(path: &Path) -> Result<Connection, WorkError> {
    make_private(path)?;
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    keep_plans(&connection)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    schema::migrate(&mut connection)?;
    Ok(connection)
}

/// A statement keeps its plan. Otherwise SQLite plans many of them again for each value that they are given, which took a tenth of
/// a message's CPU time.
fn keep_plans(connection: &Connection) -> Result<(), WorkError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Messages are in it: only the owner reads them. SQLite gives its other files the mode of this one.
///
/// A file that is there is not opened for it: closing it would take the locks away that SQLite holds on it in this process.
fn make_private(path: &Path) -> Result<(), StoreError> {
    let made = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => ["", "-wal", "-shm"].iter().try_for_each(|suffix| {
            let mut file = path.as_os_str().to_owned();
            file.push(suffix);
            match fs::set_permissions(file, Permissions::from_mode(0o600)) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                set => set,
            }
        }),
        created => created.map(drop),
    };
    made.map_err(|error| StoreError::Database(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::prepared;

    #[test]
    fn other_values_do_not_make_a_statement_be_planned_again() {
        let folder = tempfile::tempdir().unwrap();
        let connection = prepared(&folder.path().join("im.db")).unwrap();
        let sql = "SELECT 1 FROM messages WHERE conversation = ?1 AND timestamp BETWEEN ?2 AND ?3 LIMIT ?4";
        let mut statement = connection.prepare(sql).unwrap();
        for value in 0..3 {
            assert!(!statement.exists([value, value, value, value]).unwrap());
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
