//! The connection to Redis: one, shared, made again by itself; every command has a deadline.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, FromRedisValue, Pipeline, RedisError};
use tokio::time::{Instant, timeout};

use crate::hooks::queue::QueueError;

/// How long one command may take. An operation of a user waits for it.
const COMMAND_DEADLINE: Duration = Duration::from_secs(1);

/// How long a Redis that did not answer is not asked again: users must not wait for it one by one.
const LEFT_ALONE: Duration = Duration::from_secs(1);

pub(super) struct Connection {
    manager: ConnectionManager,
    left_alone_until: Mutex<Option<Instant>>,
}

impl Connection {
    /// Connects at the first command.
    pub(super) fn new(url: &str) -> Result<Self, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(COMMAND_DEADLINE))
            .set_response_timeout(Some(COMMAND_DEADLINE))
            .set_number_of_retries(1)
            .set_max_delay(Duration::from_millis(100));
        let manager = ConnectionManager::new_lazy_with_config(Client::open(url)?, config)?;
        Ok(Self { manager, left_alone_until: Mutex::default() })
    }

    /// Sends commands together, and answers what they answered.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        operation: &'static str,
        commands: &Pipeline,
    ) -> Result<T, QueueError> {
        if self.is_left_alone() {
            return Err(QueueError::TimedOut { operation });
        }
        let mut manager = self.manager.clone();
        let answer = timeout(COMMAND_DEADLINE, commands.query_async(&mut manager)).await;
        let gone = match &answer {
            Ok(Ok(_)) => false,
            Ok(Err(error)) => error.is_io_error() || error.is_timeout() || error.is_connection_dropped(),
            Err(_) => true,
        };
        if gone {
            *self.left_alone_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + LEFT_ALONE);
        }
        Ok(answer.map_err(|_| QueueError::TimedOut { operation })??)
    }

    fn is_left_alone(&self) -> bool {
        let until = *self.left_alone_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }
}
