//! Connections, and what is done with one at a time. Everything that is waited for has a deadline.

use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use deadpool_postgres::{ClientWrapper, Manager, ManagerConfig, Object, RecyclingMethod, Runtime};
use hookd_im_core::store::StoreError;
use tokio::time::{timeout, timeout_at};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::address::{CONNECT_TIMEOUT, PostgresAddress};
use super::error::{is_lost, store_error};

/// Closed connections that are met in the pool before the server itself is taken for gone.
pub(super) const TRIES: usize = 3;

/// Some connections to one database.
pub(super) struct Pool {
    pool: deadpool_postgres::Pool,
}

impl Pool {
    /// None is opened before it is needed.
    pub(super) fn new(address: &PostgresAddress, size: usize) -> Self {
        let how = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(address.config.clone(), address.tls.connector(), how);
        let builder = deadpool_postgres::Pool::builder(manager).max_size(size).runtime(Runtime::Tokio1);
        // The wait for one that is free has the deadline of the whole call.
        #[expect(clippy::expect_used, reason = "it fails only for a timeout without a runtime")]
        let pool = builder.create_timeout(Some(CONNECT_TIMEOUT)).build().expect("timeouts with a runtime");
        Self { pool }
    }

    /// One that is free, or a new one.
    pub(super) async fn connection(&self) -> Result<Connection, StoreError> {
        let object = self.pool.get().await.map_err(super::error::pool_error)?;
        Ok(Connection { object: Some(object) })
    }

    /// One with an open transaction.
    pub(super) async fn transaction(&self) -> Result<Connection, StoreError> {
        let mut tries = 0;
        loop {
            let connection = self.connection().await?;
            match connection.batch_execute("BEGIN").await {
                Ok(()) => return Ok(connection),
                Err(error) if is_lost(&error) && tries < TRIES => tries += 1,
                Err(error) => return Err(store_error(error)),
            }
        }
    }

    /// Does `work` outside of a transaction: each statement sees what was committed before it began.
    pub(super) async fn read<T, F>(
        &self,
        (operation, limit): (&'static str, Duration),
        work: impl FnOnce(Arc<Connection>) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let reading = async {
            let connection = Arc::new(self.connection().await?);
            let answer = work(connection.clone()).await?;
            // Of work that keeps a connection for later nothing is known.
            if let Some(connection) = Arc::into_inner(connection) {
                connection.give_back();
            }
            Ok(answer)
        };
        timeout(limit, reading).await.unwrap_or(Err(StoreError::TimedOut { operation, limit }))
    }
}

/// A connection in use. It goes back to the pool only by [`Connection::give_back`]: one whose work was broken off may be in
/// the middle of a transaction, or of a statement that still runs.
pub(super) struct Connection {
    object: Option<Object>,
}

impl Deref for Connection {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        #[expect(clippy::expect_used, reason = "it is taken only where the connection ends")]
        self.object.as_ref().expect("a connection in use")
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            // Closes it. The server undoes its transaction.
            drop(Object::take(object));
        }
    }
}

impl Connection {
    /// Lets others use it: its work is done.
    pub(super) fn give_back(mut self) {
        drop(self.object.take());
    }

    /// The same, for work that was refused half-way.
    pub(super) async fn undo_and_give_back(self, until: Instant) {
        if let Ok(Ok(())) = timeout_at(until.into(), self.batch_execute("ROLLBACK")).await {
            self.give_back();
        }
    }

    /// Runs a statement that is prepared once for each connection; answers the number of rows.
    pub(super) async fn execute_prepared(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<u64, StoreError> {
        let statement = self.prepare_cached(sql).await.map_err(store_error)?;
        self.execute(&statement, values).await.map_err(store_error)
    }

    /// Prepares statements that are to be sent one right after the other.
    pub(super) async fn prepare_all(&self, statements: &[&str]) -> Result<(), StoreError> {
        for sql in statements {
            self.prepare_cached(sql).await.map_err(store_error)?;
        }
        Ok(())
    }

    /// As [`Self::execute_prepared`]; answers the rows.
    pub(super) async fn rows(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, StoreError> {
        let statement = self.prepare_cached(sql).await.map_err(store_error)?;
        self.query(&statement, values).await.map_err(store_error)
    }

    /// As [`Self::rows`], for one row at most.
    pub(super) async fn row(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Option<Row>, StoreError> {
        let statement = self.prepare_cached(sql).await.map_err(store_error)?;
        self.query_opt(&statement, values).await.map_err(store_error)
    }
}
