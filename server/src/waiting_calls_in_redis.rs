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
//! | `queue:CHANNEL`, `later:CHANNEL`, `lane:CLIENT` | the order of the calls |
//! | `taken` | sorted set: `NODE:ROW` of calls that were taken from a node's outbox; the row may still be there |
//!
//! Each call is in the table, with its number (or the next free one), before it leaves Redis. So a start that was interrupted
//! is repeated by the next one, which finds in the table what the first one wrote. Two faults make a call come twice:
//!
//! - Calls are in the table, and Redis does not delete them, though this is tried for some seconds, or the process dies before.
//!   Those that are made before the next start are made once more after it, with the same number: at most one batch.
//! - The calls of an app are not taken over at the first start after the update, because Redis is away or another node holds
//!   the lock. Calls of `taken` are made then as what was left in the outbox, and later as calls of Redis, with another number.

mod connection;
mod lock;
mod outbox;
mod stored;

use std::collections::HashSet;
use std::error::Error;
use std::time::Duration;

use hookd_im_core::hooks::channels;
use hookd_im_core::ids::{AppId, NodeId};
use hookd_im_core::store::{Calls, ImportedCall};
use hookd_im_core::timestamp::Timestamp;
use hookd_runtime::RedisAddress;
use redis::{Cmd, cmd};
use tokio::time::{Instant, sleep};

use self::connection::{Connection, TakeOverError};
use self::lock::Lock;
use self::stored::Stored;

/// Ids of apps that ever had a call in Redis.
const APPS: &str = "hookd:hooks:apps";

/// Calls in one step.
const BATCH: usize = 250;

/// How long a start waits for all of them. What is left then is taken at the next start.
const TIME: Duration = Duration::from_secs(60);

/// A node of the earlier version that did not say for so long that it lives is dead.
const SILENCE_SECONDS: u64 = 60;

/// How often calls that are in the table are deleted from Redis again where this fails, and the wait before.
const DELETE_AGAIN: u32 = 3;
const DELETE_PAUSE: Duration = Duration::from_secs(1);

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
/// server from its clients, nor one app from its calls because those of another one fail.
pub(super) async fn take_over(redis: &RedisAddress, table: &dyn Calls, (node, earlier): (&NodeId, Option<&NodeId>)) {
    let taking = async {
        let connection = Connection::open(redis).await?;
        let apps: Vec<String> = connection.run(cmd("SMEMBERS").arg(APPS)).await?;
        let mut locked = Vec::new();
        for app in apps {
            let of_app = OfApp::new((redis, &connection), table, (node, earlier), AppId::new(app));
            if !of_app.take_over_or_log(Instant::now()).await {
                locked.push(of_app);
            }
        }
        // A lock that is held after this time is renewed: its holder lives.
        let until = Instant::now() + lock::LIFE;
        for of_app in locked {
            if !of_app.take_over_or_log(until).await {
                tracing::info!(app = %of_app.app, "another node takes the app's calls over from Redis");
            }
        }
        Ok::<_, TakeOverError>(())
    };
    let taken = tokio::time::timeout(TIME, taking).await.map_err(TakeOverError::from).flatten();
    if let Err(error) = taken {
        let error: &dyn Error = &error;
        tracing::error!(
            error,
            "calls that an earlier version left in Redis are not taken over; tried at the next start"
        );
    }
}

/// The keys of one app.
struct OfApp<'a> {
    redis: &'a RedisAddress,
    connection: &'a Connection,
    table: &'a dyn Calls,
    earlier: Option<&'a NodeId>,
    lock: Lock<'a>,
    app: AppId,
}

impl<'a> OfApp<'a> {
    fn new(
        (redis, connection): (&'a RedisAddress, &'a Connection),
        table: &'a dyn Calls,
        (node, earlier): (&'a NodeId, Option<&'a NodeId>),
        app: AppId,
    ) -> Self {
        let lock = Lock::new(connection, key(&app, "taken_over_by"), (node, earlier));
        Self { redis, connection, table, earlier, lock, app }
    }

    /// False where another node held the lock until then.
    async fn take_over_or_log(&self, until: Instant) -> bool {
        let taken = self.take_over(until).await;
        taken.unwrap_or_else(|error| {
            let error: &dyn Error = &error;
            tracing::error!(
                app = %self.app,
                error,
                "the app's calls that an earlier version left in Redis are not taken over; tried at the next start"
            );
            true
        })
    }

    async fn take_over(&self, until: Instant) -> Result<bool, TakeOverError> {
        if !self.lock.take(until).await? {
            return Ok(false);
        }
        let taken = self.take_over_locked().await;
        let released = self.lock.release().await;
        taken?;
        released.map(|()| true)
    }

    async fn take_over_locked(&self) -> Result<(), TakeOverError> {
        // Before other calls come, which may have the same numbers.
        self.delete_handed_over().await?;
        let living = self.end_sessions().await?;
        let calls = self.move_all("calls", Stored::call).await?;
        let letters = self.move_all("letters", Stored::dead_letter).await?;
        tracing::info!(app = %self.app, calls, letters, "calls that an earlier version left in Redis are taken over");
        self.clean_up(living).await
    }

    fn key(&self, name: &str) -> String {
        key(&self.app, name)
    }

    async fn run<T: redis::FromRedisValue>(&self, command: &Cmd) -> Result<T, TakeOverError> {
        self.connection.run(command).await
    }

    /// True for the node that used this data folder before: it is dead.
    fn is_earlier(&self, node: &str) -> bool {
        self.earlier.is_some_and(|earlier| earlier.as_str() == node)
    }

    /// Makes calls of the open sessions of dead nodes; true when nodes of the earlier version still live.
    async fn end_sessions(&self) -> Result<bool, TakeOverError> {
        let (now, _): (u64, u64) = self.run(&cmd("TIME")).await?;
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
        let mut cursor = "0".to_owned();
        loop {
            let (next, sessions) = self.some_of("HSCAN", &online, &cursor).await?;
            // A small hash comes whole, however much was asked for.
            for sessions in sessions.chunks(BATCH) {
                self.lock.renew().await?;
                let mut end = cmd("EVAL");
                end.arg(END_SESSIONS).arg(3).arg(self.key("calls")).arg(&online).arg(self.key("sequence"));
                end.arg(Timestamp::now().0);
                for (session, _) in sessions {
                    end.arg(session);
                }
                self.run::<()>(&end).await?;
            }
            if next == "0" {
                return self.run(cmd("ZREM").arg(self.key("nodes")).arg(node)).await;
            }
            cursor = next;
        }
    }

    /// The next fields of a hash, or members of a sorted set, with their values; and where to go on, `0` at the end.
    async fn some_of(
        &self,
        scan: &'static str,
        key: &str,
        cursor: &str,
    ) -> Result<(String, Vec<(String, String)>), TakeOverError> {
        self.run(cmd(scan).arg(key).arg(cursor).arg("COUNT").arg(BATCH)).await
    }

    /// Moves the rows of a hash to the table; answers their number.
    async fn move_all(&self, hash: &str, read: fn(&str, &str) -> Stored) -> Result<usize, TakeOverError> {
        let key = self.key(hash);
        let (mut moved, mut cursor) = (0, "0".to_owned());
        loop {
            let (next, rows) = self.some_of("HSCAN", &key, &cursor).await?;
            for rows in rows.chunks(BATCH) {
                self.lock.renew().await?;
                self.move_some(&key, rows, read).await?;
                moved += rows.len();
            }
            if next == "0" {
                return Ok(moved);
            }
            cursor = next;
        }
    }

    async fn move_some(
        &self,
        key: &str,
        rows: &[(String, String)],
        read: fn(&str, &str) -> Stored,
    ) -> Result<(), TakeOverError> {
        let stored: Vec<Stored> = rows.iter().map(|(number, row)| read(number, row)).collect();
        let lanes: HashSet<String> = stored.iter().filter_map(Stored::lane).collect();
        let calls: Vec<ImportedCall> = stored.into_iter().filter_map(Stored::imported).collect();
        self.table.import_calls(&self.app, calls).await?;
        let mut delete = cmd("HDEL");
        delete.arg(key);
        for (number, _) in rows {
            delete.arg(number);
        }
        self.run_again_and_again(&delete).await?;
        if lanes.is_empty() {
            return Ok(());
        }
        let mut delete = cmd("DEL");
        for lane in lanes {
            delete.arg(self.key(&format!("lane:{lane}")));
        }
        self.run(&delete).await
    }

    /// Deletes from Redis what is in the table: otherwise it would come again with the next start.
    async fn run_again_and_again(&self, delete: &Cmd) -> Result<(), TakeOverError> {
        let mut deleted = self.run::<()>(delete).await;
        for _ in 0..DELETE_AGAIN {
            if deleted.is_ok() {
                break;
            }
            sleep(DELETE_PAUSE).await;
            deleted = async { Connection::open(self.redis).await?.run::<()>(delete).await }.await;
        }
        deleted.map_err(|error| TakeOverError::NotDeleted(Box::new(error)))
    }

    /// Deletes what is of no use without the calls. Where nodes of the earlier version live, they may add calls.
    async fn clean_up(&self, living: bool) -> Result<(), TakeOverError> {
        let mut delete = cmd("DEL");
        delete.arg(self.key("dead"));
        for channel in channels() {
            delete.arg(self.key(&format!("queue:{channel}"))).arg(self.key(&format!("later:{channel}")));
        }
        if !living {
            delete.arg(self.key("sequence")).arg(self.key("nodes"));
            if !self.keeps_handed_over().await? {
                self.run::<()>(cmd("SREM").arg(APPS).arg(self.app.as_str())).await?;
            }
        }
        self.run(&delete).await
    }
}

fn key(app: &AppId, name: &str) -> String {
    format!("hookd:hooks:{{{app}}}:{name}")
}
