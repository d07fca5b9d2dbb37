//! The calls of an app are taken over by one node at a time.

use std::time::Duration;

use hookd_im_core::ids::NodeId;
use redis::cmd;
use tokio::time::{Instant, sleep};

use super::connection::{Connection, TakeOverError};

/// How long the lock is held without being renewed. Longer than all deadlines of one step together.
pub(super) const LIFE: Duration = Duration::from_secs(30);

/// Between two looks for a lock that another node holds.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// ARGV: the node, the node that is known to be dead, milliseconds. Answers 1 where the node holds the lock now.
const TAKE: &str = r"
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and holder ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return 1";

/// ARGV: the node, milliseconds. Answers 1 where the node still holds the lock.
const RENEW: &str = r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])";

/// ARGV: the node.
const RELEASE: &str = r"
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0";

/// A key that holds the node's name, for a while.
pub(super) struct Lock<'a> {
    connection: &'a Connection,
    key: String,
    node: &'a NodeId,
    /// Used this data folder before; it is dead.
    earlier: Option<&'a NodeId>,
}

impl<'a> Lock<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        key: String,
        (node, earlier): (&'a NodeId, Option<&'a NodeId>),
    ) -> Self {
        Self { connection, key, node, earlier }
    }

    /// Waits for it; false where another node holds it at that time.
    pub(super) async fn take(&self, until: Instant) -> Result<bool, TakeOverError> {
        loop {
            let dead = self.earlier.unwrap_or(self.node);
            let mut take = cmd("EVAL");
            take.arg(TAKE)
                .arg(1)
                .arg(&self.key)
                .arg(self.node.as_str())
                .arg(dead.as_str())
                .arg(LIFE.as_millis() as u64);
            if self.connection.run::<u8>(&take).await? == 1 {
                return Ok(true);
            }
            if Instant::now() >= until {
                return Ok(false);
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// To be called before each step.
    ///
    /// # Errors
    /// Another node may hold it now: what was read before may be in its hands.
    pub(super) async fn renew(&self) -> Result<(), TakeOverError> {
        let mut renew = cmd("EVAL");
        renew.arg(RENEW).arg(1).arg(&self.key).arg(self.node.as_str()).arg(LIFE.as_millis() as u64);
        let is_held = self.connection.run::<u8>(&renew).await? == 1;
        is_held.then_some(()).ok_or(TakeOverError::LockLost)
    }

    pub(super) async fn release(&self) -> Result<(), TakeOverError> {
        self.connection.run(cmd("EVAL").arg(RELEASE).arg(1).arg(&self.key).arg(self.node.as_str())).await
    }
}
