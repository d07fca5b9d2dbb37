//! [`HookQueue`] on Redis Streams, for nodes that share one Redis.
//!
//! The keys of an app begin with `hookd:hooks:{APP}:`, one hash slot:
//!
//! | key | what |
//! |---|---|
//! | `calls` | hash: sequence number -> call, everything that waits or runs |
//! | `queue:CHANNEL` | stream of the sequence numbers (`s`) whose turn has come, with the lane (`l`) where it is known, read by the consumer group `hookd` |
//! | `later:CHANNEL` | sorted set: when a failed call is made again |
//! | `lane:CLIENT` | list of the client's calls in order; only the first one is in a stream or in `later` |
//! | `sequence` | the newest sequence number |
//! | `online:NODE` | hash: session -> the `_clientOffline` that is due when the node dies |
//! | `nodes` | sorted set: when each node with sessions last said that it lives |
//! | `taken` | sorted set: `NODE:ROW` of calls that may still be in a node's outbox, by the time when they were queued |
//! | `letters`, `dead` | hash: sequence number -> dead letter; sorted set: when it died |
//!
//! What a node has claimed and did not settle is claimed by the others once the node has been silent for [`claims::LEASE`].

mod claims;
mod connection;
mod letters;
mod sessions;
mod stored;

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hook_types::{ClientOffline, Hook as _};
use redis::{Pipeline, pipe};

use self::claims::Claims;
use self::connection::Connection;
pub use self::connection::RedisNodes;
use self::stored::{StoredCall, StoredLetter, to_json};
use super::queue::{
    Backlog, Channel, Claimed, DeadLetter, Entry, Fate, HookQueue, LONGEST_WAIT, Letters, NewCall, QueueError,
    QueuedCall, SessionNote,
};
use crate::ids::{AppId, ClientId};
use crate::timestamp::{Clock, Timestamp};

const GROUP: &str = "hookd";

/// Ids of apps that ever queued something.
const APPS: &str = "hookd:hooks:apps";

/// A queue in Redis.
pub struct RedisHookQueue {
    connection: Connection,
    /// Names this node to the consumer group: the same after a restart, so that it finds what it had claimed.
    consumer: String,
    /// Tells this process from the earlier ones of this node.
    run: String,
    claims: Claims,
    /// Apps that are written down.
    apps: Mutex<HashSet<AppId>>,
    /// Apps whose sessions of earlier processes have been ended.
    swept: Mutex<HashSet<AppId>>,
    clock: Clock,
}

impl RedisHookQueue {
    /// A queue in one Redis, or in a cluster; `consumer` is the name of this node, the same after a
    /// restart and unlike that of any other. Connects at the first use.
    pub fn new(redis: RedisNodes, consumer: String, clock: Clock) -> Self {
        let connection = Connection::new(redis);
        let run = hex::encode(rand::random::<[u8; 8]>());
        let (claims, apps, swept) = (Claims::default(), Mutex::default(), Mutex::default());
        Self { connection, consumer, run, claims, apps, swept, clock }
    }

    /// Writes the app down where every node finds it, before its first call: a call of an unknown app would not be
    /// found after a crash.
    async fn know(&self, app: &AppId) -> Result<(), QueueError> {
        if self.apps().contains(app) {
            return Ok(());
        }
        let mut know = pipe();
        know.cmd("SADD").arg(APPS).arg(app.as_str()).ignore();
        let () = self.connection.run("write the app down", &know).await?;
        self.apps().insert(app.clone());
        Ok(())
    }

    /// Lets the app be written down again.
    fn unknow(&self, app: &AppId) {
        self.apps().remove(app);
    }

    fn apps(&self) -> MutexGuard<'_, HashSet<AppId>> {
        self.apps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_swept(&self, app: &AppId) -> bool {
        self.swept.lock().unwrap_or_else(PoisonError::into_inner).contains(app)
    }

    fn swept(&self, app: &AppId) {
        self.swept.lock().unwrap_or_else(PoisonError::into_inner).insert(app.clone());
    }

    async fn try_to_claim(&self, app: &AppId, channel: Channel, limit: usize) -> Result<Claimed, QueueError> {
        let now = self.now();
        self.make_group(app, channel).await?;
        let horizon = now.plus(LONGEST_WAIT).plus(LONGEST_WAIT);
        let arguments = [channel.name().to_owned(), now.0.to_string(), limit.to_string(), horizon.0.to_string()];
        let promote = script(include_str!("promote.lua"), app, arguments.iter().map(String::as_str));
        let (next,): (String,) = self.connection.run("look for hook calls", &promote).await?;
        let calls = self.take(app, channel, limit).await?;
        // Scores are written as floating point numbers.
        let next = next.parse::<f64>().ok().map(|due| Timestamp(due as i64));
        Ok(Claimed { calls, next: next.map(|due| due.max(now)) })
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The name of a row of this node's outbox among those of all nodes.
    fn row_name(&self, row: u64) -> String {
        format!("{}:{row}", self.consumer)
    }
}

fn prefix(app: &AppId) -> String {
    format!("hookd:hooks:{{{app}}}:")
}

/// A script over the keys of one app; its first key is the hash of calls.
fn script<'a>(source: &str, app: &AppId, arguments: impl IntoIterator<Item = &'a str>) -> Pipeline {
    let prefix = prefix(app);
    let mut pipeline = pipe();
    pipeline.cmd("EVAL").arg(source).arg(1).arg(format!("{prefix}calls")).arg(&prefix);
    for argument in arguments {
        pipeline.arg(argument);
    }
    pipeline
}

#[async_trait]
impl HookQueue for RedisHookQueue {
    async fn record(&self, app: &AppId, entries: Vec<Entry>, bound: usize) -> Result<usize, QueueError> {
        let now = self.now();
        let mut arguments = vec![bound.to_string(), now.0.to_string(), self.consumer.clone()];
        for Entry { call, session, row } in &entries {
            arguments.extend(match call {
                Some(call) => {
                    let lane = call.lane.as_ref().map_or("", ClientId::as_str);
                    let stored = to_json(&StoredCall::new(call, now))?;
                    [Channel::of(call.hook).name().to_owned(), lane.to_owned(), stored]
                }
                None => [const { String::new() }; 3],
            });
            arguments.extend(match session {
                Some(SessionNote::Opened { session, client, if_lost }) => {
                    let (lane, params) = (Some(client.clone()), if_lost.clone());
                    let lost = NewCall { hook: ClientOffline::NAME, params, lane, remote_address: None };
                    [self.session_name(*session), to_json(&StoredCall::new(&lost, now))?]
                }
                Some(SessionNote::Ended { session }) => [self.session_name(*session), String::new()],
                None => [const { String::new() }; 2],
            });
            arguments.push(row.map(|row| self.row_name(row)).unwrap_or_default());
        }
        self.know(app).await?;
        let record = script(include_str!("record.lua"), app, arguments.iter().map(String::as_str));
        let (queued,): (usize,) = self.connection.run("queue hook calls", &record).await?;
        let calls = entries.iter().filter(|entry| entry.call.is_some()).count();
        Ok(calls.saturating_sub(queued))
    }

    async fn forget_rows(&self, app: &AppId, rows: &[u64]) -> Result<(), QueueError> {
        if rows.is_empty() {
            return Ok(());
        }
        let rows: Vec<String> = rows.iter().map(|row| self.row_name(*row)).collect();
        let mut forget = pipe();
        forget.cmd("ZREM").arg(format!("{}taken", prefix(app))).arg(rows).ignore();
        self.connection.run("forget rows of the outbox", &forget).await
    }

    async fn end_lost_sessions(&self) -> Result<(), QueueError> {
        for app in self.known_apps().await? {
            self.end_lost_sessions_of(&app).await?;
        }
        Ok(())
    }

    async fn claim(&self, app: &AppId, channel: Channel, limit: usize) -> Result<Claimed, QueueError> {
        self.try_to_claim(app, channel, limit).await.inspect_err(|error| self.look_again(app, channel, error))
    }

    async fn settle(
        &self,
        app: &AppId,
        channel: Channel,
        settled: Vec<(QueuedCall, Fate)>,
        dead_bound: usize,
    ) -> Result<usize, QueueError> {
        let now = self.now();
        let mut arguments =
            vec![channel.name().to_owned(), GROUP.to_owned(), now.0.to_string(), dead_bound.to_string()];
        for (call, fate) in &settled {
            let lane = call.lane.as_ref().map_or("", ClientId::as_str);
            let entry = self.claims.entry(app, channel, call.sequence);
            arguments.extend([entry, call.sequence.to_string(), lane.to_owned()]);
            arguments.extend(match fate {
                Fate::Done => ["done".to_owned(), String::new(), String::new()],
                Fate::Again { at } => {
                    ["again".to_owned(), at.0.to_string(), to_json(&StoredCall::after_failure(call))?]
                }
                Fate::Dead { cause, reason } => {
                    let letter = StoredLetter::new(call, (cause.name(), reason), now);
                    ["dead".to_owned(), to_json(&letter)?, String::new()]
                }
            });
        }
        let settle = script(include_str!("settle.lua"), app, arguments.iter().map(String::as_str));
        let (thrown_away,): (usize,) = self.connection.run("settle hook calls", &settle).await?;
        self.claims.release(app, channel, settled.iter().map(|(call, _)| call.sequence));
        Ok(thrown_away)
    }

    async fn give_back(&self, app: &AppId, channel: Channel, calls: Vec<QueuedCall>) -> Result<(), QueueError> {
        if calls.is_empty() {
            return Ok(());
        }
        let mut arguments = vec![channel.name().to_owned(), GROUP.to_owned()];
        for call in &calls {
            arguments.extend([self.claims.entry(app, channel, call.sequence), call.sequence.to_string()]);
        }
        let give_back = script(include_str!("give_back.lua"), app, arguments.iter().map(String::as_str));
        let _: (i64,) = self.connection.run("give hook calls back", &give_back).await?;
        self.claims.release(app, channel, calls.iter().map(|call| call.sequence));
        Ok(())
    }

    async fn backlog(&self) -> Result<Vec<Backlog>, QueueError> {
        self.renew_claims().await?;
        let mut backlog = Vec::new();
        for app in self.known_apps().await? {
            self.end_lost_sessions_of(&app).await?;
            backlog.extend(self.backlog_of(app).await?);
        }
        Ok(backlog)
    }

    async fn dead_letters(
        &self,
        app: &AppId,
        letters: &Letters,
        limit: usize,
        with_params: bool,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        let mut found = self.letters(app, letters).await?;
        found.truncate(limit);
        Ok(found.into_iter().map(|(id, letter)| letter.letter(id, with_params)).collect())
    }

    async fn revive(&self, app: &AppId, letters: &Letters, bound: usize) -> Result<usize, QueueError> {
        self.revive_letters(app, letters, bound).await
    }

    async fn discard(&self, app: &AppId, letters: &Letters) -> Result<usize, QueueError> {
        self.discard_letters(app, letters).await
    }

    async fn forget(&self, app: &AppId) -> Result<(), QueueError> {
        let forget = script(include_str!("forget.lua"), app, Channel::all().map(Channel::name));
        let _: (i64,) = self.connection.run("forget hook calls", &forget).await?;
        self.unknow(app);
        let mut strike = pipe();
        strike.cmd("SREM").arg(APPS).arg(app.as_str()).ignore();
        let () = self.connection.run("strike the app out", &strike).await?;
        self.claims.forget(app);
        Ok(())
    }
}
