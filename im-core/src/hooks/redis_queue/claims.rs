//! Claiming: the consumer group, what this node holds, and what other nodes left.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::streams::{StreamAutoClaimReply, StreamId, StreamReadReply};
use redis::{RedisError, pipe};
use tokio::time::Instant;

use super::stored::{StoredCall, StoredLetter, from_json, to_json};
use super::{GROUP, RedisHookQueue, prefix, script};
use crate::hooks::metrics;
use crate::hooks::queue::{Backlog, Channel, QueueError, QueuedCall};
use crate::ids::AppId;
use crate::timestamp::Timestamp;

/// A node that did not say for so long that it still holds its claims is gone. Far longer than the time between two looks
/// at the backlog, which renew them.
pub(super) const LEASE: Duration = Duration::from_secs(30);

/// How often a channel is searched for the claims of nodes that are gone.
const SEARCH_EVERY: Duration = Duration::from_secs(5);

type Key = (AppId, Channel);

/// What this process has claimed.
#[derive(Default)]
pub(super) struct Claims {
    held: Mutex<HashMap<Key, HashMap<u64, String>>>,
    search: Mutex<HashMap<Key, Search>>,
}

/// How far the search for calls that were claimed before has come.
#[derive(Clone)]
struct Search {
    /// The last entry seen of those that this node held before it was restarted; `None` when there are no more.
    own_after: Option<String>,
    /// When the claims of other nodes were last looked at.
    others_at: Option<Instant>,
}

impl Default for Search {
    fn default() -> Self {
        Self { own_after: Some("0".to_owned()), others_at: None }
    }
}

/// A claimed entry whose call is not what this program writes.
struct Unreadable {
    entry: String,
    sequence: u64,
    lane: String,
    stored: String,
    problem: RedisError,
}

impl Claims {
    /// The stream's own name for a claimed call; of one that is not held none, which no stream has.
    pub(super) fn entry(&self, app: &AppId, channel: Channel, sequence: u64) -> String {
        let held = self.held();
        let entry = held.get(&(app.clone(), channel)).and_then(|held| held.get(&sequence)).cloned();
        entry.unwrap_or_else(|| "0-0".to_owned())
    }

    pub(super) fn release(&self, app: &AppId, channel: Channel, sequences: impl Iterator<Item = u64>) {
        if let Some(held) = self.held().get_mut(&(app.clone(), channel)) {
            sequences.for_each(|sequence| drop(held.remove(&sequence)));
        }
    }

    pub(super) fn forget(&self, app: &AppId) {
        self.held().retain(|(of, _), _| of != app);
        self.search().retain(|(of, _), _| of != app);
    }

    /// True when the call was not held before.
    fn hold(&self, key: &Key, sequence: u64, entry: String) -> bool {
        self.held().entry(key.clone()).or_default().insert(sequence, entry).is_none()
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Key, HashMap<u64, String>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn search(&self) -> MutexGuard<'_, HashMap<Key, Search>> {
        self.search.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RedisHookQueue {
    /// Makes the consumer group where it is missing, once for each process and channel.
    pub(super) async fn make_group(&self, app: &AppId, channel: Channel) -> Result<(), QueueError> {
        if self.claims.search().contains_key(&(app.clone(), channel)) {
            return Ok(());
        }
        let make = script(include_str!("make_group.lua"), app, [channel.name(), GROUP]);
        let _: (i64,) = self.connection.run("make the consumer group", &make).await?;
        self.know(app).await
    }

    /// After a failed claim: calls may have been claimed whose answer was lost, so what this node holds is looked through
    /// again. A Redis that lost its data gets its group again.
    pub(super) fn look_again(&self, app: &AppId, channel: Channel, error: &QueueError) {
        let key = (app.clone(), channel);
        if is_without_group(error) {
            self.claims.search().remove(&key);
            self.unknow(app);
        } else if let Some(search) = self.claims.search().get_mut(&key) {
            search.own_after = Search::default().own_after;
        }
    }

    /// Calls to be made now: those that this node held before it was restarted, those of nodes that are gone, new ones.
    pub(super) async fn take(
        &self,
        app: &AppId,
        channel: Channel,
        limit: usize,
    ) -> Result<Vec<QueuedCall>, QueueError> {
        let key = (app.clone(), channel);
        let Search { own_after, others_at } = self.claims.search().get(&key).cloned().unwrap_or_default();
        if let Some(after) = own_after {
            let own = self.read(app, channel, limit, &after).await?;
            self.claims.search().entry(key.clone()).or_default().own_after = own.last().map(|entry| entry.id.clone());
            let calls = self.fetch(app, channel, own).await?;
            if !calls.is_empty() {
                return Ok(calls);
            }
        }
        if others_at.is_none_or(|at| at.elapsed() > SEARCH_EVERY) {
            let left = self.left_by_others(app, channel, limit).await?;
            self.claims.search().entry(key).or_default().others_at = Some(Instant::now());
            let calls = self.fetch(app, channel, left).await?;
            if !calls.is_empty() {
                return Ok(calls);
            }
        }
        let new = self.read(app, channel, limit, ">").await?;
        self.fetch(app, channel, new).await
    }

    async fn read(&self, app: &AppId, channel: Channel, limit: usize, from: &str) -> Result<Vec<StreamId>, QueueError> {
        let mut read = pipe();
        read.cmd("XREADGROUP").arg("GROUP").arg(GROUP).arg(&self.consumer).arg("COUNT").arg(limit);
        read.arg("STREAMS").arg(stream(app, channel)).arg(from);
        let (reply,): (Option<StreamReadReply>,) = self.connection.run("claim hook calls", &read).await?;
        Ok(reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids).collect())
    }

    /// Makes dead letters of calls that cannot be read, so that they hold no other call up, not even in their lane.
    async fn bury(&self, app: &AppId, channel: Channel, unreadable: Vec<Unreadable>) -> Result<(), QueueError> {
        if unreadable.is_empty() {
            return Ok(());
        }
        let now = self.now();
        // The bound of dead letters is the next settled call's affair.
        let mut arguments = vec![channel.name().to_owned(), GROUP.to_owned(), now.0.to_string(), u32::MAX.to_string()];
        for Unreadable { entry, sequence, lane, stored, problem } in &unreadable {
            tracing::error!(%app, sequence, %problem, "a queued hook call cannot be read: it is a dead letter now");
            let letter = StoredLetter::unreadable(stored, problem, now);
            let lane = if lane.is_empty() { letter.call.lane_key() } else { lane };
            arguments.extend([entry.clone(), sequence.to_string(), lane.to_owned(), "dead".to_owned()]);
            arguments.extend([to_json(&letter)?, String::new()]);
        }
        let bury = script(include_str!("settle.lua"), app, arguments.iter().map(String::as_str));
        let _: (usize,) = self.connection.run("bury unreadable hook calls", &bury).await?;
        metrics::unreadable(unreadable.len());
        Ok(())
    }

    async fn left_by_others(&self, app: &AppId, channel: Channel, limit: usize) -> Result<Vec<StreamId>, QueueError> {
        let mut search = pipe();
        search.cmd("XAUTOCLAIM").arg(stream(app, channel)).arg(GROUP).arg(&self.consumer);
        search.arg(u64::try_from(LEASE.as_millis()).unwrap_or(u64::MAX)).arg("0-0").arg("COUNT").arg(limit);
        let (reply,): (StreamAutoClaimReply,) = self.connection.run("claim hook calls of others", &search).await?;
        Ok(reply.claimed)
    }

    /// The calls of stream entries; entries whose call is settled are taken out of the stream.
    async fn fetch(
        &self,
        app: &AppId,
        channel: Channel,
        entries: Vec<StreamId>,
    ) -> Result<Vec<QueuedCall>, QueueError> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        // No call has the number 0.
        let sequences: Vec<u64> = entries.iter().map(|entry| entry.get("s").unwrap_or_default()).collect();
        let mut fetch = pipe();
        fetch.cmd("HMGET").arg(format!("{}calls", prefix(app))).arg(&sequences);
        let (stored,): (Vec<Option<String>>,) = self.connection.run("read hook calls", &fetch).await?;
        let key = (app.clone(), channel);
        let (mut calls, mut settled, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
        for ((entry, sequence), stored) in entries.into_iter().zip(sequences).zip(stored) {
            let Some(stored) = stored else {
                settled.push(entry.id);
                continue;
            };
            match from_json::<StoredCall>(&stored).and_then(|stored| stored.queued(sequence)) {
                Ok(call) => {
                    if self.claims.hold(&key, sequence, entry.id) {
                        calls.push(call);
                    }
                }
                Err(problem) => {
                    let lane = entry.get("l").unwrap_or_default();
                    unreadable.push(Unreadable { entry: entry.id, sequence, lane, stored, problem });
                }
            }
        }
        self.bury(app, channel, unreadable).await?;
        if !settled.is_empty() {
            let mut remove = pipe();
            remove.atomic();
            remove.cmd("XACK").arg(stream(app, channel)).arg(GROUP).arg(&settled).ignore();
            remove.cmd("XDEL").arg(stream(app, channel)).arg(&settled).ignore();
            let () = self.connection.run("remove settled hook calls", &remove).await?;
        }
        Ok(calls)
    }

    /// Tells the other nodes that this one still holds what it claimed.
    pub(super) async fn renew_claims(&self) -> Result<(), QueueError> {
        let held: Vec<(Key, Vec<String>)> = {
            let held = self.claims.held();
            let entries = held.iter().filter(|(_, entries)| !entries.is_empty());
            entries.map(|(key, entries)| (key.clone(), entries.values().cloned().collect())).collect()
        };
        for ((app, channel), entries) in held {
            let mut renew = pipe();
            renew.cmd("XCLAIM").arg(stream(&app, channel)).arg(GROUP).arg(&self.consumer).arg(0).arg(&entries);
            renew.arg("JUSTID").ignore();
            match self.connection.run::<()>("renew claims", &renew).await {
                // A Redis that lost its data has none of them.
                Err(error) if is_without_group(&error) => drop(self.claims.held().remove(&(app, channel))),
                renewed => renewed?,
            }
        }
        Ok(())
    }

    pub(super) async fn backlog_of(&self, app: AppId) -> Result<Vec<Backlog>, QueueError> {
        let prefix = prefix(&app);
        let mut look = pipe();
        look.cmd("HLEN").arg(format!("{prefix}calls"));
        let (all,): (u64,) = self.connection.run("count hook calls", &look).await?;
        let mut backlog: Vec<Backlog> = Vec::new();
        for channel in Channel::all() {
            let later = format!("{prefix}later:{}", channel.name());
            let mut look = pipe();
            look.cmd("XLEN").arg(stream(&app, channel)).cmd("ZCARD").arg(&later);
            look.cmd("XRANGE").arg(stream(&app, channel)).arg("-").arg("+").arg("COUNT").arg(1);
            look.cmd("ZRANGE").arg(&later).arg(0).arg(0);
            type Counts = (u64, u64, redis::streams::StreamRangeReply, Vec<i64>);
            let (ready, later, first, first_later): Counts = self.connection.run("count hook calls", &look).await?;
            let first = first.ids.iter().filter_map(|entry| entry.get::<i64>("s"));
            if let Some(oldest) = first.chain(first_later).min() {
                backlog.push(Backlog { app: app.clone(), channel, waiting: ready + later, oldest: Timestamp(oldest) });
            }
        }
        // What waits behind another call of its lane is in neither; lanes are in the last channel only.
        let counted: u64 = backlog.iter().map(|entry| entry.waiting).sum();
        if let Some(last) = backlog.last_mut() {
            last.waiting += all.saturating_sub(counted);
        }
        Ok(backlog)
    }
}

fn is_without_group(error: &QueueError) -> bool {
    matches!(error, QueueError::Redis(error) if error.to_string().contains("NOGROUP"))
}

fn stream(app: &AppId, channel: Channel) -> String {
    format!("{}queue:{}", prefix(app), channel.name())
}

/// Ids without those that come twice.
pub(super) fn distinct(ids: &[u64]) -> Vec<u64> {
    let mut seen = HashSet::new();
    ids.iter().copied().filter(|id| seen.insert(*id)).collect()
}
