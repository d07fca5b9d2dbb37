//! [`HookQueue`] in the file of the messages, so that a message and its call share one transaction.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hookd_im_core::hooks::queue::{
    Backlog, Channel, Claimed, DeadLetter, Entry, Fate, HookQueue, Letters, QueueError, QueuedCall,
};
use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::store::StoreError;
use hookd_im_core::timestamp::Timestamp;

use super::error::WorkError;
use super::{Database, dead_letters, hook_call_repair, hook_calls, open_sessions, outbox};

/// Rows that one write changes at most where there may be a million of them: other apps' writes wait for it.
const ROWS_AT_ONCE: usize = 500;

/// Claimed calls with their lanes.
pub(super) type Claims = HashMap<u64, Option<ClientId>>;

/// The embedded queue. Made by [`super::SqliteStore::hook_queue`]; one for each file.
pub struct SqliteHookQueue {
    database: Arc<Database>,
    /// What runs, or ran and is not settled yet. Empty after a restart: what ran is called again.
    claimed: Mutex<HashMap<(AppId, Channel), Claims>>,
}

/// What one look at a channel found.
struct Look {
    found: Claimed,
    waits_too_long: bool,
}

impl SqliteHookQueue {
    pub(super) fn new(database: Arc<Database>) -> Self {
        Self { database, claimed: Mutex::default() }
    }

    fn claimed(&self) -> MutexGuard<'_, HashMap<(AppId, Channel), Claims>> {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(
        &self,
        app: &AppId,
        channel: Channel,
        now: Timestamp,
        (limit, claimed): (usize, Claims),
    ) -> Result<Look, StoreError> {
        let app = app.clone();
        let look = move |connection: &rusqlite::Connection| {
            Ok(Look {
                found: hook_calls::due(connection, &app, channel, now, limit, &claimed)?,
                waits_too_long: hook_call_repair::waits_too_long(connection, &app, channel, now)?,
            })
        };
        self.database.readers.read("claim hook calls", look).await
    }

    fn unclaim(&self, app: &AppId, channel: Channel, sequences: impl Iterator<Item = u64>) {
        let mut claimed = self.claimed();
        let key = (app.clone(), channel);
        let Some(of_channel) = claimed.get_mut(&key) else { return };
        sequences.for_each(|sequence| {
            of_channel.remove(&sequence);
        });
        if of_channel.is_empty() {
            claimed.remove(&key);
        }
    }
}

#[async_trait]
impl HookQueue for SqliteHookQueue {
    fn joins_store(&self) -> bool {
        true
    }

    async fn record(&self, app: &AppId, entries: Vec<Entry>, bound: usize) -> Result<usize, QueueError> {
        if entries.is_empty() {
            return Ok(0);
        }
        let app = app.clone();
        let record = move |connection: &rusqlite::Connection, now| record_all(connection, &app, &entries, bound, now);
        Ok(self.database.write("queue hook calls", record).await?)
    }

    /// The outbox is in the same file.
    async fn forget_rows(&self, _app: &AppId, _rows: &[u64]) -> Result<(), QueueError> {
        Ok(())
    }

    /// Done when the file was opened: no other process writes to it.
    async fn end_lost_sessions(&self) -> Result<(), QueueError> {
        Ok(())
    }

    /// One task at a time claims of a channel: two would get the same calls.
    async fn claim(&self, app: &AppId, channel: Channel, limit: usize) -> Result<Claimed, QueueError> {
        let key = (app.clone(), channel);
        let claimed = self.claimed().get(&key).cloned().unwrap_or_default();
        let now = (self.database.clock)();
        let mut look = self.look(app, channel, now, (limit, claimed.clone())).await?;
        if look.waits_too_long {
            let of_app = app.clone();
            let bring_forward = move |connection: &rusqlite::Connection, now| {
                hook_call_repair::bring_forward(connection, &of_app, channel, now)
            };
            self.database.write("bring hook calls forward", bring_forward).await?;
            look = self.look(app, channel, now, (limit, claimed)).await?;
        }
        let found = look.found;
        if !found.calls.is_empty() {
            let claims = found.calls.iter().map(|call| (call.sequence, call.lane.clone()));
            self.claimed().entry(key).or_default().extend(claims);
        }
        Ok(found)
    }

    async fn settle(
        &self,
        app: &AppId,
        channel: Channel,
        settled: Vec<(QueuedCall, Fate)>,
        dead_bound: usize,
    ) -> Result<usize, QueueError> {
        let sequences: Vec<u64> = settled.iter().map(|(call, _)| call.sequence).collect();
        let of_app = app.clone();
        let thrown_away = self
            .database
            .write("settle hook calls", move |connection, now| {
                hook_calls::settle(connection, &of_app, &settled, dead_bound, now)
            })
            .await?;
        self.unclaim(app, channel, sequences.into_iter());
        Ok(thrown_away)
    }

    async fn give_back(&self, app: &AppId, channel: Channel, calls: Vec<QueuedCall>) -> Result<(), QueueError> {
        self.unclaim(app, channel, calls.iter().map(|call| call.sequence));
        Ok(())
    }

    async fn backlog(&self) -> Result<Vec<Backlog>, QueueError> {
        Ok(self.database.readers.read("backlog of hook calls", hook_calls::backlog).await?)
    }

    async fn dead_letters(
        &self,
        app: &AppId,
        letters: &Letters,
        limit: usize,
        with_params: bool,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        let (app, letters) = (app.clone(), letters.clone());
        let list =
            move |connection: &rusqlite::Connection| dead_letters::list(connection, &app, &letters, limit, with_params);
        Ok(self.database.readers.read("dead letters", list).await?)
    }

    async fn revive(&self, app: &AppId, letters: &Letters, bound: usize) -> Result<usize, QueueError> {
        let (mut revived, mut after) = (0, None);
        loop {
            let (of_app, letters) = (app.clone(), letters.clone());
            let revive = move |connection: &rusqlite::Connection, now| {
                let limit = hook_calls::free_places(connection, &of_app, bound)?.min(ROWS_AT_ONCE);
                dead_letters::revive(connection, &of_app, &letters, (after, limit), now)
            };
            let some = self.database.write("revive dead letters", revive).await?;
            revived += some.revived;
            after = some.last;
            if after.is_none() {
                return Ok(revived);
            }
        }
    }

    async fn discard(&self, app: &AppId, letters: &Letters) -> Result<usize, QueueError> {
        let mut discarded = 0;
        loop {
            let (app, letters) = (app.clone(), letters.clone());
            let discard = move |connection: &rusqlite::Connection, _| {
                dead_letters::discard(connection, &app, &letters, ROWS_AT_ONCE)
            };
            let some = self.database.write("discard dead letters", discard).await?;
            discarded += some;
            if some < ROWS_AT_ONCE {
                return Ok(discarded);
            }
        }
    }

    async fn forget(&self, app: &AppId) -> Result<(), QueueError> {
        loop {
            let of_app = app.clone();
            let forget = move |connection: &rusqlite::Connection, _| {
                open_sessions::forget(connection, &of_app)?;
                hook_calls::forget(connection, &of_app, ROWS_AT_ONCE)
            };
            if !self.database.write("forget hook calls", forget).await? {
                break;
            }
        }
        self.claimed().retain(|(of, _), _| of != app);
        Ok(())
    }
}

/// Queues what has a place; answers how many calls were refused.
fn record_all(
    connection: &rusqlite::Connection,
    app: &AppId,
    entries: &[Entry],
    bound: usize,
    now: Timestamp,
) -> Result<usize, WorkError> {
    let (mut free, mut refused) = (hook_calls::free_places(connection, app, bound)?, 0);
    for Entry { call, session, row } in entries {
        match (call, row) {
            (Some(_), row) if free == 0 => {
                refused += 1;
                outbox::clear(connection, row.as_slice())?;
            }
            // One that is not in the outbox any more is queued, or was.
            (Some(call), Some(row)) => free -= usize::from(outbox::release(connection, *row, call.hook)?),
            (Some(call), None) => {
                hook_calls::push(connection, app, call, now)?;
                free -= 1;
            }
            (None, _) => {}
        }
        session.iter().try_for_each(|note| open_sessions::note(connection, app, note))?;
    }
    Ok(refused)
}
