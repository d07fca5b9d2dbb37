//! The connection to Redis: one, shared, made again by itself; every command has a deadline.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::{Client, ConnectionInfo, ErrorKind, FromRedisValue, Pipeline, RedisError, TlsCertificates};
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout};

use crate::hooks::queue::QueueError;

/// How long one command may take. An operation of a user waits for it.
const COMMAND_DEADLINE: Duration = Duration::from_secs(1);

/// How long a Redis that did not answer is not asked again: users must not wait for it one by one.
const LEFT_ALONE: Duration = Duration::from_secs(1);

/// One server, or nodes of a cluster.
#[derive(Clone, Debug)]
pub struct RedisNodes {
    /// How to connect to each that is known, certificates included.
    pub nodes: Vec<ConnectionInfo>,
    /// True for nodes of a cluster.
    pub is_cluster: bool,
    /// For nodes of a cluster that are learnt later; `None` without TLS.
    pub certificates: Option<TlsCertificates>,
}

pub(super) struct Connection {
    redis: RedisNodes,
    connected: OnceCell<Connected>,
    left_alone_until: Mutex<Option<Instant>>,
}

#[derive(Clone)]
enum Connected {
    Single(ConnectionManager),
    Cluster(ClusterConnection),
}

impl Connection {
    /// Connects at the first command.
    pub(super) fn new(redis: RedisNodes) -> Self {
        Self { redis, connected: OnceCell::new(), left_alone_until: Mutex::default() }
    }

    /// Sends commands together, and answers what they answered. All are on keys of one slot.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        operation: &'static str,
        commands: &Pipeline,
    ) -> Result<T, QueueError> {
        if self.is_left_alone() {
            return Err(QueueError::TimedOut { operation });
        }
        // The client would panic when it checks the certificate.
        if self.redis.certificates.is_some() && SystemTime::now() < UNIX_EPOCH {
            return Err(RedisError::from((ErrorKind::Client, "the clock of the server is before 1970")).into());
        }
        let answering = async {
            match self.connected.get_or_try_init(|| self.connect()).await?.clone() {
                Connected::Single(mut connection) => commands.query_async(&mut connection).await,
                Connected::Cluster(mut connection) => commands.query_async(&mut connection).await,
            }
        };
        let answer = timeout(COMMAND_DEADLINE, answering).await;
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

    async fn connect(&self) -> Result<Connected, RedisError> {
        let RedisNodes { nodes, is_cluster, certificates } = &self.redis;
        if *is_cluster {
            let mut builder = ClusterClientBuilder::new(nodes.clone())
                .connection_timeout(COMMAND_DEADLINE)
                .response_timeout(COMMAND_DEADLINE)
                .retries(1);
            if let Some(certificates) = certificates {
                builder = builder.certs(certificates.clone());
            }
            return Ok(Connected::Cluster(builder.build()?.get_async_connection().await?));
        }
        let node = nodes.first().ok_or((ErrorKind::InvalidClientConfig, "no Redis is named"))?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(COMMAND_DEADLINE))
            .set_response_timeout(Some(COMMAND_DEADLINE))
            .set_number_of_retries(1)
            .set_max_delay(Duration::from_millis(100));
        Ok(Connected::Single(ConnectionManager::new_lazy_with_config(Client::open(node.clone())?, config)?))
    }

    fn is_left_alone(&self) -> bool {
        let until = *self.left_alone_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }
}
