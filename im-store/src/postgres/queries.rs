//! What clients ask the store for: conversations that match a filter, and ranges of the history. It has connections of its
//! own, a share for each app and a budget for each question, so that a send never waits for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hookd_im_core::app_shares::AppShares;
use hookd_im_core::ids::AppId;
use hookd_im_core::store::{QueryError, StoreError};
use tokio::time::timeout_at;

use super::address::PostgresAddress;
use super::pool::{Connection, Pool};
use crate::query::budget::{TIME_BUDGET, busy, out_of_time};

/// Queries of one app that may wait for their turn; further ones are refused.
const WAITING_LIMIT: usize = 1024;

/// Queries at the same time.
const CONNECTIONS: usize = 4;

pub(super) struct Queries {
    pool: Pool,
    /// Queries that wait or run.
    places: AppShares,
    /// Queries that run: half of the connections.
    turns: AppShares,
    limit: Duration,
}

impl Queries {
    /// `limit` bounds each query, its wait for its turn included.
    pub(super) fn new(address: &PostgresAddress, limit: Duration) -> Self {
        let (places, turns) = (AppShares::new(WAITING_LIMIT), AppShares::new(CONNECTIONS / 2));
        Self { pool: Pool::new(address, CONNECTIONS), places, turns, limit }
    }

    /// Does `work` on one snapshot of the data when the app has its turn. `work` learns when its time is over.
    pub(super) async fn run<T, F>(
        &self,
        app: &AppId,
        operation: &'static str,
        work: impl FnOnce(Arc<Connection>, Instant) -> F,
    ) -> Result<T, QueryError>
    where
        F: Future<Output = Result<T, QueryError>>,
    {
        let waits = Instant::now() + self.limit;
        let timed_out = || StoreError::TimedOut { operation, limit: self.limit };
        let _place = self.places.of(app).try_acquire_owned().map_err(|_| busy())?;
        let turn = timeout_at(waits.into(), self.turns.of(app).acquire_owned()).await;
        let _turn = turn.map_err(|_| busy())?.map_err(|_| StoreError::Closed)?;
        let connection = timeout_at(waits.into(), self.pool.connection()).await.map_err(|_| timed_out())??;
        let until = waits.min(Instant::now() + TIME_BUDGET);
        let connection = Arc::new(connection);
        let answer = timeout_at(until.into(), work(connection.clone(), until)).await.map_err(|_| out_of_time())?;
        let Some(connection) = Arc::into_inner(connection) else { return answer };
        match &answer {
            Ok(_) => connection.give_back(),
            // A client that asks such queries costs no new connections.
            Err(QueryError::BadFilter(_) | QueryError::TooCostly(_)) => connection.undo_and_give_back(until).await,
            Err(QueryError::Store(_)) => {}
        }
        answer
    }
}
