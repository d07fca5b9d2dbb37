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
//! | `letters`, `dead` | hash: sequence number -> dead letter; sorted set: when it died |
//!
//! What a node has claimed and did not settle is claimed by the others once the node has been silent for [`claims::LEASE`].

mod claims;
mod connection;
mod letters;
mod stored;

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use redis::{ConnectionInfo, Pipeline, pipe};

use self::claims::Claims;
use self::connection::Connection;
use self::stored::{StoredCall, StoredLetter, to_json};
use super::queue::{
    Backlog, Channel, Claimed, DeadLetter, Fate, HookQueue, LONGEST_WAIT, Letters, NewCall, QueueError, QueuedCall,
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
    claims: Claims,
    /// Apps that are written down.
    apps: Mutex<HashSet<AppId>>,
    clock: Clock,
}

impl RedisHookQueue {
    /// A queue in one Redis, or in the cluster that `nodes` are of; `consumer` is the name of this node, the same after a
    /// restart and unlike that of any other. Connects at the first use.
    pub fn new(nodes: Vec<ConnectionInfo>, is_cluster: bool, consumer: String, clock: Clock) -> Self {
        let connection = Connection::new(nodes, is_cluster);
        Self { connection, consumer, claims: Claims::default(), apps: Mutex::default(), clock }
    }

    /// Writes the app down where every node finds it, before its first call: a call whose app nobody knows would not be
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
    async fn push(&self, app: &AppId, calls: Vec<NewCall>, bound: usize) -> Result<usize, QueueError> {
        let now = self.now();
        let mut arguments = vec![bound.to_string(), now.0.to_string()];
        for call in &calls {
            let lane = call.lane.as_ref().map_or("", ClientId::as_str);
            arguments.extend([Channel::of(call.hook).name().to_owned(), lane.to_owned()]);
            arguments.push(to_json(&StoredCall::new(call, now))?);
        }
        self.know(app).await?;
        let push = script(include_str!("push.lua"), app, arguments.iter().map(String::as_str));
        let (queued,): (usize,) = self.connection.run("queue hook calls", &push).await?;
        Ok(calls.len().saturating_sub(queued))
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
        let (apps,): (Vec<String>,) =
            self.connection.run("list the apps of hook calls", pipe().cmd("SMEMBERS").arg(APPS)).await?;
        let mut backlog = Vec::new();
        for app in apps.into_iter().map(AppId::new) {
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
