//! A queue with a clock that only the test moves.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hookd_im_core::hooks::queue::{Channel, Fate, HookQueue, NewCall, QueuedCall};
use hookd_im_core::hooks::{FailureCause, RedisHookQueue, RedisNodes};
use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::timestamp::{Clock, Timestamp};
use hookd_im_store::sqlite::SqliteStore;
use redis::ConnectionInfo;
use serde_json::json;
use tempfile::TempDir;

use crate::redis_cluster::RedisCluster;
use crate::redis_server::RedisServer;

/// When the clock of a fixture starts.
pub const START: Timestamp = Timestamp(1_700_000_000_000);
pub const MANY: usize = 1_000;

pub struct Fixture {
    pub queue: Arc<dyn HookQueue>,
    pub app: AppId,
    time: Arc<AtomicI64>,
    folder: TempDir,
    redis: Option<Redis>,
}

/// Where a queue is that is in no file.
struct Redis {
    nodes: RedisNodes,
    /// Ends with the fixture.
    _server: Option<RedisServer>,
}

impl Fixture {
    pub fn sqlite() -> Self {
        Self::new(None)
    }

    pub fn redis() -> Self {
        let server = RedisServer::start();
        Self::new(Some(Redis { nodes: nodes(vec![server.address()], false), _server: Some(server) }))
    }

    /// In a cluster that outlives the fixture.
    pub fn redis_cluster(cluster: &RedisCluster) -> Self {
        cluster.flush();
        Self::new(Some(Redis { nodes: nodes(cluster.addresses(), true), _server: None }))
    }

    fn new(redis: Option<Redis>) -> Self {
        let (folder, time) = (tempfile::tempdir().unwrap(), Arc::new(AtomicI64::new(START.0)));
        let queue = open(&folder, redis.as_ref(), clock(&time));
        Self { queue, app: AppId::new("demo"), time, folder, redis }
    }

    /// The queue as the next process finds it, after one that was killed.
    pub fn reopened(&self) -> Arc<dyn HookQueue> {
        open(&self.folder, self.redis.as_ref(), clock(&self.time))
    }

    pub fn now(&self) -> Timestamp {
        Timestamp(self.time.load(Ordering::SeqCst))
    }

    pub fn advance(&self, duration: Duration) {
        self.time.fetch_add(i64::try_from(duration.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub fn turn_back(&self, duration: Duration) {
        self.time.fetch_sub(i64::try_from(duration.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Makes a stored call unreadable for this program: in SQLite a call of an unknown hook, in Redis invalid JSON.
    pub async fn spoil(&self, sequence: u64) {
        match &self.redis {
            None => {
                let file = rusqlite::Connection::open(self.folder.path().join("im.db")).unwrap();
                let spoil = "UPDATE hook_calls SET hook = '_ofTomorrow', channel = '_ofTomorrow' WHERE id = ?1";
                assert_eq!(file.execute(spoil, [i64::try_from(sequence).unwrap()]).unwrap(), 1);
            }
            Some(of_fixture) => {
                let mut spoil = redis::cmd("HSET");
                spoil.arg(format!("hookd:hooks:{{{}}}:calls", self.app)).arg(sequence).arg("{no JSON");
                let client = redis::cluster::ClusterClient::new(of_fixture.nodes.nodes.clone()).unwrap();
                let single = redis::Client::open(of_fixture.nodes.nodes[0].clone()).unwrap();
                let added: u64 = match of_fixture.nodes.is_cluster {
                    true => spoil.query_async(&mut client.get_async_connection().await.unwrap()).await.unwrap(),
                    false => {
                        spoil.query_async(&mut single.get_multiplexed_async_connection().await.unwrap()).await.unwrap()
                    }
                };
                assert_eq!(added, 0, "there was no such call");
            }
        }
    }

    pub async fn push(&self, calls: Vec<NewCall>) {
        assert_eq!(self.queue.push(&self.app, calls, MANY).await.unwrap(), 0);
    }

    pub async fn claim(&self, channel: Channel) -> Vec<QueuedCall> {
        self.queue.claim(&self.app, channel, 10).await.unwrap().calls
    }

    pub async fn settle(&self, call: &QueuedCall, fate: Fate) {
        let settled = vec![(call.clone(), fate)];
        let channel = Channel::of(call.hook);
        assert_eq!(self.queue.settle(&self.app, channel, settled, MANY).await.unwrap(), 0);
    }

    /// Queues calls of `_messageSent` and gives them up.
    pub async fn dead(&self, texts: &[&str]) -> Vec<QueuedCall> {
        self.push(texts.iter().copied().map(sent).collect()).await;
        let calls = self.claim(messages()).await;
        assert_eq!(calls.len(), texts.len());
        for call in &calls {
            self.advance(Duration::from_millis(1));
            self.settle(call, death()).await;
        }
        calls
    }
}

fn clock(time: &Arc<AtomicI64>) -> Clock {
    let time = Arc::clone(time);
    Arc::new(move || Timestamp(time.load(Ordering::SeqCst)))
}

fn nodes(nodes: Vec<ConnectionInfo>, is_cluster: bool) -> RedisNodes {
    RedisNodes { nodes, is_cluster, certificates: None }
}

fn open(folder: &TempDir, redis: Option<&Redis>, clock: Clock) -> Arc<dyn HookQueue> {
    match redis {
        Some(redis) => Arc::new(RedisHookQueue::new(redis.nodes.clone(), "node".to_owned(), clock)),
        None => Arc::new(SqliteStore::open_with_clock(folder.path().join("im.db"), clock).unwrap().hook_queue()),
    }
}

pub fn messages() -> Channel {
    Channel::of("_messageSent")
}

pub fn presence() -> Channel {
    Channel::of("_clientOnline")
}

pub fn sent(text: &str) -> NewCall {
    let address: IpAddr = "203.0.113.7".parse().unwrap();
    NewCall {
        hook: "_messageSent",
        params: Bytes::from(json!({"content": text}).to_string()),
        lane: None,
        remote_address: Some(address),
    }
}

pub fn online(client: &str) -> NewCall {
    of_client("_clientOnline", client)
}

pub fn offline(client: &str) -> NewCall {
    of_client("_clientOffline", client)
}

fn of_client(hook: &'static str, client: &str) -> NewCall {
    let params = Bytes::from(json!({"peerId": client}).to_string());
    NewCall { hook, params, lane: Some(ClientId::new(client)), remote_address: None }
}

pub fn death() -> Fate {
    Fate::Dead { cause: FailureCause::Trapped, reason: "unreachable".to_owned() }
}

/// What calls are about, in short: the text of a message, or hook and client.
pub fn in_short(calls: &[QueuedCall]) -> Vec<String> {
    let short = |call: &QueuedCall| {
        let params: serde_json::Value = serde_json::from_slice(&call.params).unwrap();
        match params["content"].as_str() {
            Some(text) => text.to_owned(),
            None => format!("{} {}", call.hook.trim_start_matches("_client"), params["peerId"].as_str().unwrap()),
        }
    };
    calls.iter().map(short).collect()
}
