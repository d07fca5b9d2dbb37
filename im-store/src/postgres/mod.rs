//! The backend for several nodes: a PostgreSQL database. It keeps order by row locks and advisory locks, and takes nothing
//! for granted that another node may change: this program's own locks only save waiting.

mod address;
mod append;
mod bans;
mod calls;
mod check;
mod columns;
mod conversation_row;
mod conversations;

mod daily_users;
mod error;
mod expired;
mod history;
mod kicks;
mod locks;
mod members;
mod membership;
mod message_edits;
mod message_row;
mod messages;
mod missed_events;
mod nodes;
mod pool;
mod queries;
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
mod tls;
mod transaction;
mod unread;
mod views;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use hookd_im_core::store::StoreError;
use hookd_im_core::timestamp::{Clock, Timestamp};
use tokio::time::timeout;

pub use self::address::{InvalidPostgres, PostgresAddress};
use self::calls::HeldCalls;
pub use self::check::{CheckedDatabase, DatabaseProblem, check_database};
use self::pool::Pool;
use self::queries::Queries;
pub use self::tls::UnusableAuthorities;
use self::transaction::WriteLimits;
use self::writer::Writer;

/// A read, its wait for a connection included. One call takes 4 s at most: a client gives a request up after 20 s (P-12),
/// and a blocking hook may take 15 s of those.
const READ_LIMIT: Duration = Duration::from_secs(4);

/// A write.
const WRITE_LIMITS: WriteLimits = WriteLimits { write: Duration::from_millis(3500), look: Duration::from_millis(500) };

/// Connections for all but the messages and the queries of clients, which have their own.
const CONNECTIONS: usize = 8;

/// How long the start waits for the database, and for another node that migrates it.
const OPEN_LIMIT: Duration = Duration::from_mins(6);

/// [`hookd_im_core::store::Store`] over one PostgreSQL database, which other nodes may use at the same time.
pub struct PostgresStore {
    database: Database,
    writer: Writer,
    queries: Queries,
    held: HeldCalls,
}

/// Connections, and how long what is done with them may take.
struct Database {
    pool: Pool,
    clock: Clock,
    limits: WriteLimits,
}

impl PostgresStore {
    /// Connects, and brings the database to the newest schema; other nodes that start at the same time wait for it.
    ///
    /// # Errors
    /// The database cannot be reached or is of a newer program, or the role may not create tables in it.
    pub async fn open(address: &PostgresAddress) -> Result<Self, StoreError> {
        Self::open_with_clock(address, Arc::new(Timestamp::now)).await
    }

    /// Like [`PostgresStore::open`], with another source of times than the system's clock.
    ///
    /// # Errors
    /// As of [`PostgresStore::open`].
    pub async fn open_with_clock(address: &PostgresAddress, clock: Clock) -> Result<Self, StoreError> {
        let pool = Pool::new(address, CONNECTIONS);
        let preparing = async {
            let connection = pool.connection().await?;
            schema::migrate(&connection).await?;
            connection.give_back();
            Ok(())
        };
        let operation = "open the database";
        let timed_out = Err(StoreError::TimedOut { operation, limit: OPEN_LIMIT });
        timeout(OPEN_LIMIT, preparing).await.unwrap_or(timed_out)?;
        let writes = Arc::new(Pool::new(address, writer::CONNECTIONS));
        Ok(Self {
            writer: Writer::start(writes, clock.clone(), WRITE_LIMITS.write),
            queries: Queries::new(address, READ_LIMIT),
            database: Database { pool, clock, limits: WRITE_LIMITS },
            held: HeldCalls::default(),
        })
    }
}

impl Database {
    fn now(&self) -> Timestamp {
        (self.clock)()
    }
}
