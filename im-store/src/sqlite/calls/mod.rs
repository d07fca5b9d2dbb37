//! The table of calls and its dead letters.

mod claims;
#[cfg(test)]
mod cost;
mod dead_letters;
mod import;
mod settling;
mod waiting;

use async_trait::async_trait;
use hookd_im_core::ids::{AppId, Channel, NodeId};
use hookd_im_core::store::{
    Backlog, CallEntry, CallLimits, CallOutcome, Calls, Claimed, DeadLetter, DeadLetterFilter, ImportedCall,
    StoreError, StoredCall,
};
use hookd_im_core::timestamp::Timestamp;
use rusqlite::Connection;

pub(super) use self::claims::Claims;
use self::claims::ClaimsOfChannel;
pub(super) use self::waiting::{add, add_for};
use super::error::WorkError;
use super::{SqliteStore, nodes};
use crate::call_rules::ROWS_AT_ONCE;

/// What one look at a channel found.
struct Look {
    found: Claimed,
    waits_too_long: bool,
}

impl SqliteStore {
    /// Calls that are due and not among the claimed ones. Those that wait for a clock that was set back are brought forward.
    async fn find_due(
        &self,
        app: &AppId,
        channel: &Channel,
        (limit, claimed): (usize, &ClaimsOfChannel),
    ) -> Result<Claimed, StoreError> {
        let now = (self.clock)();
        let look = self.look(app, channel, now, (limit, claimed.clone())).await?;
        if !look.waits_too_long {
            return Ok(look.found);
        }
        let (of_app, of_channel) = (app.clone(), channel.clone());
        let bring_forward =
            move |connection: &Connection, now| waiting::bring_forward(connection, &of_app, &of_channel, now);
        self.write("bring calls forward", bring_forward).await?;
        Ok(self.look(app, channel, now, (limit, claimed.clone())).await?.found)
    }

    async fn look(
        &self,
        app: &AppId,
        channel: &Channel,
        now: Timestamp,
        (limit, claimed): (usize, ClaimsOfChannel),
    ) -> Result<Look, StoreError> {
        let (app, channel) = (app.clone(), channel.clone());
        let look = move |connection: &Connection| {
            Ok(Look {
                found: waiting::due(connection, &app, &channel, now, (limit, &claimed))?,
                waits_too_long: waiting::waits_too_long(connection, &app, &channel, now)?,
            })
        };
        self.readers.read("claim calls", look).await
    }
}

#[async_trait]
impl Calls for SqliteStore {
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
        let (node, app) = (node.clone(), app.clone());
        let add = move |connection: &Connection, now| add_all(connection, (&node, &app), entries, limits, now);
        self.write("add calls", add).await
    }

    async fn claim(&self, node: &NodeId, app: &AppId, channel: &Channel, limit: usize) -> Result<Claimed, StoreError> {
        loop {
            let claimed = self.claims.of_channel(app, channel);
            let mut found = self.find_due(app, channel, (limit, &claimed)).await?;
            // Only where other nodes work on the same channel it may be necessary to look again.
            if self.claims.claim(node, (app, channel), &claimed, &mut found.calls) {
                return Ok(found);
            }
        }
    }

    async fn settle(
        &self,
        node: &NodeId,
        app: &AppId,
        channel: &Channel,
        mut settled: Vec<(u64, CallOutcome)>,
        dead_letter_limit: usize,
    ) -> Result<usize, StoreError> {
        settled.retain(|(number, _)| self.claims.is_of(node, app, channel, *number));
        if settled.is_empty() {
            return Ok(0);
        }
        let numbers: Vec<u64> = settled.iter().map(|(number, _)| *number).collect();
        let (of_app, of_channel) = (app.clone(), channel.clone());
        let settle = move |connection: &Connection, now| {
            settling::settle(connection, (&of_app, &of_channel), &settled, dead_letter_limit, now)
        };
        let deleted_letters = self.write("settle calls", settle).await?;
        self.claims.release(node, app, channel, &numbers);
        Ok(deleted_letters)
    }

    async fn give_back(
        &self,
        node: &NodeId,
        app: &AppId,
        channel: &Channel,
        calls: Vec<u64>,
    ) -> Result<(), StoreError> {
        self.claims.release(node, app, channel, &calls);
        Ok(())
    }

    async fn backlog(&self) -> Result<Vec<Backlog>, StoreError> {
        self.readers.read("backlog of calls", waiting::backlog).await
    }

    async fn dead_letters(
        &self,
        app: &AppId,
        filter: &DeadLetterFilter,
        limit: usize,
        with_payload: bool,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let (app, filter) = (app.clone(), filter.clone());
        let list = move |connection: &Connection| dead_letters::list(connection, &app, &filter, limit, with_payload);
        self.readers.read("dead letters", list).await
    }

    async fn retry_dead_letters(
        &self,
        app: &AppId,
        filter: &DeadLetterFilter,
        limits: CallLimits,
    ) -> Result<usize, StoreError> {
        let (mut retried, mut after) = (0, None);
        loop {
            let (app, filter) = (app.clone(), filter.clone());
            let retry = move |connection: &Connection, now| {
                dead_letters::retry(connection, (&app, &filter), (after, ROWS_AT_ONCE), limits, now)
            };
            let some = self.write("retry dead letters", retry).await?;
            retried += some.retried;
            after = some.last;
            if after.is_none() {
                return Ok(retried);
            }
        }
    }

    async fn discard_dead_letters(&self, app: &AppId, filter: &DeadLetterFilter) -> Result<usize, StoreError> {
        let mut discarded = 0;
        loop {
            let (app, filter) = (app.clone(), filter.clone());
            let discard =
                move |connection: &Connection, _| dead_letters::discard(connection, &app, &filter, ROWS_AT_ONCE);
            let some = self.write("discard dead letters", discard).await?;
            discarded += some;
            if some < ROWS_AT_ONCE {
                return Ok(discarded);
            }
        }
    }

    async fn import_calls(&self, app: &AppId, calls: Vec<ImportedCall>) -> Result<(), StoreError> {
        let app = app.clone();
        self.write("import calls", move |connection, _| import::import(connection, &app, &calls)).await
    }

    async fn delete_handed_over(&self, app: &AppId, rows: Vec<u64>) -> Result<usize, StoreError> {
        let app = app.clone();
        let delete = move |connection: &Connection, _| import::delete_handed_over(connection, &app, &rows);
        self.write("delete calls that were handed over", delete).await
    }

    async fn forget_calls(&self, app: &AppId) -> Result<(), StoreError> {
        loop {
            let of_app = app.clone();
            let forget = move |connection: &Connection, _| {
                let sessions = nodes::forget_sessions(connection, &of_app, ROWS_AT_ONCE)?;
                Ok(waiting::forget(connection, &of_app, ROWS_AT_ONCE)? || sessions > 0)
            };
            if !self.write("forget calls", forget).await? {
                break;
            }
        }
        self.claims.forget(app);
        Ok(())
    }
}

fn add_all(
    connection: &Connection,
    (node, app): (&NodeId, &AppId),
    entries: Vec<CallEntry>,
    limits: CallLimits,
    now: Timestamp,
) -> Result<Vec<StoredCall>, WorkError> {
    let mut stored = Vec::with_capacity(entries.len());
    for CallEntry { call, session } in entries {
        stored.push(match call {
            Some(call) => waiting::add_within(connection, app, &call, limits, now)?,
            None => StoredCall::None,
        });
        if let Some(session) = session {
            nodes::write_session(connection, (node, app), &session)?;
        }
    }
    Ok(stored)
}
