//! Calls of notification hooks that an earlier version of hookd kept in Redis: they go to the table of calls of the store.
//!
//! The keys of an app began with `hookd:hooks:{APP}:`, and its id was in the set `hookd:hooks:apps`:
//!
//! | key | what |
//! |---|---|
//! | `calls` | hash: number -> call |
//! | `letters`, `dead` | hash: number -> dead letter; their order |
//! | `online:NODE` | hash: session -> the `_clientOffline` that is due when the node dies |
//! | `nodes` | sorted set: when each node with sessions last said that it lives |
//! | `sequence` | the newest number |
//! | `queue:CHANNEL`, `later:CHANNEL`, `lane:CLIENT`, `taken` | the order of the calls |
//!
//! Each call is in the table before it leaves Redis, with its number. So a start that is interrupted is repeated by the next
//! one, and no call comes twice.

mod connection;
mod stored;

use std::collections::HashSet;
use std::time::Duration;

use hookd_im_core::hooks::channels;
use hookd_im_core::ids::{AppId, NodeId};
use hookd_im_core::store::{Calls, ImportedCall};
use hookd_im_core::timestamp::Timestamp;
use hookd_runtime::RedisAddress;
use redis::{Cmd, cmd};

use self::connection::{Connection, TakeOverError};
use self::stored::Stored;

/// Ids of apps that ever had a call in Redis.
const APPS: &str = "hookd:hooks:apps";

/// Calls in one step.
const BATCH: usize = 250;

/// How long a start waits for all of them. What is left then is taken at the next start.
const TIME: Duration = Duration::from_secs(60);

/// How long one node has the calls of an app to itself.
const LOCK_SECONDS: u64 = 90;

/// A node of the earlier version that did not say for so long that it lives is dead.
const SILENCE_SECONDS: u64 = 60;

/// ARGV: sessions. Makes a call of each session's `_clientOffline`, once.
const END_SESSIONS: &str = r"
local calls, online, newest, now = KEYS[1], KEYS[2], KEYS[3], tonumber(ARGV[1])
for position = 2, #ARGV do
  local call = redis.call('HGET', online, ARGV[position])
  if call then
    local number = string.format('%.0f', math.max(now, tonumber(redis.call('GET', newest) or '0') + 1))
    redis.call('SET', newest, number)
    redis.call('HSET', calls, number, call)
    redis.call('HDEL', online, ARGV[position])
  end
end";

/// Takes all calls over for this node. `earlier` used this data folder before. Failures are logged: they must not keep the
/// server from its clients.
pub(super) async fn take_over(redis: &RedisAddress, table: &dyn Calls, (node, earlier): (&NodeId, Option<&NodeId>)) {
    let taking = async {
        let connection = Connection::open(redis).await?;
        let apps: Vec<String> = connection.run(cmd("SMEMBERS").arg(APPS)).await?;
        for app in apps {
            let app = AppId::new(app);
            OfApp { connection: &connection, table, node, earlier, app }.take_over().await?;
        }
        Ok::<_, TakeOverError>(())
    };
    let taken = tokio::time::timeout(TIME, taking).await.map_err(TakeOverError::from).flatten();
    if let Err(error) = taken {
        let error: &dyn std::error::Error = &error;
        tracing::error!(
            error,
            "calls that an earlier version left in Redis are not taken over; tried at the next start"
        );
    }
}

/// The keys of one app.
struct OfApp<'a> {
    connection: &'a Connection,
    table: &'a dyn Calls,
    node: &'a NodeId,
    earlier: Option<&'a NodeId>,
    app: AppId,
}

impl OfApp<'_> {
    async fn take_over(&self) -> Result<(), TakeOverError> {
        if !self.lock().await? {
            tracing::info!(app = %self.app, "another node takes the app's calls over from Redis");
            return Ok(());
        }
        let living = self.end_sessions().await?;
        let calls = self.move_all("calls", Stored::call).await?;
        let letters = self.move_all("letters", Stored::dead_letter).await?;
        tracing::info!(app = %self.app, calls, letters, "calls that an earlier version left in Redis are taken over");
        self.clean_up(living).await
    }

    fn key(&self, name: &str) -> String {
        format!("hookd:hooks:{{{}}}:{name}", self.app)
    }

    async fn run<T: redis::FromRedisValue>(&self, command: &mut Cmd) -> Result<T, TakeOverError> {
        self.connection.run(command).await
    }

    /// False when another node has the calls of the app to itself.
    async fn lock(&self) -> Result<bool, TakeOverError> {
        let key = self.key("taken_over_by");
        let mut lock = cmd("SET");
        lock.arg(&key).arg(self.node.as_str()).arg("NX").arg("EX").arg(LOCK_SECONDS);
        if self.run::<Option<String>>(&mut lock).await?.is_some() {
            return Ok(true);
        }
        let holder: Option<String> = self.run(cmd("GET").arg(&key)).await?;
        Ok(holder.is_none_or(|holder| self.is_earlier(&holder)))
    }

    /// True for the node that used this data folder before: it is dead.
    fn is_earlier(&self, node: &str) -> bool {
        self.earlier.is_some_and(|earlier| earlier.as_str() == node)
    }

    /// Makes calls of the open sessions of dead nodes; true when nodes of the earlier version still live.
    async fn end_sessions(&self) -> Result<bool, TakeOverError> {
        let (now, _): (u64, u64) = self.run(&mut cmd("TIME")).await?;
        let nodes: Vec<(String, f64)> =
            self.run(cmd("ZRANGE").arg(self.key("nodes")).arg(0).arg(-1).arg("WITHSCORES")).await?;
        let mut living = false;
        for (node, lived_at) in nodes {
            let is_silent = lived_at + (SILENCE_SECONDS as f64) <= now as f64;
            if is_silent || self.is_earlier(&node) {
                self.end_sessions_of(&node).await?;
            } else {
                living = true;
            }
        }
        Ok(living)
    }

    async fn end_sessions_of(&self, node: &str) -> Result<(), TakeOverError> {
        let online = self.key(&format!("online:{node}"));
        while let sessions = self.some_of(&online).await?
            && !sessions.is_empty()
        {
            let mut end = cmd("EVAL");
            end.arg(END_SESSIONS).arg(3).arg(self.key("calls")).arg(&online).arg(self.key("sequence"));
            end.arg(Timestamp::now().0);
            for (session, _) in sessions {
                end.arg(session);
            }
            self.run::<()>(&mut end).await?;
        }
        self.run(cmd("ZREM").arg(self.key("nodes")).arg(node)).await
    }

    /// Some fields of a hash with their values; none when it is empty.
    async fn some_of(&self, key: &str) -> Result<Vec<(String, String)>, TakeOverError> {
        let mut cursor = "0".to_owned();
        loop {
            let (next, fields): (String, Vec<(String, String)>) =
                self.run(cmd("HSCAN").arg(key).arg(&cursor).arg("COUNT").arg(BATCH)).await?;
            if !fields.is_empty() || next == "0" {
                return Ok(fields);
            }
            cursor = next;
        }
    }

    /// Moves the rows of a hash to the table; answers their number.
    async fn move_all(&self, hash: &str, read: fn(&str, &str) -> Stored) -> Result<usize, TakeOverError> {
        let key = self.key(hash);
        let mut moved = 0;
        while let rows = self.some_of(&key).await?
            && !rows.is_empty()
        {
            // A small hash comes whole, however much was asked for.
            for rows in rows.chunks(BATCH) {
                let stored: Vec<Stored> = rows.iter().map(|(number, row)| read(number, row)).collect();
                let lanes: HashSet<String> = stored.iter().filter_map(Stored::lane).collect();
                let calls: Vec<ImportedCall> = stored.into_iter().filter_map(Stored::imported).collect();
                self.table.import_calls(&self.app, calls).await?;
                let numbers: Vec<&str> = rows.iter().map(|(number, _)| number.as_str()).collect();
                self.run::<()>(cmd("HDEL").arg(&key).arg(&numbers)).await?;
                for lane in lanes {
                    self.run::<()>(cmd("DEL").arg(self.key(&format!("lane:{lane}")))).await?;
                }
                moved += rows.len();
            }
        }
        Ok(moved)
    }

    /// Deletes what is of no use without the calls. Where nodes of the earlier version live, they may add calls.
    async fn clean_up(&self, living: bool) -> Result<(), TakeOverError> {
        let mut delete = cmd("DEL");
        delete.arg(self.key("dead"));
        for channel in channels() {
            delete.arg(self.key(&format!("queue:{channel}"))).arg(self.key(&format!("later:{channel}")));
        }
        if !living {
            delete.arg(self.key("sequence")).arg(self.key("taken")).arg(self.key("nodes"));
            self.run::<()>(cmd("SREM").arg(APPS).arg(self.app.as_str())).await?;
        }
        self.run::<()>(delete.arg(self.key("taken_over_by"))).await
    }
}
