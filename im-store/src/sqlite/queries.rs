//! What clients ask the store for: conversations that match a filter, and ranges of the history. It has connections of its
//! own, a share for each app and a budget for each question, so that a send never waits for it.

use std::path::Path;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use hookd_im_core::app_shares::AppShares;
use hookd_im_core::ids::AppId;
use hookd_im_core::store::{QueryError, StoreError};
use rusqlite::Connection;
use tokio::time::timeout_at;

use super::error::WorkError;
use super::reader::Readers;
use crate::query::budget::{TIME_BUDGET, busy, out_of_time};

/// Queries of one app that may wait for their turn; further ones are refused.
const WAITING_LIMIT: usize = 1024;

/// Queries at the same time, on a machine with few processors and with many.
const CONNECTIONS: (usize, usize) = (2, 8);

pub(super) struct Queries {
    readers: Readers,
    /// Queries that wait or run.
    places: AppShares,
    /// Queries that run: half of the connections.
    turns: AppShares,
    deadline: Duration,
}

impl Queries {
    /// `deadline` bounds each query, its wait for its turn included.
    pub(super) fn open(path: &Path, deadline: Duration) -> Result<Self, StoreError> {
        let (few, many) = CONNECTIONS;
        let connections = available_parallelism().map_or(few, usize::from).clamp(few, many);
        let (places, turns) = (AppShares::new(WAITING_LIMIT), AppShares::new(connections / 2));
        Ok(Self { readers: Readers::open(path, connections, deadline)?, places, turns, deadline })
    }

    /// Runs `work` on one snapshot of the data when the app has its turn. `work` learns when its time is over.
    pub(super) async fn run<T, F>(&self, app: &AppId, operation: &'static str, work: F) -> Result<T, QueryError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, Instant) -> Result<T, WorkError> + Send + 'static,
    {
        let waits = Instant::now() + self.deadline;
        let place = self.places.of(app).try_acquire_owned().map_err(|_| busy())?;
        let turn = timeout_at(waits.into(), self.turns.of(app).acquire_owned()).await;
        let turn = turn.map_err(|_| busy())?.map_err(|_| StoreError::Closed)?;
        let work = move |connection: &Connection, until| {
            // Both are the thread's: it may go on for a moment after its caller has gone.
            let _share = (place, turn);
            match work(connection, until) {
                Err(WorkError::Query(refused)) => Ok(Err(refused)),
                answered => answered.map(Ok),
            }
        };
        match self.readers.read_within(operation, (waits, TIME_BUDGET), work).await {
            Ok(answered) => answered,
            Err(StoreError::TimedOut { limit: TIME_BUDGET, .. }) => Err(out_of_time()),
            Err(error) => Err(error.into()),
        }
    }
}
