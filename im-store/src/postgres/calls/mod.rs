//! The table of calls.

mod claims;
mod dead_letters;
mod forget;
mod import;
mod session_rows;
mod settle;
mod waiting;

use std::sync::Arc;

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, Channel, NodeId};
use hookd_im_core::store::{
    Backlog, CallEntry, CallLimits, CallOutcome, Calls, Claimed, DeadLetter, DeadLetterFilter, ImportedCall,
    StoreError, StoredCall,
};

pub(super) use self::claims::HeldCalls;
use self::session_rows::SessionRows;
pub(super) use self::waiting::{NewCalls, Room};
use super::pool::Connection;
use super::{PostgresStore, READ_LIMIT};
use crate::call_rules::ROWS_AT_ONCE;

#[async_trait]
impl Calls for PostgresStore {
    async fn add_calls(
        &self,
        node: &NodeId,
        app: &AppId,
        entries: Vec<CallEntry>,
        limits: CallLimits,
    ) -> Result<Vec<StoredCall>, StoreError> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let add = async |connection: Arc<Connection>, now| {
            let mut room = Room::of(&connection, &[app.as_str()]).await?;
            let (mut new, mut stored) = (NewCalls::default(), Vec::with_capacity(entries.len()));
            let mut sessions = SessionRows::default();
            for CallEntry { call, session } in entries {
                stored.push(match call {
                    Some(call) => new.add_within(app, call, &mut room, limits),
                    None => StoredCall::None,
                });
                if let Some(session) = session {
                    sessions.add(session);
                }
            }
            sessions.write(&connection, node, app).await?;
            new.insert(&connection, now).await?;
            Ok(stored)
        };
        self.database.write("add calls", add).await
    }

    async fn claim(&self, node: &NodeId, app: &AppId, channel: &Channel, limit: usize) -> Result<Claimed, StoreError> {
        let key = (node.clone(), app.clone(), channel.clone());
        let kept = self.held.doubtful(&key);
        let was_doubtful = kept.is_some();
        let claim = async |connection: Arc<Connection>, now| claims::claim(&connection, &key, limit, kept, now).await;
        // Until it is answered: a claim that is broken off may have succeeded.
        self.held.doubt(&key);
        let claimed = self.database.write("claim calls", claim).await?;
        self.held.take(&key, &claimed.calls);
        self.held.is_cleared(&key);
        if was_doubtful {
            tracing::debug!(%app, %channel, "calls whose claim was not answered can be claimed again");
        }
        Ok(claimed)
    }

    async fn settle(
        &self,
        node: &NodeId,
        app: &AppId,
        channel: &Channel,
        settled: Vec<(u64, CallOutcome)>,
        dead_letter_limit: usize,
    ) -> Result<usize, StoreError> {
        let key = (node.clone(), app.clone(), channel.clone());
        let numbers: Vec<u64> = settled.iter().map(|(number, _)| *number).collect();
        let settle = async |connection: Arc<Connection>, now| {
            settle::settle(&connection, &key, settled, dead_letter_limit, now).await
        };
        let deleted = self.database.write("settle calls", settle).await?;
        self.held.let_go(&key, numbers.into_iter());
        Ok(deleted)
    }

    async fn give_back(
        &self,
        node: &NodeId,
        app: &AppId,
        channel: &Channel,
        calls: Vec<u64>,
    ) -> Result<(), StoreError> {
        let key = (node.clone(), app.clone(), channel.clone());
        self.held.let_go(&key, calls.iter().copied());
        let numbers = waiting::numbers(calls);
        let give_back = async |connection: Arc<Connection>, _| claims::give_back(&connection, &key, &numbers).await;
        let given = self.database.write("give calls back", give_back).await;
        if given.is_err() {
            // The next claim of the node gives them back.
            self.held.doubt(&key);
        }
        given
    }

    async fn backlog(&self) -> Result<Vec<Backlog>, StoreError> {
        let count = async |connection: Arc<Connection>| waiting::backlog(&connection).await;
        self.database.pool.read(("backlog of calls", READ_LIMIT), count).await
    }

    async fn dead_letters(
        &self,
        app: &AppId,
        filter: &DeadLetterFilter,
        limit: usize,
        with_payload: bool,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let list =
            async |connection: Arc<Connection>| dead_letters::list(&connection, app, filter, limit, with_payload).await;
        self.database.pool.read(("dead letters", READ_LIMIT), list).await
    }

    async fn retry_dead_letters(
        &self,
        app: &AppId,
        filter: &DeadLetterFilter,
        limits: CallLimits,
    ) -> Result<usize, StoreError> {
        let (mut added, mut after) = (0, None);
        loop {
            let retry = async |connection: Arc<Connection>, now| {
                dead_letters::retry(&connection, app, filter, limits, (after, ROWS_AT_ONCE), now).await
            };
            let some = self.database.write("retry dead letters", retry).await?;
            added += some.added;
            after = some.last;
            if after.is_none() {
                return Ok(added);
            }
        }
    }

    async fn discard_dead_letters(&self, app: &AppId, filter: &DeadLetterFilter) -> Result<usize, StoreError> {
        let mut discarded = 0;
        loop {
            let discard = async |connection: Arc<Connection>, _| {
                dead_letters::discard(&connection, app, filter, ROWS_AT_ONCE).await
            };
            let some = self.database.write("discard dead letters", discard).await?;
            discarded += some;
            if some < ROWS_AT_ONCE {
                return Ok(discarded);
            }
        }
    }

    async fn import_calls(&self, app: &AppId, calls: Vec<ImportedCall>) -> Result<(), StoreError> {
        let import = async |connection: Arc<Connection>, _| import::import(&connection, app, &calls).await;
        self.database.write("import calls", import).await
    }

    async fn delete_handed_over(&self, _app: &AppId, _rows: Vec<u64>) -> Result<usize, StoreError> {
        // No version had an outbox in PostgreSQL.
        Ok(0)
    }

    async fn forget_calls(&self, app: &AppId) -> Result<(), StoreError> {
        loop {
            let forget = async |connection: Arc<Connection>, _| forget::forget(&connection, app, ROWS_AT_ONCE).await;
            if !self.database.write("forget calls", forget).await? {
                break;
            }
        }
        self.held.forget_app(app);
        Ok(())
    }
}
